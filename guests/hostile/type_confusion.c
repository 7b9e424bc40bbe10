/* SPDX-License-Identifier: MIT */
/*
 * type_confusion - a page has one type at a time
 *
 * Attack: use a table of one level at another, a writable page as a table, a table as descriptors, and whatever page as
 * the root.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(type_confusion, "use a page as what it is not")
{
    void *page = page_alloc(), *table = page_alloc();
    u64 mfn = page_mfn(table), entry = mfn * PAGE_SIZE | PTE_TABLE;
    xen_pfn_t frame;

    check_equal(map_page(SCRATCH_VA, page_mfn(page), PTE_KERNEL_RW), 0, "tables for a scratch mapping");
    check_equal(pte_write(pte_maddr(2, SCRATCH_VA) + 8, entry), -XEN_EINVAL, "a writable page as an L1");
    page_protect(table, false);
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn), 0, "pin an L1");
    check_equal(pte_write(pte_maddr(3, SCRATCH_VA) + 8, entry), -XEN_EINVAL, "the L1 as an L2");
    check_equal(pte_write(pte_maddr(4, SCRATCH_VA) + 8, entry), -XEN_EINVAL, "the L1 as an L3");
    check_equal(pte_write(pte_maddr(2, SCRATCH_VA) + 8, entry), 0, "the L1 as an L1");
    check_equal(pte_write(pte_maddr(2, SCRATCH_VA) + 8, 0), 0, "and away");
    check_equal(mmuext(MMUEXT_NEW_BASEPTR, mfn), -XEN_EINVAL, "the L1 as the root");
    check_equal(mmuext(MMUEXT_NEW_USER_BASEPTR, mfn), -XEN_EINVAL, "the L1 as the user's root");
    frame = mfn;
    check_equal(hypercall_set_gdt(&frame, 512), -XEN_EINVAL, "the L1 as descriptors");
    frame = root_mfn();
    check_equal(hypercall_set_gdt(&frame, 512), -XEN_EINVAL, "the root as descriptors");
    check_equal(hypercall_update_descriptor(mfn * PAGE_SIZE, 0), -XEN_EINVAL, "a descriptor in the L1");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn), 0, "unpin it");
    frame = mfn;
    check_equal(hypercall_set_gdt(&frame, 512), 0, "make it descriptors");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn), -XEN_EINVAL, "descriptors as an L1");
    check_equal(pte_write(mfn * PAGE_SIZE, 0), -XEN_EINVAL, "descriptors written by mmu_update");
    check_equal(page_protect(table, true), -XEN_EBUSY, "descriptors mapped writable");
    check_equal(hypercall_set_gdt(NULL, 0), 0, "no descriptors");
    map_page(SCRATCH_VA, 0, 0);
    page_protect(table, true);
    page_free(table);
    page_free(page);
}
