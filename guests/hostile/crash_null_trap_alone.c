/* SPDX-License-Identifier: MIT */
/*
 * crash_null_trap_alone - a fault without a handler
 *
 * Attack: remove the trap table, then fault. The hypervisor must end this domain, and only it.
 */
#include <lib/hypercall.h>
#include <lib/string.h>
#include <lib/test.h>

TEST(crash_null_trap_alone, "a fault without a handler")
{
    printf("Expect: crash of this domain\n");
    hypercall_set_trap_table(NULL);
    __asm__ volatile("ud2");
    check(false, "the fault ends the domain");
}
