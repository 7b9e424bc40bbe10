/* SPDX-License-Identifier: MIT */
/*
 * The general-register block: one layout for every way out of a guest (trap, interrupt, SYSCALL, later a
 * hardware-guest exit). entry.S pushes it in this order; the offsets are asserted there through asm-offsets.
 */
#ifndef X86_REGS_H
#define X86_REGS_H

#include <lib/types.h>

struct regs {
    u64 r15, r14, r13, r12, rbp, rbx;
    u64 r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u32 error_code;     /* as the CPU pushed it, 0 where it pushes none */
    u32 vector;         /* exception or interrupt vector; REGS_HYPERCALL after SYSCALL */
    u64 rip, cs, rflags, rsp, ss;
};

#define REGS_SYSCALL 0x100      /* the vector field after SYSCALL: RCX and R11 hold RIP and RFLAGS */
#define REGS_SYSENTER 0x101

enum x86_vector {
    X86_DE = 0, X86_DB = 1, X86_NMI = 2, X86_BP = 3, X86_OF = 4, X86_BR = 5, X86_UD = 6, X86_NM = 7, X86_DF = 8,
    X86_TS = 10, X86_NP = 11, X86_SS = 12, X86_GP = 13, X86_PF = 14, X86_MF = 16, X86_AC = 17, X86_MC = 18,
    X86_XM = 19, X86_CP = 21,
};

/* Vectors whose frame carries an error code. */
#define X86_ERROR_CODE_VECTORS \
    (BIT(X86_DF) | BIT(X86_TS) | BIT(X86_NP) | BIT(X86_SS) | BIT(X86_GP) | BIT(X86_PF) | BIT(X86_AC) | BIT(X86_CP))

#define X86_RFLAGS_CF BIT(0)
#define X86_RFLAGS_TF BIT(8)
#define X86_RFLAGS_IF BIT(9)
#define X86_RFLAGS_DF BIT(10)
#define X86_RFLAGS_IOPL (3UL << 12)
#define X86_RFLAGS_NT BIT(14)
#define X86_RFLAGS_RF BIT(16)
#define X86_RFLAGS_VM BIT(17)
#define X86_RFLAGS_AC BIT(18)
#define X86_RFLAGS_VIF BIT(19)
#define X86_RFLAGS_VIP BIT(20)
#define X86_RFLAGS_ID BIT(21)
#define X86_RFLAGS_MBS BIT(1)

#define PFEC_PRESENT BIT(0)
#define PFEC_WRITE   BIT(1)
#define PFEC_USER    BIT(2)
#define PFEC_RSVD    BIT(3)
#define PFEC_FETCH   BIT(4)

#endif
