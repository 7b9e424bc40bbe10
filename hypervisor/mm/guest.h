/* SPDX-License-Identifier: MIT */
/*
 * The one layer that touches guest memory by the guest's linear addresses: copy once into a local, then check the
 * copy. All functions work on the current vcpu's loaded address space; -EFAULT for a bad or hypervisor address.
 */
#ifndef MM_GUEST_H
#define MM_GUEST_H

#include <lib/errno.h>
#include <machine/copy.h>
#include <x86/pte.h>

typedef struct { u64 va; } guest_ptr_t;

static inline guest_ptr_t guest_ptr(u64 va) { return (guest_ptr_t){ va }; }
static inline bool guest_null(guest_ptr_t p) { return p.va == 0; }
/* The i-th element of an array of size-byte elements; wraps are caught by guest_ok(). */
static inline guest_ptr_t guest_elem(guest_ptr_t p, u64 i, size_t size) { return guest_ptr(p.va + i * size); }

/* [p, p+n) outside the hypervisor's hole and not wrapping. */
static inline bool guest_ok(guest_ptr_t p, u64 n)
{
    u64 end = p.va + n;

    return end >= p.va && (end <= HOLE_START || p.va >= HOLE_END);
}

static inline int must_check guest_read(void *dst, guest_ptr_t p, size_t n)
{
    return guest_ok(p, n) ? machine_copy_from(dst, p.va, n) : -EFAULT;
}

static inline int must_check guest_write(guest_ptr_t p, const void *src, size_t n)
{
    return guest_ok(p, n) ? machine_copy_to(p.va, src, n) : -EFAULT;
}

/* Whether an array of n elements of size bytes is addressable (no overflow, not in the hole). */
static inline bool guest_array_ok(guest_ptr_t p, u64 n, size_t size)
{
    return n < (1UL << 40) && guest_ok(p, n * size);
}

#endif
