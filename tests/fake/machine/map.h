/* SPDX-License-Identifier: MIT */
/* Twin of machine/map.h: physical memory is one arena; frames that are no RAM are not accessible and crash the test. */
#ifndef MACHINE_MAP_H
#define MACHINE_MAP_H

#include <string.h>

#include <x86/pte.h>

extern u8 *fake_arena;
extern void *fake_frame_table;
extern u64 *fake_m2p;

static inline void *frame_map(mfn_t m) { return fake_arena + (m.n << PAGE_SHIFT); }
static inline void frame_unmap(const void *p) { (void)p; }
static inline mfn_t frame_of_ptr(const void *p) { return mfn((u64)((const u8 *)p - fake_arena) >> PAGE_SHIFT); }

static inline void *page_clear(void *page) { return memset(page, 0, PAGE_SIZE); }

static inline void *machine_frame_table(void) { return fake_frame_table; }
static inline u64 *machine_m2p(void) { return fake_m2p; }

void *mmio_map(u64 maddr, size_t bytes);
static inline void *firmware_map(u64 maddr, size_t bytes) { (void)bytes; return fake_arena + maddr; }

#endif
