/* SPDX-License-Identifier: MIT */
/*
 * Ways into the hypervisor and out of it. Every entry builds a struct regs; from a guest it lands at the top of the
 * CPU's main stack (cpu_info()->guest_regs). Interrupts stay off inside. FS, GS and their bases are the guest's and
 * are not touched. The C side is pv/traps.c and dom/run.c.
 */
#include <asm-offsets.gen.h>
#include <machine/extable.h>

#define NR_CPUS     128
#define SEL_HV_CS   0xe008
#define SEL_USER_SS 0xe02b
#define SEL_USER_CS64 0xe033
#define SEL_USER_CS32 0xe023
#define REGS_SYSCALL 0x100
#define REGS_SYSENTER 0x101

.macro SAVE_REGS
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    xor %ebp, %ebp
.endm

.macro RESTORE_REGS
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
.endm

/* A 3-byte no-op that boot turns into CLAC when SMAP is on: the guest may have entered with AC set. */
.macro CLAC_POINT
1:  .byte 0x0f, 0x1f, 0x00
    .pushsection .smap_patch, "a"
    .quad 1b, 0
    .popsection
.endm

.section .text.entry, "ax"

/* SYSCALL has saved RIP in RCX and RFLAGS in R11 and changed no stack; each CPU has its own few instructions. */
.macro SYSCALL_STUB n, target
    .balign 32
    mov %rsp, entry_stacks + 16 * \n + 8(%rip)
    mov entry_stacks + 16 * \n(%rip), %rsp
    pushq $SEL_USER_SS
    pushq entry_stacks + 16 * \n + 8(%rip)
    jmp \target
.endm

.balign 32
.globl syscall_stubs
syscall_stubs:
.set n, 0
.rept NR_CPUS
    SYSCALL_STUB n, syscall_entry
    .set n, n + 1
.endr

.balign 32
.globl syscall32_stubs
syscall32_stubs:
.set n, 0
.rept NR_CPUS
    SYSCALL_STUB n, syscall32_entry
    .set n, n + 1
.endr

.balign 16
syscall_entry:
    push %r11
    pushq $SEL_USER_CS64
    push %rcx
    pushq $0
    movl $REGS_SYSCALL, 4(%rsp)
    SAVE_REGS
    mov %rsp, %rdi
    call entry_syscall
    jmp exit_to_guest

syscall32_entry:
    push %r11
    pushq $SEL_USER_CS32
    push %rcx
    pushq $0
    SAVE_REGS
    mov %rsp, %rdi
    call entry_syscall32
    jmp exit_to_guest

/* SYSENTER loads RSP from its MSR and saves nothing. */
.globl sysenter_entry
sysenter_entry:
    pushq $SEL_USER_SS
    pushq $0
    pushfq
    pushq $3
    pushq $0
    pushq $0
    movl $REGS_SYSENTER, 4(%rsp)
    SAVE_REGS
    pushq $2
    popfq
    mov %rsp, %rdi
    call entry_sysenter
    jmp exit_to_guest

/* void noreturn exit_to_guest_on(struct regs *): a CPU's first way out. */
.globl exit_to_guest_on
exit_to_guest_on:
    mov %rdi, %rsp
    jmp exit_to_guest

/* RSP = &cpu_info()->guest_regs. exit_path() says whether SYSRET may be used. */
.globl exit_to_guest
exit_to_guest:
    mov %rsp, %rdi
    call exit_path
    test %al, %al
    jz exit_iret
    RESTORE_REGS
    mov 32(%rsp), %rsp
    sysretq

exit_iret:
    RESTORE_REGS
    add $8, %rsp
iret_to_guest:
    iretq
    EX_TABLE iret_to_guest, iret_fault

/* The guest's selectors or RIP were bad: its registers are as they would have been; build the block again. */
iret_fault:
    pushq $0
    SAVE_REGS
    mov %rsp, %rdi
    call pv_iret_fault
    jmp exit_to_guest

/* ---- exceptions and interrupts ---- */
.balign 16
trap_common:
    cld
    CLAC_POINT
    SAVE_REGS
    mov %rsp, %rdi
    testb $3, REGS_cs(%rsp)
    jz trap_from_hypervisor
    call entry_trap
    jmp exit_to_guest

trap_from_hypervisor:
    call entry_trap_hypervisor
    RESTORE_REGS
    add $8, %rsp
    iretq

/* On an IST stack. From a guest: move over to the main stack. From the hypervisor: stay, touch little. */
ist_common:
    cld
    CLAC_POINT
    SAVE_REGS
    mov %rsp, %rdi
    testb $3, REGS_cs(%rsp)
    jz trap_from_hypervisor
    call ist_main_stack
    mov %rax, %rdi
    mov %rsp, %rsi
    mov $(REGS_SIZE / 8), %ecx
    mov %rax, %rdx
    rep movsq
    mov %rdx, %rsp
    mov %rsp, %rdi
    call entry_trap
    jmp exit_to_guest

.macro TRAP_STUB vec
    .balign 16
trap_stub_\vec:
    .if \vec < 32
    .if !((0x00227d00 >> \vec) & 1)        /* the CPU pushes no error code */
    pushq $0
    .endif
    .else
    pushq $0
    .endif
    movl $\vec, 4(%rsp)
    .if \vec == 1 || \vec == 2 || \vec == 8 || \vec == 18
    jmp ist_common
    .else
    jmp trap_common
    .endif
    .pushsection .rodata.idt_entry_points, "a"
    .quad trap_stub_\vec
    .popsection
.endm

.pushsection .rodata.idt_entry_points, "a"
.balign 8
.globl idt_entry_points
idt_entry_points:
.popsection

.altmacro
.macro TRAP_STUBS first, last
    .set vec, \first
    .rept \last - \first + 1
    TRAP_STUB %vec
    .set vec, vec + 1
    .endr
.endm
TRAP_STUBS 0, 255
.noaltmacro

.section .data.entry_stacks, "aw"
.balign 64
.globl entry_stacks
entry_stacks:
    .skip 16 * NR_CPUS

.section .note.GNU-stack, "", @progbits
