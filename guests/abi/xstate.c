/* SPDX-License-Identifier: MIT */
/*
 * xstate - XCR0, and vector registers across hypercalls and sleep
 *
 * A kernel sets cr4.OSXSAVE, then chooses the state components. Whatever the hypervisor does in between, the registers
 * keep their values.
 */
#include <lib/cpu.h>
#include <lib/event.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>
#include <lib/time.h>

#define CR4_OSXSAVE (1ul << 18)

static u64 xgetbv(void)
{
    u32 low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (u64)high << 32 | low;
}

static void xsetbv(u64 value)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((u32)value), "d"((u32)(value >> 32)));
}

static void check_registers(void)
{
    static const u8 pattern[32] __attribute__((aligned(32))) = {1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43,
                                                                47,
                                                                53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103};
    static u8 after[32] __attribute__((aligned(32)));
    unsigned int wrong = 0;

    __asm__ volatile("vmovdqa %0, %%ymm7" : : "m"(pattern));
    for (unsigned int i = 0; i < 100; i++)
        hypercall_sched_op(SCHEDOP_yield, NULL);
    event_wait(0, event_count(0), 5 * MS);
    __asm__ volatile("vmovdqa %%ymm7, %0" : "=m"(after));
    for (unsigned int i = 0; i < sizeof(after); i++)
        wrong += after[i] != pattern[i];
    check_equal(wrong, 0, "bytes of ymm7 that changed");
}

TEST(xstate, "xsetbv and vector registers")
{
    struct cpuid leaf = cpuid_forced(1, 0);
    u64 cr4 = read_cr4();

    if ((leaf.ecx >> 26 & 1) == 0 || (leaf.ecx >> 28 & 1) == 0) {
        test_skip("no XSAVE or no AVX");
        return;
    }
    check_fault(fault_of(write_cr4(cr4 | CR4_OSXSAVE)), NO_FAULT, 0, "set cr4.OSXSAVE");
    check((cpuid_forced(1, 0).ecx >> 27 & 1) == 1, "leaf 1 shows OSXSAVE");
    check((cpuid_forced(0xd, 0).eax & 7) == 7, "leaf 0xd offers x87, SSE and AVX");
    check_fault(fault_of(xsetbv(7)), NO_FAULT, 0, "choose x87, SSE and AVX");
    check(xgetbv() == 7, "XCR0 is %lx", xgetbv());
    check_fault(fault_of(xsetbv(6)), VECTOR_GP, 0, "without x87");
    check_fault(fault_of(xsetbv(5)), VECTOR_GP, 0, "AVX without SSE");
    check_fault(fault_of(xsetbv(1ul << 60 | 7)), VECTOR_GP, 0, "an unknown component");
    check(xgetbv() == 7, "XCR0 is %lx", xgetbv());
    check_registers();
}
