/* SPDX-License-Identifier: MIT */
/*
 * What a domain maps of others' grants: a record for each handle, in pages that never move. A record is one use of the
 * grant: the entry is pinned and the frame held until all parts (host, device) are unmapped. Page-table entries hold
 * what any entry holds, beside it. A guest that loses such an entry otherwise than by unmapping drops that entry's
 * references and nothing else; what it then cannot unmap any more stays in use until it dies.
 *
 * Who works on a record makes it busy under the lock; then it is his alone, without the lock, until settled.
 */
#include <core/work.h>
#include <ipc/grant_entry.h>
#include <lib/string.h>
#include <mm/heap.h>

#define MAPS_PER_PAGE (PAGE_SIZE / sizeof(struct grant_map))
#define NO_MAP        (~0u)
#define PARTS         (GNTMAP_host_map | GNTMAP_device_map)
#define BUSY          0x8000u
#define MAPS_PER_STEP 32

static struct grant_map *map_at(const struct grant_table *gt, u32 handle)
{
    return &gt->maps[handle / MAPS_PER_PAGE][handle % MAPS_PER_PAGE];
}

static struct grant_use use_of(const struct grant_map *map)
{
    return grant_use_again(map->gt, map->ref, !(map->flags & GNTMAP_readonly));
}

/* ---- records ---- */

/* Lock held. One more page of free records; false: limit or no memory. */
static bool extend(struct grant_table *gt)
{
    u32 page = gt->nr_maps / (u32)MAPS_PER_PAGE;
    struct grant_map *records;

    if (page >= gt->max_map_frames)
        return false;
    if (!gt->maps)
        gt->maps = mem_alloc(gt->max_map_frames * sizeof(*gt->maps));
    records = gt->maps ? page_alloc() : NULL;
    if (!records)
        return false;
    gt->maps[page] = records;
    for (u32 i = MAPS_PER_PAGE; i-- > 0;) {
        records[i].ref = gt->free_map;
        gt->free_map = gt->nr_maps + i;
    }
    gt->nr_maps += MAPS_PER_PAGE;
    return true;
}

/* A record, busy. */
static s16 record_take(struct grant_table *gt, u32 *handle)
{
    s16 status = GNTST_no_space;

    spin_lock(&gt->map_lock);
    if (gt->free_map != NO_MAP || extend(gt)) {
        *handle = gt->free_map;
        gt->free_map = map_at(gt, *handle)->ref;
        map_at(gt, *handle)->flags = BUSY;
        gt->maps_used++;
        status = GNTST_okay;
    }
    spin_unlock(&gt->map_lock);
    return status;
}

void grant_maps_init(struct grant_table *gt)
{
    spin_lock_init(&gt->map_lock, RANK_GRANT);
    gt->max_map_frames = grant_limit_maps;
    gt->free_map = NO_MAP;
}

void grant_maps_fini(struct grant_table *gt)
{
    ASSERT(!gt->maps_used);
    for (u32 page = 0; page < gt->nr_maps / MAPS_PER_PAGE; page++)
        page_free(gt->maps[page]);
    mem_free(gt->maps);
    gt->maps = NULL;
    gt->nr_maps = 0;
    gt->free_map = NO_MAP;
}

/* Nothing came of a mapping: if it was the only one, the room made for it goes, too. */
static void trim(struct grant_table *gt)
{
    spin_lock(&gt->map_lock);
    if (!gt->maps_used)
        grant_maps_fini(gt);
    spin_unlock(&gt->map_lock);
}

/* ---- mapping ---- */

/* The grant's use, recorded. A part of a page cannot be mapped. */
static s16 acquire_whole(struct grant_table *gt, const struct grant_map *wanted, u32 handle, mfn_t *m)
{
    struct grant_use use;
    s16 status = grant_acquire(wanted->gt, wanted->ref, gt->domid, !(wanted->flags & GNTMAP_readonly), &use);

    if (status == GNTST_okay && use.length != PAGE_SIZE) {
        grant_release(&use);
        status = GNTST_general_error;
    }
    if (status) {
        grant_map_settle(gt, handle, PARTS);
        return status;
    }
    *map_at(gt, handle) = (struct grant_map){ wanted->gt, wanted->ref, wanted->flags | BUSY };
    *m = gfn_held_mfn(&use.held);
    return GNTST_okay;
}

s16 grant_map_begin(struct grant_table *gt, const struct grant_map *wanted, u32 *handle, mfn_t *m)
{
    s16 status = record_take(gt, handle);

    if (status == GNTST_okay)
        status = acquire_whole(gt, wanted, *handle, m);
    if (status)
        trim(gt);
    return status;
}

s16 grant_map_claim(struct grant_table *gt, u32 handle, struct grant_map *copy, mfn_t *m)
{
    struct grant_map *map;
    s16 status = GNTST_bad_handle;
    struct grant_use use;

    spin_lock(&gt->map_lock);
    map = handle < gt->nr_maps ? map_at(gt, handle) : NULL;
    if (map && (map->flags & PARTS) && !(map->flags & BUSY)) {
        *copy = *map;
        map->flags |= BUSY;
        status = GNTST_okay;
    }
    spin_unlock(&gt->map_lock);
    if (status == GNTST_okay) {
        use = use_of(copy);
        *m = gfn_held_mfn(&use.held);
    }
    return status;
}

void grant_map_settle(struct grant_table *gt, u32 handle, u16 parts)
{
    struct grant_map *map = map_at(gt, handle);
    u16 flags = map->flags & (u16)~(parts | BUSY);
    bool gone = !(flags & PARTS);
    struct grant_use use;

    if (gone && map->gt) {
        use = use_of(map);
        grant_release(&use);
    }
    spin_lock(&gt->map_lock);
    map->flags = flags;
    if (gone) {
        *map = (struct grant_map){ NULL, gt->free_map, 0 };
        gt->free_map = handle;
        gt->maps_used--;
    }
    spin_unlock(&gt->map_lock);
}

int grant_mappings_release(struct grant_table *gt)
{
    while (gt->maps_released < gt->nr_maps) {
        u32 handle = gt->maps_released++;

        if (map_at(gt, handle)->flags & PARTS)
            grant_map_settle(gt, handle, PARTS);
        if (gt->maps_released % MAPS_PER_STEP == 0 && preempt_point())
            return -ERESTART;
    }
    return 0;
}

/* ---- looking ---- */

void grant_maps_show(struct grant_table *gt)
{
    spin_lock(&gt->map_lock);
    if (gt->maps_used)
        printk("  maps of others: %u of %u, at most %u\n", gt->maps_used, gt->nr_maps,
               gt->max_map_frames * (u32)MAPS_PER_PAGE);
    for (u32 handle = 0; handle < gt->nr_maps; handle++) {
        const struct grant_map *map = map_at(gt, handle);

        if (map->flags & PARTS)
            printk("  handle %u: domain %u reference %u, flags %x\n", handle, map->gt->domid, map->ref, map->flags);
    }
    spin_unlock(&gt->map_lock);
}

static bool record_sound(const struct grant_map *map)
{
    const struct grant_active *a = map->gt ? entry_active(map->gt, map->ref) : NULL;

    return a && !(map->flags & BUSY) && (map->flags & GNTMAP_readonly ? a->readers : a->writers);
}

const char *grant_maps_audit(const struct grant_table *gt)
{
    u32 used = 0, free = 0;

    for (u32 handle = 0; handle < gt->nr_maps; handle++) {
        const struct grant_map *map = map_at(gt, handle);

        if (!map->flags)
            continue;
        used++;
        if (!record_sound(map))
            return "grant-map-pinned";
    }
    for (u32 handle = gt->free_map; handle < gt->nr_maps && free <= gt->nr_maps; handle = map_at(gt, handle)->ref)
        free++;
    return used != gt->maps_used || used + free != gt->nr_maps ? "grant-map-records" : NULL;
}

void grant_maps_tally(const struct grant_table *gt, bool add)
{
    for (u32 handle = 0; handle < gt->nr_maps; handle++) {
        const struct grant_map *map = map_at(gt, handle);
        struct grant_active *a = map->flags & PARTS ? entry_active(map->gt, map->ref) : NULL;
        u16 *pins = a ? (map->flags & GNTMAP_readonly ? &a->readers : &a->writers) : NULL;

        if (pins)
            *pins = (u16)(*pins + (add ? 1 : -1));
    }
}
