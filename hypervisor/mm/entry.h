/* SPDX-License-Identifier: MIT */
/* Rules for one page-table entry: which bits a guest may set at each level, and what an L1 entry's frame must be. */
#ifndef MM_ENTRY_H
#define MM_ENTRY_H

#include <mm/domain.h>
#include <xen/xen.h>

/* Levels 2..4: -EINVAL for a forbidden bit (PS, cache bits, G, reserved); sets what the hypervisor wants set. */
int must_check entry_check(unsigned level, pte_t *e);
/*
 * Present L1 entry: checks the bits, takes the references its frame needs, adjusts the entry (US always set; kernel
 * pages marked and never global, user pages global; read-only device ranges lose RW). owner: whose table it is in;
 * subject: whose frame it may be (rights of both count for device memory). -EINVAL, -EPERM, -EBUSY.
 */
int must_check l1e_get(struct mm_domain *owner, struct mm_domain *subject, pte_t *e);
/* No bit that the owner of the table may not set. */
bool l1e_well_formed(const struct mm_domain *owner, pte_t e);
/* The bits of a present L1 entry that are ours: both guest modes are ring 3, so a kernel page has US and a mark, which
 * the guest sees when it reads the entry back and writes it again. */
pte_t l1e_adjust(pte_t e);
/* Drops what a present L1 entry holds. */
void l1e_put(pte_t e);
/* No descriptor, or firmware and device memory: such frames are not counted. */
static inline bool frame_is_device(mfn_t m)
{
    return !frame_valid(m) || frame_owner(frame_entry(m)) == DOMID_IO;
}
/* The bits in which a present entry may be changed without looking at its frame again. */
pte_t entry_soft_bits(unsigned level);

#endif
