/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader to 64-bit C. Entered in 32-bit protected mode, paging off, at physical 2 MiB with the loader's
 * magic in EAX and its information in EBX. Checks the CPU, builds the first page tables (low 4 GiB as they are and
 * through the direct map; the image; the boot CPU's stack with its guard pages) and calls boot_main(magic, info).
 */
#include <machine/asm.h>

#define PA(x) ((x) - (ASM_IMAGE_START - ASM_IMAGE_PHYS))

#define MB1_FLAGS 3             /* modules page aligned, memory information */
#define MB2_MAGIC 0xe85250d6

#define PTE_TABLE 0x67          /* P RW US A D */
#define PTE_LARGE 0xe3          /* P RW A D PS */
#define PTE_SMALL 0x63          /* P RW A D */

    .section .head, "ax", @progbits
    .code32
    .globl boot_entry
boot_entry:
    jmp boot32

    .balign 4
    .long 0x1badb002, MB1_FLAGS, -(0x1badb002 + MB1_FLAGS)

    .balign 8
mb2_header:
    .long MB2_MAGIC, 0, mb2_end - mb2_header, -(MB2_MAGIC + (mb2_end - mb2_header))
    .balign 8                   /* information wanted: modules and memory map, else refuse; the rest if there */
    .short 1, 0
    .long 16, 3, 6
    .balign 8
    .short 1, 1
    .long 36, 1, 2, 8, 12, 14, 15, 17
    .balign 8                   /* modules page aligned */
    .short 6, 0
    .long 8
    .balign 8                   /* text console supported, framebuffer welcome: any size, 32 bits */
    .short 4, 1
    .long 12, 2
    .balign 8
    .short 5, 1
    .long 20, 0, 0, 32
    .balign 8
    .short 0, 0
    .long 8
mb2_end:

boot32:
    cli
    cld
    lgdt PA(gdt32_pointer)
    ljmp $0x08, $PA(1f)
1:  mov $0x10, %ecx
    mov %ecx, %ds
    mov %ecx, %es
    mov %ecx, %ss
    mov $PA(boot_stack_end), %esp
    mov %eax, %ebp

    mov $PA(bss_start), %edi
    mov $PA(bss_end), %ecx
    sub %edi, %ecx
    shr $2, %ecx
    xor %eax, %eax
    rep stosl
    mov %ebx, %esi              /* CPUID destroys EBX */

    pushfl                      /* CPUID exists if EFLAGS.ID can be changed */
    pop %eax
    mov %eax, %ecx
    xor $0x200000, %eax
    push %eax
    popfl
    pushfl
    pop %eax
    xor %ecx, %eax
    jz no_long_mode
    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc no_long_mode
    bt $20, %edx
    jnc no_nx

    /* Low 4 GiB in 2-MiB pages. */
    mov $PA(early_l2_low), %edi
    mov $PTE_LARGE, %eax
    mov $2048, %ecx
2:  mov %eax, (%edi)
    add $8, %edi
    add $0x200000, %eax
    loop 2b
    mov $PA(early_l3_low), %edi
    mov $PA(early_l2_low) + PTE_TABLE, %eax
    mov $4, %ecx
3:  mov %eax, (%edi)
    add $8, %edi
    add $0x1000, %eax
    loop 3b
    movl $PA(early_l3_low) + PTE_TABLE, PA(early_l4)
    movl $PA(early_l3_low) + PTE_TABLE, PA(early_l4 + 262 * 8)

    /* The image, 4 x 2 MiB, and the stack: slot 261. */
    movl $PA(early_l3_own) + PTE_TABLE, PA(early_l4 + 261 * 8)
    movl $PA(early_l2_image) + PTE_TABLE, PA(early_l3_own + 257 * 8)
    movl $PA(early_l2_stack) + PTE_TABLE, PA(early_l3_own + 384 * 8)
    movl $ASM_IMAGE_PHYS + PTE_LARGE, PA(early_l2_image)
    movl $ASM_IMAGE_PHYS + 0x200000 + PTE_LARGE, PA(early_l2_image + 8)
    movl $ASM_IMAGE_PHYS + 0x400000 + PTE_LARGE, PA(early_l2_image + 16)
    movl $ASM_IMAGE_PHYS + 0x600000 + PTE_LARGE, PA(early_l2_image + 24)
    movl $PA(early_l1_stack) + PTE_TABLE, PA(early_l2_stack)
    mov $PA(boot_stack_main) + PTE_SMALL, %eax
    mov $PA(early_l1_stack) + 12 * 8, %edi
    mov $4, %ecx
4:  mov %eax, (%edi)
    add $8, %edi
    add $0x1000, %eax
    loop 4b

    mov $0x20, %eax             /* PAE */
    mov %eax, %cr4
    mov $PA(early_l4), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx       /* EFER: LME, NXE, SCE */
    rdmsr
    or $0x901, %eax
    wrmsr
    mov $0x80010033, %eax       /* CR0: PG WP NE ET MP PE */
    mov %eax, %cr0
    ljmp $0x18, $PA(boot64)

no_long_mode:
    mov $PA(no_long_mode_text), %esi
    jmp stop
no_nx:
    mov $PA(no_nx_text), %esi
    /* Text at ESI to the first serial port, as the firmware left it, and to the VGA screen; then the end. */
stop:
    mov $0xb8000, %edi
5:  lodsb
    test %al, %al
    jz 8f
    mov $0x0f, %ah
    mov %ax, (%edi)
    add $2, %edi
    mov %al, %bl
    mov $0x10000, %ecx
    mov $0x3fd, %edx
6:  in %dx, %al
    test $0x20, %al
    jnz 7f
    loop 6b
7:  mov %bl, %al
    mov $0x3f8, %edx
    out %al, %dx
    jmp 5b
8:  hlt
    jmp 8b

    .code64
boot64:
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    movabs $(ASM_STACKS_START + ASM_STACK_SIZE - 512), %rsp     /* below struct cpu_info */
    mov %ebp, %edi
    mov %esi, %esi
    xor %ebp, %ebp
    movabs $boot_main, %rax
    call *%rax
9:  hlt
    jmp 9b

    .balign 8
gdt32:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdt32_pointer:
    .short gdt32_pointer - gdt32 - 1
    .long PA(gdt32)
no_long_mode_text:
    .asciz "\r\nHospes cannot run: the CPU has no long mode (64-bit). Use a 64-bit x86 CPU; in QEMU, -cpu EPYC or max.\r\n"
no_nx_text:
    .asciz "\r\nHospes cannot run: the CPU has no NX (no-execute). Enable NX/XD in the firmware setup; in QEMU, do not pass -nx.\r\n"

    .section .bss.page_aligned, "aw", @nobits
    .balign 4096
    .globl early_l4
early_l4:       .skip 4096
early_l3_low:   .skip 4096
early_l2_low:   .skip 4 * 4096
early_l3_own:   .skip 4096
early_l2_image: .skip 4096
early_l2_stack: .skip 4096
early_l1_stack: .skip 4096
    .globl boot_stack_main
boot_stack_main: .skip 4 * 4096
boot_stack_end:
    .section .note.GNU-stack, "", @progbits
