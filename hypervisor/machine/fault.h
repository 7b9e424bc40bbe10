/* SPDX-License-Identifier: MIT */
/*
 * The points where host tests interfere: nothing at all on a machine. Twin: tests/fake, where the n-th allocation
 * fails on demand and another fake CPU may run at each interleave_point().
 */
#ifndef MACHINE_FAULT_H
#define MACHINE_FAULT_H

#include <lib/types.h>

static inline bool alloc_should_fail(void) { return false; }
/* Before a step whose order against other CPUs matters: taking a lock, a compare-and-swap. */
static inline void interleave_point(void) {}
/* Tells the address sanitizer which bytes of RAM are nobody's. */
static inline void memory_poison(const void *p, size_t bytes) { (void)p, (void)bytes; }
static inline void memory_unpoison(const void *p, size_t bytes) { (void)p, (void)bytes; }

#endif
