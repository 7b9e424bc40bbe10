/* SPDX-License-Identifier: MIT */
/* What the domain builder reads of a kernel, and where the domain starts: rsi holds the address of the start-info page. */
#define __ASSEMBLY__
#include <xen/elfnote.h>

.macro note type, value:vararg
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \value
2:
    .balign 4
.endm

    .section .note.xen, "a", @note
    .globl guest_notes
guest_notes:
    note XEN_ELFNOTE_GUEST_OS, .asciz "simplest"
    note XEN_ELFNOTE_LOADER, .asciz "generic"
    note XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
    note XEN_ELFNOTE_VIRT_BASE, .quad 0xffffffff80000000
    note XEN_ELFNOTE_PADDR_OFFSET, .quad 0
    note XEN_ELFNOTE_ENTRY, .quad guest_entry
    note XEN_ELFNOTE_PAE_MODE, .asciz "yes"

    .section .text.entry, "ax"
    .globl guest_entry
guest_entry:
    lea stack_top(%rip), %rsp
    mov %rsi, %rdi
    call simplest_main
    ud2

    .globl hypercall2       /* long hypercall2(number, a, b): see xen/arch-x86/xen-x86_64.h */
hypercall2:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    syscall                 /* destroys rcx and r11 */
    ret

    .bss
    .balign 16
    .skip 8192
stack_top:
    .section .note.GNU-stack, "", @progbits
