/* SPDX-License-Identifier: MIT */
/*
 * entry_flags - the short cut for entries whose frame stays the same (XSA-182)
 *
 * Attack: change flags of entries in use that need a new check: PS, caching, or write access to a table that maps
 * itself.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(entry_flags, "change flags of upper entries")
{
    u64 *page = page_alloc(), root = root_mfn() * PAGE_SIZE, self = root + 20 * 8;

    check_equal(map_page(SCRATCH_VA, page_mfn(page), PTE_KERNEL_RW), 0, "tables for a scratch mapping");
    for (unsigned int level = 2; level <= 4; level++) {
        u64 maddr = pte_maddr(level, SCRATCH_VA), entry = pte_read(level, SCRATCH_VA);

        check_equal(pte_write(maddr, entry | PTE_PS), -XEN_EINVAL, "PS");
        check_equal(pte_write(maddr, entry | PTE_PCD), -XEN_EINVAL, "PCD");
        check_equal(pte_write(maddr, entry | PTE_PWT), -XEN_EINVAL, "PWT");
        check(pte_read(level, SCRATCH_VA) == entry, "the entry is unchanged");
        check_equal(pte_write(maddr, entry | PTE_AVAIL | PTE_NX), 0, "available bits and no-execute are free");
        check_equal(pte_write(maddr, entry), 0, "and back");
    }
    check(pte_write(self, root | PTE_TABLE) < 0, "a root that maps itself writable");
    if (pte_write(self, root | (PTE_TABLE & ~PTE_RW)) == 0) {
        check_equal(pte_write(self, root | PTE_TABLE), -XEN_EINVAL, "a read-only self map made writable");
        check_equal(pte_write(self, 0), 0, "remove it");
    }
    map_page(SCRATCH_VA, 0, 0);
    page_free(page);
}
