/* SPDX-License-Identifier: MIT */
/* PIRQ tables. Contracts and locking: pirq.h. */
#include <irq/gsi.h>
#include <irq/msi.h>
#include <irq/pirq.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <machine/map.h>
#include <mm/heap.h>
#include <xen/xen.h>
#include <xen/physdev.h>

#define PIRQ_RESERVED (~0u)     /* in struct pirq.irq: set aside by pirq_reserve() */
#define FIRST_FREE_GSI_PIRQ 16  /* lower numbers are only given to the ISA interrupt of that number */

_Static_assert(PIRQS_MAX <= PAGE_SIZE * 8, "one bit per pirq in the guest's page");

void pirq_domain_init(struct pirq_domain *pd, struct evtchn_domain *evtchn, struct mm_domain *mm)
{
    memset(pd, 0, sizeof(*pd));
    spin_lock_init(&pd->lock, RANK_PIRQ);
    pd->evtchn = evtchn;
    pd->mm = mm;
}

/* ---- look-up ---- */

static struct pirq *pirq_find(struct pirq_domain *pd, u32 number)
{
    struct pirq *bucket;

    if (number >= PIRQS_MAX)
        return NULL;
    bucket = __atomic_load_n(&pd->buckets[number / PIRQS_PER_BUCKET], __ATOMIC_ACQUIRE);
    return bucket ? &bucket[number % PIRQS_PER_BUCKET] : NULL;
}

/* The irq a pirq is mapped to, locked; NULL: not mapped. */
static struct irq *pirq_lock_irq(struct pirq *p)
{
    for (;;) {
        u32 mapped = p ? READ_ONCE(p->irq) : 0;
        struct irq *irq = mapped && mapped != PIRQ_RESERVED ? irq_lookup(mapped - 1) : NULL;

        if (!irq)
            return NULL;
        spin_lock(&irq->lock);
        if (p->irq == mapped)
            return irq;
        spin_unlock(&irq->lock);        /* remapped meanwhile */
    }
}

static int bucket_create(struct pirq_domain *pd, u32 number)
{
    struct pirq *bucket = mem_alloc(PIRQS_PER_BUCKET * sizeof(*bucket));
    u32 index = number / PIRQS_PER_BUCKET;

    if (!bucket)
        return -ENOMEM;
    for (u32 i = 0; i < PIRQS_PER_BUCKET; i++) {
        bucket[i].owner = pd;
        bucket[i].number = index * PIRQS_PER_BUCKET + i;
        list_init(&bucket[i].bound);
    }
    __atomic_store_n(&pd->buckets[index], bucket, __ATOMIC_RELEASE);
    return 0;
}

/* ---- mapping; pd->lock held ---- */

/* The pirq that is mapped to the irq, or -ENOENT. */
static int pirq_of_irq(struct pirq_domain *pd, u32 irq)
{
    for (u32 number = 0; number < PIRQS_MAX; number++) {
        struct pirq *p = pirq_find(pd, number);

        if (!p)
            number |= PIRQS_PER_BUCKET - 1;
        else if (p->irq == irq + 1)
            return (int)number;
    }
    return -ENOENT;
}

static bool pirq_is_free(struct pirq_domain *pd, u32 number)
{
    struct pirq *p = pirq_find(pd, number);

    return !p || !p->irq;
}

static int pirq_choose(struct pirq_domain *pd, u32 first, u32 end)
{
    for (u32 number = first; number < end; number++)
        if (pirq_is_free(pd, number))
            return (int)number;
    return -ENOSPC;
}

static int pirq_choose_gsi(struct pirq_domain *pd, u32 gsi)
{
    return gsi < PIRQS_MAX && pirq_is_free(pd, gsi) ? (int)gsi : pirq_choose(pd, FIRST_FREE_GSI_PIRQ, PIRQS_MAX);
}

static int pirq_choose_msi(struct pirq_domain *pd) { return pirq_choose(pd, gsi_count(), PIRQS_MAX); }

/* Whether the number can be mapped: 0, with its bucket there, -EINVAL, -EBUSY or -ENOMEM. */
static int pirq_prepare(struct pirq_domain *pd, int number)
{
    struct pirq *p;

    if (number < 0 || number >= PIRQS_MAX)
        return number < 0 ? number : -EINVAL;
    p = pirq_find(pd, (u32)number);
    if (!p)
        return bucket_create(pd, (u32)number);
    return p->irq && p->irq != PIRQ_RESERVED ? -EBUSY : 0;
}

static void pirq_commit(struct pirq_domain *pd, int number, u32 irq)
{
    WRITE_ONCE(pirq_find(pd, (u32)number)->irq, irq + 1);
}

static int map_gsi_locked(struct pirq_domain *pd, u32 gsi, int number)
{
    int mapped = pirq_of_irq(pd, gsi), err;

    if (mapped >= 0)
        return number < 0 || number == mapped ? mapped : -EEXIST;
    if (number < 0)
        number = pirq_choose_gsi(pd, gsi);
    err = pirq_prepare(pd, number);
    if (err)
        return err;
    pirq_commit(pd, number, gsi);
    return number;
}

int pirq_map_gsi(struct pirq_domain *pd, int gsi, int pirq)
{
    int number;

    if (gsi < 0 || !gsi_valid((u32)gsi) || !irq_lookup((u32)gsi))
        return -EINVAL;
    spin_lock(&pd->lock);
    number = map_gsi_locked(pd, (u32)gsi, pirq);
    spin_unlock(&pd->lock);
    return number;
}

static int map_msi_locked(struct pirq_domain *pd, const struct msi_request *rq, int number)
{
    int err, irq;

    if (number < 0)
        number = pirq_choose_msi(pd);
    err = pirq_prepare(pd, number);
    if (err)
        return err;
    irq = msi_create(rq, pd->mm);
    if (irq < 0)
        return irq;
    pirq_commit(pd, number, (u32)irq);
    return number;
}

int pirq_map_msi(struct pirq_domain *pd, const struct msi_request *rq, int pirq)
{
    int number;

    spin_lock(&pd->lock);
    number = map_msi_locked(pd, rq, pirq);
    spin_unlock(&pd->lock);
    return number;
}

int pirq_reserve(struct pirq_domain *pd, bool gsi)
{
    int number, err;

    spin_lock(&pd->lock);
    number = gsi ? pirq_choose(pd, FIRST_FREE_GSI_PIRQ, gsi_count()) : pirq_choose_msi(pd);
    err = pirq_prepare(pd, number);
    if (!err)
        WRITE_ONCE(pirq_find(pd, (u32)number)->irq, PIRQ_RESERVED);
    spin_unlock(&pd->lock);
    return err ? err : number;
}

/* ---- binding; the irq's lock held ---- */

static void eoi_map_update(struct pirq *p, bool needs_eoi)
{
    u64 *map = __atomic_load_n(&p->owner->eoi_map, __ATOMIC_ACQUIRE);

    if (!map)
        return;
    needs_eoi ? bit_set_atomic(map, p->number) : bit_clear_atomic(map, p->number);
    frame_dirty(gfn_held_mfn(&p->owner->eoi_frame));
}

static void ack_locked(struct irq *irq, struct pirq *p)
{
    if (!p->unacked)
        return;
    p->unacked = false;
    if (!--irq->unacked)
        irq_unmask(irq);
}

static void unbind_locked(struct irq *irq, struct pirq *p)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): callers have looked p up. */
    if (!p->port)
        return;
    ack_locked(irq, p);
    list_del(&p->bound);
    p->port = 0;
    eoi_map_update(p, false);
    if (list_empty(&irq->bound))
        irq_shutdown(irq);
}

static int bind_locked(struct irq *irq, struct pirq *p, u32 port, bool share, unsigned cpu)
{
    const struct pirq *other = list_first(&irq->bound, struct pirq, bound);
    int err;

    if (p->port)
        return -EEXIST;
    if (irq->handler || (other && !(irq->level && share && other->share)))
        return -EBUSY;
    p->port = port;     /* before the source is let go: it may fire at once */
    p->share = share;
    list_add_tail(&irq->bound, &p->bound);
    err = other ? 0 : irq_startup(irq, cpu);
    if (err) {
        list_del(&p->bound);
        p->port = 0;
        return err;
    }
    eoi_map_update(p, irq->level);
    return 0;
}

/* What the pirq is mapped to, plus one, if the domain may use that. */
static int may_use(struct pirq_domain *pd, const struct pirq *p, u32 *mapped)
{
    int err = 0;

    *mapped = p ? READ_ONCE(p->irq) : 0;
    spin_lock(&pd->mm->lock);
    if (rangeset_empty(&pd->mm->irqs))
        err = -EPERM;
    else if (*mapped == 0 || *mapped == PIRQ_RESERVED)
        err = -EINVAL;
    else if (!rangeset_contains(&pd->mm->irqs, *mapped - 1, *mapped - 1))
        err = -EPERM;
    spin_unlock(&pd->mm->lock);
    return err;
}

int pirq_bind(struct pirq_domain *pd, u32 pirq, u32 port, bool share, unsigned cpu)
{
    struct pirq *p = pirq_find(pd, pirq);
    u32 mapped;
    int err = may_use(pd, p, &mapped);
    struct irq *irq = err ? NULL : pirq_lock_irq(p);

    if (!irq)
        return err ? err : -EINVAL;
    err = p->irq == mapped ? bind_locked(irq, p, port, share, cpu) : -EINVAL;
    spin_unlock(&irq->lock);
    return err;
}

void pirq_unbind(struct pirq_domain *pd, u32 pirq, u32 port)
{
    struct pirq *p = pirq_find(pd, pirq);
    struct irq *irq = pirq_lock_irq(p);

    if (!irq)
        return;
    if (p->port == port)
        unbind_locked(irq, p);
    spin_unlock(&irq->lock);
}

void pirq_set_affinity(struct pirq_domain *pd, u32 pirq, unsigned cpu)
{
    const struct pirq *p = pirq_find(pd, pirq);
    u32 mapped = p ? READ_ONCE(p->irq) : 0;

    if (mapped && mapped != PIRQ_RESERVED)
        (void)!irq_set_affinity(mapped - 1, cpu);       /* a preference */
}

int pirq_irq(struct pirq_domain *pd, u32 pirq)
{
    const struct pirq *p = pirq_find(pd, pirq);
    u32 mapped = p ? READ_ONCE(p->irq) : 0;

    if (mapped && mapped != PIRQ_RESERVED)
        return (int)(mapped - 1);
    return gsi_valid(pirq) && irq_lookup(pirq) ? (int)pirq : -EINVAL;
}

int pirq_eoi(struct pirq_domain *pd, u32 pirq)
{
    struct pirq *p = pirq_find(pd, pirq);
    struct irq *irq = pirq_lock_irq(p);

    if (!irq)
        return -EINVAL;
    ack_locked(irq, p);
    spin_unlock(&irq->lock);
    return 0;
}

int pirq_status(struct pirq_domain *pd, u32 pirq, u32 *flags)
{
    struct irq *irq = pirq_lock_irq(pirq_find(pd, pirq));

    if (!irq)
        return -EINVAL;
    *flags = irq->level ? XENIRQSTAT_needs_eoi : 0;
    if (irq->bound.next != irq->bound.prev)
        *flags |= XENIRQSTAT_shared;
    spin_unlock(&irq->lock);
    return 0;
}

/* ---- undoing ---- */

static int unmap_locked(struct pirq *p)
{
    struct irq *irq = pirq_lock_irq(p);
    bool message;

    if (!irq) {
        if (!p || p->irq != PIRQ_RESERVED)
            return -EINVAL;
        WRITE_ONCE(p->irq, 0);
        return 0;
    }
    unbind_locked(irq, p);
    WRITE_ONCE(p->irq, 0);
    message = irq->kind != IRQ_GSI;
    spin_unlock(&irq->lock);
    if (message)
        msi_destroy(irq);
    return 0;
}

int pirq_unmap(struct pirq_domain *pd, int pirq)
{
    int err;

    spin_lock(&pd->lock);
    err = unmap_locked(pirq < 0 ? NULL : pirq_find(pd, (u32)pirq));
    spin_unlock(&pd->lock);
    return err;
}

/* Those that are bound already show in the page from now on. */
static void eoi_map_fill(struct pirq_domain *pd)
{
    for (u32 number = 0; number < PIRQS_MAX; number++) {
        struct pirq *p = pirq_find(pd, number);
        struct irq *irq = pirq_lock_irq(p);

        if (!irq)
            continue;
        if (p->port)
            eoi_map_update(p, irq->level);
        spin_unlock(&irq->lock);
    }
}

int pirq_share_eoi_map(struct pirq_domain *pd, gfn_t page)
{
    int err = -EBUSY;

    spin_lock(&pd->lock);
    if (!pd->eoi_map) {
        err = gfn_hold(pd->mm, page, HOLD_WRITE, &pd->eoi_frame);
        if (!err) {
            __atomic_store_n(&pd->eoi_map, frame_map(gfn_held_mfn(&pd->eoi_frame)), __ATOMIC_RELEASE);
            eoi_map_fill(pd);
        }
    }
    spin_unlock(&pd->lock);
    return err;
}

void pirq_domain_fini(struct pirq_domain *pd)
{
    for (u32 i = 0; i < PIRQ_BUCKETS; i++) {
        for (u32 j = 0; pd->buckets[i] && j < PIRQS_PER_BUCKET; j++)
            (void)!unmap_locked(&pd->buckets[i][j]);    /* -EINVAL: was not mapped */
        mem_free(pd->buckets[i]);
        pd->buckets[i] = NULL;
    }
    if (pd->eoi_map) {
        frame_unmap(pd->eoi_map);
        pd->eoi_map = NULL;
        gfn_release(&pd->eoi_frame);
    }
}
