/* SPDX-License-Identifier: MIT */
/*
 * The frame table: 16 bytes for each frame of RAM, and the M2P beside it (8 bytes). A frame has
 *   - an owner: a domid, or a reserved one (DOMID_IO: firmware and device memory, DOMID_XEN: the hypervisor's);
 *   - general references (refs): each mapping, table use, grant, hold. The frame is freed when they reach 0;
 *     FRAME_ALLOCATED stands for the reference its owner holds for having it at all;
 *   - a type and type references (mm/type.h): what it is used as; changes only at count 0.
 * Both counts are changed by compare-and-swap only. frame_get() fails on 0, and fails rather than wraps.
 * In a free frame the same words are the heap's links (mm/heap.c).
 */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include <machine/map.h>
#include <core/printk.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <machine/fault.h>

struct frame {
    u32 refs;               /* FRAME_* flags and count */
    union {
        u32 type;           /* mm/type.h */
        u32 free_next;      /* heap: mfn of the next free block of this order, FRAME_NIL at the end */
    };
    union {
        struct {
            u16 owner;      /* domid */
            u16 progress;   /* page tables: entries [0, progress) hold their references (mm/type.h) */
        };
        u32 free_prev;
    };
    u32 stamp;              /* flush clock when the type count or the references last fell to 0 (mm/flush.h) */
};
_Static_assert(sizeof(struct frame) == 16, "16 bytes per frame are promised");

#define FRAME_ALLOCATED  (1u << 31)     /* the owner's own reference; taken away once by whoever frees it */
#define FRAME_HEAP       (1u << 30)     /* hypervisor memory shared with a domain: never freed by references alone */
#define FRAME_FREE       (1u << 29)     /* in the heap; count = order for the first frame of a block */
#define FRAME_COUNT_MASK ((1u << 26) - 1)
#define FRAME_COUNT_GUEST (FRAME_COUNT_MASK - 4096)     /* guests' requests stop here, so the hypervisor's own never fail */
#define FRAME_NIL        (~0u)

static inline struct frame *frame_entry(mfn_t m) { return (struct frame *)machine_frame_table() + m.n; }
static inline mfn_t frame_mfn(const struct frame *f) { return mfn((u64)(f - (struct frame *)machine_frame_table())); }

/* Has this frame number a descriptor (is it RAM)? Everything that comes from a guest is asked first. */
extern u64 frame_max;                   /* highest RAM frame number + 1 */
extern u64 *frame_chunks;               /* bit per 2 MiB of machine memory: has descriptors */
static inline bool frame_valid(mfn_t m)
{
    return m.n < frame_max && bit_test(frame_chunks, (unsigned)(m.n / PTES_PER_PAGE));
}

/* Drops a reference; the last one frees the frame (to the account of its owner). */
void frame_put(struct frame *f);
/* Another one for the hypervisor's own bookkeeping: cannot fail. */
static inline void frame_get_own(struct frame *f) { __atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED); }
static inline u16 frame_owner(const struct frame *f) { return READ_ONCE(f->owner); }
static inline u32 frame_refs(const struct frame *f) { return READ_ONCE(f->refs) & FRAME_COUNT_MASK; }

/* Another reference to a frame on which the caller holds one. -EBUSY: count full. */
static inline int must_check frame_get_more(struct frame *f)
{
    u32 old = READ_ONCE(f->refs);

    do {
        u32 count = old & (FRAME_FREE | FRAME_COUNT_MASK);

        if (unlikely(count - 1 >= FRAME_COUNT_GUEST - 1))       /* 0, full, or free */
            return count >= FRAME_COUNT_GUEST && !(old & FRAME_FREE) ? -EBUSY : -EINVAL;
    } while (!__atomic_compare_exchange_n(&f->refs, &old, old + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    return 0;
}

/* Takes a general reference if the frame exists, is in use and belongs to domid: 0 or -EINVAL (-EBUSY: count full). */
static inline int must_check frame_get(mfn_t m, u16 domid)
{
    struct frame *f;
    int rc;

    if (!frame_valid(m))
        return -EINVAL;
    f = frame_entry(m);
    if (frame_owner(f) != domid)
        return -EINVAL;
    interleave_point();
    rc = frame_get_more(f);
    interleave_point();
    if (rc == 0 && unlikely(frame_owner(f) != domid)) {
        frame_put(f);
        rc = -EINVAL;
    }
    return rc;
}

/* Takes the owner's own reference away (balloon, exchange, teardown): false when it is gone already or the frame is
 * hypervisor memory. The frame is freed now or when the last other reference goes. */
bool frame_release(struct frame *f);

/* Makes n hypervisor-owned (heap) pages visible to a domain: owner = domid, type writable (or none if read-only). */
void frame_share(mfn_t m, u16 domid, bool writable);
/* Reverses frame_share(); returns false (and leaves it) while the guest still holds references. */
bool must_check frame_unshare(mfn_t m);

/* M2P: machine frame -> the owner's frame number; M2P_INVALID when it has none. */
#define M2P_INVALID (~0UL)
u64 m2p_get(mfn_t m);
void m2p_set(mfn_t m, u64 pfn);

/* Boot: builds frame table and M2P for all RAM (2 MiB pieces, only where RAM is), then feeds the heap. */
void frame_table_init(void);

#endif
