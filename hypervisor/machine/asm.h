/* SPDX-License-Identifier: MIT */
/* Numbers shared by assembly and C of machine/. Addresses repeat x86/pte.h, whose C constants assemblers cannot read;
 * machine/paging.c asserts that they are equal. */
#ifndef MACHINE_ASM_H
#define MACHINE_ASM_H

#define ASM_IMAGE_START   0xffff82c040000000
#define ASM_IMAGE_PHYS    0x200000
#define ASM_STACKS_START  0xffff82e000000000
#define ASM_STACK_SIZE    0x10000
#define ASM_DIRECTMAP_START 0xffff830000000000

/* GDT selectors; the guest ones are ABI. The page that holds them sits at offset 0xe000 of every GDT. */
#define GDT_RESERVED   0xe000
#define SEL_HV_CS      0xe008
#define SEL_HV_DS      0xe010
#define SEL_SYSRET     0xe023   /* SYSRET: CS = + 16, SS = + 8 */
#define SEL_GUEST_CS32 0xe023
#define SEL_GUEST_DS   0xe02b
#define SEL_GUEST_CS64 0xe033
#define SEL_TSS        0xe040   /* 16 bytes */
#define SEL_LDT        0xe050   /* 16 bytes */
#define GDT_LIMIT      0xe05f

/* Interrupt stacks. */
#define IST_DF  1
#define IST_NMI 2
#define IST_MC  3
#define IST_DB  4

/* Fields in the trampoline page that the boot CPU fills in (ap.c, struct trampoline_fields). */
#define TRAMPOLINE_FIELDS      0xf00
#define TRAMPOLINE_GDT         0xf00    /* null, 64-bit code */
#define TRAMPOLINE_GDT_POINTER 0xf10
#define TRAMPOLINE_FAR         0xf18    /* trampoline_64 */
#define TRAMPOLINE_CR3         0xf20
#define TRAMPOLINE_STACK       0xf28
#define TRAMPOLINE_ENTRY       0xf30
#define TRAMPOLINE_STATE       0xf38    /* APIC id + 1 of the CPU that may start; TRAMPOLINE_CLAIMED when it has */
#define TRAMPOLINE_CLAIMED     -1

#endif
