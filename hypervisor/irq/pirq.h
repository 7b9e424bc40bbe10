/* SPDX-License-Identifier: MIT */
/*
 * PIRQs: the numbers by which a domain names the physical interrupts it may use. Each is mapped to an irq
 * (irq/irq.h) and then bound to a port of the domain's event channels.
 *
 * The table grows by buckets that never move, so a look-up takes no lock. pirq_domain.lock (RANK_PIRQ) serializes
 * mapping; what is in struct pirq changes only under the lock of the irq it is mapped to (RANK_IRQ). So bind, unbind,
 * eoi and set_affinity may be called with event-channel locks held. Hypercalls and ipc/evtchn.c call this file.
 */
#ifndef IRQ_PIRQ_H
#define IRQ_PIRQ_H

#include <core/lock.h>
#include <lib/bitmap.h>
#include <lib/list.h>
#include <mm/domain.h>

#define PIRQS_PER_BUCKET 64       /* one page of struct pirq */
#define PIRQ_BUCKETS     64
#define PIRQS_MAX        (PIRQS_PER_BUCKET * PIRQ_BUCKETS)      /* fits the bitmap page of PHYSDEVOP_pirq_eoi_gmfn */

struct evtchn_domain;

struct pirq {
    struct pirq_domain *owner;  /* (c) */
    u32 number;                 /* (c) */
    u32 irq;                    /* (i: lock of that irq) 0: not mapped; else irq + 1; PIRQ_RESERVED */
    u32 port;                   /* (i) bound to this port, 0: unbound */
    bool share;                 /* (i) the binder allows other domains on a level-triggered line */
    bool unacked;               /* (i) a level interrupt was sent and PHYSDEVOP_eoi has not come yet */
    struct list bound;          /* (i) among the irq's bound pirqs */
};

struct pirq_domain {
    spinlock_t lock;                    /* RANK_PIRQ */
    struct evtchn_domain *evtchn;       /* (c) where events go */
    struct mm_domain *mm;               /* (c) whose frames and rights on device memory and interrupts count */
    struct pirq *buckets[PIRQ_BUCKETS]; /* published with release order, freed by fini only */
    u64 *eoi_map;                       /* (l) guest's bitmap of pirqs that need PHYSDEVOP_eoi; NULL: none */
    struct gfn_held eoi_frame;          /* (l) hold on that page */
};

/* Upward call, defined in ipc/evtchn.c: sets the port pending. Called with the irq's lock held (RANK_IRQ), interrupts
 * off, on any CPU; takes locks of higher rank only. A port that is closed meanwhile is ignored. */
void evtchn_raise_pirq(struct evtchn_domain *e, u32 port);

void pirq_domain_init(struct pirq_domain *pd, struct evtchn_domain *evtchn, struct mm_domain *mm);
/* Unbinds and unmaps everything. No other CPU uses pd any more. Safe on a zeroed or already finished pd. */
void pirq_domain_fini(struct pirq_domain *pd);

/* Mapping: pirq < 0 asks for a free number. Return the pirq's number (>= 0) or:
 * -EINVAL no such interrupt or pirq; -EEXIST the irq is mapped to another pirq of the domain; -EBUSY the pirq is mapped
 * to another irq; -ENOSPC numbers or irqs exhausted; -ENOMEM; for MSI also the errors of msi_create() (irq/msi.h). */
int must_check pirq_map_gsi(struct pirq_domain *pd, int gsi, int pirq);
struct msi_request;
int must_check pirq_map_msi(struct pirq_domain *pd, const struct msi_request *rq, int pirq);
/* Unmaps; a binding is undone first (its port stays open and silent). -EINVAL: not mapped. */
int must_check pirq_unmap(struct pirq_domain *pd, int pirq);
/* Sets a number aside for a later map call that names it. Number, -ENOSPC or -ENOMEM. */
int must_check pirq_reserve(struct pirq_domain *pd, bool gsi);

/*
 * EVTCHNOP_bind_pirq: from success on, interrupts raise port until pirq_unbind(). cpu: where the port's vcpu runs.
 * An interrupt may raise the port before this returns, so it must be usable. The caller may hold RANK_EVTCHN.
 * -EINVAL not mapped; -EPERM no right to the interrupt, or to none at all; -EEXIST bound already; -EBUSY the
 * hypervisor's own or another domain's that does not share; -ENOSPC no vector left.
 */
int must_check pirq_bind(struct pirq_domain *pd, u32 pirq, u32 port, bool share, unsigned cpu);
/* Undoes pirq_bind(); after return the port is not raised again. Ignored when pirq is not bound to port. */
void pirq_unbind(struct pirq_domain *pd, u32 pirq, u32 port);
/* EVTCHNOP_bind_vcpu: delivers on that CPU from now on, if it has a vector left. */
void pirq_set_affinity(struct pirq_domain *pd, u32 pirq, unsigned cpu);

/* The guest is done with a level-triggered interrupt. Harmless for others. -EINVAL: not mapped. */
int must_check pirq_eoi(struct pirq_domain *pd, u32 pirq);
/* The irq by which the domain's number is meant: what it is mapped to, else the GSI of that number. -EINVAL: neither. */
int must_check pirq_irq(struct pirq_domain *pd, u32 pirq);
/* XENIRQSTAT_* of a pirq. -EINVAL: not mapped. */
int must_check pirq_status(struct pirq_domain *pd, u32 pirq, u32 *flags);
/* Shares the bitmap page, once. -EBUSY: there is one; errors of gfn_hold(). */
int must_check pirq_share_eoi_map(struct pirq_domain *pd, gfn_t page);

#endif
