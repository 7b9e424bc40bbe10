/* SPDX-License-Identifier: MIT */
/*
 * The frame table and general references. See mm/frame.h for the model. No lock: each descriptor's counts change by
 * compare-and-swap, its owner only while nobody else can hold a reference.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <machine/fault.h>
#include <mm/domain.h>
#include <mm/flush.h>
#include <mm/heap.h>
#include <xen/xen.h>

u64 frame_max;
u64 *frame_chunks;

void frame_put(struct frame *f)
{
    u32 old = READ_ONCE(f->refs);

    do {
        ASSERT((old & FRAME_COUNT_MASK) != 0 && !(old & FRAME_FREE));
        if ((old & FRAME_COUNT_MASK) == 1)
            WRITE_ONCE(f->stamp, flush_clock_now());    /* before anyone can see it unreferenced */
    } while (!__atomic_compare_exchange_n(&f->refs, &old, old - 1, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    if ((old & FRAME_COUNT_MASK) == 1)
        mm_frame_free(f);
}

bool frame_release(struct frame *f)
{
    u32 old = READ_ONCE(f->refs);

    do {
        if (!(old & FRAME_ALLOCATED) || (old & FRAME_HEAP))
            return false;
    } while (!__atomic_compare_exchange_n(&f->refs, &old, old & ~FRAME_ALLOCATED, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    frame_put(f);
    return true;
}

void frame_share(mfn_t m, u16 domid, bool writable)
{
    struct frame *f = frame_entry(m);

    m2p_set(m, M2P_INVALID);
    f->owner = domid;
    f->type = writable ? ((u32)TYPE_WRITABLE << TYPE_SHIFT) | TYPE_VALIDATED | 1 : (u32)TYPE_NONE << TYPE_SHIFT | 1;
    __atomic_store_n(&f->refs, FRAME_ALLOCATED | FRAME_HEAP | 1, __ATOMIC_RELEASE);
}

bool frame_unshare(mfn_t m)
{
    struct frame *f = frame_entry(m);
    u32 base = FRAME_ALLOCATED | FRAME_HEAP | 1;

    f->stamp = flush_clock_now();
    if (!__atomic_compare_exchange_n(&f->refs, &base, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    f->type = 0;
    f->owner = DOMID_XEN;
    m2p_set(m, M2P_INVALID);    /* its user may have named it */
    return true;
}

u64 m2p_get(mfn_t m)
{
    return frame_valid(m) ? READ_ONCE(machine_m2p()[m.n]) : M2P_INVALID;
}

void m2p_set(mfn_t m, u64 pfn)
{
    WRITE_ONCE(machine_m2p()[m.n], pfn);
}
