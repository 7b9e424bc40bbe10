/* SPDX-License-Identifier: MIT */
/*
 * The CPUID table. A feature is shown when a paravirtual guest can use it: the instruction runs in ring 3, or the
 * hypervisor emulates what belongs to it. Not shown, by reason:
 *   no such thing in PV paging    PSE PSE36 PGE PAGE1GB PCID INVPCID SMEP SMAP UMIP PKU LA57 VME CR8_LEGACY
 *   the hypervisor's own          VMX SVM SKINIT x2APIC TSC_DEADLINE TSC_ADJUST EXTAPIC XSAVES CET
 *   MSRs that we do not carry     MTRR DS PDCM IBRS STIBP SSBD ARCH_CAPS L1D_FLUSH DBEXT IBS LWP OSVW NODEID RTM HLE
 *   power management              MONITOR MONITORX EIST TM ACPI thermal leaves, hardware P-states
 *   a false idea of the topology  TOPOEXT, and unless the toolstack wants it HTT and CMP_LEGACY: each vcpu is a package
 */
#include <x86/cpuid_policy.h>
#include <xen/arch-x86/cpufeatureset.h>

#define F(name) (1u << (XEN_X86_FEATURE_##name % 32))
#define ALL     (~0u)

#define F1_EDX (F(FPU) | F(DE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | F(CX8) | F(APIC) | F(SEP) | F(MCA) | F(CMOV) | \
                F(PAT) | F(CLFLUSH) | F(ACPI) | F(MMX) | F(FXSR) | F(SSE) | F(SSE2) | F(SS) | F(HTT))
#define F1_ECX (F(SSE3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(SSE4_1) | F(SSE4_2) | F(MOVBE) | F(POPCNT) | \
                F(AESNI) | F(XSAVE) | F(AVX) | F(F16C) | F(RDRAND))
#define F81_EDX ((F1_EDX & CPUID_COMMON_FEATURES) | F(SYSCALL) | F(NX) | F(MMXEXT) | F(FFXSR) | F(RDTSCP) | F(LM) | F(3DNOWEXT) | \
                 F(3DNOW))
#define F81_ECX (F(LAHF_LM) | F(CMP_LEGACY) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) | F(3DNOWPREFETCH) | F(XOP) | F(FMA4) | F(TBM))
#define FD1_EAX (F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1))
#define F7_EBX (F(FSGSBASE) | F(BMI1) | F(AVX2) | F(FDP_EXCP_ONLY) | F(BMI2) | F(ERMS) | F(NO_FPU_SEL) | F(AVX512F) | \
                F(AVX512DQ) | F(RDSEED) | F(ADX) | F(AVX512_IFMA) | F(CLFLUSHOPT) | F(CLWB) | F(AVX512PF) | F(AVX512ER) | \
                F(AVX512CD) | F(SHA) | F(AVX512BW) | F(AVX512VL))
#define F7_ECX (F(PREFETCHWT1) | F(AVX512_VBMI) | F(AVX512_VBMI2) | F(GFNI) | F(VAES) | F(VPCLMULQDQ) | F(AVX512_VNNI) | \
                F(AVX512_BITALG) | F(AVX512_VPOPCNTDQ) | F(RDPID) | F(CLDEMOTE) | F(MOVDIRI) | F(MOVDIR64B))
#define F7_EDX (F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(FSRM) | F(AVX512_VP2INTERSECT) | F(MD_CLEAR) | F(SERIALIZE) | \
                F(AVX512_FP16))
#define F71_EAX (F(AVX_VNNI) | F(AVX512_BF16) | F(FZRM) | F(FSRS) | F(FSRCS))
#define F72_EDX F(MCDT_NO)
#define F87_EDX F(ITSC)
#define F88_EBX (F(CLZERO) | F(RSTR_FP_ERR_PTRS) | F(IBPB) | F(SSB_NO) | F(BTC_NO) | F(IBPB_RET))
#define F821_EAX (F(LFENCE_DISPATCH) | F(VERW_CLEAR) | F(NSCB) | F(SRSO_NO) | F(SRSO_US_NO))

static const struct cpuid_policy policies[] = {
    { 0x0, CPUID_ANY_SUB, ALL, ALL, ALL, ALL },
    { 0x1, CPUID_ANY_SUB, ALL, 0x0000ffff, F1_ECX, F1_EDX },    /* EBX: brand, CLFLUSH size; the rest is topology */
    { 0x2, CPUID_ANY_SUB, ALL, ALL, ALL, ALL },                 /* caches */
    { 0x4, CPUID_ANY_SUB, 0x00003fff, ALL, ALL, ALL },          /* caches; EAX: shared by one CPU, package of one core */
    { 0x7, 0, ALL, F7_EBX, F7_ECX, F7_EDX },
    { 0x7, 1, F71_EAX, 0, 0, 0 },
    { 0x7, 2, 0, 0, 0, F72_EDX },
    { 0xd, 1, FD1_EAX, 0, 0, 0 },
    { 0x80000000, CPUID_ANY_SUB, ALL, ALL, ALL, ALL },
    { 0x80000001, CPUID_ANY_SUB, ALL, ALL, F81_ECX, F81_EDX },
    { 0x80000002, CPUID_ANY_SUB, ALL, ALL, ALL, ALL },          /* name */
    { 0x80000003, CPUID_ANY_SUB, ALL, ALL, ALL, ALL },
    { 0x80000004, CPUID_ANY_SUB, ALL, ALL, ALL, ALL },
    { 0x80000005, CPUID_ANY_SUB, ALL, ALL, ALL, ALL },          /* caches */
    { 0x80000006, CPUID_ANY_SUB, ALL, ALL, ALL, ALL },
    { 0x80000007, CPUID_ANY_SUB, 0, 0, 0, F87_EDX },
    { 0x80000008, CPUID_ANY_SUB, ALL, F88_EBX, 0, 0 },          /* EAX: address widths; ECX: topology */
    { 0x8000001a, CPUID_ANY_SUB, ALL, 0, 0, 0 },                /* which vector widths are fast */
    { 0x80000021, CPUID_ANY_SUB, F821_EAX, 0, 0, 0 },
};

const struct cpuid_policy *cpuid_policy_find(u32 leaf, u32 sub)
{
    for (unsigned i = 0; i < ARRAY_SIZE(policies); i++)
        if (policies[i].leaf == leaf && (policies[i].sub == sub || policies[i].sub == CPUID_ANY_SUB))
            return &policies[i];
    return NULL;
}

enum cpu_vendor cpu_vendor_of(u32 leaf0_ebx)
{
    switch (leaf0_ebx) {
    case 0x756e6547: return CPU_INTEL;          /* Genu */
    case 0x68747541:                            /* Auth */
    case 0x6f677948: return CPU_AMD;            /* Hygo */
    default: return CPU_OTHER;
    }
}
