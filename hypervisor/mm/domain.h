/* SPDX-License-Identifier: MIT */
/* The memory side of a domain, embedded by value in struct domain: account, rights, paging mode. */
#ifndef MM_DOMAIN_H
#define MM_DOMAIN_H

#include <core/lock.h>
#include <lib/bitmap.h>
#include <lib/rangeset.h>
#include <mm/type.h>

struct mm_domain {
    spinlock_t lock;            /* RANK_MM_DOMAIN: tot_pages, max_pages, chunks */
    u16 domid;                  /* (c) const after create */
    bool dying;                 /* (l) no new pages */
    u32 tot_pages;              /* (l) frames owned (FRAME_ALLOCATED set) */
    u32 max_pages;              /* (l) limit */
    u32 claimed;                /* (l) pages set aside for it that it does not have yet */
    u16 *chunks;                /* (l) frames owned in each 2 MiB piece of the machine, so that teardown finds them */
    u64 relinquished;           /* by the one who takes the memory away: frames below have been looked at */
    mfn_t perdomain_l3;         /* (c) what L4 slot 260 of each of its page tables points at */
    cpumask_t dirty_cpus;       /* (a) CPUs that have its page tables loaded or may have entries cached */
    struct rangeset iomem;      /* (l) frames of device memory it may map */
    struct rangeset ioports;    /* (l) ports it may use */
    struct rangeset irqs;       /* (l) interrupts (irq/irq.h) that it may bind */
    bool cache_attributes;      /* (c) may choose PAT/PCD/PWT in L1 entries (hardware rights) */
};

/* Frames that may be mapped by their rights holder, but never writable (MSI-X tables, IO-APICs...). */
extern struct rangeset mmio_ro_ranges;

/* NULL when no such domain. Valid until the caller leaves the hypervisor (read-side section). */
struct mm_domain *mm_domain_of(u16 domid);
int must_check mm_domain_init(struct mm_domain *mm, u16 domid, u32 max_pages);

void mm_domain_fini(struct mm_domain *mm);
/* No new pages from now on. */
void mm_domain_close(struct mm_domain *mm);
/* A dying domain's page that the hypervisor shared with it (frame_share()) and uses no more: it becomes an ordinary
 * frame of the domain's whose owner has let go, freed with the last mapping. */
void mm_abandon_shared(struct mm_domain *mm, mfn_t m);
/* Upward, dom/kill.c: a dying domain's last frame was freed. Any context. */
void domain_memory_gone(void);
/* Whether all these frames of device memory are the domain's to map. */
bool mm_may_map(struct mm_domain *mm, u64 first, u64 last);
bool mm_may_use_ports(struct mm_domain *mm, u64 first, u64 last);
bool mm_may_bind(struct mm_domain *mm, u32 irq);
void mm_limit_set(struct mm_domain *mm, u32 max_pages);
/* Sets pages aside so that mm->tot_pages can reach the given number whatever others allocate; 0 gives all back. -ENOMEM:
 * not that many are free; -EINVAL: it has more already. */
int must_check mm_claim(struct mm_domain *mm, u64 pages);
u64 mm_claims_total(void);
/* Takes a frame out of the account (it is being freed or changes hands). */
void mm_unassign(struct mm_domain *mm, mfn_t m);
/* Takes a frame out of use: -EINVAL unless the owner's own reference is its only one. It stays in the account, and other
 * CPUs may still have entries for it (f->stamp). The undo is for as long as nobody else was given it. */
int must_check mm_steal(struct mm_domain *mm, mfn_t m);
void mm_unsteal(mfn_t m);
/* Gives frames to a domain: owner, FRAME_ALLOCATED with one reference, M2P stays. -E2BIG over max_pages, -EINVAL dying. */
int must_check mm_assign(struct mm_domain *mm, mfn_t m, u64 pages);
/* Zeroes frames that a domain is about to get, when nobody has a translation of them. */
void mm_scrub(mfn_t m, unsigned order);
/* heap_alloc() + mm_scrub() + mm_assign(). */
int must_check mm_populate(struct mm_domain *mm, unsigned order, unsigned width_bits, mfn_t *out);
/* Last reference gone: account, back to the heap. Called by frame_put(). */
void mm_frame_free(struct frame *f);
/*
 * Every frame argument of a hypercall goes through this. PV: the gfn is the mfn; translated guests walk their p2m.
 * On success the frame is held: a general reference, plus a writable type reference when access is HOLD_WRITE.
 */
enum hold_access { HOLD_READ, HOLD_WRITE };
struct gfn_held { struct mm_domain *mm; struct frame *frame; enum hold_access access; };
int must_check gfn_hold(struct mm_domain *mm, gfn_t g, enum hold_access access, struct gfn_held *held);
void gfn_release(struct gfn_held *held);
static inline mfn_t gfn_held_mfn(const struct gfn_held *h) { return frame_mfn(h->frame); }
/* Ends every hypervisor write to guest memory: a no-op until dirty logging exists. */
static inline void frame_dirty(mfn_t m) { (void)m; }

#endif
