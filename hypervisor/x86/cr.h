/* SPDX-License-Identifier: MIT */
/* Flags, control, debug and model-specific registers: numbers and bits. Only facts of the CPU, only those somebody uses. */
#ifndef X86_CR_H
#define X86_CR_H

#include <lib/types.h>

#define X86_RFLAGS_PF BIT(2)
#define X86_RFLAGS_AF BIT(4)
#define X86_RFLAGS_ZF BIT(6)
#define X86_RFLAGS_SF BIT(7)
#define X86_RFLAGS_OF BIT(11)

#define X86_CR0_PE BIT(0)
#define X86_CR0_TS BIT(3)
#define X86_CR0_PG BIT(31)

#define X86_CR4_TSD        BIT(2)
#define X86_CR4_DE         BIT(3)
#define X86_CR4_PAE        BIT(5)
#define X86_CR4_MCE        BIT(6)
#define X86_CR4_OSFXSR     BIT(9)
#define X86_CR4_OSXMMEXCPT BIT(10)
#define X86_CR4_FSGSBASE   BIT(16)
#define X86_CR4_OSXSAVE    BIT(18)

#define X86_DR6_BS    BIT(14)           /* single step */
#define X86_DR6_FIXED 0xffff0ff0UL      /* bits that read as one */
#define X86_DR7_FIXED 0x400UL
#define X86_DR7_GD    BIT(13)
#define X86_DR6_VALID 0xe00fUL          /* bits that say something */
#define X86_DR7_VALID 0xffff23ffUL      /* bits that are not reserved */
#define X86_DR7_IO    2u                /* R/W field: breakpoint on a port */

#define X86_XCR0_X87    BIT(0)
#define X86_XCR0_SSE    BIT(1)
#define X86_XCR0_YMM    BIT(2)
#define X86_XCR0_BND    (3UL << 3)
#define X86_XCR0_AVX512 (7UL << 5)

#define MSR_TSC           0x10u
#define MSR_EFER          0xc0000080u
#define MSR_FS_BASE       0xc0000100u
#define MSR_GS_BASE       0xc0000101u
#define MSR_KERNEL_GS     0xc0000102u
#define MSR_TSC_AUX       0xc0000103u
#define MSR_PRED_CMD      0x49u
#define MSR_APIC_BASE     0x1bu

#endif
