/* SPDX-License-Identifier: MIT */
/*
 * A domain's memory account: which frames it owns and how many it may. Ownership changes only here. The per-chunk
 * counts make teardown and dumps proportional to what the domain has, not to the machine.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/domain.h>
#include <mm/flush.h>
#include <mm/heap.h>
#include <xen/xen.h>

static void *rights_resize(void *old, size_t old_bytes, size_t new_bytes)
{
    void *p = new_bytes ? mem_alloc(new_bytes) : NULL;

    if (p || !new_bytes) {
        if (p && old)
            memcpy(p, old, min(old_bytes, new_bytes));
        mem_free(old);
    }
    return p;
}

int mm_domain_init(struct mm_domain *mm, u16 domid, u32 max_pages)
{
    memset(mm, 0, sizeof(*mm));
    mm->perdomain_l3 = MFN_INVALID;
    mm->chunks = mem_alloc((frame_max / PTES_PER_PAGE + 1) * sizeof(mm->chunks[0]));
    if (mm->chunks == NULL)
        return -ENOMEM;
    spin_lock_init(&mm->lock, RANK_MM_DOMAIN);
    mm->domid = domid;
    mm->max_pages = max_pages;
    rangeset_init(&mm->iomem, rights_resize);
    rangeset_init(&mm->ioports, rights_resize);
    rangeset_init(&mm->irqs, rights_resize);
    return 0;
}

void mm_domain_fini(struct mm_domain *mm)
{
    rangeset_fini(&mm->iomem);
    rangeset_fini(&mm->ioports);
    rangeset_fini(&mm->irqs);
    mem_free(mm->chunks);
}

static bool has_range(struct mm_domain *mm, const struct rangeset *set, u64 first, u64 last)
{
    bool has;

    spin_lock(&mm->lock);
    has = rangeset_contains(set, first, last);
    spin_unlock(&mm->lock);
    return has;
}

bool mm_may_map(struct mm_domain *mm, u64 first, u64 last) { return has_range(mm, &mm->iomem, first, last); }
bool mm_may_use_ports(struct mm_domain *mm, u64 first, u64 last) { return has_range(mm, &mm->ioports, first, last); }
bool mm_may_bind(struct mm_domain *mm, u32 irq) { return has_range(mm, &mm->irqs, irq, irq); }

void mm_limit_set(struct mm_domain *mm, u32 max_pages)
{
    spin_lock(&mm->lock);
    mm->max_pages = max_pages;
    spin_unlock(&mm->lock);
}

/* ---- claims ---- */

static u64 claims_total;        /* (a) sum of all domains' */

u64 mm_claims_total(void) { return __atomic_load_n(&claims_total, __ATOMIC_RELAXED); }

/* Lock held. */
static void claim_set(struct mm_domain *mm, u32 pages)
{
    __atomic_fetch_add(&claims_total, (u64)pages - mm->claimed, __ATOMIC_RELAXED);
    mm->claimed = pages;
}

/* Free memory that is not set aside for others. */
static u64 unclaimed_by_others(const struct mm_domain *mm)
{
    u64 others = mm_claims_total() - READ_ONCE(mm->claimed);

    return heap_free_pages() - min(heap_free_pages(), others);
}

int mm_claim(struct mm_domain *mm, u64 pages)
{
    int rc = 0;

    spin_lock(&mm->lock);
    if (pages == 0)
        claim_set(mm, 0);
    else if (mm->dying || mm->claimed || pages > mm->max_pages || pages <= mm->tot_pages)
        rc = -EINVAL;
    else if (pages - mm->tot_pages > unclaimed_by_others(mm))
        rc = -ENOMEM;
    else
        claim_set(mm, (u32)pages - mm->tot_pages);
    spin_unlock(&mm->lock);
    return rc;
}

void mm_domain_close(struct mm_domain *mm)
{
    spin_lock(&mm->lock);
    mm->dying = true;
    claim_set(mm, 0);
    spin_unlock(&mm->lock);
}

int mm_assign(struct mm_domain *mm, mfn_t m, u64 pages)
{
    int rc = 0;

    spin_lock(&mm->lock);
    if (mm->dying)
        rc = -EINVAL;
    else if (mm->tot_pages + pages > mm->max_pages)
        rc = -E2BIG;
    for (u64 i = 0; rc == 0 && i < pages; i++) {
        struct frame *f = frame_entry(mfn_add(m, i));

        mm->chunks[(m.n + i) / PTES_PER_PAGE]++;
        f->type = 0;
        f->progress = 0;
        f->owner = mm->domid;
        __atomic_store_n(&f->refs, FRAME_ALLOCATED | 1, __ATOMIC_RELEASE);
    }
    if (rc == 0) {
        mm->tot_pages += (u32)pages;
        claim_set(mm, mm->claimed - min(mm->claimed, (u32)pages));
    }
    spin_unlock(&mm->lock);
    return rc;
}

void mm_unassign(struct mm_domain *mm, mfn_t m)
{
    bool last;

    spin_lock(&mm->lock);
    mm->tot_pages--;
    mm->chunks[m.n / PTES_PER_PAGE]--;
    last = mm->dying && !mm->tot_pages;
    spin_unlock(&mm->lock);
    if (last)
        domain_memory_gone();
}

int mm_steal(struct mm_domain *mm, mfn_t m)
{
    u32 owned = FRAME_ALLOCATED | 1;
    struct frame *f;

    if (!frame_valid(m))
        return -EINVAL;
    f = frame_entry(m);
    if (frame_owner(f) != mm->domid)
        return -EINVAL;
    f->stamp = flush_clock_now();
    return __atomic_compare_exchange_n(&f->refs, &owned, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) ? 0 : -EINVAL;
}

void mm_unsteal(mfn_t m) { __atomic_store_n(&frame_entry(m)->refs, FRAME_ALLOCATED | 1, __ATOMIC_RELEASE); }

void mm_abandon_shared(struct mm_domain *mm, mfn_t m)
{
    struct frame *f = frame_entry(m);

    spin_lock(&mm->lock);
    mm->tot_pages++;
    mm->chunks[m.n / PTES_PER_PAGE]++;
    spin_unlock(&mm->lock);
    __atomic_fetch_and(&f->refs, ~FRAME_HEAP, __ATOMIC_RELEASE);
    type_put(f);
    (void)frame_release(f);             /* FRAME_ALLOCATED is set: cannot fail */
}

/* Free frames hold what was in them: memory of dead domains, the hypervisor's own, what was there before it booted. */
void mm_scrub(mfn_t m, unsigned order)
{
    for (u64 i = 0; i < 1UL << order; i++) {
        void *page = frame_map(mfn_add(m, i));

        page_clear(page);
        frame_unmap(page);
    }
}

int mm_populate(struct mm_domain *mm, unsigned order, unsigned width_bits, mfn_t *out)
{
    mfn_t m = unclaimed_by_others(mm) < 1UL << order ? MFN_INVALID : heap_alloc(order, width_bits);
    int rc;

    if (mfn_is_invalid(m))
        return -ENOMEM;
    mm_scrub(m, order);
    rc = mm_assign(mm, m, 1UL << order);
    if (rc)
        heap_free(m, order);
    else
        *out = m;
    return rc;
}

void mm_frame_free(struct frame *f)
{
    mfn_t m = frame_mfn(f);
    struct mm_domain *mm = mm_domain_of(frame_owner(f));

    ASSERT((f->refs & ~FRAME_COUNT_MASK) == 0 && type_count(f) == 0);
    m2p_set(m, M2P_INVALID);
    f->type = 0;
    f->owner = DOMID_XEN;
    if (mm)
        mm_unassign(mm, m);
    heap_free(m, 0);
}

int gfn_hold(struct mm_domain *mm, gfn_t g, enum hold_access access, struct gfn_held *held)
{
    mfn_t m = mfn(g.n);         /* paravirtual guests name machine frames */
    int rc = access == HOLD_WRITE ? frame_get_type(mm, m, TYPE_WRITABLE) : frame_get(m, mm->domid);

    if (rc == 0)
        *held = (struct gfn_held){ mm, frame_entry(m), access };
    return rc;
}

void gfn_release(struct gfn_held *held)
{
    if (held->access == HOLD_WRITE) {
        frame_dirty(frame_mfn(held->frame));
        frame_put_type(held->frame);
    } else {
        frame_put(held->frame);
    }
    held->frame = NULL;
}
