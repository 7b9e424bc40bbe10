/* SPDX-License-Identifier: MIT */
/*
 * segments - set_segment_base
 *
 * FS, the kernel's and the user's GS base; addresses must be canonical, and setting the user's GS selector never fails.
 */
#include <lib/cpu.h>
#include <lib/hypercall.h>
#include <lib/test.h>

static u64 words[3] = {11, 22, 33};

TEST(segments, "set_segment_base")
{
    check_equal(hypercall_set_segment_base(SEGBASE_FS, (unsigned long)&words[0]), 0, "FS base");
    check(read_fs() == 11, "FS is live");
    check_equal(hypercall_set_segment_base(SEGBASE_GS_KERNEL, (unsigned long)&words[1]), 0, "kernel GS base");
    check(read_gs() == 22, "kernel GS is live");
    check_equal(hypercall_set_segment_base(SEGBASE_GS_USER, (unsigned long)&words[2]), 0, "user GS base");
    check(read_gs() == 22, "kernel GS is unchanged");
    check(rdmsr(MSR_SHADOW_GS_BASE) == (u64)&words[2], "the user's base is the shadow base");
    check_equal(hypercall_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0, "null user GS selector");
    check_equal(hypercall_set_segment_base(SEGBASE_GS_USER_SEL, 0xfff3), 0, "a user GS selector that is not there");
    check(read_gs() == 22, "kernel GS is unchanged");
    check_equal(hypercall_set_segment_base(SEGBASE_FS, 0x0000800000000000ul), -XEN_EINVAL, "FS base not canonical");
    check_equal(hypercall_set_segment_base(SEGBASE_GS_USER, 0x8000000000000000ul), -XEN_EINVAL,
                "GS base not canonical");
    check_equal(hypercall_set_segment_base(4, 0), -XEN_EINVAL, "an unknown base");
    check(read_fs() == 11, "FS is unchanged");
    hypercall_set_segment_base(SEGBASE_FS, 0);
    hypercall_set_segment_base(SEGBASE_GS_KERNEL, 0);
    hypercall_set_segment_base(SEGBASE_GS_USER, 0);
}
