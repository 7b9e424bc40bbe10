/* SPDX-License-Identifier: MIT */
/*
 * TLB flushes across CPUs, and the flush clock that says which ones can be skipped. The clock ticks with each full
 * flush; a frame is stamped when its last use of a type or its last reference goes; a CPU that has flushed since holds
 * no stale entry for it. A flush waits for the other CPUs, and serves theirs while it waits.
 */
#ifndef MM_FLUSH_H
#define MM_FLUSH_H

#include <lib/bitmap.h>
#include <lib/types.h>

#define FLUSH_TLB   1u      /* everything */
#define FLUSH_PAGE  2u      /* one linear address */
#define FLUSH_CACHE 4u
#define FLUSH_ROOT  8u      /* drop a lazily kept address space: load the hypervisor's own root */

u32 flush_clock_now(void);
/* Keeps in mask only the CPUs that have not flushed since the stamp. */
void flush_filter(cpumask_t *mask, u32 stamp);
/* Flushes the CPUs that may hold an entry from before the stamp. */
void flush_stale(u32 stamp);
void flush_mask(const cpumask_t *mask, u64 va, unsigned flags);
void flush_local(u64 va, unsigned flags);
/* Around anything else that drops all of this CPU's entries (root_load). */
u32 flush_begin(void);
void flush_end(u32 begun);
void flush_drop_root(void);         /* upward, dom/run.c: FLUSH_ROOT */

#endif
