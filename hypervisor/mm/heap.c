/* SPDX-License-Identifier: MIT */
/*
 * Buddy allocator. Owns the descriptors of free frames: the first frame of a free block carries FRAME_FREE, its order
 * in the count, and the links of its list; the others say FRAME_INNER, or nothing if they were never in use.
 *
 * Lists are kept per zone and order. Zone z holds the frames whose numbers need z bits, [2^(z-1), 2^z): a naturally
 * aligned block never crosses zones (frame 0 is never free), and an address width is a number of zones.
 *
 * Callers: mm/domain.c and the pools. One lock, RANK_HEAP; the flush that a reuse may need is done outside of it.
 */
#include <core/lock.h>
#include <lib/bitmap.h>
#include <machine/cpu.h>
#include <machine/fault.h>
#include <mm/flush.h>
#include <mm/frame.h>
#include <mm/heap.h>

#define ZONES 33                        /* links are 32-bit frame numbers */
#define ORDERS (HEAP_MAX_ORDER + 1)
#define LOW_ZONES (32 - PAGE_SHIFT)     /* below 4 GiB */
#define FRAME_INNER (FRAME_FREE | 63)   /* free, not the first frame of its block */
#define RESERVE_MAX_PAGES (128UL << (20 - PAGE_SHIFT))

static struct {
    spinlock_t lock;
    u32 lists[ZONES][ORDERS];           /* first block; FRAME_NIL: none */
    u32 orders[ZONES];                  /* bit: that list is not empty */
    u64 free_pages[ZONES];
    u64 low_free_pages;                 /* of zones <= LOW_ZONES */
    u64 all_free_pages, total_pages;
} heap;

static unsigned zone_of(u64 n) { return 64 - (unsigned)__builtin_clzl(n); }

static struct frame *block(u64 n) { return frame_entry(mfn(n)); }
static bool is_free_block(const struct frame *f, unsigned order) { return f->refs == (FRAME_FREE | order); }

/* ---- lists ---- */

static void account(unsigned zone, s64 pages)
{
    heap.free_pages[zone] += (u64)pages;
    heap.all_free_pages += (u64)pages;
    if (zone <= LOW_ZONES)
        heap.low_free_pages += (u64)pages;
}

static void block_insert(u64 n, unsigned order)
{
    unsigned zone = zone_of(n);
    u32 *list = &heap.lists[zone][order];
    struct frame *f = block(n);

    f->refs = FRAME_FREE | order;
    f->free_next = *list;
    f->free_prev = FRAME_NIL;
    if (*list != FRAME_NIL)
        block(*list)->free_prev = (u32)n;
    *list = (u32)n;
    heap.orders[zone] |= 1u << order;
    account(zone, 1L << order);
}

static void block_remove(u64 n, unsigned order)
{
    unsigned zone = zone_of(n);
    struct frame *f = block(n);

    if (f->free_prev != FRAME_NIL)
        block(f->free_prev)->free_next = f->free_next;
    else
        heap.lists[zone][order] = f->free_next;
    if (f->free_next != FRAME_NIL)
        block(f->free_next)->free_prev = f->free_prev;
    if (heap.lists[zone][order] == FRAME_NIL)
        heap.orders[zone] &= ~(1u << order);
    f->refs = FRAME_INNER;
    account(zone, -(1L << order));
}

/* ---- allocation ---- */

/* Pages below 4 GiB that only callers with a narrow device get. */
u64 heap_reserve_pages(void) { return min(heap.total_pages / 16, RESERVE_MAX_PAGES); }

/* The highest zone with a block big enough, 0: none. */
static unsigned find_zone(unsigned order, unsigned width_bits)
{
    unsigned top = width_bits > PAGE_SHIFT ? min(width_bits - PAGE_SHIFT, ZONES - 1u) : 0;
    bool low_allowed = width_bits <= 32 || heap.low_free_pages >= heap_reserve_pages() + BIT(order);

    for (unsigned zone = top; zone > (low_allowed ? 0 : LOW_ZONES); zone--)
        if (heap.orders[zone] >> order)
            return zone;
    return 0;
}

/* Takes a block of the zone and gives back the halves that are not needed; the upper part is kept. */
static u64 take_from(unsigned zone, unsigned order)
{
    unsigned have = order + (unsigned)__builtin_ctz(heap.orders[zone] >> order);
    u64 n = heap.lists[zone][have];
    u32 stamp = block(n)->stamp;

    block_remove(n, have);
    while (have > order) {
        have--;
        block(n)->stamp = stamp;
        block_insert(n, have);
        n += BIT(have);
    }
    block(n)->stamp = stamp;
    return n;
}

/* No CPU may use a translation from the frames' last life. A block's first frame has the latest stamp of all. */
static void make_safe(u64 n, unsigned order)
{
    u32 stamp = block(n)->stamp;

    flush_stale(stamp);
    for (u64 i = 0; i < BIT(order); i++)
        *block(n + i) = (struct frame){ .stamp = stamp };
}

mfn_t heap_alloc(unsigned order, unsigned width_bits)
{
    unsigned zone;
    u64 n = 0;

    if (order > HEAP_MAX_ORDER || alloc_should_fail())
        return MFN_INVALID;
    spin_lock(&heap.lock);
    zone = find_zone(order, width_bits);
    if (zone)
        n = take_from(zone, order);
    spin_unlock(&heap.lock);
    if (!zone)
        return MFN_INVALID;
    make_safe(n, order);
    return mfn(n);
}

/* ---- freeing ---- */

/* The stamp that was taken last; differences to the present clock survive its wrapping. */
static u32 later_stamp(u32 a, u32 b)
{
    u32 now = flush_clock_now();

    return now - a < now - b ? a : b;
}

/* Adds a block, merged with its buddies as far as they are free. */
static void free_block(u64 n, unsigned order)
{
    for (; order < HEAP_MAX_ORDER; order++) {
        u64 buddy = n ^ BIT(order), lower = n & ~BIT(order);

        if (!buddy || !lower || !frame_valid(mfn(buddy)) || !is_free_block(block(buddy), order))
            break;
        block_remove(buddy, order);
        block(lower)->stamp = later_stamp(block(n)->stamp, block(buddy)->stamp);
        n = lower;
    }
    block_insert(n, order);
}

void heap_free(mfn_t m, unsigned order)
{
    u32 stamp = frame_entry(m)->stamp;

    ASSERT(!(m.n & (BIT(order) - 1)));
    for (u64 i = 0; i < BIT(order); i++) {
        struct frame *f = block(m.n + i);

        BUG_ON(f->refs);                /* still referenced, or free already */
        stamp = later_stamp(stamp, f->stamp);
        f->refs = FRAME_INNER;
    }
    spin_lock(&heap.lock);
    block(m.n)->stamp = stamp;
    free_block(m.n, order);
    spin_unlock(&heap.lock);
}

void heap_add(mfn_t first, u64 pages)
{
    u64 n = max(first.n, 1UL), end = first.n + pages;

    BUG_ON(end > FRAME_NIL);
    spin_lock(&heap.lock);
    while (n < end) {                   /* the largest aligned block that fits */
        unsigned order = min((unsigned)__builtin_ctzl(n), zone_of(end - n) - 1);

        order = min(order, (unsigned)HEAP_MAX_ORDER);
        heap.total_pages += BIT(order);
        free_block(n, order);
        n += BIT(order);
    }
    spin_unlock(&heap.lock);
}

void heap_init(void)
{
    spin_lock_init(&heap.lock, RANK_HEAP);
    heap.low_free_pages = heap.all_free_pages = heap.total_pages = 0;
    for (unsigned zone = 0; zone < ZONES; zone++) {
        heap.orders[zone] = 0;
        heap.free_pages[zone] = 0;
        for (unsigned order = 0; order < ORDERS; order++)
            heap.lists[zone][order] = FRAME_NIL;
    }
    pool_init();
}

u64 heap_free_pages(void) { return READ_ONCE(heap.all_free_pages); }

u64 heap_free_between(unsigned min_bits, unsigned max_bits)
{
    u64 pages = 0;

    for (unsigned zone = 1; zone < ZONES; zone++)
        if (zone + PAGE_SHIFT > min_bits && zone + PAGE_SHIFT <= max_bits)
            pages += READ_ONCE(heap.free_pages[zone]);
    return pages;
}

u64 heap_total_pages(void) { return READ_ONCE(heap.total_pages); }

void heap_show(void)
{
    printk("heap: %lu of %lu pages free, %lu of them below 4 GiB (%lu reserved)", heap.all_free_pages,
           heap.total_pages, heap.low_free_pages, heap_reserve_pages());
    for (unsigned zone = 1; zone < ZONES; zone++)
        if (heap.free_pages[zone])
            printk("heap: width %u: %lu pages, orders 0x%05x", zone + PAGE_SHIFT, heap.free_pages[zone],
                   heap.orders[zone]);
}

/* Walks one list; adds its pages to *pages. */
static const char *audit_list(unsigned zone, unsigned order, u64 *pages)
{
    u32 prev = FRAME_NIL;

    for (u32 n = heap.lists[zone][order]; n != FRAME_NIL; prev = n, n = block(n)->free_next) {
        if (!is_free_block(block(n), order) || zone_of(n) != zone || (n & (BIT(order) - 1)))
            return "heap-block-marked";
        if (block(n)->free_prev != prev)
            return "heap-lists-linked";
        *pages += BIT(order);
    }
    return !(heap.orders[zone] & (1u << order)) == (prev == FRAME_NIL) ? NULL : "heap-orders-known";
}

static const char *audit_zones(void)
{
    u64 low = 0, all = 0;
    const char *broken = NULL;

    for (unsigned zone = 0; zone < ZONES; zone++) {
        u64 pages = 0;

        for (unsigned order = 0; order < ORDERS && !broken; order++)
            broken = audit_list(zone, order, &pages);
        if (!broken && pages != heap.free_pages[zone])
            broken = "heap-pages-counted";
        all += pages;
        low += zone <= LOW_ZONES ? pages : 0;
    }
    if (!broken && (all != heap.all_free_pages || low != heap.low_free_pages || all > heap.total_pages))
        broken = "heap-totals-counted";
    return broken;
}

const char *heap_audit(void)
{
    const char *broken;

    spin_lock(&heap.lock);
    broken = audit_zones();
    spin_unlock(&heap.lock);
    return broken;
}
