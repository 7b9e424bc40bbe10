/* SPDX-License-Identifier: MIT */
/*
 * A set of u64 kept as disjoint, non-adjacent, ascending ranges in one array: rights on ports, memory and
 * interrupts, and memory-map arithmetic. Bounds are inclusive, so the whole 64-bit space can be named. The caller
 * locks. An operation that fails leaves the set as it was.
 */
#ifndef LIB_RANGESET_H
#define LIB_RANGESET_H

#include <lib/types.h>

struct range {
    u64 first, last; /* both inside */
};

/*
 * Resizes the array: as realloc(), new_bytes 0 frees; returns NULL when there is no memory (the old array then
 * stays valid). The sizes are exact, for allocators that do not remember them.
 */
typedef void *(*rangeset_resize_fn)(void *old, size_t old_bytes, size_t new_bytes);

struct rangeset {
    struct range *ranges;
    unsigned nr, capacity;
    rangeset_resize_fn resize; /* NULL: the array is the caller's and does not grow */
};

/* An empty set that grows through resize. */
void rangeset_init(struct rangeset *set, rangeset_resize_fn resize);
/* An empty set in a fixed array of the caller's. */
void rangeset_init_fixed(struct rangeset *set, struct range *array, unsigned capacity);
/* Empties the set and gives a grown array back. */
void rangeset_fini(struct rangeset *set);

/* Add or remove first..last. -EINVAL: last < first; -ENOMEM: the array would have to grow and cannot. */
int must_check rangeset_add(struct rangeset *set, u64 first, u64 last);
int must_check rangeset_remove(struct rangeset *set, u64 first, u64 last);

/* Whether all, or any, of first..last is in the set. False for last < first. */
bool rangeset_contains(const struct rangeset *set, u64 first, u64 last);
bool rangeset_overlaps(const struct rangeset *set, u64 first, u64 last);

static inline bool rangeset_empty(const struct rangeset *set) { return !set->nr; }

/* Ascending; an empty growing set has no array at all. */
#define rangeset_for_each(r, set) for ((r) = (set)->ranges; (r) && (r) < (set)->ranges + (set)->nr; (r)++)

#endif
