/* SPDX-License-Identifier: MIT */
/*
 * The exception table: where an instruction may fault on behalf of a guest, and where execution goes on then. Pairs of
 * 32-bit offsets, each relative to its own place, gathered by the linker. The handlers ask extable_find() for any
 * fault in the hypervisor before they panic. And the patch points that become STAC and CLAC when SMAP is on.
 */
#ifndef MACHINE_EXTABLE_H
#define MACHINE_EXTABLE_H

#ifdef __ASSEMBLY__

.macro EX_TABLE fault, fixup
    .pushsection __ex_table, "a"
    .balign 4
    .long \fault - ., \fixup - .
    .popsection
.endm

#else

#include <lib/types.h>

/* In an asm statement: labels of the instruction and of the place to go on. */
#define EX_TABLE(fault, fixup) \
    ".pushsection __ex_table, \"a\"\n\t.balign 4\n\t.long " #fault " - ., " #fixup " - .\n\t.popsection\n\t"

#define SMAP_POINT(label, kind)                                                            \
    #label ":\t.byte 0x0f, 0x1f, 0x00\n\t"                                                  \
    ".pushsection .smap_patch, \"a\"\n\t.quad " #label "b, " #kind "\n\t.popsection\n\t"
#define ASM_STAC SMAP_POINT(771, 1)
#define ASM_CLAC SMAP_POINT(772, 0)

/* Address to continue at, or 0 when a fault at rip is not expected. */
u64 extable_find(u64 rip);

#endif
#endif
