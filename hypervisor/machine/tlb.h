/* SPDX-License-Identifier: MIT */
/*
 * This CPU's TLB and root. Cross-CPU flushes are in mm/flush.h. The hypervisor's own mappings are global.
 * Twin: tests/fake models a TLB per CPU, so that use of a stale entry is seen.
 */
#ifndef MACHINE_TLB_H
#define MACHINE_TLB_H

#include <x86/pte.h>

void tlb_flush_local(void);                     /* all guest entries, global ones included (guest user pages are) */
static inline void tlb_flush_page_local(u64 va) { __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory"); }
/* The two writers of CR3. root_load() flushes global entries too (guest user pages are global); root_toggle() keeps
 * them: for going between the kernel and the user root of one vcpu, which share the user half. */
void root_load(mfn_t root);
void root_toggle(mfn_t root);
static inline void cache_flush_local(void) { __asm__ volatile("wbinvd" ::: "memory"); }

#endif
