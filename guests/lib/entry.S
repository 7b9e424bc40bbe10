/* SPDX-License-Identifier: MIT */
/*
 * Where the hypervisor enters the guest: start of day, the 256 traps and the callbacks, and the way back.
 *
 * The hypervisor pushes rcx, r11, an error code for some vectors, and rip, cs, rflags, rsp, ss. The code below turns
 * each such frame into a struct regs (trap.h), whose tail has the layout that the iret hypercall wants.
 */
#include <lib/trap.h>

    .section .text.entry, "ax"
    .globl guest_entry
guest_entry:
    lea boot_stack_top(%rip), %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call guest_start
    ud2

/* Make `error` and `vector` one 8-byte slot: what is on top becomes a struct regs from its `rcx` member on. */
.macro trap_stub vector, has_error
    .balign 32
    pop %rcx
    pop %r11
    .if !\has_error
    push $0
    .endif
    movl $\vector, 4(%rsp)
    jmp trap_common
.endm

    .balign 32
    .globl trap_stubs
trap_stubs:
.set vector, 0
.rept 256
    .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21)
    trap_stub vector, 1
    .else
    trap_stub vector, 0
    .endif
.set vector, vector + 1
.endr

    .globl event_entry, syscall_entry, failsafe_entry
event_entry:
    trap_stub TRAP_EVENT, 0
syscall_entry:
    trap_stub TRAP_SYSCALL, 0
failsafe_entry: /* also ds, es, fs and gs, which lie where no other frame has anything */
    .balign 32
    pop %rcx
    pop %r11
    add $32, %rsp
    push $0
    movl $TRAP_FAILSAFE, 4(%rsp)
    jmp trap_common

trap_common:
    push %rcx
    push %r11
    push %rax
    push %rdi
    push %rsi
    push %rdx
    push %r8
    push %r9
    push %r10
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    mov %rsp, %rbp
    and $-16, %rsp
    cld
    call trap_dispatch
    mov %rbp, %rdi

/* void trap_return(struct regs *regs): continue where `regs` says, in kernel or user mode. Does not return. */
    .globl trap_return
trap_return:
    mov %rdi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r10
    pop %r9
    pop %r8
    pop %rdx
    pop %rsi
    pop %rdi
    movq $0, 24(%rsp) /* error and vector make room for the flags of the iret frame */
    mov $23, %eax
    syscall
    ud2

/* int catch_fault(struct catch *c): 0 now, and 1 when a fault comes back here. See trap.h. */
    .globl catch_fault
catch_fault:
    mov catch_top(%rip), %rax
    mov %rax, 0(%rdi)
    mov %rdi, catch_top(%rip)
    mov (%rsp), %rax
    mov %rax, 8(%rdi)
    lea 8(%rsp), %rax
    mov %rax, 16(%rdi)
    mov %rbx, 24(%rdi)
    mov %rbp, 32(%rdi)
    mov %r12, 40(%rdi)
    mov %r13, 48(%rdi)
    mov %r14, 56(%rdi)
    mov %r15, 64(%rdi)
    xor %eax, %eax
    ret

    .bss
    .balign 4096
boot_stack:
    .skip 16384
    .globl boot_stack_top
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
