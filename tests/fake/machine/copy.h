/* SPDX-License-Identifier: MIT */
/* Twin of machine/copy.h: walks the page tables under the CPU's root, through its TLB. */
#ifndef MACHINE_COPY_H
#define MACHINE_COPY_H

#include <lib/types.h>

int must_check machine_copy_from(void *dst, u64 va, size_t n);
int must_check machine_copy_to(u64 va, const void *src, size_t n);
int must_check machine_clear(u64 va, size_t n);

#endif
