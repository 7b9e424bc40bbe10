/* SPDX-License-Identifier: MIT */
/*
 * large_page - one unchecked PS bit maps 2 MiB or 1 GiB of other people's memory (XSA-148)
 *
 * Attack: set PS in an entry of each level above the first, for a new frame and in an entry that is in use.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(large_page, "PS bit above the first level")
{
    u64 *page = page_alloc();

    check_equal(map_page(SCRATCH_VA, page_mfn(page), PTE_KERNEL_RW), 0, "tables for a scratch mapping");
    for (unsigned int level = 2; level <= 4; level++) {
        u64 maddr = pte_maddr(level, SCRATCH_VA), entry = pte_read(level, SCRATCH_VA);

        check_equal(pte_write(maddr, entry | PTE_PS), -XEN_EINVAL, "add PS to an entry in use");
        check_equal(pte_write(maddr + 8, PTE_TABLE | PTE_PS), -XEN_EINVAL, "a large page at machine address 0");
        check_equal(pte_write(maddr + 8, page_mfn(page) * PAGE_SIZE | PTE_TABLE | PTE_PS), -XEN_EINVAL,
                    "a large page over one of ours");
        check(pte_read(level, SCRATCH_VA) == entry, "the entry is unchanged");
    }
    map_page(SCRATCH_VA, 0, 0);
    page[7] = PTE_TABLE | PTE_PS;
    page_protect(page, false);
    check_equal(mmuext(MMUEXT_PIN_L2_TABLE, page_mfn(page)), -XEN_EINVAL, "pin an L2 with a large page in it");
    check_equal(mmuext(MMUEXT_PIN_L3_TABLE, page_mfn(page)), -XEN_EINVAL, "pin an L3 with a large page in it");
    page_protect(page, true);
    page_free(page);
}
