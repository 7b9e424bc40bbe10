/* SPDX-License-Identifier: MIT */
/*
 * What the CPUs of a domain are: CPUID leaves that are kept for each domain. pv/cpuid.c answers from them, and control
 * registers, XCR0 and MSRs follow them. The slots are in the order of the form in which toolstacks pass policies.
 * A domain's is written under its lock, before its vcpus run for the first time, and only read after that.
 */
#ifndef PV_CPU_POLICY_H
#define PV_CPU_POLICY_H

#include <dom/domain.h>
#include <xen/arch-x86/cpufeatureset.h>

#define CPU_FEATURE_WORDS 19            /* registers full of features; word w has the features 32 w to 32 w + 31 */

/* Negative: there is none. sub counts for leaves that have subleaves. */
int cpu_policy_slot(u32 leaf, u32 sub);
/* The leaf of a slot; sub is XEN_CPUID_NO_SUBLEAF where it has no subleaves. */
void cpu_policy_name(unsigned slot, u32 *leaf, u32 *sub);
/* The policy's own limits let this leaf, which has a slot, be seen. */
bool cpu_policy_shows(const struct cpu_policy *p, u32 leaf, u32 sub);
u32 cpu_policy_word(const struct cpu_policy *p, unsigned w);
static inline bool cpu_policy_has(const struct cpu_policy *p, unsigned feature)
{
    return cpu_policy_word(p, feature / 32) >> feature % 32 & 1;
}
/* XCR0 at its widest. */
u64 cpu_policy_xstates(const struct cpu_policy *p);
/* Bytes that the components of xcr0 take, each at its own place or packed one behind the other. */
u32 xstate_bytes(u64 xcr0, bool compacted);

enum cpu_policy_kind { CPU_POLICY_RAW, CPU_POLICY_HOST, CPU_POLICY_PV_MAX, CPU_POLICY_PV_DEFAULT };
void cpu_policy_system(enum cpu_policy_kind kind, struct cpu_policy *p);
/* Takes away what goes beyond max, or cannot be without something that is not there. */
void cpu_policy_clip(struct cpu_policy *p, const struct cpu_policy *max);

#endif
