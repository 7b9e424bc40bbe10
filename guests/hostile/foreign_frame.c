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

static struct e820 { u64 start, bytes; u32 type; } __attribute__((packed)) ranges[64];

static bool is_mine(u64 mfn)
{
    u64 pfn = M2P[mfn];

    return (pfn < start_info->nr_pages && *p2m_slot(pfn) == mfn) || mfn == start_info->shared_info / PAGE_SIZE;
}

/* Try each 16th frame of RAM above 1 MiB that is not ours. */
static void check_ram(const void *page)
{
    struct xen_memory_map map = {.nr_entries = ARRAY_SIZE(ranges)};
    unsigned int tried = 0, mapped = 0;

    set_xen_guest_handle(map.buffer, (void *)ranges);
    hypercall_memory_op(XENMEM_machine_memory_map, &map);
    for (unsigned int i = 0; i < map.nr_entries; i++) {
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

    check_ram(page);
    check_equal(map_set(page, mine), 0, "back to the page");
    check_equal(map_set(page, 0xfee00000 | PTE_KERNEL_RW), -XEN_EPERM, "the local interrupt controller");
    check_equal(map_set(page, 0xfee00000 | PTE_KERNEL_RO), -XEN_EPERM, "and read-only");
    check_equal(map_set(page, 0xfec00000 | PTE_KERNEL_RW), 0, "the I/O interrupt controller");
    check_equal((long)(pte_read(1, (unsigned long)page) & PTE_RW), 0, "becomes read-only");
    check_equal(map_set(page, mine), 0, "back to the page");
    check_equal(map_set(page, 0xfffffffff000 | PTE_KERNEL_RW), -XEN_EPERM, "an address the machine does not have");
    check_equal(hypercall_mmu_update(&update, 1, NULL, 1234), -XEN_ESRCH, "a frame of a domain that is not there");
    check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_IO), -XEN_EBUSY, "our own as if it were I/O memory");
    check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_XEN), -XEN_EBUSY,
                "our own as if it were the hypervisor's");
    check_equal(hypercall_mmu_update(&update, 1, NULL, (1234 + 1) << 16 | DOMID_SELF), -XEN_ESRCH,
                "a page table of a domain that is not there");
    check((pte_read(1, (unsigned long)page) & PTE_FRAME) == (mine & PTE_FRAME), "the entry is unchanged");
    page_free(page);
}
