/* SPDX-License-Identifier: MIT */
/* Entry points that machine/entry.S calls; the register block is the argument of all. */
#ifndef PV_TRAPS_H
#define PV_TRAPS_H

#include <dom/domain.h>

void entry_trap(struct regs *regs);
void entry_trap_hypervisor(struct regs *regs);
void entry_syscall32(struct regs *regs);
void entry_sysenter(struct regs *regs);
struct regs *ist_main_stack(void);      /* the guest register block of this CPU, from an IST stack */
void pv_user_syscall(struct vcpu *v, struct regs *regs);
/* A fault in the GDT/LDT area of slot 260. True: mapped now, try again. */
bool pv_area_fault(struct vcpu *v, u64 va);

#endif
