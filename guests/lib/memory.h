/* SPDX-License-Identifier: MIT */
/*
 * Pages, frames and page tables. The domain's first megabytes are mapped one to one at GUEST_VIRT_BASE by the domain
 * builder; page_alloc() hands out what the builder left free of them, so a page and its frame are found from each
 * other.
 */
#pragma once

#include <lib/types.h>

#define GUEST_VIRT_BASE 0xffffffff80000000ul
#define M2P ((const volatile u64 *)0xffff800000000000ul) /* machine frame -> the domain's frame number */
#define SCRATCH_VA 0x10000000000ul                       /* an L4 slot in which nothing is mapped at start of day */

#define PTE_P 0x1ul
#define PTE_RW 0x2ul
#define PTE_US 0x4ul
#define PTE_PWT 0x8ul
#define PTE_PCD 0x10ul
#define PTE_A 0x20ul
#define PTE_D 0x40ul
#define PTE_PS 0x80ul
#define PTE_G 0x100ul
#define PTE_AVAIL 0x200ul
#define PTE_NX (1ul << 63)
#define PTE_FRAME 0x000ffffffffff000ul
#define PTE_KERNEL_RO (PTE_P | PTE_US | PTE_A)
#define PTE_KERNEL_RW (PTE_KERNEL_RO | PTE_RW | PTE_D)
#define PTE_TABLE (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

void memory_init(void);

/* One zeroed page mapped writable; never NULL (the guest panics when there is none left). */
void *page_alloc(void);
/* Give it back; it must be mapped writable and be no page table. */
void page_free(void *page);

/* Frame that is mapped at a virtual address (which must be mapped), and the page where a frame of ours is mapped. */
u64 page_mfn(const void *page);
void *mfn_page(u64 mfn);
/* Frame number inside the domain of a page, and its slot in the frame list. */
u64 page_pfn(const void *page);
u64 *p2m_slot(u64 pfn);

/* Machine address of the entry that a level (4..1) has for a virtual address, 0 if a table is missing; its value. */
u64 pte_maddr(unsigned int level, unsigned long va);
u64 pte_read(unsigned int level, unsigned long va);
/* Write one entry by mmu_update: 0 or -errno. */
long pte_write(u64 maddr, u64 value);
/* Write the L1 entry that maps an address and forget its translation: 0 or -errno. */
long map_set(const void *va, u64 pte);
/* Build the tables that an address needs: 0 or -errno. */
long map_tables(unsigned long va);
/* Map a frame at any address of the guest, building the tables that are missing: 0 or -errno. */
long map_page(unsigned long va, u64 mfn, u64 flags);
/* Remap a page of page_alloc() read-only or writable: 0 or -errno. */
long page_protect(void *page, bool writable);

/* One mmuext operation on a frame or address: 0 or -errno. */
long mmuext(unsigned int cmd, u64 mfn_or_va);
u64 root_mfn(void);
