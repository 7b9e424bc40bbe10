/* SPDX-License-Identifier: MIT */
/*
 * Writes of single page-table entries: the one writer of guest page-table memory outside whole-table validation.
 * The order makes it safe without a lock: take the new frame's references, exchange the entry atomically against the
 * value that was looked at, drop the references of exactly that value.
 */
#include <lib/errno.h>
#include <machine/fault.h>
#include <mm/entry.h>
#include <mm/table.h>

static int new_get(struct mmu_ctx *ctx, const struct table_write *w, unsigned level, pte_t *new)
{
    int rc;

    if (!(*new & PTE_P))
        return 0;
    if (level == 1)
        return l1e_get(ctx->mm, w->subject, new);
    rc = entry_check(level, new);
    return rc ? rc : table_get(ctx, pte_mfn(*new), (enum page_type)(TYPE_L1 + level - 2));
}

static void entry_put(struct mmu_ctx *ctx, unsigned level, pte_t e)
{
    if (!(e & PTE_P))
        return;
    if (level == 1)
        l1e_put(e);
    else
        table_put(ctx, frame_entry(pte_mfn(e)));
}

/* Same frame, and a difference only in bits that need no check: references stay as they are. */
static bool is_soft_change(unsigned level, pte_t old, pte_t new)
{
    return (old & PTE_P) && (new & PTE_P) && ((old ^ new) & ~entry_soft_bits(level)) == 0;
}

/* Bits the hypervisor owns, for a change that skips l1e_get(). */
static pte_t soft_adjust(unsigned level, pte_t new)
{
    if (level > 1)
        return new | PTE_US | (level == 4 ? PTE_A : 0);
    return l1e_adjust(new);
}

/* Accessed and Dirty of the old entry; but Accessed of a level-4 entry is always set (mm/entry.h). */
static pte_t keep_ad(unsigned level, pte_t new, pte_t old)
{
    new = (new & ~(PTE_A | PTE_D)) | (old & (PTE_A | PTE_D));
    return level == 4 && (new & PTE_P) ? new | PTE_A : new;
}

int table_write(struct mmu_ctx *ctx, const struct table_write *w)
{
    unsigned level = (unsigned)frame_type(w->table) - TYPE_L1 + 1;
    pte_t *table, *slot, old, new = w->new;
    bool held = false;
    int rc = 0;

    if (level == 4 && w->index >= HOLE_FIRST_SLOT && w->index <= HOLE_LAST_SLOT)
        return -EINVAL;
    table = frame_map(frame_mfn(w->table));
    slot = &table[w->index];
    old = READ_ONCE(*slot);
    for (;;) {
        pte_t value;

        if (w->expect && ((old ^ *w->expect) & ~w->any)) {
            rc = -EAGAIN;
            break;
        }
        if (!held && is_soft_change(level, old, w->new)) {
            value = soft_adjust(level, w->new);
        } else {
            if (!held && (rc = new_get(ctx, w, level, &new)) != 0)
                break;
            held = true;
            value = new;
        }
        if (w->preserve_ad)
            value = keep_ad(level, value, old);
        interleave_point();
        if (__atomic_compare_exchange_n(slot, &old, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            if (held)
                entry_put(ctx, level, old);
            held = false;
            break;
        }
    }
    if (held)
        entry_put(ctx, level, new);
    frame_unmap(table);
    return rc;
}

mfn_t table_walk_l1(mfn_t root, u64 va)
{
    mfn_t m = root;

    for (unsigned level = 4; level > 1; level--) {
        pte_t *table, e;

        if (!frame_valid(m))
            return MFN_INVALID;
        table = frame_map(m);
        e = READ_ONCE(table[pte_index(va, level)]);
        frame_unmap(table);
        if (!(e & PTE_P) || (e & PTE_PS))
            return MFN_INVALID;
        m = pte_mfn(e);
    }
    return frame_valid(m) ? m : MFN_INVALID;
}

struct frame *table_hold_l1(const struct mm_domain *mm, mfn_t m)
{
    struct frame *f;

    if (frame_get(m, mm->domid))
        return NULL;
    f = frame_entry(m);
    if (type_get_existing(f, TYPE_L1) == 0)
        return f;
    frame_put(f);
    return NULL;
}
