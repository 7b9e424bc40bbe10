/* SPDX-License-Identifier: MIT */
/* The MSR table; rows in the order of the numbers. */
#include <x86/cr.h>
#include <x86/msr_policy.h>

#define ONE(msr) msr, msr
#define ANY      MSR_FOR_ANY
#define INTEL    MSR_FOR_INTEL
#define AMD      MSR_FOR_AMD
#define AMD_HW   (MSR_FOR_AMD | MSR_FOR_HARDWARE)

/* The memory-type layout that all guests share (the hypervisor has loaded it). */
#define PAT_LAYOUT 0x050100070406UL
/* IA32_MISC_ENABLE: no performance monitoring, no MONITOR; branch trace and PEBS unavailable. */
#define MISC_ENABLE_HIDDEN (BIT(7) | BIT(18))
#define MISC_ENABLE_FORCED (BIT(11) | BIT(12))
#define EFER_VISIBLE (BIT(0) | BIT(8) | BIT(10) | BIT(11) | BIT(14))    /* SCE LME LMA NXE FFXSR */
#define SYSCFG_VISIBLE (BIT(18) | BIT(20) | BIT(21) | BIT(22))          /* how memory types are decoded */
#define DE_CFG_LFENCE BIT(1)

static const struct msr_policy policies[] = {
    { ONE(MSR_TSC), ANY, MSR_READ_LIVE, MSR_WRITE_FAULT, 0, 0 },
    { ONE(MSR_APIC_BASE), ANY, MSR_READ_LIVE, MSR_WRITE_FAULT, 0, 0 },
    { ONE(0x3a), INTEL, MSR_READ_CONST, MSR_WRITE_FAULT, 1, 0 },                /* feature control: locked, all off */
    { ONE(MSR_PRED_CMD), AMD, MSR_READ_FAULT, MSR_WRITE_LIVE, 0, 0 },
    { ONE(0x8b), INTEL, MSR_READ_HOST, MSR_WRITE_IGNORE, 0, ~0UL },             /* microcode; 0 is written first */
    { ONE(0x8b), AMD, MSR_READ_HOST, MSR_WRITE_FAULT, 0, ~0UL },
    { ONE(0xce), INTEL, MSR_READ_CONST, MSR_WRITE_FAULT, 0, 0 },                /* platform: cannot fault CPUID */
    { ONE(0x140), INTEL, MSR_READ_CONST, MSR_WRITE_SAME, 0, 0 },                /* and does not */
    { 0x179, 0x17a, ANY, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },              /* machine checks: no banks */
    { 0x198, 0x199, INTEL, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },            /* frequency: not the guest's */
    { ONE(0x19c), INTEL, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },              /* temperature */
    { ONE(0x1a0), INTEL, MSR_READ_HOST, MSR_WRITE_IGNORE, MISC_ENABLE_FORCED, ~MISC_ENABLE_HIDDEN },
    { ONE(0x277), ANY, MSR_READ_CONST, MSR_WRITE_FAULT, PAT_LAYOUT, 0 },
    { 0x280, 0x29f, ANY, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },              /* machine-check banks */
    { 0x400, 0x47f, ANY, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },
    { ONE(MSR_HYPERCALL), ANY, MSR_READ_CONST, MSR_WRITE_LIVE, 0, 0 },
    { ONE(MSR_EFER), ANY, MSR_READ_HOST, MSR_WRITE_SAME, 0, EFER_VISIBLE },
    { MSR_FS_BASE, MSR_KERNEL_GS, ANY, MSR_READ_LIVE, MSR_WRITE_LIVE, 0, 0 },
    { ONE(MSR_TSC_AUX), ANY, MSR_READ_LIVE, MSR_WRITE_LIVE, 0, 0 },
    { ONE(0xc0010010), AMD_HW, MSR_READ_HOST, MSR_WRITE_FAULT, 0, SYSCFG_VISIBLE },
    { ONE(0xc0010015), AMD, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },           /* HWCR */
    { 0xc0010016, 0xc001001a, AMD_HW, MSR_READ_HOST, MSR_WRITE_FAULT, 0, ~0UL },/* IORRs, top of memory */
    { ONE(0xc001001d), AMD_HW, MSR_READ_HOST, MSR_WRITE_FAULT, 0, ~0UL },       /* top of memory above 4 GiB */
    { ONE(0xc001001f), AMD, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },           /* north bridge */
    { 0xc0010041, 0xc0010042, AMD, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },    /* frequency, old */
    { ONE(0xc0010058), AMD, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },           /* MMIO configuration base */
    { 0xc0010061, 0xc001006b, AMD, MSR_READ_CONST, MSR_WRITE_IGNORE, 0, 0 },    /* P-states */
    { 0xc0010112, 0xc0010113, AMD_HW, MSR_READ_HOST, MSR_WRITE_FAULT, 0, ~0UL },/* TSEG */
    { ONE(0xc0011029), AMD, MSR_READ_HOST, MSR_WRITE_IGNORE, 0, DE_CFG_LFENCE },
};

const struct msr_policy *msr_policy_find(u32 msr, enum cpu_vendor vendor, bool hardware)
{
    for (unsigned i = 0; i < ARRAY_SIZE(policies) && policies[i].first <= msr; i++) {
        const struct msr_policy *p = &policies[i];

        if (msr <= p->last && p->who & BIT(vendor) && (hardware || !(p->who & MSR_FOR_HARDWARE)))
            return p;
    }
    return NULL;
}
