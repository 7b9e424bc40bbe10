/* SPDX-License-Identifier: MIT */
/*
 * CPUID for paravirtual vcpus: the CPU's leaves through the policy table, what depends on the vcpu, and the
 * hypervisor's own leaves. Called by forced emulation; a native CPUID in the guest sees the machine's leaves.
 */
#include <machine/cpu.h>
#include <machine/time.h>
#include <mm/frame.h>
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
#define CPUID_D_ECX_ALIGNED    2u       /* in the compacted format: at a multiple of 64 */
#define XSAVE_HEADER_END 576u               /* legacy area and header: where the first other component can start */

/* Even numbers, so that a guest that believes in two threads per core sees none shared. */
static u32 apic_id(const struct vcpu *v) { return v->id * 2u; }

static void features(const struct vcpu *v, bool kernel, struct cpuid_regs *r)
{
    r->b |= apic_id(v) << 24 | 1u << 16;
    if (v->domain->rights & RIGHT_HARDWARE)
        r->d |= cpuid(1, 0).d & CPUID_HARDWARE_1_EDX;
    r->c |= CPUID_1_ECX_HYPERVISOR;
    /* The ABI shows the machine's OSXSAVE to the guest's kernel: Linux asks for it before it sets its own. */
    if (cpu_has_xsave() && (kernel || v->pv.cr4 & X86_CR4_OSXSAVE))
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

/* Bytes that the components of xcr0 take, each at its own place or packed one behind the other. */
static u32 xstate_bytes(u64 xcr0, bool compacted)
{
    u32 bytes = XSAVE_HEADER_END;

    for (u32 i = 2; i < 63; i++) {
        struct cpuid_regs r;

        if (!(xcr0 & BIT(i)))
            continue;
        r = cpuid(0xd, i);
        if (compacted)
            bytes = (r.c & CPUID_D_ECX_ALIGNED ? round_up(bytes, 64u) : bytes) + r.a;
        else
            bytes = max(bytes, r.a + r.b);
    }
    return bytes;
}

static struct cpuid_regs extended_state(const struct vcpu *v, u32 sub)
{
    struct cpuid_regs r = { 0 }, host = cpuid(0xd, sub);

    if (!cpu_has_xsave())
        return r;
    if (sub == 0) {
        r.a = (u32)xstate_mask;
        r.b = xstate_bytes(v->pv.xcr0, false);
        r.c = xstate_bytes(xstate_mask, false);
        r.d = (u32)(xstate_mask >> 32);
    } else if (sub == 1) {
        r.a = host.a & cpuid_policy_find(0xd, 1)->a;
        r.b = xstate_bytes(v->pv.xcr0, true);
    } else if (sub < 63 && xstate_mask >> sub & 1) {
        r = (struct cpuid_regs){ host.a, host.b, host.c & CPUID_D_ECX_ALIGNED, 0 };
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

static struct cpuid_regs machine_leaf(u32 leaf, u32 sub)
{
    const struct cpuid_policy *policy = cpuid_policy_find(leaf, sub);
    struct cpuid_regs r;

    if (!policy)
        return (struct cpuid_regs){ 0 };
    r = cpuid(leaf, sub);
    return (struct cpuid_regs){ r.a & policy->a, r.b & policy->b, r.c & policy->c, r.d & policy->d };
}

struct cpuid_regs pv_cpuid(const struct vcpu *v, u32 leaf, u32 sub, bool kernel)
{
    bool amd = cpu_vendor_of(cpuid(0, 0).b) == CPU_AMD;
    u32 extended = amd ? CPUID_MAX_EXTENDED_AMD : CPUID_MAX_EXTENDED;
    struct cpuid_regs r;

    if (leaf >= HYPERVISOR_LEAF && leaf <= HYPERVISOR_LEAF + 0xff)
        return hypervisor_leaf(leaf, sub);
    if (leaf > min(cpuid(leaf & 0x80000000, 0).a, leaf & 0x80000000 ? extended : CPUID_MAX_BASIC))
        return (struct cpuid_regs){ 0 };
    if (leaf == 0xb)
        return topology(v, sub);
    if (leaf == 0xd)
        return extended_state(v, sub);
    r = machine_leaf(leaf, sub);
    if (leaf == 0)
        r.a = min(r.a, CPUID_MAX_BASIC);
    else if (leaf == 1)
        features(v, kernel, &r);
    else if (leaf == 7 && sub == 0)
        r.a = min(r.a, 2u);
    else if (leaf == 0x80000000)
        r.a = min(r.a, extended);
    else if (leaf == 0x80000001 && amd && v->domain->rights & RIGHT_HARDWARE)
        r.d |= cpuid(leaf, 0).d & CPUID_HARDWARE_1_EDX;
    return r;
}
