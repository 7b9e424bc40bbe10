/* SPDX-License-Identifier: MIT */
/* What entry.S offers to the descriptor tables and MSRs (desc.c). */
#ifndef MACHINE_ENTRY_H
#define MACHINE_ENTRY_H

#include <lib/bitmap.h>

#define SYSCALL_STUB_SIZE 32

extern const u64 idt_entry_points[256];
/* One stub per CPU, so that SYSCALL finds the CPU's stack without a segment base. */
extern u8 syscall_stubs[], syscall32_stubs[], sysenter_entry[];
/* Filled by desc.c: where this CPU's guest registers are pushed; scratch is entry.S's. */
struct entry_stack { u64 stack, scratch; };
extern struct entry_stack entry_stacks[NR_CPUS];

struct regs;
/* A CPU's first way out: regs is &cpu_info()->guest_regs. */
void noreturn exit_to_guest_on(struct regs *regs);

#endif
