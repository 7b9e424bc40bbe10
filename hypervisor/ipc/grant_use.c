/* SPDX-License-Identifier: MIT */
/*
 * Grants in use: judging a shared entry, pinning it, letting it go. The first use of an entry records who and which
 * frame in its active entry; later uses go by that record, whatever the guest writes into the shared entry since.
 * Each use holds the frame by itself. The reading and writing flags tell the granter that the entry must not be
 * taken back: set before the first use of the kind, cleared after the frame has been let go of.
 */
#include <ipc/grant_entry.h>
#include <lib/string.h>
#include <machine/map.h>
#include <mm/heap.h>

#define FLAG_ATTEMPTS 5             /* a granter that keeps changing the entry meanwhile is told off */

/* What an entry grants, as read once. */
struct grant_terms {
    u64 frame;                      /* or reference, when passed on */
    u16 offset, length, trans_domid;
};

static bool flags_permit(u16 flags, u16 domid, u16 by, bool write)
{
    return domid == by && !(write && (flags & GTF_readonly));
}

/* Version 1: flags and domid are one word, the in-use flags are set only if it still says what was judged. */
static s16 claim_v1(struct grant_table *gt, u32 ref, u16 by, bool write, struct grant_terms *t)
{
    struct grant_entry_v1 *e = entry_v1(gt, ref);
    u32 *word = (u32 *)e, old = READ_ONCE(*word);
    u16 in_use = write ? GTF_reading | GTF_writing : GTF_reading;

    for (unsigned i = 0; i < FLAG_ATTEMPTS; i++) {
        if ((old & GTF_type_mask) != GTF_permit_access || !flags_permit((u16)old, (u16)(old >> 16), by, write))
            return GNTST_general_error;
        if (__atomic_compare_exchange_n(word, &old, old | in_use, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            *t = (struct grant_terms){ READ_ONCE(e->frame), 0, PAGE_SIZE, DOMID_INVALID };
            return GNTST_okay;
        }
    }
    return GNTST_general_error;
}

static bool terms_v2(const union grant_entry_v2 *e, struct grant_terms *t)
{
    switch (e->hdr.flags & GTF_type_mask) {
    case GTF_permit_access:
        *t = (struct grant_terms){ e->full_page.frame, 0, PAGE_SIZE, DOMID_INVALID };
        if (e->hdr.flags & GTF_sub_page) {
            t->offset = e->sub_page.page_off;
            t->length = e->sub_page.length;
        }
        return t->offset + t->length <= (int)PAGE_SIZE;
    case GTF_transitive:
        *t = (struct grant_terms){ e->transitive.gref, 0, PAGE_SIZE, e->transitive.trans_domid };
        return t->trans_domid < DOMID_FIRST_RESERVED;
    }
    return false;
}

/* Version 2: the in-use flags are apart; they are set first, then the entry is judged. */
static s16 claim_v2(struct grant_table *gt, u32 ref, u16 by, bool write, struct grant_terms *t)
{
    u16 in_use = write ? GTF_reading | GTF_writing : GTF_reading;
    u16 before = __atomic_fetch_or(entry_status(gt, ref), in_use, __ATOMIC_SEQ_CST);
    union grant_entry_v2 e = *(volatile union grant_entry_v2 *)entry_v2(gt, ref);

    if (terms_v2(&e, t) && flags_permit(e.hdr.flags, e.hdr.domid, by, write))
        return GNTST_okay;
    __atomic_store_n(entry_status(gt, ref), before, __ATOMIC_SEQ_CST);
    return GNTST_general_error;
}

/* The entry's in-use flags become what the remaining pins say. */
static void flags_update(struct grant_table *gt, u32 ref, const struct grant_active *a)
{
    u16 idle = (a->writers ? 0 : GTF_writing) | (a->readers || a->writers ? 0 : GTF_reading), *flags;

    if (ref >= grant_entries(gt))
        return;                     /* the granter is dead and has taken its pages back */
    flags = gt->version == 1 ? &entry_v1(gt, ref)->flags : entry_status(gt, ref);
    __atomic_fetch_and(flags, (u16)~idle, __ATOMIC_SEQ_CST);
}

/* The active entry, made if need be. NULL: no memory. */
static struct grant_active *active_make(struct grant_table *gt, u32 ref)
{
    struct grant_active **page = &gt->active[ref / ACTIVE_PER_PAGE];

    if (!*page)
        *page = page_alloc();
    return entry_active(gt, ref);
}

/* Lock held. Adds a pin if the entry, or the record of its present use, allows it. */
static s16 pin(struct grant_table *gt, u32 ref, u16 by, bool write, struct grant_active *a)
{
    struct grant_terms terms = { .length = 0 };
    bool idle = !a->readers && !a->writers;
    s16 status;

    if (!idle && (a->by != by || a->readers + a->writers >= GRANT_PINS_MAX))
        return GNTST_general_error;
    if (idle || (write && !a->writers)) {
        status = gt->version == 1 ? claim_v1(gt, ref, by, write, &terms) : claim_v2(gt, ref, by, write, &terms);
        if (status)
            return status;
    }
    if (idle) {
        a->by = by;
        a->gfn = terms.frame;
        a->offset = terms.offset;
        a->length = terms.length;
        a->trans_domid = terms.trans_domid;
    }
    if (write)
        a->writers++;
    else
        a->readers++;
    return GNTST_okay;
}

static void unpin(struct grant_table *gt, u32 ref, bool write)
{
    struct grant_active *a = entry_active(gt, ref);

    if (write)
        a->writers--;
    else
        a->readers--;
    flags_update(gt, ref, a);
}

/* Lock held. Pins the entry and holds its frame. */
static s16 acquire(struct grant_table *gt, u32 ref, u16 by, bool write, struct grant_use *use)
{
    struct grant_active *a;
    s16 status;

    if (READ_ONCE(gt->mm->dying))
        return GNTST_bad_domain;
    if (ref >= grant_entries(gt))
        return GNTST_bad_gntref;
    a = active_make(gt, ref);
    if (!a)
        return GNTST_no_space;
    status = pin(gt, ref, by, write, a);
    if (status)
        return status;
    *use = (struct grant_use){ .gt = gt, .ref = ref, .write = write, .offset = a->offset, .length = a->length,
                               .trans_domid = a->trans_domid, .trans_ref = (u32)a->gfn };
    if (a->trans_domid == DOMID_INVALID && gfn_hold(gt->mm, gfn(a->gfn), write ? HOLD_WRITE : HOLD_READ, &use->held)) {
        unpin(gt, ref, write);
        return GNTST_bad_page;
    }
    return GNTST_okay;
}

s16 grant_acquire_passed(struct grant_table *gt, u32 ref, u16 by, bool write, struct grant_use *use)
{
    s16 status;

    spin_lock(&gt->lock);
    status = acquire(gt, ref, by, write, use);
    spin_unlock(&gt->lock);
    return status;
}

s16 grant_acquire(struct grant_table *gt, u32 ref, u16 by, bool write, struct grant_use *use)
{
    s16 status = grant_acquire_passed(gt, ref, by, write, use);

    if (status == GNTST_okay && use->trans_domid != DOMID_INVALID) {
        grant_release(use);
        status = GNTST_general_error;
    }
    return status;
}

s16 grant_follow(struct grant_use *use, struct grant_table *next)
{
    struct grant_use first = *use;
    s16 status = GNTST_general_error;

    if (next && next != first.gt)
        status = grant_acquire(next, first.trans_ref, first.gt->domid, first.write, use);
    if (status) {
        grant_release(&first);
        return status;
    }
    use->via = first.gt;
    use->via_ref = first.ref;
    return GNTST_okay;
}

struct grant_use grant_use_again(struct grant_table *gt, u32 ref, bool write)
{
    const struct grant_active *a = entry_active(gt, ref);

    return (struct grant_use){ .gt = gt, .ref = ref, .write = write, .trans_domid = DOMID_INVALID,
                               .held = { gt->mm, frame_entry(mfn(a->gfn)), write ? HOLD_WRITE : HOLD_READ } };
}

static void unpin_locked(struct grant_table *gt, u32 ref, bool write)
{
    spin_lock(&gt->lock);
    unpin(gt, ref, write);
    spin_unlock(&gt->lock);
}

void grant_release(struct grant_use *use)
{
    if (use->held.frame)
        gfn_release(&use->held);
    unpin_locked(use->gt, use->ref, use->write);
    if (use->via)
        unpin_locked(use->via, use->via_ref, use->write);
}

/* ---- looking ---- */

u32 grants_in_use(struct grant_table *gt)
{
    u32 used = 0;

    spin_lock(&gt->lock);
    for (u32 ref = 0; ref < grant_entries(gt); ref++)
        used += entry_in_use(gt, ref);
    spin_unlock(&gt->lock);
    return used;
}

void grant_show(struct grant_table *gt)
{
    spin_lock(&gt->lock);
    printk("Grant table of domain %u: version %u, %u of %u frames\n", gt->domid, gt->version, gt->nr_frames,
           gt->max_frames);
    for (u32 ref = 0; ref < grant_entries(gt); ref++) {
        const struct grant_active *a = entry_active(gt, ref);

        if (entry_in_use(gt, ref))
            printk("  %5u: domain %u, frame %lx [%u, +%u), %u read, %u write\n", ref, a->by, a->gfn, a->offset,
                   a->length, a->readers, a->writers);
    }
    spin_unlock(&gt->lock);
    grant_maps_show(gt);
}

static bool frames_shared(const struct grant_table *gt, void *const *pages, u32 nr)
{
    for (u32 i = 0; i < nr; i++) {
        const struct frame *f = pages[i] ? frame_entry(frame_of_ptr(pages[i])) : NULL;

        if (!f || frame_owner(f) != gt->domid || !(READ_ONCE(f->refs) & FRAME_HEAP) || frame_type(f) != TYPE_WRITABLE)
            return false;
    }
    return true;
}

static bool sizes_consistent(const struct grant_table *gt)
{
    return gt->nr_frames <= gt->max_frames &&
           (gt->version == 1 ? !gt->nr_status : gt->version == 2 && gt->nr_status >= STATUS_PAGES(gt->nr_frames));
}

static bool use_holds_frame(const struct grant_table *gt, u32 ref)
{
    const struct grant_active *a = entry_active(gt, ref);

    return a->trans_domid != DOMID_INVALID || !frame_valid(mfn(a->gfn)) || frame_refs(frame_entry(mfn(a->gfn))) >= (u32)a->readers + a->writers;
}

const char *grant_audit(struct grant_table *gt)
{
    const char *broken = grant_maps_audit(gt);

    spin_lock(&gt->lock);
    if (broken)
        ;
    else if (!sizes_consistent(gt))
        broken = "grant-sizes";
    else if (!frames_shared(gt, gt->shared, gt->nr_frames) || !frames_shared(gt, (void **)gt->status, gt->nr_status))
        broken = "grant-frames-shared";
    for (u32 ref = 0; !broken && ref < ACTIVE_PAGES(gt->max_frames) * ACTIVE_PER_PAGE; ref++) {
        if (!entry_in_use(gt, ref))
            continue;
        if (ref >= grant_entries(gt))
            broken = "grant-use-beyond-table";
        else if (!use_holds_frame(gt, ref))
            broken = "grant-use-holds-frame";
    }
    if (broken)
        pr_err("audit: %s: domain %u\n", broken, gt->domid);
    spin_unlock(&gt->lock);
    return broken;
}

const char *grant_pins_audit(const struct grant_table *gt)
{
    for (u32 ref = 0; ref < ACTIVE_PAGES(gt->max_frames) * ACTIVE_PER_PAGE; ref++)
        if (entry_in_use(gt, ref)) {
            pr_err("audit: grant-pins-mapped: domain %u reference %u\n", gt->domid, ref);
            return "grant-pins-mapped";
        }
    return NULL;
}
