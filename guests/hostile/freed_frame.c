/* SPDX-License-Identifier: MIT */
/*
 * freed_frame - memory that was given back may be the hypervisor's now
 *
 * Attack: map, pin, and otherwise use a frame after giving it back; give back a frame that is a page table or is
 * mapped.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

static long reservation_op(unsigned int cmd, xen_pfn_t frame)
{
    static xen_pfn_t frames[1];
    struct xen_memory_reservation reservation = {.nr_extents = 1, .domid = DOMID_SELF};

    frames[0] = frame;
    set_xen_guest_handle(reservation.extent_start, frames);
    return hypercall_memory_op(cmd, &reservation);
}

TEST(freed_frame, "use a frame after giving it back")
{
    void *page = page_alloc(), *other = page_alloc();
    u64 mfn = page_mfn(page), mine = pte_read(1, (unsigned long)other);
    xen_pfn_t gdt = mfn;
    struct vcpu_register_vcpu_info info = {.mfn = mfn};

    map_set(page, 0);
    check_equal(reservation_op(XENMEM_decrease_reservation, mfn), 1, "give a frame back");
    check_equal(map_set(page, mfn * PAGE_SIZE | PTE_KERNEL_RO), -XEN_EBUSY, "map it read-only");
    check_equal(map_set(page, mfn * PAGE_SIZE | PTE_KERNEL_RW), -XEN_EBUSY, "map it writable");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn), -XEN_EINVAL, "pin it");
    check_equal(mmuext(MMUEXT_NEW_BASEPTR, mfn), -XEN_EINVAL, "make it the root");
    check_equal(pte_write(mfn * PAGE_SIZE, 0), -XEN_EINVAL, "write it by mmu_update");
    check_equal(hypercall_update_descriptor(mfn * PAGE_SIZE, 0), -XEN_EINVAL, "write it by update_descriptor");
    check_equal(hypercall_set_gdt(&gdt, 512), -XEN_EINVAL, "make it the descriptor table");
    check_equal(hypercall_vcpu_op(VCPUOP_register_vcpu_info, 0, &info), -XEN_EINVAL, "move vcpu_info there");
    check_equal(reservation_op(XENMEM_decrease_reservation, mfn), 0, "give it back twice");
    check_equal(reservation_op(XENMEM_decrease_reservation, ~0ul), 0, "give back a frame that is not there");

    mfn = page_mfn(other);
    *(volatile u64 *)other = 0x600d;
    check_equal(reservation_op(XENMEM_decrease_reservation, mfn), 1, "give a frame back that is mapped");
    check_equal(*(volatile u64 *)other, 0x600d, "it stays ours as long as it is mapped");
    check_equal(map_set(other, 0), 0, "unmap it");
    check_equal(map_set(other, mine), -XEN_EBUSY, "map it again");
}
