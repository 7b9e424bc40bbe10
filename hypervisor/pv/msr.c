/* SPDX-License-Identifier: MIT */
/*
 * RDMSR and WRMSR of a paravirtual guest's kernel: the rule comes from the policy table, the live registers are here.
 * In guest kernel mode the CPU's GS base is the kernel's and the shadow one is the guest user's. No lock.
 */
#include <lib/errno.h>
#include <machine/cpu.h>
#include <machine/map.h>
#include <pv/cpu_policy.h>
#include <pv/hypercall_page.h>
#include <pv/msr.h>
#include <x86/cr.h>
#include <x86/msr_policy.h>
#include <x86/pte.h>

#define APIC_BASE_VALUE 0xfee00800UL            /* enabled, at its usual place */
#define APIC_BASE_BOOT_CPU BIT(8)
#define PRED_CMD_IBPB BIT(0)
#define CPUID_81_EDX_RDTSCP BIT(27)

static bool has_tsc_aux(void) { return cpuid(0x80000001, 0).d & CPUID_81_EDX_RDTSCP; }

void pv_msr_load(const struct vcpu *v)
{
    if (has_tsc_aux())
        wrmsr(MSR_TSC_AUX, v->pv.tsc_aux);
}

static bool may(const struct vcpu *v, unsigned feature) { return cpu_policy_has(&v->domain->pv.cpu, feature); }

static int read_live(const struct vcpu *v, u32 msr, u64 *value)
{
    switch (msr) {
    case MSR_TSC: *value = rdtsc(); return 0;
    case MSR_APIC_BASE: *value = APIC_BASE_VALUE | (v->id ? 0 : APIC_BASE_BOOT_CPU); return 0;
    case MSR_FS_BASE: *value = read_fs_base(); return 0;
    case MSR_GS_BASE: *value = read_gs_base(); return 0;
    case MSR_KERNEL_GS: *value = read_gs_shadow(); return 0;
    case MSR_TSC_AUX: *value = v->pv.tsc_aux; return may(v, XEN_X86_FEATURE_RDTSCP) ? 0 : -EPERM;
    default: return -EPERM;
    }
}

static int install_hypercall_page(struct vcpu *v, u64 value)
{
    struct gfn_held page;

    if (value & ~PAGE_MASK || gfn_hold(&v->domain->mm, gfn(value >> PAGE_SHIFT), HOLD_WRITE, &page))
        return -EPERM;
    pv_hypercall_page_fill(frame_map(gfn_held_mfn(&page)));
    frame_dirty(gfn_held_mfn(&page));
    gfn_release(&page);
    return 0;
}

/* Canonical addresses and existing bits only: none of these can fault. */
static int write_live(struct vcpu *v, u32 msr, u64 value)
{
    switch (msr) {
    case MSR_FS_BASE: case MSR_GS_BASE: case MSR_KERNEL_GS:
        if (!va_is_canonical(value))
            return -EPERM;
        wrmsr(msr, value);
        return 0;
    case MSR_TSC_AUX:
        if (value >> 32 || !may(v, XEN_X86_FEATURE_RDTSCP))
            return -EPERM;
        v->pv.tsc_aux = (u32)value;
        pv_msr_load(v);
        return 0;
    case MSR_PRED_CMD:
        if (value & ~PRED_CMD_IBPB || !may(v, XEN_X86_FEATURE_IBPB))
            return -EPERM;
        return value ? wrmsr_safe(msr, value) : 0;
    case MSR_HYPERCALL:
        return install_hypercall_page(v, value);
    default:
        return -EPERM;
    }
}

static const struct msr_policy *find(const struct vcpu *v, u32 msr)
{
    return msr_policy_find(msr, cpu_vendor_of(cpuid(0, 0).b), v->domain->rights & RIGHT_HARDWARE);
}

static int read_by_policy(const struct vcpu *v, const struct msr_policy *policy, u32 msr, u64 *value)
{
    switch (policy->read) {
    case MSR_READ_CONST:
        *value = policy->value;
        return 0;
    case MSR_READ_HOST:
        if (rdmsr_safe(msr, value))
            return -EPERM;
        *value = (*value & policy->mask) | policy->value;
        return 0;
    case MSR_READ_LIVE:
        return read_live(v, msr, value);
    default:
        return -EPERM;
    }
}

int pv_msr_read(struct vcpu *v, u32 msr, u64 *value)
{
    const struct msr_policy *policy = find(v, msr);

    if (policy)
        return read_by_policy(v, policy, msr, value);
    /* A kernel without a #GP handler yet cannot cope: registers that the machine has read as 0 until then. */
    *value = 0;
    return v->pv.traps[X86_GP].addr || rdmsr_safe(msr, &(u64){ 0 }) ? -EPERM : 0;
}

int pv_msr_write(struct vcpu *v, u32 msr, u64 value)
{
    const struct msr_policy *policy = find(v, msr);
    u64 old;

    switch (policy ? policy->write : MSR_WRITE_FAULT) {
    case MSR_WRITE_IGNORE: return 0;
    case MSR_WRITE_SAME: return read_by_policy(v, policy, msr, &old) || old != value ? -EPERM : 0;
    case MSR_WRITE_LIVE: return write_live(v, msr, value);
    default: return -EPERM;
    }
}
