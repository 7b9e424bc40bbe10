/* SPDX-License-Identifier: MIT */
/* Start and end of a guest. */
#pragma once

#include <lib/types.h>
#include <xen/xen.h>

extern start_info_t *start_info;
extern shared_info_t *shared_info; /* mapped by the library at start of day */

/* Whether this is the domain that owns the machine. */
static inline bool is_domain0(void)
{
    return (start_info->flags & SIF_INITDOMAIN) != 0;
}

/* What the guest does; returns when it has finished. Every guest defines it (test.c does for tests). */
void guest_main(void);

/* One more ELF note for the domain builder: a type from <xen/elfnote.h> and a quad, as the assembler reads them. */
#define GUEST_NOTE(type, quad)                                                                                         \
    __asm__(".pushsection .note.xen, \"a\", @note\n"                                                                   \
            ".balign 4\n.long 4, 8, " #type "\n.asciz \"Xen\"\n.quad " #quad "\n.popsection")

/* End the domain: a SHUTDOWN_* reason. */
__attribute__((noreturn)) void guest_exit(unsigned int reason);
/* Print why, then end the domain as crashed. */
__attribute__((noreturn, format(printf, 1, 2))) void guest_panic(const char *format, ...);
