/* SPDX-License-Identifier: MIT */
/* Where machine/entry.S arrives with SYSCALL from a paravirtual guest. */
#ifndef HCALL_DISPATCH_H
#define HCALL_DISPATCH_H

#include <x86/regs.h>

void entry_syscall(struct regs *regs);

#endif
