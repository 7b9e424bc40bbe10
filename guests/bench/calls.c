/* SPDX-License-Identifier: MIT */
/* Hypercalls that do little: what entry and exit cost, alone and in a batch. */
#include <bench/bench.h>
#include <lib/hypercall.h>
#include <lib/time.h>

static multicall_entry_t batch[16];

static long unknown_hypercall(void)
{
    long result = 11; /* a number that no call has */

    __asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
    return result;
}

BENCH(null_call, NULL, "an unknown hypercall")
{
    expect(unknown_hypercall(), -XEN_ENOSYS);
}

BENCH(xen_version, NULL, "xen_version(version)")
{
    expect(hypercall_xen_version(XENVER_version, NULL), 0x00040011);
}

BENCH(set_segment_base, NULL, "set_segment_base(FS)")
{
    expect(hypercall_set_segment_base(SEGBASE_FS, 0), 0);
}

BENCH(stack_switch, NULL, "stack_switch")
{
    static u8 stack[4096] __attribute__((aligned(16)));

    expect(hypercall_stack_switch(FLAT_KERNEL_SS, (unsigned long)stack + sizeof(stack)), 0);
}

static const char *prepare_batch(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(batch); i++)
        batch[i] = (multicall_entry_t){.op = __HYPERVISOR_xen_version, .args = {XENVER_version, 0}};
    return NULL;
}

BENCH(multicall_16, prepare_batch, "16 xen_version(version) in a multicall")
{
    expect(hypercall_multicall(batch, ARRAY_SIZE(batch)), 0);
}

BENCH(yield, NULL, "yield, alone on the CPU")
{
    expect(hypercall_sched_op(SCHEDOP_yield, NULL), 0);
}

BENCH(set_timer, NULL, "set_timer_op, far away")
{
    expect(hypercall_set_timer_op((s64)3600 * 1000 * 1000 * 1000), 0);
}
