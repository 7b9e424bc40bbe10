/* SPDX-License-Identifier: MIT */
/*
 * mmu - update_va_mapping and mmu_update
 *
 * Single entries by address or by machine address, batches with their count of what was done, updates that keep the
 * accessed and dirty bits, and the machine-to-frame table.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

static void check_va_mapping(u64 *page, u64 *other)
{
    u64 pte = page_mfn(other) * PAGE_SIZE | PTE_KERNEL_RW, mine = page_mfn(page) * PAGE_SIZE | PTE_KERNEL_RW;

    *page = 1;
    *other = 2;
    check_equal(hypercall_update_va_mapping((unsigned long)page, pte, UVMF_INVLPG), 0, "map another frame");
    check_equal((long)*(volatile u64 *)page, 2, "its contents");
    check((pte_read(1, (unsigned long)page) & PTE_FRAME) == (pte & PTE_FRAME), "its entry");
    check_equal(hypercall_update_va_mapping((unsigned long)page, 0, UVMF_INVLPG), 0, "unmap");
    check_fault(fault_of((void)*(volatile u64 *)page), VECTOR_PF, 0, "it is unmapped");
    check_equal(hypercall_update_va_mapping((unsigned long)page, mine, UVMF_TLB_FLUSH | UVMF_ALL), 0, "map it again");
    check_equal((long)*(volatile u64 *)page, 1, "its contents");
    check_equal(hypercall_update_va_mapping(SCRATCH_VA << 3, mine, 0), -XEN_EINVAL, "where there is no table");
    check_equal(hypercall_update_va_mapping(0xffff820000000000ul, mine, 0), -XEN_EINVAL, "in the hypervisor");
}

static void check_batch(u64 *page)
{
    u64 maddr = pte_maddr(1, (unsigned long)page), pte = pte_read(1, (unsigned long)page);
    mmu_update_t updates[] = {
        {.ptr = maddr, .val = pte & ~PTE_RW},
        {.ptr = maddr, .val = pte},
        {.ptr = maddr, .val = ~0ul},
        {.ptr = maddr, .val = pte & ~PTE_RW},
    };
    unsigned int done = 77;

    check_equal(hypercall_mmu_update(updates, 2, &done, DOMID_SELF), 0, "two updates");
    check_equal(done, 2, "done");
    check(hypercall_mmu_update(updates, 4, &done, DOMID_SELF) < 0, "a batch with a bad third entry fails");
    check_equal(done, 2, "done");
    check((pte_read(1, (unsigned long)page) & PTE_RW) != 0, "the fourth was not tried");
    check_equal(hypercall_mmu_update(updates, 0, &done, DOMID_SELF), 0, "no updates at all");
    check_equal(hypercall_mmu_update((void *)8, 1, &done, DOMID_SELF), -XEN_EFAULT, "updates in an unmapped page");
    check_equal(hypercall_mmu_update(updates, 1, &done, 0x1234), -XEN_ESRCH, "for a domain that is not there");
}

/* A page that is not a page table is just written. */
static void check_plain_write(u64 *page)
{
    u64 maddr = page_mfn(page) * PAGE_SIZE;

    check_equal(pte_write(maddr + 16, 0x123456789abcdef0), 0, "write a word of a writable page");
    check(page[2] == 0x123456789abcdef0, "it is there");
}

static void check_preserve_ad(u64 *page)
{
    u64 pte = page_mfn(page) * PAGE_SIZE | PTE_P | PTE_RW | PTE_US;
    mmu_update_t update = {.ptr = pte_maddr(1, (unsigned long)page), .val = pte};

    check_equal(map_set(page, pte), 0, "map without A and D");
    *(volatile u64 *)page = 1;
    check((pte_read(1, (unsigned long)page) & (PTE_A | PTE_D)) == (PTE_A | PTE_D), "a write sets A and D");
    update.ptr |= MMU_PT_UPDATE_PRESERVE_AD;
    update.val &= ~PTE_RW;
    check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_SELF), 0, "make it read-only, preserving A and D");
    check((pte_read(1, (unsigned long)page) & (PTE_RW | PTE_A | PTE_D)) == (PTE_A | PTE_D), "they are preserved");
    update.val = pte | PTE_A;
    check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_SELF), 0, "make it writable again");
}

static void check_machine_to_frame(u64 *page)
{
    u64 mfn = page_mfn(page), pfn = page_pfn(page);
    mmu_update_t update = {.ptr = mfn * PAGE_SIZE | MMU_MACHPHYS_UPDATE, .val = 0x123456};

    check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_SELF), 0, "change the machine-to-frame entry");
    check(M2P[mfn] == 0x123456, "it is changed");
    update.val = pfn;
    check_equal(hypercall_mmu_update(&update, 1, NULL, DOMID_SELF), 0, "change it back");
    check(M2P[mfn] == pfn, "it is back");
}

TEST(mmu, "update_va_mapping and mmu_update")
{
    u64 *page = page_alloc(), *other = page_alloc();

    check_va_mapping(page, other);
    check_batch(page);
    check_plain_write(page);
    check_preserve_ad(page);
    check_machine_to_frame(page);
    page_free(page);
    page_free(other);
}
