/* SPDX-License-Identifier: MIT */
/*
 * CPUID for paravirtual vcpus: the leaves of the domain's policy, what depends on the vcpu, and the hypervisor's own
 * leaves. Called by forced emulation; a native CPUID in the guest sees the machine's leaves.
 */
#include <machine/cpu.h>
#include <machine/time.h>
#include <mm/frame.h>
#include <pv/cpu_policy.h>
#include <pv/cpuid.h>
#include <x86/cpuid_policy.h>
#include <x86/cr.h>
#include <x86/msr_policy.h>
#include <xen/arch-x86/cpuid.h>

#define HYPERVISOR_LEAF XEN_CPUID_FIRST_LEAF
#define ABI_VERSION     0x00040011          /* 4.17 */

#define CPUID_1_ECX_OSXSAVE    BIT(27)
#define CPUID_1_ECX_HYPERVISOR BIT(31)
#define CPUID_81_EDX_RDTSCP    BIT(27)

/* Even numbers, so that a guest that believes in two threads per core sees none shared. */
static u32 apic_id(const struct vcpu *v) { return v->id * 2u; }

static void features(const struct vcpu *v, bool kernel, struct cpuid_regs *r)
{
    r->b |= apic_id(v) << 24 | 1u << 16;
    if (v->domain->rights & RIGHT_HARDWARE)
        r->d |= cpuid(1, 0).d & CPUID_HARDWARE_1_EDX;
    r->c |= CPUID_1_ECX_HYPERVISOR;
    /* The ABI shows the machine's OSXSAVE to the guest's kernel: Linux asks for it before it sets its own. */
    if (cpu_policy_has(&v->domain->pv.cpu, XEN_X86_FEATURE_XSAVE) && (kernel || v->pv.cr4 & X86_CR4_OSXSAVE))
        r->c |= CPUID_1_ECX_OSXSAVE;
}

/* Each vcpu a core with one of two threads, each core a package. */
static struct cpuid_regs topology(const struct vcpu *v, u32 sub)
{
    struct cpuid_regs r = { .c = sub & 0xff, .d = apic_id(v) };

    if (sub < 2) {
        r.a = 1;                            /* bits of the APIC number within this level */
        r.b = 1;
        r.c |= (sub + 1) << 8;              /* 1: threads, 2: cores */
    }
    return r;
}

/* The TSC is never emulated here, so the guest's rate and scale are the machine's. */
static struct cpuid_regs time_leaf(u32 sub)
{
    switch (sub) {
    case 0: {
        u32 rdtscp = cpuid(0x80000001, 0).d & CPUID_81_EDX_RDTSCP ? 4 : 0;

        return (struct cpuid_regs){ .a = (tsc_stable ? 2u : 0) | rdtscp, .c = tsc_khz };
    }
    case 1: return (struct cpuid_regs){ .c = time_scale.mul, .d = (u32)time_scale.shift };
    case 2: return (struct cpuid_regs){ .a = tsc_khz };
    default: return (struct cpuid_regs){ 0 };
    }
}

static struct cpuid_regs hypervisor_leaf(u32 leaf, u32 sub)
{
    switch (leaf - HYPERVISOR_LEAF) {
    case 0:
        return (struct cpuid_regs){ HYPERVISOR_LEAF + XEN_CPUID_MAX_NUM_LEAVES, XEN_CPUID_SIGNATURE_EBX,
                                    XEN_CPUID_SIGNATURE_ECX, XEN_CPUID_SIGNATURE_EDX };
    case 1: return (struct cpuid_regs){ .a = ABI_VERSION };
    case 2: return (struct cpuid_regs){ .a = 1, .b = MSR_HYPERCALL, .c = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD };
    case 3: return time_leaf(sub);
    case 5: return (struct cpuid_regs){ .b = sub ? 0 : 64 - (u32)__builtin_clzl((frame_max << PAGE_SHIFT) - 1) };
    default: return (struct cpuid_regs){ 0 };
    }
}

struct cpuid_regs pv_cpuid(const struct vcpu *v, u32 leaf, u32 sub, bool kernel)
{
    const struct cpu_policy *p = &v->domain->pv.cpu;
    int slot = cpu_policy_slot(leaf, sub);
    bool hardware = v->domain->rights & RIGHT_HARDWARE;
    struct cpuid_regs r;

    if (leaf >= HYPERVISOR_LEAF && leaf <= HYPERVISOR_LEAF + 0xff)
        return hypervisor_leaf(leaf, sub);
    if (leaf == 0xb && p->r[0].a >= 0xb)
        return topology(v, sub);
    if (slot < 0 || !cpu_policy_shows(p, leaf, sub))
        return (struct cpuid_regs){ 0 };
    r = p->r[slot];
    if (leaf == 1)
        features(v, kernel, &r);
    else if (leaf == 0xd && sub < 2 && cpu_policy_xstates(p))
        r.b = xstate_bytes(v->pv.xcr0, sub == 1);
    else if (leaf == 0x80000001 && hardware && cpu_vendor_of(p->r[0].b) == CPU_AMD)
        r.d |= cpuid(leaf, 0).d & CPUID_HARDWARE_1_EDX;
    else if (leaf == 0x80000007 && hardware)
        r.d |= cpuid(leaf, 0).d & CPUID_HARDWARE_87_EDX;
    return r;
}
