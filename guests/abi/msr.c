/* SPDX-License-Identifier: MIT */
/*
 * msr - model-specific registers as a PV kernel sees them
 *
 * The segment bases live; EFER, PAT and APIC_BASE are shown and cannot be changed; an unknown register gives #GP.
 */
#include <lib/cpu.h>
#include <lib/test.h>

static u64 word = 0x123456789abcdef0;

static void check_base(u32 msr, const char *name)
{
    u64 old = rdmsr(msr);

    check_fault(fault_of(wrmsr(msr, (u64)&word)), NO_FAULT, 0, name);
    check(rdmsr(msr) == (u64)&word, "%s reads back", name);
    if (msr == MSR_GS_BASE)
        check(read_gs() == word, "%s is live", name);
    if (msr == MSR_FS_BASE)
        check(read_fs() == word, "%s is live", name);
    check_fault(fault_of(wrmsr(msr, 0x0000800000000000ul)), VECTOR_GP, 0, "a base that is not canonical");
    wrmsr(msr, old);
}

TEST(msr, "segment bases, EFER, PAT, APIC_BASE, unknown registers")
{
    volatile u64 efer = 0;

    check_base(MSR_FS_BASE, "FS_BASE");
    check_base(MSR_GS_BASE, "GS_BASE");
    check_base(MSR_SHADOW_GS_BASE, "SHADOW_GS_BASE");
    check_fault(fault_of(efer = rdmsr(MSR_EFER)), NO_FAULT, 0, "read EFER");
    check((efer & 0x501) == 0x501 && (efer & 0x1000) == 0, "EFER %lx has SCE, LME and LMA and hides SVME", efer);
    check_fault(fault_of(wrmsr(MSR_EFER, efer)), NO_FAULT, 0, "write the same EFER");
    check_fault(fault_of(wrmsr(MSR_EFER, efer ^ 1)), VECTOR_GP, 0, "change EFER.SCE");
    check(rdmsr(MSR_PAT) == 0x050100070406ul, "PAT is %lx", rdmsr(MSR_PAT));
    check_fault(fault_of(wrmsr(MSR_PAT, 0)), VECTOR_GP, 0, "write PAT");
    check(rdmsr(MSR_APIC_BASE) == 0xfee00900, "APIC_BASE is %lx", rdmsr(MSR_APIC_BASE));
    check_fault(fault_of(wrmsr(MSR_APIC_BASE, 0xfee00000)), VECTOR_GP, 0, "write APIC_BASE");
    check_fault(fault_of(wrmsr(MSR_LSTAR, 0)), VECTOR_GP, 0, "write LSTAR");
    check_fault(fault_of(rdmsr(0xdeadbeef)), VECTOR_GP, 0, "read an unknown register");
    check_fault(fault_of(wrmsr(0xdeadbeef, 0)), VECTOR_GP, 0, "write an unknown register");
}
