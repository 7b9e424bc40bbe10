/* SPDX-License-Identifier: MIT */
/*
 * second_mapping - a page table is read-only everywhere
 *
 * Attack: let the table have two read-only mappings and make the second writable; pin a page while a second mapping of
 * it is writable.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(second_mapping, "from read-only to writable through a second mapping")
{
    void *table = page_alloc();
    u64 frame = page_mfn(table) * PAGE_SIZE, maddr;
    volatile u64 *entry;
    mmu_update_t update = {0};

    check_equal(map_page(SCRATCH_VA, frame / PAGE_SIZE, PTE_KERNEL_RW), 0, "a second mapping, writable");
    maddr = pte_maddr(1, SCRATCH_VA);
    check_equal(page_protect(table, false), 0, "make the first read-only");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, frame / PAGE_SIZE), -XEN_EINVAL, "pin it while the second is writable");
    check_equal(pte_write(maddr, frame | PTE_KERNEL_RO), 0, "make the second read-only");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, frame / PAGE_SIZE), 0, "pin it");
    check_equal(pte_write(maddr, frame | PTE_KERNEL_RW), -XEN_EBUSY, "make the second writable");
    update = (mmu_update_t){.ptr = maddr | MMU_PT_UPDATE_PRESERVE_AD, .val = frame | PTE_KERNEL_RW};
    check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_SELF), -XEN_EBUSY, "and preserving accessed and dirty");
    hypercall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    entry = (volatile u64 *)((u8 *)mfn_page(maddr / PAGE_SIZE) + maddr % PAGE_SIZE);
    check_fault(fault_of(*entry = frame | PTE_KERNEL_RW), VECTOR_PF, 3, "and by an emulated write");
    hypercall_vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables);
    check_equal((long)(pte_read(1, SCRATCH_VA) & PTE_RW), 0, "the second is still read-only");
    check_fault(fault_of(*(volatile u64 *)SCRATCH_VA = frame | PTE_KERNEL_RW), VECTOR_PF, 3, "and cannot be written");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, frame / PAGE_SIZE), 0, "unpin it");
    check_equal(pte_write(maddr, frame | PTE_KERNEL_RW), 0, "now it can be made writable");
    map_page(SCRATCH_VA, 0, 0);
    page_protect(table, true);
    page_free(table);
}
