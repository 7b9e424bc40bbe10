/* SPDX-License-Identifier: MIT */
/*
 * hypervisor_slot - slots 256 to 271 of every root belong to the hypervisor
 *
 * Attack: write or clear them by update, by a direct write, and hand over a root that has something of ours in them.
 */
#include <lib/cpu.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <lib/test.h>

TEST(hypervisor_slot, "write the hypervisor's slots of a root page table")
{
    u64 *root = mfn_page(root_mfn()), *copy = page_alloc(), mine = root[511];

    for (unsigned int slot = 256; slot < 272; slot++) {
        u64 maddr = root_mfn() * PAGE_SIZE + slot * 8;

        if (pte_write(maddr, mine) != -XEN_EINVAL || pte_write(maddr, 0) != -XEN_EINVAL)
            check(false, "slot %u answers EINVAL", slot);
        memcpy(&copy[slot], &mine, sizeof(mine));
    }
    check(root[260] != mine, "slot 260 is unchanged");
    check_fault(fault_of(*(volatile u64 *)&root[260] = mine), VECTOR_PF, 3, "a direct write");
    memcpy(&copy[511], &mine, sizeof(mine));
    page_protect(copy, false);
    check_equal(mmuext(MMUEXT_PIN_L4_TABLE, page_mfn(copy)), 0, "pin a root that has something in these slots");
    for (unsigned int slot = 256; slot < 272; slot++)
        if (((volatile u64 *)copy)[slot] == mine)
            check(false, "slot %u is replaced", slot);
    check_equal(mmuext(MMUEXT_NEW_BASEPTR, page_mfn(copy)), 0, "use it");
    check(M2P[page_mfn(root)] == page_pfn(root), "the hypervisor's table is there");
    check_equal(mmuext(MMUEXT_NEW_BASEPTR, root_mfn()), 0, "use the old root again");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, page_mfn(copy)), 0, "unpin it");
    page_protect(copy, true);
    for (unsigned int slot = 257; slot < 272; slot++)
        if (pte_read(4, (unsigned long)slot << 39 | 0xffff000000000000ul) & PTE_US)
            test_skip("slot %u has the user bit", slot);
    page_free(copy);
}
