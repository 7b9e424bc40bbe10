/* SPDX-License-Identifier: MIT */
/*
 * Small objects. A slab is one page: a header, then equal objects without headers of their own, and a bitmap that says
 * which are free (so a second free is always caught). Owns the lists of slabs that have room, one per size class; a
 * slab that becomes empty goes back to the heap unless it is the last with room. Sizes above the largest class are
 * whole pages, whose order is kept in the first frame's descriptor; a page-aligned pointer is always one of those.
 *
 * One lock, RANK_HEAP; the heap is called outside of it.
 */
#include <core/lock.h>
#include <lib/bitmap.h>
#include <lib/list.h>
#include <lib/string.h>
#include <machine/fault.h>
#include <mm/frame.h>
#include <mm/heap.h>

#define SLAB_HEADER 64

struct slab {
    struct list link;           /* (l) in its class's list while it has room */
    u16 class, used;            /* (c), (l) */
    u32 magic;
    u64 free[4];                /* (l) bit: that object is free */
};
_Static_assert(sizeof(struct slab) <= SLAB_HEADER, "the header fits");
#define SLAB_MAGIC 0x51ab51abu

/* From 64 bytes up all are multiples of 64, and as many as fit behind the header. */
static const u16 class_bytes[] = { 16, 32, 64, 128, 192, 256, 320, 448, 576, 768, 960, 1344, 1984 };
#define CLASSES ARRAY_SIZE(class_bytes)

static spinlock_t lock = SPINLOCK_INIT(RANK_HEAP);
static struct list with_room[CLASSES];
static u64 live[CLASSES];       /* (l) objects in use */
static u64 slabs, large, large_pages;   /* pages that are slabs; larger objects in use, their pages; atomics */

void pool_init(void)
{
    spin_lock_init(&lock, RANK_HEAP);
    slabs = large = large_pages = 0;
    for (unsigned i = 0; i < CLASSES; i++) {
        live[i] = 0;
        list_init(&with_room[i]);
    }
}

u64 mem_objects(void)
{
    u64 objects = READ_ONCE(large);

    for (unsigned i = 0; i < CLASSES; i++)
        objects += READ_ONCE(live[i]);
    return objects;
}

u64 mem_bytes(void)
{
    u64 bytes = READ_ONCE(large_pages) << PAGE_SHIFT;

    for (unsigned i = 0; i < CLASSES; i++)
        bytes += READ_ONCE(live[i]) * class_bytes[i];
    return bytes;
}

u64 mem_slabs(void) { return READ_ONCE(slabs); }

void *page_alloc(void)
{
    mfn_t m = heap_alloc(0, HEAP_ANY_WIDTH);

    return mfn_is_invalid(m) ? NULL : page_clear(frame_map(m));
}

void page_free(void *p)
{
    if (p)
        heap_free(frame_of_ptr(p), 0);
}

/* ---- whole pages ---- */

static void *pages_alloc(size_t bytes)
{
    unsigned order = bytes <= PAGE_SIZE ? 0 : 64 - (unsigned)__builtin_clzl((bytes - 1) >> PAGE_SHIFT);
    mfn_t m = heap_alloc(order, HEAP_ANY_WIDTH);

    if (mfn_is_invalid(m))
        return NULL;
    frame_entry(m)->progress = (u16)order;
    __atomic_fetch_add(&large, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&large_pages, BIT(order), __ATOMIC_RELAXED);
    return memset(frame_map(m), 0, PAGE_SIZE << order);
}

static void pages_free(void *p)
{
    struct frame *f = frame_entry(frame_of_ptr(p));
    unsigned order = f->progress;

    f->progress = 0;
    heap_free(frame_mfn(f), order);
    __atomic_fetch_sub(&large, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&large_pages, BIT(order), __ATOMIC_RELAXED);
}

/* ---- slabs ---- */

static unsigned objects_per_slab(unsigned class) { return (PAGE_SIZE - SLAB_HEADER) / class_bytes[class]; }

static struct slab *slab_create(unsigned class)
{
    struct slab *s = page_alloc();

    if (!s)
        return NULL;
    s->class = (u16)class;
    s->magic = SLAB_MAGIC;
    __atomic_fetch_add(&slabs, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < objects_per_slab(class); i++)
        bit_set(s->free, i);
    memory_poison((u8 *)s + SLAB_HEADER, PAGE_SIZE - SLAB_HEADER);
    return s;
}

static void slab_destroy(struct slab *s)
{
    memory_unpoison((u8 *)s + SLAB_HEADER, PAGE_SIZE - SLAB_HEADER);
    s->magic = 0;
    __atomic_fetch_sub(&slabs, 1, __ATOMIC_RELAXED);
    page_free(s);
}

/* A slab with room, the pool locked; NULL, unlocked, when there is no memory. */
static struct slab *slab_with_room(unsigned class)
{
    struct slab *s;

    spin_lock(&lock);
    s = list_first(&with_room[class], struct slab, link);
    if (s)
        return s;
    spin_unlock(&lock);
    s = slab_create(class);
    if (!s)
        return NULL;
    spin_lock(&lock);
    list_add_head(&with_room[class], &s->link);
    return s;
}

static void *slab_take(struct slab *s)
{
    unsigned nr = objects_per_slab(s->class), i = bit_find_next(s->free, nr, 0, true);

    bit_clear(s->free, i);
    live[s->class]++;
    if (++s->used == nr)
        list_del(&s->link);
    return (u8 *)s + SLAB_HEADER + i * class_bytes[s->class];
}

/* Returns whether the slab is to be destroyed: empty and off its list. */
static bool slab_put(struct slab *s, unsigned i)
{
    struct list *list = &with_room[s->class];

    bit_set(s->free, i);
    live[s->class]--;
    if (s->used-- == objects_per_slab(s->class))
        list_add_head(list, &s->link);
    if (s->used || list->next == list->prev)
        return false;
    list_del(&s->link);
    return true;
}

void *mem_alloc(size_t bytes)
{
    unsigned class = 0;
    struct slab *s;
    void *p;

    if (alloc_should_fail() || bytes > PAGE_SIZE << HEAP_MAX_ORDER)
        return NULL;
    while (class < CLASSES && class_bytes[class] < bytes)
        class++;
    if (class == CLASSES)
        return pages_alloc(bytes);
    s = slab_with_room(class);
    if (!s)
        return NULL;
    p = slab_take(s);
    spin_unlock(&lock);
    memory_unpoison(p, bytes);
    return memset(p, 0, bytes);
}

void mem_free(void *p)
{
    struct slab *s = (struct slab *)((u64)p & PAGE_MASK);
    u64 offset = (u64)p - (u64)s - SLAB_HEADER;
    bool empty;

    if (!p)
        return;
    if ((void *)s == p)
        return pages_free(p);
    BUG_ON(s->magic != SLAB_MAGIC || offset % class_bytes[s->class]);
    memory_poison(p, class_bytes[s->class]);
    spin_lock(&lock);
    BUG_ON(bit_test(s->free, (unsigned)(offset / class_bytes[s->class])));     /* freed twice */
    empty = slab_put(s, (unsigned)(offset / class_bytes[s->class]));
    spin_unlock(&lock);
    if (empty)
        slab_destroy(s);
}
