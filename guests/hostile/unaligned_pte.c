/* SPDX-License-Identifier: MIT */
/*
 * unaligned_pte - an entry that is half one and half the next
 *
 * Attack: mmu_update and update_descriptor at addresses that are not multiples of 8. The lowest bits of mmu_update's
 * address are a command, so bit 2 makes it an unknown one.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(unaligned_pte, "machine addresses that are not aligned")
{
    u64 *page = page_alloc(), maddr = pte_maddr(1, (unsigned long)page), mine = pte_read(1, (unsigned long)page);

    check_equal(pte_write(maddr + 4, mine), -XEN_ENOSYS, "an entry of an L1 at offset 4");
    check_equal(pte_write(pte_maddr(2, (unsigned long)page) + 4, 0), -XEN_ENOSYS, "an entry of an L2 at offset 4");
    check_equal(pte_write(pte_maddr(4, (unsigned long)page) + 4, 0), -XEN_ENOSYS, "an entry of an L4 at offset 4");
    check(pte_read(1, (unsigned long)page) == mine, "the entry is unchanged");
    check_equal(hypercall_update_descriptor(page_mfn(page) * PAGE_SIZE + 4, 0), -XEN_EINVAL,
                "a descriptor at offset 4");
    page_free(page);
}
