/* SPDX-License-Identifier: MIT */
/*
 * bad_return - the iret hypercall with registers of an attacker's choice
 *
 * Attack: return to addresses that are not canonical or the hypervisor's, to its own segments, with a stack there, and
 * with privileged flags.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>
#include <lib/user.h>

#define HOLE 0xffff820000000000ul
#define NOT_CANONICAL 0x0000800000000000ul

static USER_CODE u64 user_flags(u64 arg)
{
    u64 flags;

    __asm__ volatile("pushfq; pop %0" : "=r"(flags));
    return flags + arg;
}

static struct fault return_to(u64 rip, u16 cs, u64 ss)
{
    struct regs regs = user_regs(user_flags, 0);

    if (rip != 0)
        regs.rip = rip;
    regs.cs = cs;
    regs.ss = ss;
    return fault_of(trap_return(&regs));
}

static struct fault kernel_return_to(u64 rip)
{
    u64 stack[64];
    struct regs regs = {.rip = rip, .cs = FLAT_KERNEL_CS & ~3, .ss = FLAT_KERNEL_SS, .rsp = (u64)(stack + 60)};

    return fault_of(trap_return(&regs));
}

/* The general protection fault of the return, or the callback for returns that fail: both end the attempt. */
static void check_refused(u16 cs, u64 ss, u32 error, const char *what)
{
    struct fault fault = return_to(0, cs, ss);

    if (fault.vector == TRAP_FAILSAFE)
        check(true, "%s: by the failsafe callback", what);
    else
        check_fault(fault, VECTOR_GP, error, what);
}

TEST(bad_return, "iret to where it must not lead")
{
    user_init();
    check_fault(return_to(NOT_CANONICAL, FLAT_USER_CS64, FLAT_USER_SS64), VECTOR_GP, 0, "user mode, not canonical");
    check_fault(return_to(HOLE, FLAT_USER_CS64, FLAT_USER_SS64), VECTOR_PF, 0x15, "user mode in the hypervisor");
    check_refused(0xe008, FLAT_USER_SS64, 0xe008, "the hypervisor's code segment");
    check_refused(FLAT_USER_CS64, 0xe010, 0xe010, "the hypervisor's stack segment");
    check_refused(0x1233, FLAT_USER_SS64, 0x1230, "a code segment that is not there");
    check_refused(FLAT_USER_CS64, 0, 0, "a null stack segment");
    check_fault(kernel_return_to(NOT_CANONICAL), VECTOR_GP, 0, "kernel mode, not canonical");
    check_fault(kernel_return_to(HOLE), VECTOR_PF, 0x11, "kernel mode in the hypervisor");
}
