/* SPDX-License-Identifier: MIT */
/* Architectural numbers that only machine/ uses: MSRs, CR0 and CR4 bits beyond x86/cr.h. */
#ifndef MACHINE_MSR_H
#define MACHINE_MSR_H

#include <x86/cr.h>

#define MSR_MTRR_CAP       0xfe
#define MSR_SYSENTER_CS    0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_MTRR_PHYS_BASE 0x200        /* pairs */
#define MSR_MTRR_FIX64K    0x250
#define MSR_MTRR_FIX16K    0x258        /* 2 */
#define MSR_MTRR_FIX4K     0x268        /* 8 */
#define MSR_PAT            0x277
#define MSR_MTRR_DEF_TYPE  0x2ff
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_X2APIC         0x800
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_FMASK          0xc0000084

#define EFER_SCE BIT(0)
#define EFER_LME BIT(8)
#define EFER_NXE BIT(11)

#define APIC_BASE_BSP    BIT(8)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)

#define X86_CR0_NW BIT(29)
#define X86_CR0_CD BIT(30)

#define X86_CR4_PSE        BIT(4)
#define X86_CR4_PGE        BIT(7)
#define X86_CR4_UMIP       BIT(11)
#define X86_CR4_SMEP       BIT(20)
#define X86_CR4_SMAP       BIT(21)

/* Entry: 0 WB, 1 WT, 2 UC-, 3 UC, 4 WC, 5 WP, 6 UC, 7 UC: the layout that PV guests are told of. */
#define PAT_VALUE 0x050100070406UL

#endif
