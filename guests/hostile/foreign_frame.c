/* SPDX-License-Identifier: MIT */
/*
 * foreign_frame - the memory of the hypervisor and of others
 *
 * Attack: map every kind of RAM that is not ours, readable and writable; map devices that belong to the hypervisor.
 */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

#define LAST_FRAME 0xfffff

static struct e820 { u64 start, bytes; u32 type; } __attribute__((packed)) ranges[64];

static xen_pfn_t grant_frames[4]; /* shared with the hypervisor, like shared_info */

static void find_grant_frames(void)
{
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    struct gnttab_setup_table setup = {.dom = DOMID_SELF};

    hypercall_grant_table_op(GNTTABOP_query_size, &size, 1);
    setup.nr_frames = size.nr_frames < ARRAY_SIZE(grant_frames) ? size.nr_frames : ARRAY_SIZE(grant_frames);
    set_xen_guest_handle(setup.frame_list, grant_frames);
    hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1);
}

static bool is_mine(u64 mfn)
{
    static u64 pfn;
    struct fault hole = fault_of(pfn = M2P[mfn]); /* where there is no RAM there need be no table */

    for (u32 i = 0; i < ARRAY_SIZE(grant_frames); i++)
        if (mfn == grant_frames[i])
            return true;
    if (hole.vector != NO_FAULT)
        return false;
    return (pfn < start_info->nr_pages && *p2m_slot(pfn) == mfn) || mfn == start_info->shared_info / PAGE_SIZE;
}

/* Where RAM is; who may not know takes all up to the last frame. */
static u32 find_ranges(void)
{
    struct xen_memory_map map = {.nr_entries = ARRAY_SIZE(ranges)};
    struct xen_machphys_mapping mapping;

    set_xen_guest_handle(map.buffer, (void *)ranges);
    if (hypercall_memory_op(XENMEM_machine_memory_map, &map) == 0)
        return map.nr_entries;
    hypercall_memory_op(XENMEM_machphys_mapping, &mapping);
    if (mapping.max_mfn > LAST_FRAME)
        mapping.max_mfn = LAST_FRAME; /* some say how many there could be */
    ranges[0] = (struct e820){.bytes = mapping.max_mfn * PAGE_SIZE, .type = 1};
    return 1;
}

/* Try each 16th frame of RAM above 1 MiB that is not ours. */
static void check_ram(const void *page)
{
    unsigned int tried = 0, mapped = 0, count = find_ranges();

    for (unsigned int i = 0; i < count; i++) {
        for (u64 mfn = ranges[i].start / PAGE_SIZE; mfn < (ranges[i].start + ranges[i].bytes) / PAGE_SIZE; mfn += 16) {
            if (ranges[i].type != 1 || mfn < 256 || is_mine(mfn))
                continue;
            tried++;
            mapped += map_set(page, mfn * PAGE_SIZE | PTE_KERNEL_RO) == 0;
            mapped += map_set(page, mfn * PAGE_SIZE | PTE_KERNEL_RW) == 0;
        }
    }
    check(tried > 256, "%u frames tried", tried);
    check_equal(mapped, 0, "frames mapped");
}

TEST(foreign_frame, "map frames that are not ours")
{
    u64 *page = page_alloc(), mine = pte_read(1, (unsigned long)page), maddr = pte_maddr(1, (unsigned long)page);
    mmu_update_t update = {.ptr = maddr, .val = page_mfn(start_info) * PAGE_SIZE | PTE_KERNEL_RO};

    find_grant_frames();
    check_ram(page);
    check_equal(map_set(page, mine), 0, "back to the page");
    check_equal(map_set(page, 0xfee00000 | PTE_KERNEL_RW), -XEN_EPERM, "the local interrupt controller");
    check_equal(map_set(page, 0xfee00000 | PTE_KERNEL_RO), -XEN_EPERM, "and read-only");
    check_equal(map_set(page, 0xfec00000 | PTE_KERNEL_RW), is_domain0() ? 0 : -XEN_EPERM, "the I/O interrupt controller");
    if (is_domain0())
        check_equal((long)(pte_read(1, (unsigned long)page) & PTE_RW), 0, "becomes read-only");
    check_equal(map_set(page, mine), 0, "back to the page");
    check_equal(map_set(page, 0xfffffffff000 | PTE_KERNEL_RW), -XEN_EPERM, "an address the machine does not have");
    check_equal(hypercall_mmu_update(&update, 1, NULL, 1234), -XEN_ESRCH, "a frame of a domain that is not there");
    check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_IO), -XEN_EBUSY, "our own as if it were I/O memory");
    check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_XEN), is_domain0() ? -XEN_EBUSY : -XEN_EPERM,
                "our own as if it were the hypervisor's");
    check_equal(hypercall_mmu_update(&update, 1, NULL, (1234 + 1) << 16 | DOMID_SELF), -XEN_ESRCH,
                "a page table of a domain that is not there");
    check((pte_read(1, (unsigned long)page) & PTE_FRAME) == (mine & PTE_FRAME), "the entry is unchanged");
    page_free(page);
}
