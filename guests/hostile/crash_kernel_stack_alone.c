/* SPDX-License-Identifier: MIT */
/*
 * crash_kernel_stack_alone - the kernel stack of stack_switch in the hypervisor's memory
 *
 * Attack: like crash_bad_stack_alone, but with the stack that the hypervisor takes for a fault in user mode.
 */
#include <lib/hypercall.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/user.h>

static USER_CODE u64 user_ud(u64 arg)
{
    __asm__ volatile("ud2");
    return arg;
}

TEST(crash_kernel_stack_alone, "a user's fault with the kernel stack in the hypervisor")
{
    u64 result;

    user_init();
    printf("Expect: crash of this domain\n");
    if (hypercall_stack_switch(FLAT_KERNEL_SS, 0xffff820000001000ul) != 0)
        printf("stack_switch refuses\n");
    user_run(user_ud, 0, &result);
    check(false, "the fault ends the domain");
}
