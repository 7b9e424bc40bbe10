/* SPDX-License-Identifier: MIT */
/*
 * machine_to_frame - the table that all domains read
 *
 * Attack: change the entries of frames that are not ours; write to the table.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

static long update(u64 mfn, u64 pfn)
{
    mmu_update_t op = {.ptr = mfn * PAGE_SIZE | MMU_MACHPHYS_UPDATE, .val = pfn};

    return hypercall_mmu_update(&op, 1, NULL, DOMID_SELF);
}

TEST(machine_to_frame, "entries of frames that are not ours")
{
    struct xen_machphys_mapping mapping;
    void *page = page_alloc();
    u64 mfn = page_mfn(page), pfn = page_pfn(page), foreign = 0;

    hypercall_memory_op(XENMEM_machphys_mapping, &mapping);
    for (u64 at = 256; at < mapping.max_mfn && foreign == 0; at++)
        if (M2P[at] == ~0ul && map_set(page, at * PAGE_SIZE | PTE_KERNEL_RO) != 0)
            foreign = at;
    check(foreign != 0, "frame %lx is not ours", foreign);
    check_equal(update(foreign, 0), -XEN_EINVAL, "change its entry");
    check(M2P[foreign] == ~0ul, "the entry is unchanged");
    check_equal(update(mapping.max_mfn + 1, 0), -XEN_EINVAL, "beyond the last frame");
    check_equal(update(1ul << 39, 0), -XEN_EINVAL, "far beyond the last frame");
    check_fault(fault_of(((volatile u64 *)(unsigned long)M2P)[mfn] = 0), VECTOR_PF, 3, "write to the table");
    check(M2P[mfn] == pfn, "our own entry is unchanged");
    map_set(page, mfn * PAGE_SIZE | PTE_KERNEL_RW);
    page_free(page);
}
