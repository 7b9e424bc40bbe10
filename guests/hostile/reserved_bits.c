/* SPDX-License-Identifier: MIT */
/*
 * reserved_bits - entries with frames and bits that no machine has
 *
 * Attack: frame numbers beyond physical memory in each level, which fault with a reserved bit when the CPU walks them.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(reserved_bits, "frames beyond physical memory")
{
    u64 *page = page_alloc();

    check_equal(map_page(SCRATCH_VA, page_mfn(page), PTE_KERNEL_RW), 0, "tables for a scratch mapping");
    for (unsigned int level = 2; level <= 4; level++) {
        u64 maddr = pte_maddr(level, SCRATCH_VA) + 8;

        check_equal(pte_write(maddr, (1ul << 51) | PTE_TABLE), -XEN_EINVAL, "a table at 2^51");
        check_equal(pte_write(maddr, (1ul << 46) | PTE_TABLE), -XEN_EINVAL, "a table at 2^46");
        check_equal(pte_write(maddr, PTE_FRAME | PTE_TABLE), -XEN_EINVAL, "a table at the last frame of all");
    }
    check(pte_write(pte_maddr(1, SCRATCH_VA) + 8, (1ul << 51) | PTE_KERNEL_RW) < 0, "a page at 2^51");
    check(pte_write(pte_maddr(1, SCRATCH_VA) + 8, PTE_FRAME | PTE_KERNEL_RW) < 0, "a page at the last frame of all");
    map_page(SCRATCH_VA, 0, 0);
    page_free(page);
}
