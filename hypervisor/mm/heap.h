/* SPDX-License-Identifier: MIT */
/*
 * Memory of the machine: a buddy allocator over the frame table, and small objects on top of it.
 * Frames are handed out with their TLB hazards gone (mm/flush.h) and their contents scrubbed or zeroed.
 */
#ifndef MM_HEAP_H
#define MM_HEAP_H

#include <lib/types.h>

#define HEAP_MAX_ORDER 18           /* 1 GiB */
#define HEAP_ANY_WIDTH 64

/* 1 << order frames, naturally aligned, below 1 << width_bits of machine address (HEAP_ANY_WIDTH: from the top down).
 * A low reserve of min(1/16 of memory, 128 MiB) below 4 GiB is only given to callers that ask for width <= 32.
 * MFN_INVALID when there is none. The frames' descriptors are all zero but for the stamp. */
mfn_t heap_alloc(unsigned order, unsigned width_bits);
/* Returns frames; coalesces. They must be unowned, unreferenced, and scrubbed by the caller where a domain wrote. */
void heap_free(mfn_t m, unsigned order);
void heap_init(void);                       /* boot: empty heap and pools */
void heap_add(mfn_t first, u64 pages);      /* boot */
u64 heap_free_pages(void);
/* Free pages whose addresses need more than min_bits bits and at most max_bits. */
u64 heap_free_between(unsigned min_bits, unsigned max_bits);
u64 heap_reserve_pages(void);               /* the size of the low reserve */
u64 heap_total_pages(void);
void heap_show(void);                       /* debug key: free pages by address width */
const char *heap_audit(void);               /* NULL, or the name of an invariant that does not hold */

/* Hypervisor-private zeroed page through the direct map, NULL when none. */
void *page_alloc(void);
void page_free(void *p);                    /* NULL is fine */
/* Zeroed small object, 16-byte aligned (64-byte from 64 bytes up), up to one page; larger: whole pages by power of two. */
void *mem_alloc(size_t bytes);
void mem_free(void *p);                     /* NULL is fine */
/* For leak checks: live objects and their bytes, and pages that hold small ones, of which some are kept when empty. */
u64 mem_objects(void);
u64 mem_bytes(void);
u64 mem_slabs(void);
void pool_init(void);                       /* by heap_init() */

#endif
