/* SPDX-License-Identifier: MIT */
/* Last words, and the register and stack reports that debug keys use too. panic() itself is in printk.h. */
#ifndef CORE_PANIC_H
#define CORE_PANIC_H

#include <stdarg.h>

#include <x86/regs.h>

/* A panic whose cause is an exception in the hypervisor: its registers and its call chain. */
void noreturn panic_at(const struct regs *regs, const char *fmt, ...) format_printf(2, 3);

void registers_show(const struct regs *regs);
void registers_show_guest(void);        /* this CPU's guest, or that there is none */
/* Calls from the frame at rbp on, at most 32, as long as it stays on one stack. */
void backtrace_show(u64 rip, u64 rbp);

extern bool panic_noreboot;             /* noreboot: halt instead (OPTION_BOOL) */

#endif
