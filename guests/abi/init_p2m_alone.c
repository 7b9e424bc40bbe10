/* SPDX-License-Identifier: MIT */
/*
 * init_p2m_alone - the frame list at an address of the guest's choice
 *
 * With the INIT_P2M note the builder maps the frame list there, in frames of its own outside of the first mapping, and
 * says which in start_info. Linux asks for that.
 */
#include <lib/guest.h>
#include <lib/memory.h>
#include <lib/test.h>

GUEST_NOTE(15, 0x8000000000);

TEST(init_p2m_alone, "frame list by INIT_P2M note")
{
    unsigned long wrong = 0;

    if (!domain0_only()) /* whose builder reads the note; a guest's is a toolstack's work */
        return;
    check(start_info->mfn_list == 0x8000000000, "the frame list is at %lx", start_info->mfn_list);
    check(start_info->nr_p2m_frames > 0 && start_info->first_p2m_pfn > 0, "%lu frames from %lx",
          start_info->nr_p2m_frames,
          start_info->first_p2m_pfn);
    check(start_info->first_p2m_pfn + start_info->nr_p2m_frames <= start_info->nr_pages, "they are ours");
    check(start_info->nr_p2m_frames * 512 >= start_info->nr_pages, "they are enough");
    for (u64 pfn = 0; pfn < start_info->nr_pages; pfn++)
        wrong += M2P[*p2m_slot(pfn)] != pfn;
    check_equal((long)wrong, 0, "frames whose machine-to-frame entry differs from the frame list");
    check(pte_read(1, GUEST_VIRT_BASE + start_info->first_p2m_pfn * PAGE_SIZE) == 0, "not in the first mapping");
}
