/* SPDX-License-Identifier: MIT */
/*
 * Extended state, eager: XSAVE(OPT) where the CPU has it, FXSAVE else. Save and restore work with XCR0 = xstate_mask,
 * whatever the guest runs with, so that no component stays behind in the CPU; xcr0_load() afterwards sets the guest's.
 */
#include <lib/string.h>
#include <machine/internal.h>
#include <machine/msr.h>

#define FXSAVE_BYTES   512
#define MXCSR_OFFSET   24
#define FCW_INIT       0x37f
#define MXCSR_INIT     0x1f80
#define XSTATE_ALLOWED (X86_XCR0_X87 | X86_XCR0_SSE | X86_XCR0_YMM | X86_XCR0_AVX512)

u32 xstate_size ro_after_init = FXSAVE_BYTES;
u64 xstate_mask ro_after_init = X86_XCR0_X87 | X86_XCR0_SSE;
static u64 xcr0_loaded[NR_CPUS];        /* each CPU's own; 0: not known */

static void xsetbv(u64 v)
{
    __asm__ volatile("xsetbv" ::"c"(0), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

/* CPUID gives the size for the XCR0 that is loaded. */
void xstate_detect(void)
{
    struct cpuid_regs r;

    if (!cpu_features.xsave)
        return;
    r = cpuid(13, 0);
    xstate_mask = (r.a | (u64)r.d << 32) & XSTATE_ALLOWED;
    if ((xstate_mask & X86_XCR0_AVX512) != X86_XCR0_AVX512 || !(xstate_mask & X86_XCR0_YMM))
        xstate_mask &= ~X86_XCR0_AVX512;
    write_cr4(read_cr4() | X86_CR4_OSXSAVE);
    xsetbv(xstate_mask);
    xstate_size = cpuid(13, 0).b;
}

void xstate_init_cpu(void)
{
    u32 mxcsr = MXCSR_INIT;

    xcr0_loaded[cpu_id()] = 0;
    xcr0_load(xstate_mask);
    __asm__ volatile("fninit; ldmxcsr %0" ::"m"(mxcsr));
}

void xcr0_load(u64 v)
{
    u64 *loaded = &xcr0_loaded[cpu_id()];

    if (!cpu_features.xsave || *loaded == v)
        return;
    xsetbv(v);
    *loaded = v;
}

void xstate_save(void *area)
{
    u32 lo = (u32)xstate_mask, hi = (u32)(xstate_mask >> 32);

    cpu_set_ts(false);
    xcr0_load(xstate_mask);
    if (cpu_features.xsaveopt)
        __asm__ volatile("xsaveopt64 (%0)" ::"r"(area), "a"(lo), "d"(hi) : "memory");
    else if (cpu_features.xsave)
        __asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(lo), "d"(hi) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

void xstate_restore(const void *area)
{
    u32 lo = (u32)xstate_mask, hi = (u32)(xstate_mask >> 32);

    cpu_set_ts(false);
    xcr0_load(xstate_mask);
    if (cpu_features.xsave)
        __asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(lo), "d"(hi) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

void xstate_init_area(void *area)
{
    u8 *bytes = area;
    u16 fcw = FCW_INIT;
    u32 mxcsr = MXCSR_INIT;

    memset(area, 0, xstate_size);
    memcpy(bytes, &fcw, sizeof(fcw));
    memcpy(bytes + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
}
