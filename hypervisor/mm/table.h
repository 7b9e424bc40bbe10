/* SPDX-License-Identifier: MIT */
/*
 * Page tables of paravirtual guests: validation of whole tables, writes of single entries, and what each present
 * entry holds: L1 writable: a general and a TYPE_WRITABLE reference on the frame; L1 read-only: a general one; above:
 * a general reference and one of the next lower table type. Device memory (no descriptor, or DOMID_IO's) holds none.
 */
#ifndef MM_TABLE_H
#define MM_TABLE_H

#include <mm/domain.h>

/*
 * Who works on tables: the owner of the tables, and one slot for a table whose release was preempted. Everything here
 * starts with an empty slot (mmu_drain()) and leaves at most one table in it.
 */
struct mmu_ctx {
    struct mm_domain *mm;       /* owner of the page tables */
    struct frame *pending;      /* PARTIAL, with a general reference; or NULL */
};

/* Finishes what the slot holds: 0 or -ERESTART. */
int must_check mmu_drain(struct mmu_ctx *ctx);

/* A general and a type reference on a table, validating it if need be. -EINVAL not the domain's, in use as
 * something else, or contents refused; -EBUSY, -EPERM from an L1 entry (mm/entry.h); -ERESTART. */
int must_check table_get(struct mmu_ctx *ctx, mfn_t m, enum page_type type);
/* Drops both. If that takes the table apart and is preempted, the rest waits in the slot. */
void table_put(struct mmu_ctx *ctx, struct frame *f);

int must_check table_pin(struct mmu_ctx *ctx, mfn_t m, enum page_type type);    /* -EINVAL when pinned already */
int must_check table_unpin(struct mmu_ctx *ctx, mfn_t m);                       /* -EINVAL when not pinned */

/*
 * Writes one entry of a table the caller holds a type reference on. subject: whose rights count for the frame in the
 * new entry (a foreign domain for privileged mappings, else ctx->mm). preserve_ad keeps Accessed and Dirty as they are.
 * expect: when not NULL, -EAGAIN unless the entry still holds *expect, but for the bits in any. Errors as table_get().
 */
struct table_write {
    struct frame *table;
    unsigned index;
    pte_t new;
    struct mm_domain *subject;
    const pte_t *expect;
    pte_t any;
    bool preserve_ad;
};
int must_check table_write(struct mmu_ctx *ctx, const struct table_write *w);

/* The hypervisor's part of every L4: what slots 256..271 hold; 260 from the domain. */
extern pte_t table_hole_entries[HOLE_LAST_SLOT - HOLE_FIRST_SLOT + 1];
/* What one of these slots holds in the domain's L4s. */
pte_t table_hole_entry(const struct mm_domain *mm, unsigned slot);

/* The frame of the L1 that maps va under the given root, for a walk by the hypervisor: takes nothing, checks only that
 * each step is a frame with a descriptor; the caller takes references before use. MFN_INVALID: no such table. */
mfn_t table_walk_l1(mfn_t root, u64 va);

/* The domain's own L1 with references taken, for one table_write(), then table_put(). NULL: it is none. */
struct frame *table_hold_l1(const struct mm_domain *mm, mfn_t m);

/* Boot: the hypervisor half is complete at L4 level from here on. */
void table_hole_init(void);
/* Frees what a PARTIAL table holds, without preemption bound. */
void table_put_all(struct mmu_ctx *ctx, struct frame *f);
/* The same with preemption: 0 (also when the frame is not PARTIAL) or -ERESTART. The caller holds a reference. */
int must_check table_release_partial(struct mmu_ctx *ctx, struct frame *f);
/* Takes every frame away from a dying domain (ctx->mm) whose vcpus hold nothing any more, pins included. Frames that
 * others map stay until they stop. 0 or -ERESTART; mm/relinquish.c. */
int must_check mm_relinquish(struct mmu_ctx *ctx);

#endif
