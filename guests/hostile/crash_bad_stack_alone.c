/* SPDX-License-Identifier: MIT */
/*
 * crash_bad_stack_alone - a trap frame into the hypervisor's memory
 *
 * Attack: point the stack into the hypervisor, then fault: it must not write the frame there, but end this domain.
 */
#include <lib/string.h>
#include <lib/test.h>

TEST(crash_bad_stack_alone, "a fault with the stack in the hypervisor")
{
    printf("Expect: crash of this domain\n");
    __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(0xffff820000001000ul));
    __builtin_unreachable();
}
