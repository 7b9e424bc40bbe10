/* SPDX-License-Identifier: MIT */
/*
 * writable_tables - direct writes to a read-only page table
 *
 * With the assist switched on, a write to an L1 is emulated and checked like an update by hypercall; at higher levels
 * it is a page fault. Without the assist nothing is promised (Xen emulates for domain 0 all the same).
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(writable_tables, "emulated writes to page tables")
{
    u64 *page = page_alloc(), mine = page_mfn(page) * PAGE_SIZE | PTE_KERNEL_RW, old = mine;
    u64 maddr = pte_maddr(1, (unsigned long)page);
    volatile u64 *l1e = (volatile u64 *)((u8 *)mfn_page(maddr / PAGE_SIZE) + maddr % PAGE_SIZE);
    volatile u64 *l2e = mfn_page(pte_maddr(2, (unsigned long)page) / PAGE_SIZE);

    check_equal(hypercall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), 0, "switch the assist on");
    check_fault(fault_of(*l1e = 0), NO_FAULT, 0, "clear an entry");
    mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)page);
    check_fault(fault_of((void)*(volatile u64 *)page), VECTOR_PF, 0, "the page is unmapped");
    check_fault(fault_of(*l1e = mine), NO_FAULT, 0, "set it again");
    check_fault(fault_of(*page = 5), NO_FAULT, 0, "the page is mapped");
    old = *l1e;
    check_fault(fault_of(__asm__ volatile("lock cmpxchgq %2, %0" : "+m"(*l1e), "+a"(old) : "r"(old & ~PTE_RW) : "cc")),
                NO_FAULT, 0, "cmpxchg makes it read-only");
    check((*l1e & PTE_RW) == 0, "it is read-only");
    check_fault(fault_of(*(volatile u8 *)l1e |= PTE_RW), NO_FAULT, 0, "a byte write makes it writable");
    check((*l1e & PTE_RW) != 0, "it is writable");
    check_fault(fault_of(*l1e = root_mfn() * PAGE_SIZE | PTE_KERNEL_RW), VECTOR_PF, 3,
                "mapping a page table writable is a page fault");
    check((*l1e & PTE_FRAME) == (mine & PTE_FRAME), "the entry is unchanged");
    check_fault(fault_of(*l2e = *l2e), VECTOR_PF, 3, "an L2 cannot be written");
    hypercall_vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables);
    page_free(page);
}
