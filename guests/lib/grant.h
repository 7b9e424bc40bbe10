/* SPDX-License-Identifier: MIT */
/* Grants, version 1: give others access to frames, map and unmap what others give. Statuses are GNTST_*. */
#pragma once

#include <lib/types.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

#define GRANT_FIRST GNTTAB_NR_RESERVED_ENTRIES

/* The guest's own entries; NULL when the table cannot be had. */
volatile grant_entry_v1_t *grant_table(void);
/* Let a domain use a frame of ours; `readonly`: not write. */
void grant_give(u32 ref, u16 domid, u64 mfn, bool readonly);
void grant_take_back(u32 ref);

/* Map a domain's grant at an address, whose tables are built; GNTMAP_* flags. A status, or -errno of the call. */
long grant_map(u16 domid, u32 ref, unsigned long va, u32 flags, u32 *handle);
long grant_unmap(unsigned long va, u32 handle);
