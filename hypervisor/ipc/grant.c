/* SPDX-License-Identifier: MIT */
/*
 * The grant table itself: its frames, its growth, its version. Entries in use are grant_use.c's.
 * Frames come from the heap and are shared with the domain, which maps them like its own memory; they go back only
 * when nobody maps them. Callers: hcall/grant_table.c, dom/.
 */
#include <ipc/grant_entry.h>
#include <lib/string.h>
#include <machine/map.h>
#include <mm/heap.h>

u32 grant_limit_frames = 64, grant_limit_maps = 1024;

/* ---- frames ---- */

/* A new zeroed frame that the domain may map, writable. */
static void *frame_publish(struct grant_table *gt)
{
    void *p = page_alloc();

    if (p)
        frame_share(frame_of_ptr(p), gt->domid, true);
    return p;
}

/* Takes pages[keep..*nr) back and frees them; all or, when one of them is still mapped (false), none. */
static bool frames_retract(struct grant_table *gt, void **pages, u32 *nr, u32 keep)
{
    for (u32 i = keep; i < *nr; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): *nr is 0 while there is no array. */
        if (frame_unshare(frame_of_ptr(pages[i])))
            continue;
        while (i-- > keep)
            frame_share(frame_of_ptr(pages[i]), gt->domid, true);
        return false;
    }
    while (*nr > keep) {
        --*nr;
        page_clear(pages[*nr]);
        page_free(pages[*nr]);
        pages[*nr] = NULL;
    }
    return true;
}

static int frames_extend(struct grant_table *gt, void **pages, u32 *nr, u32 want)
{
    u32 before = *nr;

    while (*nr < want) {
        pages[*nr] = frame_publish(gt);
        if (!pages[*nr]) {
            /* Fails only for a guest that guessed the number of a new frame: then the table stays longer. */
            (void)!frames_retract(gt, pages, nr, before);
            return -ENOMEM;
        }
        ++*nr;
    }
    return 0;
}

/* Status frames first: there must never be an entry without a status word. */
int grant_grow(struct grant_table *gt, u32 nr)
{
    u32 nr_status;
    int rc = 0;

    if (nr > gt->max_frames)
        return -EINVAL;
    spin_lock(&gt->lock);
    nr_status = gt->nr_status;
    if (gt->version == 2)
        rc = frames_extend(gt, (void **)gt->status, &gt->nr_status, (u32)STATUS_PAGES(nr));
    if (!rc)
        rc = frames_extend(gt, gt->shared, &gt->nr_frames, nr);
    if (rc && gt->nr_status > nr_status && gt->nr_frames < nr)
        (void)!frames_retract(gt, (void **)gt->status, &gt->nr_status, nr_status);
    spin_unlock(&gt->lock);
    return rc;
}

static gfn_t page_gfn(struct grant_table *gt, void **pages, const u32 *nr, u32 i)
{
    gfn_t g = GFN_INVALID;

    spin_lock(&gt->lock);
    if (i < *nr)
        g = gfn(frame_of_ptr(pages[i]).n);
    spin_unlock(&gt->lock);
    return g;
}

gfn_t grant_shared_gfn(struct grant_table *gt, u32 i) { return page_gfn(gt, gt->shared, &gt->nr_frames, i); }
gfn_t grant_status_gfn(struct grant_table *gt, u32 i) { return page_gfn(gt, (void **)gt->status, &gt->nr_status, i); }

u32 grant_frames_max(const struct grant_table *gt, bool status)
{
    return status ? (u32)STATUS_PAGES(gt->max_frames) : gt->max_frames;
}

int grant_frame_get(struct grant_table *gt, bool status, u32 i, mfn_t *m)
{
    u32 shared = status ? i * (u32)(STATUS_PER_PAGE / V2_PER_PAGE) + 1 : i + 1;
    int rc = READ_ONCE(gt->nr_frames) < shared ? grant_grow(gt, shared) : 0;
    gfn_t g;

    if (rc)
        return rc;
    g = status ? grant_status_gfn(gt, i) : grant_shared_gfn(gt, i);
    *m = mfn(g.n);
    return g.n == GFN_INVALID.n ? -EINVAL : 0;
}

/* ---- life ---- */

int grant_table_init(struct grant_table *gt, struct mm_domain *mm, u16 domid, u32 max_frames)
{
    int rc;

    ASSERT(max_frames && max_frames <= GRANT_ABSOLUTE_MAX_FRAMES);
    memset(gt, 0, sizeof(*gt));
    spin_lock_init(&gt->lock, RANK_GRANT);
    gt->domid = domid;
    gt->version = 1;
    gt->max_version = GRANT_MAX_VERSION;
    gt->mm = mm;
    gt->max_frames = max_frames;
    grant_maps_init(gt);
    gt->shared = mem_alloc(max_frames * sizeof(*gt->shared));
    gt->status = mem_alloc(STATUS_PAGES(max_frames) * sizeof(*gt->status));
    gt->active = mem_alloc(ACTIVE_PAGES(max_frames) * sizeof(*gt->active));
    rc = gt->shared && gt->status && gt->active ? grant_grow(gt, 1) : -ENOMEM;
    if (rc && grant_table_fini(gt))
        BUG();      /* nobody has seen a frame */
    return rc;
}

static void frames_abandon(struct grant_table *gt, void **pages, u32 *nr)
{
    while (*nr) {
        --*nr;
        mm_abandon_shared(gt->mm, frame_of_ptr(pages[*nr]));
        pages[*nr] = NULL;
    }
}

void grant_frames_abandon(struct grant_table *gt)
{
    spin_lock(&gt->lock);
    frames_abandon(gt, (void **)gt->status, &gt->nr_status);
    frames_abandon(gt, gt->shared, &gt->nr_frames);
    spin_unlock(&gt->lock);
}

int grant_table_fini(struct grant_table *gt)
{
    if (!frames_retract(gt, (void **)gt->status, &gt->nr_status, 0) || !frames_retract(gt, gt->shared, &gt->nr_frames, 0))
        return -EBUSY;
    grant_maps_fini(gt);
    for (u32 i = 0; gt->active && i < ACTIVE_PAGES(gt->max_frames); i++)
        if (gt->active[i])
            page_free(gt->active[i]);
    mem_free(gt->shared);
    mem_free(gt->status);
    mem_free(gt->active);
    gt->shared = NULL;
    gt->status = NULL;
    gt->active = NULL;
    return 0;
}

/* ---- versions ---- */

/* An entry of either version, as far as it can be carried over. */
struct reserved_entry {
    u16 flags;
    u16 domid;
    u64 frame;
};

static int reserved_read(const struct grant_table *gt, u32 ref, struct reserved_entry *e)
{
    union grant_entry_v2 v2;
    bool carried;

    if (gt->version == 1) {
        struct grant_entry_v1 v1 = *(volatile struct grant_entry_v1 *)entry_v1(gt, ref);

        *e = (struct reserved_entry){ v1.flags, v1.domid, v1.frame };
        return 0;
    }
    v2 = *(volatile union grant_entry_v2 *)entry_v2(gt, ref);
    *e = (struct reserved_entry){ v2.hdr.flags | *entry_status(gt, ref), v2.hdr.domid, v2.full_page.frame };
    carried = (e->flags & GTF_type_mask) == GTF_permit_access && !(e->flags & GTF_sub_page) && e->frame <= ~0u;
    if ((e->flags & GTF_type_mask) != GTF_invalid && !carried)
        return -ERANGE;
    return 0;
}

static void reserved_write(const struct grant_table *gt, u32 ref, const struct reserved_entry *e)
{
    u16 in_use = e->flags & (GTF_reading | GTF_writing);

    if ((e->flags & GTF_type_mask) == GTF_invalid)
        return;
    if (gt->version == 1) {
        *entry_v1(gt, ref) = (struct grant_entry_v1){ e->flags, e->domid, (u32)e->frame };
        return;
    }
    entry_v2(gt, ref)->full_page.frame = e->frame;
    entry_v2(gt, ref)->hdr.domid = e->domid;
    entry_v2(gt, ref)->hdr.flags = e->flags & (u16)~in_use;
    *entry_status(gt, ref) = in_use;
}

static int change_version(struct grant_table *gt, u8 version)
{
    struct reserved_entry reserved[GNTTAB_NR_RESERVED_ENTRIES];
    int rc = 0;

    for (u32 ref = GNTTAB_NR_RESERVED_ENTRIES; ref < grant_entries(gt); ref++)
        if (entry_in_use(gt, ref))
            return -EBUSY;
    for (u32 ref = 0; ref < ARRAY_SIZE(reserved); ref++)
        if ((rc = reserved_read(gt, ref, &reserved[ref])) != 0)
            return rc;
    if (version == 2)
        rc = frames_extend(gt, (void **)gt->status, &gt->nr_status, (u32)STATUS_PAGES(gt->nr_frames));
    else if (!frames_retract(gt, (void **)gt->status, &gt->nr_status, 0))
        rc = -EBUSY;
    if (rc)
        return rc;
    gt->version = version;
    for (u32 i = 0; i < gt->nr_frames; i++)
        page_clear(gt->shared[i]);
    for (u32 ref = 0; ref < ARRAY_SIZE(reserved); ref++)
        reserved_write(gt, ref, &reserved[ref]);
    return 0;
}

int grant_set_version(struct grant_table *gt, u32 version)
{
    int rc = 0;

    if (version != 1 && version != 2)
        return -EINVAL;
    if (version > gt->max_version)
        return -ENOSYS;         /* as if the operation did not exist: guests go on with version 1 */
    spin_lock(&gt->lock);
    if (version != gt->version)
        rc = change_version(gt, (u8)version);
    spin_unlock(&gt->lock);
    return rc;
}
