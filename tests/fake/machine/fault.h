/* SPDX-License-Identifier: MIT */
/* Twin of machine/fault.h: here allocations fail on demand and the interleaving scheduler runs. See fake.h. */
#ifndef MACHINE_FAULT_H
#define MACHINE_FAULT_H

#include <lib/types.h>

bool alloc_should_fail(void);
void interleave_point(void);
void memory_poison(const void *p, size_t bytes);
void memory_unpoison(const void *p, size_t bytes);

#endif
