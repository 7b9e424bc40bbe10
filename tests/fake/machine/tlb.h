/* SPDX-License-Identifier: MIT */
/* Twin of machine/tlb.h: each fake CPU has a TLB that never forgets by itself, the worst case for stale entries. */
#ifndef MACHINE_TLB_H
#define MACHINE_TLB_H

#include <x86/pte.h>

void tlb_flush_local(void);
void tlb_flush_page_local(u64 va);
void root_load(mfn_t root);
void root_toggle(mfn_t root);
void cache_flush_local(void);

#endif
