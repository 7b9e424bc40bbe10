/* SPDX-License-Identifier: MIT */
/*
 * A small model of page types and references: what each operation must answer and what the counts are afterwards. It
 * knows nothing of preemption, flags or compare-and-swap: an operation happens whole, or fails and changes nothing.
 */
#ifndef TESTS_PROPERTY_PAGE_MODEL_H
#define TESTS_PROPERTY_PAGE_MODEL_H

#include "unit/mm_fixture.h"

#define PAGES 20
#define SLOTS 5
static const unsigned slot_index[SLOTS] = { 0, 1, 255, 260, 511 };
#define HOLE_SLOT 3

/* Names a frame: in memory that is no table, one that may have been freed or got another owner meanwhile. */
struct model_entry { bool present, rw, bad; mfn_t m; };
struct model_page {
    mfn_t m;
    bool live, released, pinned;
    unsigned owner, refs, type, count;
    struct model_entry slots[SLOTS];
};
static struct model_page pages[PAGES];

static inline void model_new(int p, unsigned owner, mfn_t m)
{
    pages[p] = (struct model_page){ .m = m, .live = true, .owner = owner, .refs = 1 };
}

/* The page that has the frame, or -1. */
static inline int model_find(mfn_t m)
{
    for (int p = 0; p < PAGES; p++)
        if (pages[p].live && mfn_eq(pages[p].m, m))
            return p;
    return -1;
}

static inline bool model_get(int p, unsigned d)
{
    if (p < 0 || !pages[p].live || pages[p].owner != d)
        return false;
    pages[p].refs++;
    return true;
}

/* The frame is the heap's again when the last reference goes. */
static inline void model_put(int p)
{
    if (--pages[p].refs == 0)
        pages[p].live = false;
}

static inline bool model_simple_get(int p, unsigned d, unsigned type)
{
    struct model_page *page = &pages[max(p, 0)];

    if (p < 0 || !page->live || page->owner != d || (page->count && page->type != type))
        return false;
    page->refs++;
    page->type = type;
    page->count++;
    return true;
}

static inline void model_simple_put(int p)
{
    pages[p].count--;
    model_put(p);
}

static inline bool model_table_get(int p, unsigned d, unsigned type);
static inline void model_table_put(int p);

static inline bool model_entry_get(const struct model_entry *e, unsigned level, unsigned d, unsigned subject)
{
    if (!e->present)
        return true;
    if (e->bad)
        return false;
    if (level > 1)
        return model_table_get(model_find(e->m), d, TYPE_L1 + level - 2);
    return e->rw ? model_simple_get(model_find(e->m), subject, TYPE_WRITABLE) : model_get(model_find(e->m), subject);
}

static inline void model_entry_put(const struct model_entry *e, unsigned level)
{
    if (!e->present)
        return;
    if (level > 1)
        model_table_put(model_find(e->m));
    else if (e->rw)
        model_simple_put(model_find(e->m));
    else
        model_put(model_find(e->m));
}

static inline void model_entries_put(int p, unsigned level, unsigned end)
{
    for (unsigned i = 0; i < end; i++)
        if (level < 4 || i != HOLE_SLOT)
            model_entry_put(&pages[p].slots[i], level);
}

static inline bool model_table_get(int p, unsigned d, unsigned type)
{
    unsigned level = type - TYPE_L1 + 1;

    if (!model_simple_get(p, d, type))
        return false;
    if (pages[p].count > 1)
        return true;
    for (unsigned i = 0; i < SLOTS; i++) {
        if ((level == 4 && i == HOLE_SLOT) || model_entry_get(&pages[p].slots[i], level, d, d))
            continue;
        model_entries_put(p, level, i);
        model_simple_put(p);
        return false;
    }
    if (level == 4)
        pages[p].slots[HOLE_SLOT] = (struct model_entry){ .present = false };   /* the hypervisor's; 0 here */
    return true;
}

static inline void model_table_put(int p)
{
    if (--pages[p].count == 0)
        model_entries_put(p, pages[p].type - TYPE_L1 + 1, SLOTS);
    model_put(p);
}

static inline bool model_is_table(int p)
{
    return pages[p].live && pages[p].count && pages[p].type >= TYPE_L1 && pages[p].type <= TYPE_L4;
}

static inline bool model_pin(int p, unsigned d, unsigned type)
{
    if (!model_table_get(p, d, type))
        return false;
    if (pages[p].pinned) {
        model_table_put(p);
        return false;
    }
    return pages[p].pinned = true;
}

static inline bool model_unpin(int p, unsigned d)
{
    if (!pages[p].live || pages[p].owner != d || !pages[p].pinned)
        return false;
    pages[p].pinned = false;
    model_table_put(p);
    return true;
}

static inline bool model_update(int p, unsigned d, unsigned slot, struct model_entry new, unsigned subject)
{
    unsigned level = pages[p].type - TYPE_L1 + 1;
    struct model_entry *e = &pages[p].slots[slot], old;

    if (!model_is_table(p) || pages[p].owner != d || (level == 4 && slot == HOLE_SLOT))
        return false;
    if (e->present && new.present && mfn_eq(e->m, new.m) && !new.bad && (level > 1 || e->rw == new.rw)) {
        e->rw = new.rw;
        return true;
    }
    if (!model_entry_get(&new, level, d, subject))
        return false;
    old = *e;
    *e = new;
    model_entry_put(&old, level);
    return true;
}

/* An ordinary write of the guest's: the page must be, or become for that moment, writable. */
static inline bool model_write(int p, unsigned d, unsigned slot, struct model_entry new)
{
    if (!model_simple_get(p, d, TYPE_WRITABLE))
        return false;
    pages[p].slots[slot] = new;
    model_simple_put(p);
    return true;
}

static inline bool model_release(int p)
{
    if (!pages[p].live || pages[p].released)
        return false;
    pages[p].released = true;
    model_put(p);
    return true;
}

#endif
