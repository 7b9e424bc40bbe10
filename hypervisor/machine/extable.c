/* SPDX-License-Identifier: MIT */
/* Exception table look-up, and what else may fault by design: MSRs that may not exist, segment loads. */
#include <lib/errno.h>
#include <machine/cpu.h>
#include <machine/extable.h>

struct ex_entry { s32 fault, fixup; };
extern const struct ex_entry ex_table_start[], ex_table_end[];

u64 extable_find(u64 rip)
{
    for (const struct ex_entry *e = ex_table_start; e < ex_table_end; e++)
        if ((u64)&e->fault + (u64)e->fault == rip)
            return (u64)&e->fixup + (u64)e->fixup;
    return 0;
}

int rdmsr_safe(u32 msr, u64 *v)
{
    u32 lo = 0, hi = 0;
    int err = -EFAULT;

    __asm__ volatile("1:\trdmsr\n\t"
                     "xor %0, %0\n"
                     "2:\n\t" EX_TABLE(1b, 2b)
                     : "+r"(err), "+a"(lo), "+d"(hi) : "c"(msr));
    *v = ((u64)hi << 32) | lo;
    return err;
}

int wrmsr_safe(u32 msr, u64 v)
{
    int err = -EFAULT;

    __asm__ volatile("1:\twrmsr\n\t"
                     "xor %0, %0\n"
                     "2:\n\t" EX_TABLE(1b, 2b)
                     : "+r"(err) : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
    return err;
}

u16 read_seg(unsigned seg)
{
    u16 v = 0;

    switch (seg) {
    case SEG_DS: __asm__ volatile("mov %%ds, %0" : "=r"(v)); break;
    case SEG_ES: __asm__ volatile("mov %%es, %0" : "=r"(v)); break;
    case SEG_FS: __asm__ volatile("mov %%fs, %0" : "=r"(v)); break;
    case SEG_GS: __asm__ volatile("mov %%gs, %0" : "=r"(v)); break;
    }
    return v;
}

/* A bad selector: load 0 instead and report. */
#define LOAD_SEG(reg)                                                                      \
    __asm__ volatile("1:\tmov %w1, %%" reg "\n\t"                                          \
                     "xor %0, %0\n\t"                                                      \
                     "jmp 3f\n"                                                            \
                     "2:\txor %1, %1\n\t"                                                  \
                     "mov %w1, %%" reg "\n"                                                \
                     "3:\n\t" EX_TABLE(1b, 2b)                                             \
                     : "+r"(err), "+r"(value) : : "memory")

int write_seg(unsigned seg, u16 sel)
{
    int err = -EFAULT;
    u32 value = sel;

    switch (seg) {
    case SEG_DS: LOAD_SEG("ds"); break;
    case SEG_ES: LOAD_SEG("es"); break;
    case SEG_FS: LOAD_SEG("fs"); break;
    case SEG_GS:
        cpu_swapgs();
        LOAD_SEG("gs");
        cpu_swapgs();
        break;
    }
    return err;
}

void write_dr(unsigned reg, u64 v)
{
    switch (reg) {
    case 0: __asm__ volatile("mov %0, %%dr0" ::"r"(v)); break;
    case 1: __asm__ volatile("mov %0, %%dr1" ::"r"(v)); break;
    case 2: __asm__ volatile("mov %0, %%dr2" ::"r"(v)); break;
    case 3: __asm__ volatile("mov %0, %%dr3" ::"r"(v)); break;
    case 6: __asm__ volatile("mov %0, %%dr6" ::"r"(v)); break;
    case 7: __asm__ volatile("mov %0, %%dr7" ::"r"(v)); break;
    }
}
