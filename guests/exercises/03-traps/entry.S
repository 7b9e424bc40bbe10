/* SPDX-License-Identifier: MIT */
/*
 * Where traps enter. The hypervisor has pushed rcx and r11, an error code for some vectors, and rip, cs, rflags, rsp, ss.
 * The way back is a hypercall, iret, that pops the frame below, because the real instruction could not change rings so.
 */
#define __ASSEMBLY__
#include <xen/xen.h>

/* Make one slot of vector and error code, save what C does not, call trap(frame), and go back as the frame says. */
.macro entry name, vector, has_error
    .globl \name
\name:
    pop %rcx
    pop %r11
    .if !\has_error
    push $0
    .endif
    movl $\vector, 4(%rsp)
    jmp common
.endm

    .text
    entry trap_divide, 0, 0
    entry trap_invalid_opcode, 6, 0
    entry trap_page_fault, 14, 1

common:
    push %rcx
    push %r11
    push %rax
    push %rdi
    push %rsi
    push %rdx
    push %r8
    push %r9
    push %r10
    mov %rsp, %rdi
    call trap
    pop %r10
    pop %r9
    pop %r8
    pop %rdx
    pop %rsi
    pop %rdi                /* what is left is what iret takes: rax, r11, rcx, flags, rip, cs, rflags, rsp, ss */
    movq $0, 24(%rsp)
    mov $__HYPERVISOR_iret, %eax
    syscall
    ud2
    .section .note.GNU-stack, "", @progbits
