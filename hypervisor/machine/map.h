/* SPDX-License-Identifier: MIT */
/*
 * How the hypervisor reaches physical memory. RAM: frame_map(), arithmetic on the direct map today; every use is
 * bracketed by frame_unmap() so that a partial map needs no caller change. Twin: an arena in tests/fake.
 */
#ifndef MACHINE_MAP_H
#define MACHINE_MAP_H

#include <x86/pte.h>

static inline void *frame_map(mfn_t m) { return (void *)(DIRECTMAP_START + (m.n << PAGE_SHIFT)); }
static inline void frame_unmap(const void *p) { (void)p; }
/* The frame behind a pointer that frame_map() returned (or into that page). */
static inline mfn_t frame_of_ptr(const void *p) { return mfn(((u64)p - DIRECTMAP_START) >> PAGE_SHIFT); }

/* Zeroes a page: one string instruction, which a CPU does by the cache line. */
static inline void *page_clear(void *page)
{
    u64 words = PAGE_SIZE / sizeof(u64);
    void *at = page;

    __asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(0UL) : "memory");
    return page;
}

/* Bases of the frame table and of the writable M2P (the fake has its own). */
static inline void *machine_frame_table(void) { return (void *)FRAME_TABLE_START; }
static inline u64 *machine_m2p(void) { return (u64 *)M2P_RW_START; }

/* Maps device registers uncached, for ever. maddr needs no alignment. NULL when the window is full. */
void *mmio_map(u64 maddr, size_t bytes);
/* The same, write-back, for tables that firmware left in memory that is no RAM to us. */
void *firmware_map(u64 maddr, size_t bytes);

#endif
