/* SPDX-License-Identifier: MIT */
/*
 * CPUID policy: which bits of the CPU's own leaves a paravirtual guest sees. Leaves that are not in the table read as
 * zeros. What depends on the vcpu or is made up (topology, extended state, hypervisor leaves) is added in pv/cpuid.c.
 */
#ifndef X86_CPUID_POLICY_H
#define X86_CPUID_POLICY_H

#include <lib/types.h>

#define CPUID_MAX_BASIC        0xdu
#define CPUID_MAX_EXTENDED     0x80000008u      /* of everybody */
#define CPUID_MAX_EXTENDED_AMD 0x80000021u

#define CPUID_ANY_SUB (~0u)

struct cpuid_policy {
    u32 leaf, sub;          /* sub: CPUID_ANY_SUB when the leaf has none */
    u32 a, b, c, d;         /* bits that pass */
};

/* NULL: the leaf reads as zeros. */
const struct cpuid_policy *cpuid_policy_find(u32 leaf, u32 sub);

/* EDX of leaf 1 and of leaf 0x80000001: AMD repeats these there. */
#define CPUID_COMMON_FEATURES 0x0183f3ffu

/* More bits for a domain with hardware rights. */
#define CPUID_HARDWARE_1_EDX BIT(12)            /* MTRR: its drivers read how memory types are set up */
#define CPUID_HARDWARE_87_EDX BIT(8)            /* ITSC: it never moves to another machine */

enum cpu_vendor { CPU_INTEL, CPU_AMD, CPU_OTHER };     /* AMD: and Hygon */
/* From the vendor string's first part, EBX of leaf 0. */
enum cpu_vendor cpu_vendor_of(u32 leaf0_ebx);

#endif
