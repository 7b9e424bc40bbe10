/* SPDX-License-Identifier: MIT */
/*
 * user_mode - the iret hypercall into user mode, and every way back
 *
 * User mode runs on its own root without the kernel. Faults and `syscall` come back on the stack of stack_switch, with
 * the privilege level 3 in the saved selectors; the GS base is exchanged on the way in and out.
 */
#include <lib/cpu.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>
#include <lib/user.h>

static USER_CODE u64 user_add(u64 arg)
{
    return arg + 1;
}

static USER_CODE u64 user_read(u64 address)
{
    return *(volatile u64 *)address;
}

static USER_CODE u64 user_write(u64 address)
{
    *(volatile u64 *)address = 1;
    return 0;
}

static USER_CODE u64 user_read_gs(u64 arg)
{
    return read_gs() + arg;
}

static USER_CODE u64 user_ud(u64 arg)
{
    __asm__ volatile("ud2");
    return arg;
}

static USER_CODE u64 user_hlt(u64 arg)
{
    __asm__ volatile("hlt");
    return arg;
}

static USER_CODE u64 user_int80(u64 arg)
{
    __asm__ volatile("int $0x80");
    return arg;
}

static USER_CODE u64 user_in(u64 arg)
{
    return inb((u16)arg);
}

static void check_user_fault(struct fault fault, u32 vector, u32 error, const char *what)
{
    check_fault(fault, vector, error, what);
    check(fault.user, "%s: came from user mode", what);
}

TEST(user_mode, "user mode and back")
{
    static u64 kernel_word = 1000;
    struct regs regs;
    u64 result = 0;

    user_init();
    check_fault(user_run(user_add, 41, &result), NO_FAULT, 0, "call a user function");
    check_equal((long)result, 42, "its value");
    check_user_fault(user_run(user_read, 0x123000, &result), VECTOR_PF, 4, "read an unmapped page");
    check_user_fault(user_run(user_write, USER_VA, &result), VECTOR_PF, 7, "write a read-only page");
    check_user_fault(user_run(user_read, (u64)&kernel_word, &result), VECTOR_PF, 4, "the kernel is not mapped");
    check_user_fault(user_run(user_read, 0xffff820000000000ul, &result), VECTOR_PF, 5,
                     "nor is the hypervisor's memory");
    check_user_fault(user_run(user_read, 1ul << 63, &result), VECTOR_GP, 0, "read an address that is not canonical");
    check_user_fault(user_run(user_ud, 0, &result), VECTOR_UD, 0, "ud2");
    check_user_fault(user_run(user_hlt, 0, &result), VECTOR_GP, 0, "hlt");
    check_user_fault(user_run(user_int80, 0, &result), 0x80, 0, "int 0x80");
    check_user_fault(user_run(user_in, 0x71, &result), VECTOR_GP, 0, "a port");

    hypercall_set_segment_base(SEGBASE_GS_KERNEL, (unsigned long)&kernel_word);
    hypercall_set_segment_base(SEGBASE_GS_USER, USER_STACK_VA);
    check_fault(user_run(user_read_gs, 7, &result), NO_FAULT, 0, "the user's GS");
    check_equal((long)result, 7, "word at the user's GS base");
    check(read_gs() == 1000, "the kernel's GS is back");

    regs = user_regs(user_add, 1);
    regs.rip = 1ul << 63;
    check_fault(fault_of(trap_return(&regs)), VECTOR_GP, 0, "return to an address that is not canonical");
    check_equal(mmuext(MMUEXT_NEW_USER_BASEPTR, user_root_mfn()), 0, "the same root again");
    check_fault(user_run(user_add, 1, &result), NO_FAULT, 0, "user mode still works");
}
