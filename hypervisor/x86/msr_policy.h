/* SPDX-License-Identifier: MIT */
/*
 * MSR policy: what a paravirtual guest's kernel gets for each model-specific register. A register that is not in the
 * table does not exist for it: #GP. Live registers are handled in pv/msr.c.
 */
#ifndef X86_MSR_POLICY_H
#define X86_MSR_POLICY_H

#include <x86/cpuid_policy.h>

enum msr_read {
    MSR_READ_FAULT,
    MSR_READ_CONST,     /* value */
    MSR_READ_HOST,      /* the machine's & mask | value; #GP where the machine has none */
    MSR_READ_LIVE,
};

enum msr_write {
    MSR_WRITE_FAULT,
    MSR_WRITE_IGNORE,
    MSR_WRITE_SAME,     /* only what a read gives */
    MSR_WRITE_LIVE,
};

/* Writing a frame number << 12 makes that page of the guest a hypercall page. */
#define MSR_HYPERCALL    0x40000000u

#define MSR_FOR_INTEL    BIT(CPU_INTEL)
#define MSR_FOR_AMD      BIT(CPU_AMD)
#define MSR_FOR_ANY      (MSR_FOR_INTEL | MSR_FOR_AMD | BIT(CPU_OTHER))
#define MSR_FOR_HARDWARE BIT(7)         /* only domains with hardware rights */

struct msr_policy {
    u32 first, last;
    u8 who;             /* MSR_FOR_* */
    u8 read, write;     /* enum msr_read, enum msr_write */
    u64 value, mask;
};

/* NULL: does not exist for this domain on this machine. */
const struct msr_policy *msr_policy_find(u32 msr, enum cpu_vendor vendor, bool hardware);

#endif
