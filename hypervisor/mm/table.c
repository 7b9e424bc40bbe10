/* SPDX-License-Identifier: MIT */
/*
 * Validation and release of whole page tables. Both walk the entries in order and can stop between two of them; the
 * state is in the table's own descriptor: entries [0, progress) hold their references. A child whose own work was
 * preempted is PARTIAL and holds itself; whoever comes next, in either direction, takes it over. So no list of
 * half-done work exists, and every state is one that the next call can continue from.
 */
#include <core/work.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/entry.h>
#include <mm/table.h>

pte_t table_hole_entries[HOLE_LAST_SLOT - HOLE_FIRST_SLOT + 1];

static enum page_type level_type(unsigned level) { return (enum page_type)(TYPE_L1 + level - 1); }
static unsigned type_level(enum page_type type) { return (unsigned)type - TYPE_L1 + 1; }

static bool is_hole_slot(unsigned level, unsigned i)
{
    return level == 4 && i >= HOLE_FIRST_SLOT && i <= HOLE_LAST_SLOT;
}

pte_t table_hole_entry(const struct mm_domain *mm, unsigned slot)
{
    if (slot != pte_index(PERDOMAIN_START, 4))
        return table_hole_entries[slot - HOLE_FIRST_SLOT];
    return mfn_is_invalid(mm->perdomain_l3) ? 0 : pte_make(mm->perdomain_l3, PTE_P | PTE_RW | PTE_A | PTE_D);
}

static void hole_install(const struct mm_domain *mm, pte_t *l4)
{
    for (unsigned slot = HOLE_FIRST_SLOT; slot <= HOLE_LAST_SLOT; slot++)
        l4[slot] = table_hole_entry(mm, slot);
}

static int release_entries(struct mmu_ctx *ctx, struct frame *f, unsigned level);

/* Takes a validated or half-done child apart as far as the quantum lets it. */
static int child_put(struct mmu_ctx *ctx, struct frame *child, unsigned level)
{
    int rc = 0;

    if (type_put_begin(child))
        rc = release_entries(ctx, child, level);
    frame_put(child);
    return rc;
}

/* The entry at progress may have a child that was preempted half-way: finish taking it apart. */
static int partial_child_release(struct mmu_ctx *ctx, pte_t e, unsigned level)
{
    struct frame *child;
    int rc;

    if (!(e & PTE_P) || !frame_valid(pte_mfn(e)))
        return 0;
    child = frame_entry(pte_mfn(e));
    if (frame_owner(child) != ctx->mm->domid || !type_take_partial(child, level_type(level - 1)))
        return 0;
    rc = release_entries(ctx, child, level - 1);
    frame_put(child);       /* the one PARTIAL stood for */
    return rc;
}

/*
 * Puts what entries [0, progress) hold, from the top down, and then the frame's own last type reference. -ERESTART:
 * the frame is PARTIAL.
 */
static int release_entries(struct mmu_ctx *ctx, struct frame *f, unsigned level)
{
    pte_t *table = frame_map(frame_mfn(f));
    unsigned i = f->progress;
    int rc = 0;

    if (level > 1 && i < PTES_PER_PAGE && !is_hole_slot(level, i))
        rc = partial_child_release(ctx, READ_ONCE(table[i]), level);
    while (rc == 0 && i > 0) {
        pte_t e = READ_ONCE(table[--i]);

        f->progress = (u16)i;
        if (!(e & PTE_P) || is_hole_slot(level, i))
            continue;
        if (level == 1)
            l1e_put(e);
        else if ((rc = child_put(ctx, frame_entry(pte_mfn(e)), level - 1)) == 0 && preempt_point())
            rc = -ERESTART;
    }
    frame_unmap(table);
    if (rc == 0)
        type_abandon(f);
    else
        type_set_partial(f);
    return rc;
}

/* Checks entry i and takes its references; the adjusted entry is written back. */
static int validate_entry(struct mmu_ctx *ctx, pte_t *slot, unsigned level)
{
    pte_t e = READ_ONCE(*slot), adjusted;
    int rc;

    if (!(e & PTE_P))
        return 0;
    adjusted = e;
    if (level == 1) {
        rc = l1e_get(ctx->mm, ctx->mm, &adjusted);
    } else {
        rc = entry_check(level, &adjusted);
        if (rc == 0)
            rc = table_get(ctx, pte_mfn(e), level_type(level - 1));
    }
    if (rc == 0 && adjusted != e)
        WRITE_ONCE(*slot, adjusted);
    return rc;
}

/* -ERESTART: the frame is PARTIAL. Other errors: the frame is released, or the slot releases it. */
static int validate(struct mmu_ctx *ctx, struct frame *f, unsigned level)
{
    pte_t *table = frame_map(frame_mfn(f));
    unsigned i = f->progress;
    int rc = 0;

    for (; i < PTES_PER_PAGE; i++) {
        if (is_hole_slot(level, i))
            continue;
        f->progress = (u16)i;
        rc = validate_entry(ctx, &table[i], level);
        if (rc)
            break;
        if (level > 1 && (table[i] & PTE_P) && i + 1 < PTES_PER_PAGE && preempt_point()) {
            f->progress = (u16)(i + 1);
            rc = -ERESTART;
            break;
        }
    }
    if (rc == 0) {
        f->progress = PTES_PER_PAGE;
        if (level == 4)
            hole_install(ctx->mm, table);
        type_validated(f);
    }
    frame_unmap(table);
    if (rc == -ERESTART)
        type_set_partial(f);
    return rc;
}

static void defer(struct mmu_ctx *ctx, struct frame *f)
{
    if (ctx->pending == NULL) {
        frame_get_own(f);
        ctx->pending = f;
    } else {
        table_put_all(ctx, f);
    }
}

int table_get(struct mmu_ctx *ctx, mfn_t m, enum page_type type)
{
    struct frame *f;
    int rc = frame_get(m, ctx->mm->domid);

    if (rc)
        return rc;
    f = frame_entry(m);
    switch (type_claim(ctx->mm, f, type)) {
    case CLAIM_HELD:
        return 0;
    case CLAIM_RESUME:
        frame_put(f);               /* PARTIAL's; we have our own */
        /* fall through */
    case CLAIM_VALIDATE:
        rc = validate(ctx, f, type_level(type));
        if (rc && rc != -ERESTART && release_entries(ctx, f, type_level(type)))
            defer(ctx, f);
        break;
    case CLAIM_BUSY:
        rc = -EINVAL;
        break;
    }
    if (rc)
        frame_put(f);
    return rc;
}

void table_put(struct mmu_ctx *ctx, struct frame *f)
{
    enum page_type type = frame_type(f);

    if (type_put_begin(f) && release_entries(ctx, f, type_level(type)))
        defer(ctx, f);
    frame_put(f);
}

int table_release_partial(struct mmu_ctx *ctx, struct frame *f)
{
    enum page_type type = frame_type(f);
    int rc;

    if (type < TYPE_L1 || type > TYPE_L4 || !type_take_partial(f, type))
        return 0;
    rc = release_entries(ctx, f, type_level(type));
    frame_put(f);
    return rc;
}

void table_put_all(struct mmu_ctx *ctx, struct frame *f)
{
    while (table_release_partial(ctx, f))
        ;
}

int mmu_drain(struct mmu_ctx *ctx)
{
    struct frame *f = ctx->pending;

    if (likely(f == NULL))
        return 0;
    if (table_release_partial(ctx, f))
        return -ERESTART;
    ctx->pending = NULL;
    frame_put(f);
    return 0;
}

int table_pin(struct mmu_ctx *ctx, mfn_t m, enum page_type type)
{
    struct frame *f;
    int rc = table_get(ctx, m, type);

    if (rc)
        return rc;
    f = frame_entry(m);
    if (__atomic_fetch_or(&f->type, TYPE_PINNED, __ATOMIC_ACQ_REL) & TYPE_PINNED) {
        table_put(ctx, f);
        return -EINVAL;
    }
    return 0;                       /* the references are the pin's */
}

int table_unpin(struct mmu_ctx *ctx, mfn_t m)
{
    struct frame *f;
    int rc = frame_get(m, ctx->mm->domid);

    if (rc)
        return rc;
    f = frame_entry(m);
    if (__atomic_fetch_and(&f->type, ~TYPE_PINNED, __ATOMIC_ACQ_REL) & TYPE_PINNED)
        table_put(ctx, f);
    else
        rc = -EINVAL;
    frame_put(f);
    return rc;
}
