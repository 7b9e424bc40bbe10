/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: a domain offers single frames to another domain by writing entries into pages it shares with the
 * hypervisor. Each entry in use is shadowed by an active entry (who, which frame, how often), so that what the guest
 * does to the shared entry meanwhile changes nothing. Shared and active entries lie in pages that never move.
 *
 * The lock protects everything here, version included. Shared entries are read once into a local, then judged.
 */
#ifndef IPC_GRANT_H
#define IPC_GRANT_H

#include <core/lock.h>
#include <lib/errno.h>
#include <mm/domain.h>
#include <xen/grant_table.h>

#define GRANT_DEFAULT_MAX_FRAMES  64
#define GRANT_ABSOLUTE_MAX_FRAMES 1024

struct grant_active;

struct grant_table {
    spinlock_t lock;                    /* RANK_GRANT */
    u16 domid;                          /* (c) */
    u8 version;                         /* (l) 1 or 2 */
    struct mm_domain *mm;               /* (c) of the granting domain */
    u32 max_frames;                     /* (c) */
    u32 nr_frames, nr_status;           /* (l) pages in shared[] and status[] */
    void **shared;                      /* (l) entries, version 1 or 2; heap frames shared with the domain */
    u16 **status;                       /* (l) version 2: status words; ditto */
    struct grant_active **active;       /* (l) made when the first entry of a page is used; then never moves */
};

/* Starts with one frame, version 1. max_frames 1..GRANT_ABSOLUTE_MAX_FRAMES. -ENOMEM. */
int must_check grant_table_init(struct grant_table *gt, struct mm_domain *mm, u16 domid, u32 max_frames);
/* Takes the frames back and frees everything; no grant is in use any more. -EBUSY: a frame of the table is still
 * mapped somewhere, call again later. Fine on a zeroed or finished table. */
int grant_table_fini(struct grant_table *gt);
/* The domain is dying and nobody looks at its entries any more: its frames are its own to the last mapping, and the
 * table has none. grant_table_fini() frees the rest. */
void grant_frames_abandon(struct grant_table *gt);

/* Makes room for nr frames, and status frames to match. -EINVAL: more than max_frames; -ENOMEM. */
int must_check grant_grow(struct grant_table *gt, u32 nr);
/* Frame number of the i-th shared or status page, GFN_INVALID when there is none. */
gfn_t grant_shared_gfn(struct grant_table *gt, u32 i);
gfn_t grant_status_gfn(struct grant_table *gt, u32 i);
/* For a toolstack that maps the table: how many pages of the kind there may be, and the frame of the i-th, made if need be.
 * -EINVAL: beyond that, or status pages of a table without; -ENOMEM. */
u32 grant_frames_max(const struct grant_table *gt, bool status);
int must_check grant_frame_get(struct grant_table *gt, bool status, u32 i, mfn_t *m);
/* -EINVAL: no such version; -EBUSY: grants in use, or status frames mapped; -ERANGE: one of the reserved entries, which
 * are carried over, does not fit version 1; -ENOMEM. */
int must_check grant_set_version(struct grant_table *gt, u32 version);

/* One use of a grant: pinned in the table, the frame held. */
struct grant_use {
    struct grant_table *gt;
    u32 ref;
    bool write;
    u16 offset, length;                 /* what of the page the grant covers */
    struct gfn_held held;
};
/* GNTST_okay if the entry lets domain `by` read (write) now; it stays in use until grant_release(). Else a status:
 * bad_gntref, general_error (not for this domain or access), bad_page, no_space. */
s16 must_check grant_acquire(struct grant_table *gt, u32 ref, u16 by, bool write, struct grant_use *use);
void grant_release(struct grant_use *use);

/* Debug key 'g': prints the grants in use. */
void grant_show(struct grant_table *gt);
/* NULL, or the name of the first broken invariant, each being printed. The table must be quiet. */
const char *grant_audit(struct grant_table *gt);

#endif
