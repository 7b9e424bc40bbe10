/* SPDX-License-Identifier: MIT */
/* Paravirtual vcpus: address spaces, modes, delivery of traps and events, what is loaded into the CPU for them. */
#ifndef PV_PV_H
#define PV_PV_H

#include <dom/domain.h>

#define SEL_HV_CS       0xe008
#define SEL_GUEST_CS64  0xe033
#define SEL_GUEST_CS32  0xe023
#define SEL_GUEST_DS    0xe02b
#define GDT_HV_OFFSET   0xe000      /* entries from here on are the hypervisor's, in every vcpu's GDT */

/* Tables behind L4 slot 260: the GDT and LDT of each vcpu. -ENOMEM. */
int must_check pv_domain_init(struct domain *d);
void pv_domain_fini(struct domain *d);
/* Registers, control registers and debug registers as at reset; no address space yet. -ENOMEM. */
int must_check pv_vcpu_init(struct vcpu *v);
void pv_vcpu_fini(struct vcpu *v);
/* For a dying domain: lets go of the page tables, descriptor tables and half-done work of a vcpu that will not run
 * again; takes the domain's memory away. 0 or -ERESTART. */
int must_check pv_vcpu_release(struct vcpu *v);
int must_check pv_relinquish(struct domain *d);

/* MMUEXT_NEW_BASEPTR, NEW_USER_BASEPTR (MFN_INVALID: none). The vcpu is current and in kernel mode. Errors: table_get(). */
int must_check pv_set_kernel_root(struct vcpu *v, mfn_t root);
int must_check pv_set_user_root(struct vcpu *v, mfn_t root);
/* MMUEXT_SET_LDT. -EINVAL: not page aligned, in the hole, or too many entries. */
int must_check pv_set_ldt(struct vcpu *v, u64 base, u64 entries);

/* Between guest kernel and guest user mode: address space and GS base. The vcpu is current. */
void pv_toggle_mode(struct vcpu *v);

/* Makes the guest continue in its handler. Each may crash the domain instead (no handler, bad stack). */
void pv_bounce_exception(struct vcpu *v, struct regs *regs, u8 vector, u32 error_code);
void pv_bounce_callback(struct vcpu *v, struct regs *regs, const struct pv_callback *cb);
void pv_bounce_nmi(struct vcpu *v, struct regs *regs);
/* HYPERVISOR_iret. */
void pv_iret(struct vcpu *v, struct regs *regs);

/* Moves the vcpu's state out of, and into, this CPU. */
void pv_save(struct vcpu *v);
void pv_load(struct vcpu *v);

/* #PF of the current vcpu. */
void pv_page_fault(struct vcpu *v, struct regs *regs, u64 cr2);

#endif
