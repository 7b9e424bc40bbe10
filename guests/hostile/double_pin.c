/* SPDX-License-Identifier: MIT */
/*
 * double_pin - a pin counts once
 *
 * Attack: pin twice, pin as another level, unpin twice, unpin what was never pinned.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(double_pin, "pin and unpin more than once")
{
    void *page = page_alloc();
    u64 mfn = page_mfn(page);

    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn), -XEN_EINVAL, "pin a page that is mapped writable");
    page_protect(page, false);
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn), -XEN_EINVAL, "unpin a page that is not pinned");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn), 0, "pin it");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn), -XEN_EINVAL, "pin it twice");
    for (unsigned int level = 2; level <= 4; level++)
        check_equal(mmuext(MMUEXT_PIN_L1_TABLE + level - 1, mfn), -XEN_EINVAL, "pin it as another level");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "unpin it");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn), -XEN_EINVAL, "unpin it twice");
    check_equal(page_protect(page, true), 0, "it can be written");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, 1ul << 52), -XEN_EINVAL, "pin a frame that is not there");
    page_free(page);
}
