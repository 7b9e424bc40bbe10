/* SPDX-License-Identifier: MIT */
/* MSRs as a paravirtual guest's kernel sees them: the table is in x86/msr_policy.c, the live ones here. */
#ifndef PV_MSR_H
#define PV_MSR_H

#include <dom/domain.h>

/* -EPERM: #GP. v is loaded, in kernel mode. */
int must_check pv_msr_read(struct vcpu *v, u32 msr, u64 *value);
int must_check pv_msr_write(struct vcpu *v, u32 msr, u64 value);
/* Loads those that the guest uses natively (TSC_AUX, read by RDTSCP and RDPID) with the vcpu. */
void pv_msr_load(const struct vcpu *v);

#endif
