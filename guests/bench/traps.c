/* SPDX-License-Identifier: MIT */
/* Traps that come back at once, system calls, and instructions that the hypervisor emulates. */
#include <bench/bench.h>
#include <lib/cpu.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/user.h>

#define USER_CALLS 32

/*
 * The shortest handlers there are. All end in the iret hypercall, whose frame is rax, r11, rcx, flags and then what the
 * hypervisor pushed. skip: the length of the instruction to step over.
 */
extern const char bounce_ud[], bounce_bp[], bounce_pf[];
__asm__(".macro bounce name, skip, error\n"
        "\\name:\n"
        "pop %rcx\n"
        "pop %r11\n"
        "add $\\error, %rsp\n"
        "addq $\\skip, (%rsp)\n"
        "push $0\n"
        "push %rcx\n"
        "push %r11\n"
        "push %rax\n"
        "mov $23, %eax\n"
        "syscall\n"
        ".endm\n"
        "bounce bounce_ud, 2, 0\n"
        "bounce bounce_bp, 0, 0\n"
        "bounce bounce_pf, 2, 8\n");

static const char *prepare_handlers(void)
{
    trap_set_entry(VECTOR_UD, 0, bounce_ud);
    trap_set_entry(VECTOR_BP, 3, bounce_bp);
    trap_set_entry(VECTOR_PF, 0, bounce_pf);
    return NULL;
}

BENCH(trap_ud, prepare_handlers, "#UD and iret")
{
    __asm__ volatile("ud2");
}

BENCH(trap_int3, NULL, "int3 and iret")
{
    __asm__ volatile("int3");
}

BENCH(trap_pf, NULL, "#PF at an address where nothing is, and iret")
{
    __asm__ volatile("mov (%%rax), %%al" : : "a"(8ul) : "memory");
}

/* The library's own handler serves for the rest. */
static const char *restore_handlers(void)
{
    trap_init();
    return NULL;
}

BENCH(cpuid_forced, restore_handlers, "CPUID by forced emulation")
{
    cpuid_forced(0, 0);
}

BENCH(rdmsr_efer, NULL, "RDMSR of EFER")
{
    rdmsr(MSR_EFER);
}

BENCH(read_cr0, NULL, "MOV from CR0")
{
    read_cr0();
}

BENCH(clts, NULL, "CLTS")
{
    __asm__ volatile("clts");
}

static USER_CODE u64 user_calls(u64 count)
{
    while (count-- != 0)
        __asm__ volatile("syscall" : : "a"(0) : "rcx", "r11", "memory");
    return 0;
}

static trap_handler *user_exit_handler;

/* Back to the program at once, unless it is the library's call at its end. */
static bool on_syscall(struct regs *regs)
{
    return regs->rax == 0 || user_exit_handler(regs);
}

static const char *prepare_user(void)
{
    user_init();
    user_exit_handler = trap_set_handler(TRAP_SYSCALL, on_syscall);
    return NULL;
}

BENCH(user_syscall_32, prepare_user, "enter user mode, 32 system calls there with iret, leave it")
{
    u64 result = 1;

    expect(user_run(user_calls, USER_CALLS, &result).vector, (long)NO_FAULT);
    expect((long)result, 0);
}
