/* SPDX-License-Identifier: MIT */
/*
 * debugreg - debug registers by hypercall, a breakpoint that fires, and single steps
 */
#include <lib/hypercall.h>
#include <lib/test.h>

static volatile u64 watched;

static volatile bool at_breakpoint;

static bool on_debug(struct regs *regs)
{
    at_breakpoint = true;
    regs->rflags &= ~0x100ul;
    return true;
}

TEST(debugreg, "debug registers, a data breakpoint, single step")
{
    trap_handler *old = trap_set_handler(VECTOR_DB, on_debug);

    check_equal(hypercall_get_debugreg(6), 0xffff0ff0, "DR6 at start");
    check_equal(hypercall_get_debugreg(7), 0x400, "DR7 at start");
    check_equal(hypercall_set_debugreg(0, (unsigned long)&watched), 0, "set DR0");
    check_equal(hypercall_get_debugreg(0), (long)&watched, "DR0 reads back");
    check_equal(hypercall_set_debugreg(7, 0x000d0401), 0, "watch 4 bytes for writes by DR7");
    watched = 1;
    check(at_breakpoint, "the write is reported by #DB");
    check((hypercall_get_debugreg(6) & 1) == 1, "DR6 says: breakpoint 0");
    check_equal(hypercall_set_debugreg(7, 0x400), 0, "clear DR7");
    at_breakpoint = false;
    watched = 2;
    check(!at_breakpoint, "no #DB any more");
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop" : : : "memory", "cc");
    check(at_breakpoint, "a single step gives #DB");
    check((hypercall_get_debugreg(6) & 0x4000) != 0, "DR6 says: single step");
    check_equal(hypercall_set_debugreg(6, 0), 0, "clear DR6");
    check_equal(hypercall_set_debugreg(1, 0xffff820000000000ul), -XEN_EPERM, "a breakpoint in the hypervisor");
    check_equal(hypercall_set_debugreg(8, 0), -XEN_ENODEV, "DR8 is not there");
    check_equal(hypercall_get_debugreg(8), -XEN_ENODEV, "reading DR8");
    hypercall_set_debugreg(0, 0);
    trap_set_handler(VECTOR_DB, old);
}
