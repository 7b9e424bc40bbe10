/* SPDX-License-Identifier: MIT */
/*
 * Entries that are not used but change: a frame handed over for good through an entry that accepts one, and two idle
 * entries swapped. All under the lock of the table the entries are in.
 */
#include <ipc/grant_entry.h>
#include <mm/flush.h>

#define ACCEPT_ATTEMPTS 5           /* as in grant_use.c */

/* Both versions begin with the same word: flags and domid. */
static u32 *entry_word(const struct grant_table *gt, u32 ref)
{
    return gt->version == 1 ? (u32 *)entry_v1(gt, ref) : (u32 *)entry_v2(gt, ref);
}

/* Lock held. From here until the entry says completed, its owner must not change it. */
static s16 offer_commit(struct grant_table *to, u32 ref, u16 by, mfn_t m)
{
    u32 *word, old;

    if (ref >= grant_entries(to))
        return GNTST_bad_gntref;
    if (to->version == 1 && m.n > ~0u)
        return GNTST_address_too_big;
    word = entry_word(to, ref);
    old = READ_ONCE(*word);
    for (unsigned i = 0; i < ACCEPT_ATTEMPTS; i++) {
        u16 flags = (u16)old & (GTF_type_mask | GTF_transfer_committed | GTF_transfer_completed);

        if (flags != GTF_accept_transfer || (u16)(old >> 16) != by || entry_in_use(to, ref))
            break;
        if (__atomic_compare_exchange_n(word, &old, old | GTF_transfer_committed, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return GNTST_okay;
    }
    return GNTST_general_error;
}

static void offer_complete(struct grant_table *to, u32 ref, mfn_t m)
{
    if (to->version == 1)
        WRITE_ONCE(entry_v1(to, ref)->frame, (u32)m.n);
    else
        WRITE_ONCE(entry_v2(to, ref)->full_page.frame, m.n);
    __atomic_fetch_or(entry_word(to, ref), GTF_transfer_completed, __ATOMIC_SEQ_CST);
}

/* Lock held; the frame is out of use. */
static s16 hand_over(struct grant_table *to, u32 ref, u16 by, mfn_t m)
{
    s16 status = offer_commit(to, ref, by, m);

    if (status)
        return status;
    if (mm_assign(to->mm, m, 1)) {
        __atomic_fetch_and(entry_word(to, ref), ~(u32)GTF_transfer_committed, __ATOMIC_SEQ_CST);
        return GNTST_general_error;
    }
    m2p_set(m, M2P_INVALID);
    offer_complete(to, ref, m);
    return GNTST_okay;
}

s16 grant_transfer(struct grant_table *to, u32 ref, struct mm_domain *from, mfn_t m)
{
    s16 status;

    if (mm_steal(from, m))
        return GNTST_bad_page;
    flush_stale(frame_entry(m)->stamp);
    spin_lock(&to->lock);
    status = hand_over(to, ref, from->domid, m);
    spin_unlock(&to->lock);
    if (status)
        mm_unsteal(m);
    else
        mm_unassign(from, m);
    return status;
}

static void swap(struct grant_table *gt, u32 a, u32 b)
{
    if (gt->version == 1) {
        struct grant_entry_v1 old = *entry_v1(gt, a);

        *entry_v1(gt, a) = *entry_v1(gt, b);
        *entry_v1(gt, b) = old;
    } else {
        union grant_entry_v2 old = *entry_v2(gt, a);

        *entry_v2(gt, a) = *entry_v2(gt, b);
        *entry_v2(gt, b) = old;
    }
}

s16 grant_swap(struct grant_table *gt, u32 a, u32 b)
{
    s16 status = GNTST_okay;

    spin_lock(&gt->lock);
    if (a >= grant_entries(gt) || b >= grant_entries(gt))
        status = GNTST_bad_gntref;
    else if (a != b && (entry_in_use(gt, a) || entry_in_use(gt, b)))
        status = GNTST_eagain;
    else
        swap(gt, a, b);
    spin_unlock(&gt->lock);
    return status;
}
