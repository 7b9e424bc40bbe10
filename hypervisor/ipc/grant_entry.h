/* SPDX-License-Identifier: MIT */
/* Where the entries of a grant table are; shared by grant.c (the table) and grant_use.c (entries in use). */
#ifndef IPC_GRANT_ENTRY_H
#define IPC_GRANT_ENTRY_H

#include <ipc/grant.h>

/* What the hypervisor remembers of an entry in use; pins say how many uses there are. */
struct grant_active {
    u16 readers, writers;               /* uses of each kind; a writer is not counted as a reader */
    u16 by;                             /* the domain that uses it */
    u16 offset, length;                 /* part of the page it covers */
    u16 trans_domid;                    /* whose grant is passed on: gfn is the reference; DOMID_INVALID: a frame */
    u64 gfn;                            /* the frame, as named when the first use began */
};
#define GRANT_PINS_MAX 0xff

#define V1_PER_PAGE     (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define V2_PER_PAGE     (PAGE_SIZE / sizeof(union grant_entry_v2))
#define STATUS_PER_PAGE (PAGE_SIZE / sizeof(grant_status_t))
#define ACTIVE_PER_PAGE (PAGE_SIZE / 32)
_Static_assert(sizeof(struct grant_active) <= 32, "a page of active entries");
/* Longest arrays a table of n frames can need. */
#define ACTIVE_PAGES(n) ((n) * (V1_PER_PAGE / ACTIVE_PER_PAGE))
#define STATUS_PAGES(n) (((n) * V2_PER_PAGE + STATUS_PER_PAGE - 1) / STATUS_PER_PAGE)

static inline u32 grant_entries(const struct grant_table *gt)
{
    return gt->nr_frames * (u32)(gt->version == 1 ? V1_PER_PAGE : V2_PER_PAGE);
}

static inline struct grant_entry_v1 *entry_v1(const struct grant_table *gt, u32 ref)
{
    return (struct grant_entry_v1 *)gt->shared[ref / V1_PER_PAGE] + ref % V1_PER_PAGE;
}

static inline union grant_entry_v2 *entry_v2(const struct grant_table *gt, u32 ref)
{
    return (union grant_entry_v2 *)gt->shared[ref / V2_PER_PAGE] + ref % V2_PER_PAGE;
}

static inline grant_status_t *entry_status(const struct grant_table *gt, u32 ref)
{
    return &gt->status[ref / STATUS_PER_PAGE][ref % STATUS_PER_PAGE];
}

/* NULL while no entry of its page was ever used. */
static inline struct grant_active *entry_active(const struct grant_table *gt, u32 ref)
{
    struct grant_active *page = gt->active[ref / ACTIVE_PER_PAGE];

    return page ? page + ref % ACTIVE_PER_PAGE : NULL;
}

static inline bool entry_in_use(const struct grant_table *gt, u32 ref)
{
    const struct grant_active *a = entry_active(gt, ref);

    return a && (a->readers || a->writers);
}

/* One of the uses of an entry that is in use; to be released once. */
struct grant_use grant_use_again(struct grant_table *gt, u32 ref, bool write);

void grant_maps_init(struct grant_table *gt);
void grant_maps_fini(struct grant_table *gt);
void grant_maps_show(struct grant_table *gt);
const char *grant_maps_audit(const struct grant_table *gt);

#endif
