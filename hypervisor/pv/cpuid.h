/* SPDX-License-Identifier: MIT */
/* CPUID as a paravirtual vcpu sees it through forced emulation: the table is in x86/cpuid_policy.c. */
#ifndef PV_CPUID_H
#define PV_CPUID_H

#include <dom/domain.h>
#include <machine/cpu.h>

/* v is loaded. kernel: asked from guest kernel mode. */
struct cpuid_regs pv_cpuid(const struct vcpu *v, u32 leaf, u32 sub, bool kernel);

static inline bool cpu_has_xsave(void) { return cpuid(1, 0).c & BIT(26); }

#endif
