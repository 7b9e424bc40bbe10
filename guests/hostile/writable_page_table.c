/* SPDX-License-Identifier: MIT */
/*
 * writable_page_table - a guest that could write its page tables would own the machine
 *
 * Attack: map a page table writable: by address, by machine address, keeping accessed and dirty, at every level.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(writable_page_table, "map a page table writable")
{
    void *page = page_alloc();
    u64 maddr = pte_maddr(1, (unsigned long)page), mine = pte_read(1, (unsigned long)page);

    for (unsigned int level = 1; level <= 4; level++) {
        u64 table = pte_maddr(level, (unsigned long)page) & PTE_FRAME;
        mmu_update_t update = {.ptr = maddr | MMU_PT_UPDATE_PRESERVE_AD, .val = table | PTE_KERNEL_RW};

        check_equal(map_set(page, table | PTE_KERNEL_RW), -XEN_EBUSY, "by address");
        check_equal(pte_write(maddr, table | PTE_KERNEL_RW), -XEN_EBUSY, "by machine address");
        check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_SELF), -XEN_EBUSY, "preserving accessed and dirty");
        check_equal(map_set(page, table | PTE_KERNEL_RO), 0, "read-only is allowed");
        check_equal(map_set(page, mine), 0, "back to the page");
    }
    page_free(page);
}
