/* SPDX-License-Identifier: MIT */
/* The page of hypercall stubs that kernels older than inline hypercalls call into. */
#ifndef PV_HYPERCALL_PAGE_H
#define PV_HYPERCALL_PAGE_H

#include <lib/types.h>

/* Fills a page of a paravirtual guest: 32 bytes for each number, the rest of each slot traps. */
void pv_hypercall_page_fill(u8 *page);

#endif
