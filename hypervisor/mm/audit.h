/* SPDX-License-Identifier: MIT */
/*
 * audit(): recounts every reference that page tables hold and compares with the descriptors. Checkable at any moment
 * while no table is being changed (debug key 'A'; tests after each step). Reports each broken invariant by name.
 */
#ifndef MM_AUDIT_H
#define MM_AUDIT_H

#include <mm/frame.h>

/* The first broken invariant's name, or NULL. -- "out of memory" when the recount has no room. */
const char *audit_frames(void);

/* Upward, dom/: calls fn for each L4 that a vcpu holds as a root. */
void audit_for_each_root(void (*fn)(mfn_t root, void *ctx), void *ctx);

#endif
