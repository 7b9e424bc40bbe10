/* SPDX-License-Identifier: MIT */
/*
 * GDT and LDT of a paravirtual vcpu: frames of type TYPE_SEGDESC, mapped in the vcpu's 32 pages of the per-domain area
 * (dom/pv_state.h). Only the vcpu itself, or somebody while it is not initialised, changes its entries: no lock.
 */
#ifndef PV_DESCRIPTOR_H
#define PV_DESCRIPTOR_H

#include <dom/domain.h>

/* At the vcpu's creation, once its table of the per-domain area exists: every page of an absent GDT reads as zeros, so
 * that selectors give #GP and LAR and LSL just fail. -ENOMEM. */
int must_check pv_descriptor_init(struct vcpu *v);
/* Drops GDT and LDT. The vcpu does not run. */
void pv_descriptor_fini(struct vcpu *v);

/* Replaces the GDT: (entries + 511) / 512 frames. -EINVAL: too many entries, not the domain's frames, in another use,
 * or with a descriptor that is refused; the old GDT then stays. entries 0: none. */
int must_check pv_gdt_set(struct vcpu *v, const u64 *frames, u64 entries);

/* Unmaps the LDT's pages (before MMUEXT_SET_LDT changes ldt_base or ldt_entries, and at exit). */
void pv_ldt_unmap(struct vcpu *v);
/* A page fault at offset within the vcpu's LDT area: maps that page. True: try again; false: the guest gets the
 * fault at ldt_base + offset. */
bool pv_ldt_fault(struct vcpu *v, u64 offset);

/* The descriptor a selector names, as the CPU would read it. False: null selector, beyond the table, or not mapped. */
bool pv_descriptor_read(struct vcpu *v, u16 selector, u64 *desc);
/* Where in the vcpu's area (PV_GDT_VA) a page is mapped: for the context switch's page 14. */
void pv_area_map(struct vcpu *v, unsigned page, u64 pte);

#endif
