/* SPDX-License-Identifier: MIT */
/*
 * start_of_day - what the domain builder leaves for a PV64 guest
 *
 * The start_info page, the frame list and the machine-to-frame table agree with each other and with the page tables;
 * the reserved vcpu_info records are masked.
 */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <lib/test.h>

static void check_frames(void)
{
    unsigned long wrong_m2p = 0, wrong_pte = 0;

    for (u64 pfn = 0; pfn < start_info->nr_pages; pfn++) {
        unsigned long va = GUEST_VIRT_BASE + pfn * PAGE_SIZE;
        u64 pte = pte_read(1, va);

        if (*p2m_slot(pfn) == ~0ul)
            continue; /* none: what a builder leaves out */
        if (M2P[*p2m_slot(pfn)] != pfn)
            wrong_m2p++;
        if ((pte & PTE_P) && (pte & PTE_FRAME) / PAGE_SIZE != *p2m_slot(pfn))
            wrong_pte++;
    }
    check_equal((long)wrong_m2p, 0, "frames whose machine-to-frame entry differs from the frame list");
    /* The library has mapped shared_info over one page of its own. */
    check_equal((long)wrong_pte, 1, "mapped pages whose frame differs from the frame list");
}

static void check_tables_read_only(void)
{
    unsigned long writable = 0;

    for (u64 i = 0; i < start_info->nr_pt_frames; i++)
        if (pte_read(1, start_info->pt_base + i * PAGE_SIZE) & PTE_RW)
            writable++;
    check_equal((long)writable, 0, "page-table pages mapped writable");
}

static void check_domain0(unsigned long boot_stack, unsigned long end)
{
    check((start_info->flags & SIF_PRIVILEGED) != 0, "flags 0x%x say that it is privileged", start_info->flags);
    check(start_info->pt_base == (unsigned long)start_info + PAGE_SIZE, "page tables follow start_info");
    check_equal((long)start_info->store_mfn, 0, "no store frame");
    check(end % (4ul << 20) == 0, "the mapping ends at a multiple of 4 MiB (%lx)", end);
    check(end - boot_stack - PAGE_SIZE >= 512ul << 10, "at least 512 KiB are free behind the boot stack");
}

TEST(start_of_day, "start_info, frame list and first page tables")
{
    unsigned long boot_stack = start_info->pt_base + start_info->nr_pt_frames * PAGE_SIZE;
    unsigned long end = boot_stack + PAGE_SIZE, cr3;

    check(strcmp(start_info->magic, "xen-3.0-x86_64p") == 0 || strcmp(start_info->magic, "xen-3.0-x86_64") == 0,
          "magic is %s", start_info->magic);
    check((unsigned long)start_info % PAGE_SIZE == 0, "start_info at %p is on a page of its own", (void *)start_info);
    check(start_info->shared_info % PAGE_SIZE == 0, "shared_info is a whole frame");
    check(start_info->mfn_list < (unsigned long)start_info && start_info->mfn_list > GUEST_VIRT_BASE,
          "frame list between kernel and start_info");
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    check(cr3 == root_mfn() * PAGE_SIZE, "cr3 %lx is the first page table", cr3);
    while (pte_read(1, end) & PTE_P)
        end += PAGE_SIZE;
    if (is_domain0())
        check_domain0(boot_stack, end);
    check_frames();
    check_tables_read_only();
    for (unsigned int i = 1; i < XEN_LEGACY_MAX_VCPUS; i++)
        if (shared_info->vcpu_info[i].evtchn_upcall_mask != 1)
            check(false, "upcalls of vcpu %u are masked", i);
}
