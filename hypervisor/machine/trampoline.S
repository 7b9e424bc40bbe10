/* SPDX-License-Identifier: MIT */
/*
 * What an application CPU runs first: copied by ap.c to a page below 1 MiB, where the start-up IPI makes the CPU begin
 * in real mode. It goes straight to long mode on the hypervisor's root, claims its start by its APIC id (so that one
 * that was given up and comes late stays away), takes its stack and leaves for C. The fields are in asm.h.
 */
#include <machine/asm.h>

    .section .init.text.trampoline, "ax", @progbits
    .globl trampoline_start, trampoline_end
    .code16
trampoline_start:
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    movzwl %ax, %esi
    shl $4, %esi
    lgdtl TRAMPOLINE_GDT_POINTER
    mov $0xa0, %eax             /* PAE, PGE */
    mov %eax, %cr4
    mov TRAMPOLINE_CR3, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    mov $0x901, %eax            /* EFER: LME, NXE, SCE */
    xor %edx, %edx
    wrmsr
    mov $0x80010033, %eax       /* CR0: PG WP NE ET MP PE, all at once */
    mov %eax, %cr0
    ljmpl *TRAMPOLINE_FAR

    .code64
    .globl trampoline_64
trampoline_64:
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    movabs $ASM_DIRECTMAP_START, %rdi
    add %rdi, %rsi              /* the page is not writable where it runs */
    cpuid
    cmp $0xb, %eax
    jb 1f
    mov $0xb, %eax
    xor %ecx, %ecx
    cpuid
    test %ebx, %ebx
    jnz 2f                      /* EDX: the full APIC id */
1:  mov $1, %eax
    cpuid
    shr $24, %ebx
    mov %ebx, %edx
2:  mov %edx, %eax
    inc %rax
    mov $TRAMPOLINE_CLAIMED, %rcx
    lock cmpxchg %rcx, TRAMPOLINE_STATE(%rsi)
    jne 3f
    mov TRAMPOLINE_STACK(%rsi), %rsp
    mov TRAMPOLINE_ENTRY(%rsi), %rax
    xor %ebp, %ebp
    call *%rax
3:  cli
    hlt
    jmp 3b
trampoline_end:
    .section .note.GNU-stack, "", @progbits
