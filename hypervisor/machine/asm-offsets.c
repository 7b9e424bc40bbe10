/* SPDX-License-Identifier: MIT */
/* Numbers that entry.S needs from C structs: compiled to assembly, from which the Makefile makes a header. */
#include <machine/cpu.h>
#include <x86/regs.h>

#define DEFINE(name, value) __asm__ volatile("\n.ascii \"->" #name " %0\"" : : "i"(value))

void asm_offsets(void);
void asm_offsets(void)
{
    DEFINE(REGS_SIZE, sizeof(struct regs));
    DEFINE(REGS_cs, offsetof(struct regs, cs));
}
