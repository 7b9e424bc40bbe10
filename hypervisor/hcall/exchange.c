/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_exchange: swaps extents of the caller's frames for others of another order or below an address limit. Worked
 * in chunks of the larger order, each all or nothing: frames are taken away from the domain while it holds no other
 * reference to them, new ones allocated, and only then are the old ones freed.
 */
#include <core/work.h>
#include <hcall/hcall.h>
#include <hcall/memory.h>
#include <mm/heap.h>
#include <xen/memory.h>
#include <xen/xen.h>
#include <lib/string.h>

#define CHUNK_MAX_ORDER 12

struct exchange {
    struct xen_memory_exchange x;
    struct mm_domain *mm;
    unsigned chunk_order;
    unsigned width_bits;
    mfn_t *old, *new;           /* 1 << chunk_order frames each; new: one for each output extent */
};

static void unsteal(const mfn_t *frames, u64 n)
{
    for (u64 i = 0; i < n; i++)
        mm_unsteal(frames[i]);
}

static int collect_old(struct exchange *ex, u64 first_extent)
{
    u64 per_extent = 1UL << ex->x.in.extent_order, n = 0;

    for (u64 e = 0; e < 1UL << (ex->chunk_order - ex->x.in.extent_order); e++) {
        xen_pfn_t base;
        int rc = guest_read(&base, guest_elem(guest_ptr((u64)ex->x.in.extent_start.p), first_extent + e, 8), 8);

        for (u64 i = 0; rc == 0 && i < per_extent; i++) {
            rc = mm_steal(ex->mm, mfn(base + i));
            if (rc == 0)
                ex->old[n++] = mfn(base + i);
        }
        if (rc) {
            unsteal(ex->old, n);
            return rc;
        }
    }
    return 0;
}

static int allocate_new(struct exchange *ex)
{
    u64 extents = 1UL << (ex->chunk_order - ex->x.out.extent_order), n;

    for (n = 0; n < extents; n++) {
        ex->new[n] = heap_alloc(ex->x.out.extent_order, ex->width_bits);
        if (mfn_is_invalid(ex->new[n]))
            break;
        mm_scrub(ex->new[n], ex->x.out.extent_order);
    }
    if (n == extents)
        return 0;
    while (n--)
        heap_free(ex->new[n], ex->x.out.extent_order);
    return -ENOMEM;
}

static void free_old(struct exchange *ex)
{
    for (u64 i = 0; i < 1UL << ex->chunk_order; i++)
        mm_frame_free(frame_entry(ex->old[i]));
}

/* Gives the new extents to the domain; the guest's list says at which pfns and learns the frames. */
static int hand_over(struct exchange *ex, u64 first_extent)
{
    int rc = 0;

    for (u64 e = 0; e < 1UL << (ex->chunk_order - ex->x.out.extent_order); e++) {
        guest_ptr_t at = guest_elem(guest_ptr((u64)ex->x.out.extent_start.p), first_extent + e, 8);
        xen_pfn_t pfn = 0;

        if (mm_assign(ex->mm, ex->new[e], 1UL << ex->x.out.extent_order)) {
            heap_free(ex->new[e], ex->x.out.extent_order);      /* the domain's limit was lowered meanwhile */
            rc = -ENOMEM;
            continue;
        }
        if (guest_read(&pfn, at, sizeof(pfn)) || guest_write(at, &ex->new[e].n, sizeof(u64)))
            rc = -EFAULT;
        for (u64 i = 0; rc == 0 && i < 1UL << ex->x.out.extent_order; i++)
            m2p_set(mfn_add(ex->new[e], i), pfn + i);
    }
    return rc;
}

static int exchange_chunk(struct exchange *ex, u64 chunk)
{
    int rc = collect_old(ex, chunk << (ex->chunk_order - ex->x.in.extent_order));

    if (rc)
        return rc;
    rc = allocate_new(ex);
    if (rc) {
        unsteal(ex->old, 1UL << ex->chunk_order);
        return rc;
    }
    free_old(ex);
    return hand_over(ex, chunk << (ex->chunk_order - ex->x.out.extent_order));
}

static int exchange_check(struct exchange *ex)
{
    const struct xen_memory_reservation *in = &ex->x.in, *out = &ex->x.out;
    struct domain *d;
    int rc;

    if (in->extent_order > CHUNK_MAX_ORDER || out->extent_order > CHUNK_MAX_ORDER)
        return -EPERM;
    if (ex->x.nr_exchanged > in->nr_extents || in->nr_extents > ~0UL >> in->extent_order ||
        out->nr_extents > ~0UL >> out->extent_order || in->domid != out->domid ||
        in->nr_extents << in->extent_order != out->nr_extents << out->extent_order)
        return -EINVAL;
    if (!guest_array_ok(guest_ptr((u64)in->extent_start.p), in->nr_extents, sizeof(xen_pfn_t)) ||
        !guest_array_ok(guest_ptr((u64)out->extent_start.p), out->nr_extents, sizeof(xen_pfn_t)))
        return -EFAULT;
    ex->chunk_order = max(in->extent_order, out->extent_order);
    if ((in->nr_extents << in->extent_order) & (BIT(ex->chunk_order) - 1))
        return -EINVAL;
    rc = hcall_target(__HYPERVISOR_memory_op, XENMEM_exchange, in->domid, &d);
    if (rc)
        return rc;
    ex->mm = &d->mm;
    ex->width_bits = XENMEMF_get_address_bits(out->mem_flags) ? XENMEMF_get_address_bits(out->mem_flags) : HEAP_ANY_WIDTH;
    return 0;
}

static int exchange_run(struct exchange *ex, guest_ptr_t arg)
{
    u64 chunks = (ex->x.in.nr_extents << ex->x.in.extent_order) >> ex->chunk_order;
    u64 per_chunk = 1UL << (ex->chunk_order - ex->x.in.extent_order), chunk = ex->x.nr_exchanged / per_chunk;
    int rc = 0;

    while (rc == 0 && chunk < chunks) {
        rc = exchange_chunk(ex, chunk);
        if (rc == 0) {
            chunk++;
            if (chunk < chunks && preempt_point())
                rc = -ERESTART;
        }
    }
    ex->x.nr_exchanged = chunk * per_chunk;
    if (guest_write(guest_ptr(arg.va + offsetof(struct xen_memory_exchange, nr_exchanged)), &ex->x.nr_exchanged,
                    sizeof(ex->x.nr_exchanged)))
        rc = -EFAULT;
    return rc;
}

long memory_exchange(guest_ptr_t arg)
{
    struct exchange ex;
    int rc;

    if (guest_read(&ex.x, arg, sizeof(ex.x)))
        return -EFAULT;
    rc = exchange_check(&ex);
    if (rc)
        return rc;
    ex.old = mem_alloc(2 * sizeof(mfn_t) << ex.chunk_order);
    if (ex.old == NULL)
        return -ENOMEM;
    ex.new = ex.old + (1UL << ex.chunk_order);
    rc = exchange_run(&ex, arg);
    mem_free(ex.old);
    return rc;
}
