/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: a domain offers single frames to another domain by writing entries into pages it shares with the
 * hypervisor. Each entry in use is shadowed by an active entry (who, which frame, how often), so that what the guest
 * does to the shared entry meanwhile changes nothing. Shared and active entries lie in pages that never move.
 *
 * The lock protects everything here, version included. Shared entries are read once into a local, then judged. What
 * the domain maps of others' grants is beside it, under a lock of its own; the two are never held together.
 */
#ifndef IPC_GRANT_H
#define IPC_GRANT_H

#include <core/lock.h>
#include <lib/errno.h>
#include <mm/domain.h>
#include <xen/grant_table.h>

#define GRANT_DEFAULT_MAX_FRAMES  64
#define GRANT_ABSOLUTE_MAX_FRAMES 1024
#define GRANT_DEFAULT_MAX_MAPS    1024      /* pages of 256 records */
#define GRANT_ABSOLUTE_MAX_MAPS   8192

struct grant_active;
struct grant_table;

/* A grant of another domain's that is mapped; its index is the handle. A free one: ref is the next. */
struct grant_map {
    struct grant_table *gt;             /* the granter's, which its frames keep alive */
    u32 ref;
    u16 flags;                          /* GNTMAP_*: parts that are mapped, and how */
};

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

    spinlock_t map_lock;                /* RANK_GRANT */
    u32 max_map_frames;                 /* (c) pages in maps[]; set before the first is used */
    u32 nr_maps, maps_used;             /* (map_lock) records there are, and those not free */
    u32 free_map;                       /* (map_lock) the first free one */
    u32 maps_released;                  /* by the one who ends the domain: records below have been let go of */
    struct grant_map **maps;            /* (map_lock) */
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
    u16 trans_domid;                    /* whose grant trans_ref is passed on; DOMID_INVALID: none is */
    u32 trans_ref;
    struct grant_table *via;            /* the table it was passed on by, and the reference there; or NULL */
    u32 via_ref;
    struct gfn_held held;               /* no frame when passed on, until followed */
};
/* GNTST_okay if the entry lets domain `by` read (write) now; it stays in use until grant_release(). Else a status:
 * bad_domain (dying), bad_gntref, general_error (not for this domain or access), bad_page, no_space. */
s16 must_check grant_acquire(struct grant_table *gt, u32 ref, u16 by, bool write, struct grant_use *use);
/* The same where the entry may also pass another domain's grant on, which the use then says. A second step follows it:
 * next is the table of trans_domid, or NULL; one such step only; on failure nothing is in use any more. */
s16 must_check grant_acquire_passed(struct grant_table *gt, u32 ref, u16 by, bool write, struct grant_use *use);
s16 must_check grant_follow(struct grant_use *use, struct grant_table *next);
void grant_release(struct grant_use *use);

/* ---- mappings: grant_map.c ---- */
/* A handle for a use as wanted says (flags: parts, readonly, contains_pte), not yet visible: settle it with no parts, or
 * with all to undo. Status as grant_acquire(); no_space too when there are no more handles. */
s16 must_check grant_map_begin(struct grant_table *gt, const struct grant_map *wanted, u32 *handle, mfn_t *m);
/* Makes a mapping the caller's alone until settled. GNTST_bad_handle: none, or another one has it. */
s16 must_check grant_map_claim(struct grant_table *gt, u32 handle, struct grant_map *copy, mfn_t *m);
/* These parts are unmapped and no CPU can use them any more. With the last one the use ends and the handle is free. */
void grant_map_settle(struct grant_table *gt, u32 handle, u16 parts);
/* The domain is dying and its vcpus have stopped for good: ends all its uses. 0 or -ERESTART. */
int must_check grant_mappings_release(struct grant_table *gt);

/* ---- entries that change: grant_transfer.c ---- */
/* Gives a frame of from's to the domain of the table through an entry that accepts it. bad_page: in use, or not from's;
 * bad_gntref, address_too_big; general_error: entry not ready, or no room in the account. */
s16 must_check grant_transfer(struct grant_table *to, u32 ref, struct mm_domain *from, mfn_t m);
/* bad_gntref; eagain: one is in use. */
s16 must_check grant_swap(struct grant_table *gt, u32 a, u32 b);

/* How many entries are in use. */
u32 grants_in_use(struct grant_table *gt);
/* Debug key 'g': prints the grants in use. */
void grant_show(struct grant_table *gt);
/* NULL, or the name of the first broken invariant, each being printed. The table must be quiet. */
const char *grant_audit(struct grant_table *gt);
/* For an audit of all tables while nothing is copied: takes the mappings of one domain out of the pins of all tables,
 * or adds them again; in between no pin is left. */
void grant_maps_tally(const struct grant_table *gt, bool add);
const char *grant_pins_audit(const struct grant_table *gt);

#endif
