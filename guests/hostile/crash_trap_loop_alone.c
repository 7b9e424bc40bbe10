/* SPDX-License-Identifier: MIT */
/*
 * crash_trap_loop_alone - the hypervisor's own addresses as entry points
 *
 * Attack: enter the guest at an address of the hypervisor. The guest faults there with every entry, until its stack is
 * full; the hypervisor must end this domain.
 */
#include <lib/hypercall.h>
#include <lib/string.h>
#include <lib/test.h>

TEST(crash_trap_loop_alone, "traps into the hypervisor's memory")
{
    static const trap_info_t traps[] = {
        {.vector = VECTOR_UD, .cs = FLAT_KERNEL_CS, .address = 0xffff820000001000ul},
        {.vector = VECTOR_PF, .cs = FLAT_KERNEL_CS, .address = 0xffff820000001000ul},
        {0},
    };

    printf("Expect: crash of this domain\n");
    hypercall_set_trap_table(traps);
    __asm__ volatile("ud2");
    check(false, "the fault ends the domain");
}
