/* SPDX-License-Identifier: MIT */
/*
 * counts - arrays that are longer than memory
 *
 * Attack: negative and huge counts, which overflow a product or keep the hypervisor busy for ever.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(counts, "negative and huge counts")
{
    void *page = page_alloc();
    mmu_update_t update = {.ptr = pte_maddr(1, (unsigned long)page), .val = page_mfn(page) * PAGE_SIZE | PTE_KERNEL_RW};
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    xen_pfn_t frames[16] = {0};
    struct xen_memory_reservation reservation = {.nr_extents = ~0ul, .domid = DOMID_SELF};
    unsigned int done = 0;

    check_equal(hypercall_mmu_update((mmu_update_t *)0xffff7ffffffff000, 0x7fffffff, &done, DOMID_SELF), -XEN_EFAULT,
                "2^31 - 1 updates that reach into the hypervisor");
    check_equal(hypercall_mmu_update(&update, 0x80000001, &done, DOMID_SELF), 0, "a continuation that never began");
    check_equal(hypercall_mmuext_op((struct mmuext_op *)0xffff7ffffffff000, 0x7fffffff, &done, DOMID_SELF), -XEN_EFAULT,
                "2^31 - 1 extended operations");
    check_equal(hypercall_mmuext_op(&op, 0, &done, DOMID_SELF), 0, "no extended operation");
    check_equal(hypercall_multicall((multicall_entry_t *)0x00007ffffffff000, 0xffffffff), -XEN_EFAULT,
                "2^32 - 1 calls");
    check_equal(hypercall_grant_table_op(GNTTABOP_query_size, &size, 0xffffffff), -XEN_EINVAL,
                "2^32 - 1 grant operations");
    check_equal(hypercall_set_gdt(frames, 8193), -XEN_EINVAL, "8193 descriptors");
    check_equal(hypercall_set_gdt(frames, ~0u), -XEN_EINVAL, "2^32 - 1 descriptors");
    set_xen_guest_handle(reservation.extent_start, frames);
    check(hypercall_memory_op(XENMEM_decrease_reservation, &reservation) <= 0, "give back 2^64 - 1 extents");
    reservation.nr_extents = 1;
    reservation.extent_order = 63;
    check(hypercall_memory_op(XENMEM_increase_reservation, &reservation) <= 0, "get an extent of order 63");
    reservation.extent_order = 70;
    check(hypercall_memory_op(XENMEM_populate_physmap, &reservation) <= 0, "get an extent of order 70");
    check((pte_read(1, (unsigned long)page) & PTE_RW) != 0, "the page is as it was");
    page_free(page);
}
