/* SPDX-License-Identifier: MIT */
/* Rules for one page-table entry. See mm/entry.h. No state of its own. */
#include <lib/errno.h>
#include <mm/entry.h>
#include <xen/xen.h>

#define TABLE_ALLOWED (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D | PTE_AVAIL | PTE_NX | PTE_ADDR_MASK)
#define L1_ALLOWED    (TABLE_ALLOWED | PTE_G | PTE_AVAIL_HIGH)
#define L1_CACHE      (PTE_PWT | PTE_PCD | PTE_PAT)

struct rangeset mmio_ro_ranges;

pte_t entry_soft_bits(unsigned level)
{
    pte_t soft = PTE_NX | PTE_AVAIL | PTE_A | PTE_D | PTE_US;

    return level == 1 ? soft | PTE_G | PTE_AVAIL_HIGH : soft | PTE_RW;
}

int entry_check(unsigned level, pte_t *e)
{
    if (*e & ~TABLE_ALLOWED)
        return -EINVAL;
    *e |= PTE_US | (level == 4 ? PTE_A : 0);
    return 0;
}

static int device_check(struct mm_domain *owner, struct mm_domain *subject, pte_t *e)
{
    mfn_t m = pte_mfn(*e);

    if (!mm_may_map(owner, m.n, m.n) || (subject != owner && !mm_may_map(subject, m.n, m.n)))
        return m.n == PTE_ADDR_MASK >> PAGE_SHIFT ? -EINVAL : -EPERM;
    if ((*e & PTE_RW) && rangeset_contains(&mmio_ro_ranges, m.n, m.n))
        *e &= ~PTE_RW;
    return 0;
}

pte_t l1e_adjust(pte_t e)
{
    bool user = (e & PTE_US) && !(e & PTE_GUEST_KERNEL);

    return user ? e | PTE_G : (e | PTE_US | PTE_GUEST_KERNEL) & ~PTE_G;
}

bool l1e_well_formed(const struct mm_domain *owner, pte_t e)
{
    return !(e & ~(L1_ALLOWED | (owner->cache_attributes ? L1_CACHE : 0)));
}

int l1e_get(struct mm_domain *owner, struct mm_domain *subject, pte_t *e)
{
    mfn_t m = pte_mfn(*e);
    int rc;

    if (!l1e_well_formed(owner, *e))
        return -EINVAL;
    if (frame_is_device(m)) {
        rc = device_check(owner, subject, e);
    } else {
        rc = *e & PTE_RW ? frame_get_type(subject, m, TYPE_WRITABLE) : frame_get(m, subject->domid);
        if (rc)
            rc = -EBUSY;        /* one answer for every frame that cannot be pinned down */
    }
    if (rc == 0)
        *e = l1e_adjust(*e);
    return rc;
}

void l1e_put(pte_t e)
{
    mfn_t m = pte_mfn(e);

    if (frame_is_device(m))
        return;
    if (e & PTE_RW)
        frame_put_type(frame_entry(m));
    else
        frame_put(frame_entry(m));
}
