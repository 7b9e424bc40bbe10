/* SPDX-License-Identifier: MIT */
/*
 * Memory types by address: the firmware programs the boot CPU's MTRRs; the other CPUs get the same before they run
 * anything that matters. Written only where they differ, caches off meanwhile. Static after mtrr_save().
 */
#include <machine/internal.h>
#include <machine/msr.h>

#define MAX_VARIABLE   32
#define NR_FIXED       11
#define MTRR_ENABLE    BIT(11)
#define CAP_VARIABLE   0xff
#define CAP_FIXED      BIT(8)

static struct {
    unsigned nr;
    struct { u32 msr; u64 value; } regs[2 * MAX_VARIABLE + NR_FIXED];
    u64 def_type;
} saved ro_after_init;

static void save(u32 msr)
{
    saved.regs[saved.nr].msr = msr;
    saved.regs[saved.nr++].value = rdmsr(msr);
}

void mtrr_save(void)
{
    u64 cap;

    if (!cpu_features.mtrr)
        return;
    cap = rdmsr(MSR_MTRR_CAP);
    saved.def_type = rdmsr(MSR_MTRR_DEF_TYPE);
    for (u32 i = 0; i < 2 * min(cap & CAP_VARIABLE, (u64)MAX_VARIABLE); i++)
        save(MSR_MTRR_PHYS_BASE + i);
    if (!(cap & CAP_FIXED))
        return;
    save(MSR_MTRR_FIX64K);
    for (u32 i = 0; i < 2; i++)
        save(MSR_MTRR_FIX16K + i);
    for (u32 i = 0; i < 8; i++)
        save(MSR_MTRR_FIX4K + i);
}

static bool same(void)
{
    for (unsigned i = 0; i < saved.nr; i++)
        if (rdmsr(saved.regs[i].msr) != saved.regs[i].value)
            return false;
    return rdmsr(MSR_MTRR_DEF_TYPE) == saved.def_type;
}

static void cache_and_tlb_flush(void)
{
    u64 cr4 = read_cr4();

    __asm__ volatile("wbinvd" ::: "memory");
    write_cr4(cr4 & ~X86_CR4_PGE);
    write_cr4(cr4);
}

void mtrr_init_cpu(void)
{
    u64 cr0 = read_cr0();

    if (!cpu_features.mtrr || same())
        return;
    write_cr0((cr0 | X86_CR0_CD) & ~X86_CR0_NW);
    cache_and_tlb_flush();
    wrmsr(MSR_MTRR_DEF_TYPE, saved.def_type & ~MTRR_ENABLE);
    for (unsigned i = 0; i < saved.nr; i++)
        wrmsr(saved.regs[i].msr, saved.regs[i].value);
    wrmsr(MSR_MTRR_DEF_TYPE, saved.def_type);
    cache_and_tlb_flush();
    write_cr0(cr0);
}
