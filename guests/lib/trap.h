/* SPDX-License-Identifier: MIT */
/* Traps: the frame, the table of handlers, and a way to run code that is expected to fault. */
#pragma once

#define TRAP_EVENT 256    /* the event callback */
#define TRAP_SYSCALL 257  /* `syscall` in user mode */
#define TRAP_FAILSAFE 258 /* a bad selector or iret frame */
#define TRAP_COUNT 259

#ifndef __ASSEMBLER__

#include <lib/types.h>

#define VECTOR_DE 0
#define VECTOR_DB 1
#define VECTOR_NMI 2
#define VECTOR_BP 3
#define VECTOR_OF 4
#define VECTOR_UD 6
#define VECTOR_NM 7
#define VECTOR_NP 11
#define VECTOR_SS 12
#define VECTOR_GP 13
#define VECTOR_PF 14

struct regs {
    u64 r15, r14, r13, r12, rbp, rbx, r10, r9, r8, rdx, rsi, rdi;
    u64 rax, r11, rcx; /* from here on: the frame of the iret hypercall */
    u32 error, vector;
    u64 rip;
    u16 cs, cs_pad;
    u8 saved_mask, mask_pad[3]; /* evtchn_upcall_mask at the trap */
    u64 rflags, rsp, ss;
};

/* A fault as the guest saw it. vector is NO_FAULT when there was none; cr2 counts for #PF only. */
#define NO_FAULT (~0u)
struct fault {
    u32 vector, error;
    u64 rip, cr2;
    bool user; /* it came from user mode */
};

/* Called with the trapped registers, which it may change; false: not mine. */
typedef bool trap_handler(struct regs *regs);

extern const char trap_stubs[256][32];
extern const char event_entry[], syscall_entry[], failsafe_entry[];

/* Install the trap table and the callbacks. */
void trap_init(void);
/* Set (or with NULL remove) the handler of a vector or TRAP_*; returns the old one. */
trap_handler *trap_set_handler(u32 vector, trap_handler *handler);
/* Load one line of the trap table: `entry` instead of the library's own code. dpl: who may raise it by `int n`. */
void trap_set_entry(u8 vector, u8 flags, const void *entry);
/* Print the registers. */
void trap_dump(const struct regs *regs);
/* Continue at `regs`; cs says kernel (0xe030) or user mode (RPL 3). */
__attribute__((noreturn)) void trap_return(struct regs *regs);

/* The place to which a fault returns. Its layout is known to entry.S. */
struct catch {
    struct catch *outer;
    u64 rip, rsp, rbx, rbp, r12, r13, r14, r15;
    struct fault fault;
};

__attribute__((returns_twice)) int catch_fault(struct catch *c);
void catch_done(struct catch *c);

/* Execute the statement; the value is the first fault in it, if any. */
#define fault_of(statement)                                                                                            \
    ({                                                                                                                 \
        struct catch catch_ = {.fault.vector = NO_FAULT};                                                              \
        if (catch_fault(&catch_) == 0) {                                                                               \
            statement;                                                                                                 \
            catch_done(&catch_);                                                                                       \
        }                                                                                                              \
        catch_.fault;                                                                                                  \
    })

#endif
