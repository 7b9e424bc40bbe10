/* SPDX-License-Identifier: MIT */
/*
 * stale_translation - writing through a forgotten TLB entry (XSA-401)
 *
 * Attack: write a page, remap it read-only without a flush, make it a page table, and write through the translation the
 * CPU may still remember. The value is one that would be refused if the write were emulated.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(stale_translation, "change a page's type without a flush")
{
    volatile u64 *page = page_alloc();
    u64 mfn = page_mfn((void *)page);

    page[1] = 0;
    check_equal(hypercall_update_va_mapping((unsigned long)page, mfn * PAGE_SIZE | PTE_KERNEL_RO, UVMF_NONE), 0,
                "map it read-only without a flush");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn), 0, "pin it as an L1");
    check_fault(fault_of(page[1] = mfn * PAGE_SIZE | PTE_KERNEL_RW), VECTOR_PF, 3, "write through the old translation");
    check_equal((long)page[1], 0, "the table is unchanged");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "unpin it");
    check_equal(page_protect((void *)page, true), 0, "map it writable");
    page[1] = 0;
    check_equal(pte_write(pte_maddr(1, (unsigned long)page), mfn * PAGE_SIZE | PTE_KERNEL_RO), 0,
                "map it read-only by machine address");
    check_equal(mmuext(MMUEXT_PIN_L4_TABLE, mfn), 0, "pin it as an L4");
    check_fault(fault_of(page[1] = PTE_TABLE), VECTOR_PF, 3, "write through the old translation");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "unpin it");
    check_equal(page_protect((void *)page, true), 0, "map it writable");
    page_free((void *)page);
}
