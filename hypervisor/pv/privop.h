/* SPDX-License-Identifier: MIT */
/* Control and debug registers of a paravirtual vcpu, for the emulator, the hypercalls and VCPUOP_initialise. */
#ifndef PV_PRIVOP_H
#define PV_PRIVOP_H

#include <dom/domain.h>

/* CR4 bits the guest may change; those it sees of the hypervisor's. */
#define PV_CR4_GUEST   (X86_CR4_TSD | X86_CR4_DE | X86_CR4_FSGSBASE | X86_CR4_OSXSAVE)
#define PV_CR4_VISIBLE (X86_CR4_PAE | X86_CR4_MCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)
/* The guest's bits that go into the CPU's CR4 with the vcpu: FSGSBASE must never be on behind the guest's back. */
#define PV_CR4_LOADED  (X86_CR4_TSD | X86_CR4_DE | X86_CR4_FSGSBASE)

/* Keeps the bits that the guest may set and this CPU has; other bits are dropped silently. */
u64 pv_cr4_sanitise(const struct vcpu *v, u64 value);
/* What CR4 of this CPU should hold while v runs. */
u64 pv_cr4_hardware(const struct vcpu *v);

/* Debug register 0..7, also in the CPU when v is the current vcpu. -EPERM for an address in the hypervisor's range or
 * a forbidden bit, -EINVAL for a value wider than the register, -ENODEV: no such register. */
int must_check pv_debugreg_set(struct vcpu *v, unsigned reg, u64 value);
int must_check pv_debugreg_get(const struct vcpu *v, unsigned reg, u64 *value);
/* What DR7 of the CPU should hold while v runs: breakpoints on ports never reach it. */
u64 pv_dr7_hardware(const struct vcpu *v);
/* Virtual CR0.TS, in the CPU too. v is loaded. */
void pv_set_ts(struct vcpu *v, bool on);
/* XCR0 legal on this machine? */
bool pv_xcr0_ok(const struct vcpu *v, u64 value);

#endif
