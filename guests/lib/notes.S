/* SPDX-License-Identifier: MIT */
/*
 * What the guest says about itself: the ELF notes a domain builder reads. There is no HYPERCALL_PAGE note because the
 * stubs execute `syscall` themselves, and no INIT_P2M note, so the frame list follows the kernel. A guest that wants
 * either adds the note (GUEST_NOTE in guest.h).
 */
#define __ASSEMBLY__
#include <xen/elfnote.h>
#include <xen/features.h>

    .section .note.xen, "a", @note
    .globl guest_notes /* guest.lds asks for it, which brings the notes out of the archive */
guest_notes:

/* One note: owner "Xen", a type and a value. */
.macro note type, value:vararg
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \value
2:
    .balign 4
.endm

    note XEN_ELFNOTE_GUEST_OS, .asciz "hospes-guest"
    note XEN_ELFNOTE_GUEST_VERSION, .asciz "1"
    note XEN_ELFNOTE_LOADER, .asciz "generic"
    note XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
    note XEN_ELFNOTE_PAE_MODE, .asciz "yes"
    note XEN_ELFNOTE_VIRT_BASE, .quad 0xffffffff80000000
    note XEN_ELFNOTE_PADDR_OFFSET, .quad 0
    note XEN_ELFNOTE_ENTRY, .quad guest_entry
    note XEN_ELFNOTE_SUPPORTED_FEATURES, .long (1 << XENFEAT_writable_page_tables) | (1 << XENFEAT_dom0)

    .section .note.GNU-stack, "", @progbits
