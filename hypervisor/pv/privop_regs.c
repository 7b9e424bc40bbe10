/* SPDX-License-Identifier: MIT */
/* Virtual control and debug registers of a vcpu, and what of them goes into the CPU. Only the vcpu itself, or somebody
 * who initialises it, changes them: no lock. */
#include <lib/errno.h>
#include <pv/cpu_policy.h>
#include <pv/privop.h>
#include <x86/cr.h>
#include <x86/pte.h>

u64 pv_cr4_sanitise(const struct vcpu *v, u64 value)
{
    u64 allowed = X86_CR4_TSD | X86_CR4_DE;

    if (cpu_policy_has(&v->domain->pv.cpu, XEN_X86_FEATURE_FSGSBASE))
        allowed |= X86_CR4_FSGSBASE;
    if (cpu_policy_has(&v->domain->pv.cpu, XEN_X86_FEATURE_XSAVE))
        allowed |= X86_CR4_OSXSAVE;
    return value & allowed;
}

u64 pv_cr4_hardware(const struct vcpu *v) { return (read_cr4() & ~PV_CR4_LOADED) | (v->pv.cr4 & PV_CR4_LOADED); }

void pv_set_ts(struct vcpu *v, bool on)
{
    v->pv.cr0_ts = on ? X86_CR0_TS : 0;
    cpu_set_ts(on);
}

/* Components that the CPU only takes together. */
bool pv_xcr0_ok(const struct vcpu *v, u64 value)
{
    u64 avx512 = value & X86_XCR0_AVX512, bnd = value & X86_XCR0_BND;

    if (value & ~cpu_policy_xstates(&v->domain->pv.cpu) || !(value & X86_XCR0_X87) || (value & X86_XCR0_YMM && !(value & X86_XCR0_SSE)))
        return false;
    if (avx512 && (avx512 != X86_XCR0_AVX512 || !(value & X86_XCR0_YMM)))
        return false;
    return !bnd || bnd == X86_XCR0_BND;
}

/* 4 and 5 are other names of 6 and 7, unless debugging extensions are on. */
static int debugreg_alias(const struct vcpu *v, unsigned reg)
{
    if (reg == 4 || reg == 5)
        return v->pv.cr4 & X86_CR4_DE ? -ENODEV : (int)reg + 2;
    return reg > 7 ? -ENODEV : (int)reg;
}

static unsigned dr7_kind(u64 dr7, unsigned i) { return (dr7 >> (16 + 4 * i)) & 3; }
static bool dr7_enabled(u64 dr7, unsigned i) { return (dr7 >> (2 * i)) & 3; }

static int dr7_check(const struct vcpu *v, u64 dr7)
{
    for (unsigned i = 0; i < 4; i++)
        if (dr7_enabled(dr7, i) && dr7_kind(dr7, i) == X86_DR7_IO && !(v->pv.cr4 & X86_CR4_DE))
            return -EPERM;
    return 0;
}

/* The hypervisor executes port accesses for the guest: with the guest's breakpoint they would trap in the hypervisor. */
u64 pv_dr7_hardware(const struct vcpu *v)
{
    u64 dr7 = v->pv.dr7;

    for (unsigned i = 0; i < 4; i++)
        if (dr7_kind(dr7, i) == X86_DR7_IO)
            dr7 &= ~(3UL << (2 * i));
    return dr7 | X86_DR7_FIXED;
}

int pv_debugreg_set(struct vcpu *v, unsigned reg, u64 value)
{
    int alias = debugreg_alias(v, reg);
    bool live = v == current();

    if (alias < 0)
        return alias;
    if (alias < 4) {
        if (!va_is_canonical(value) || va_in_hole(value) || va_in_hole(value + 7))
            return -EPERM;
        v->pv.dr[alias] = value;
        if (live)
            write_dr((unsigned)alias, value);
        return 0;
    }
    if (value >> 32)
        return -EINVAL;
    if (alias == 6) {
        v->pv.dr6 = (value & X86_DR6_VALID) | X86_DR6_FIXED;
        if (live)
            write_dr(6, v->pv.dr6);
        return 0;
    }
    if (dr7_check(v, value))
        return -EPERM;
    v->pv.dr7 = (value & X86_DR7_VALID & ~X86_DR7_GD) | X86_DR7_FIXED;
    if (live)
        write_dr(7, pv_dr7_hardware(v));
    return 0;
}

int pv_debugreg_get(const struct vcpu *v, unsigned reg, u64 *value)
{
    int alias = debugreg_alias(v, reg);

    if (alias < 0)
        return alias;
    *value = alias < 4 ? v->pv.dr[alias] : alias == 6 ? v->pv.dr6 : v->pv.dr7;
    return 0;
}
