/* SPDX-License-Identifier: MIT */
/*
 * privileged - instructions that the hypervisor emulates for a kernel
 *
 * cpuid with the prefix, control registers, clts, wbinvd, xsetbv; and those it does not: they come back as #GP(0).
 */
#include <lib/cpu.h>
#include <lib/memory.h>
#include <lib/test.h>

static void check_cpuid(void)
{
    struct cpuid leaf = cpuid_forced(0x40000000, 0);

    check(leaf.ebx == 0x566e6558 && leaf.ecx == 0x65584d4d && leaf.edx == 0x4d4d566e,
          "leaf 0x40000000 has the signature");
    check(leaf.eax >= 0x40000002, "the last hypervisor leaf is 0x%x", leaf.eax);
    check_equal(cpuid_forced(0x40000001, 0).eax, 0x00040011, "leaf 0x40000001 has the version");
    check((cpuid_forced(0x40000002, 0).ecx & 1) == 1, "leaf 0x40000002 announces PRESERVE_AD");
    leaf = cpuid_forced(1, 0);
    check((leaf.ecx >> 31 & 1) == 1, "leaf 1 says: under a hypervisor");
    check((leaf.edx >> 3 & 1) == 0, "leaf 1 hides large pages (PSE)");
    check((cpuid_forced(0x80000001, 0).edx >> 26 & 1) == 0, "leaf 0x80000001 hides 1-GiB pages");
    check((cpuid_forced(7, 0).ebx >> 7 & 1) == 0 && (cpuid_forced(7, 0).ebx >> 20 & 1) == 0,
          "leaf 7 hides SMEP and SMAP");
}

static void check_cr0(void)
{
    u64 cr0 = read_cr0();

    check((cr0 & CR0_WP) != 0 && (cr0 & CR0_TS) == 0, "cr0 is %lx", cr0);
    check_fault(fault_of(write_cr0(cr0 | CR0_TS)), NO_FAULT, 0, "set cr0.TS");
    check((read_cr0() & CR0_TS) != 0, "cr0.TS reads as set");
    check_fault(fault_of(clts()), NO_FAULT, 0, "clts");
    check((read_cr0() & CR0_TS) == 0, "cr0.TS reads as clear");
    check_fault(fault_of(write_cr0(cr0 & ~CR0_WP)), VECTOR_GP, 0, "clear cr0.WP");
    check_fault(fault_of(write_cr0(cr0 | CR0_EM)), VECTOR_GP, 0, "set cr0.EM");
}

static void check_cr4(void)
{
    u64 cr4 = read_cr4();

    check((cr4 & CR4_PAE) != 0 && (cr4 & (CR4_PGE | CR4_SMEP)) == 0, "cr4 is %lx", cr4);
    check_fault(fault_of(write_cr4(cr4 | CR4_FSGSBASE)), NO_FAULT, 0, "set cr4.FSGSBASE");
    check((read_cr4() & CR4_FSGSBASE) != 0, "cr4.FSGSBASE reads as set");
    check_fault(fault_of(__asm__ volatile("rdfsbase %%rax" : : : "rax")), NO_FAULT, 0, "rdfsbase");
    check_fault(fault_of(write_cr4(cr4 & ~CR4_FSGSBASE)), NO_FAULT, 0, "clear cr4.FSGSBASE");
    check_fault(fault_of(__asm__ volatile("rdfsbase %%rax" : : : "rax")), VECTOR_UD, 0,
                "rdfsbase without cr4.FSGSBASE");
    check_fault(fault_of(write_cr4(cr4 | CR4_SMEP | CR4_PGE)), NO_FAULT, 0, "set cr4.SMEP and PGE");
    check(read_cr4() == (cr4 & ~CR4_FSGSBASE), "they are ignored");
    write_cr4(cr4);
}

TEST(privileged, "cpuid, control registers and refused instructions")
{
    check_cpuid();
    check_cr0();
    check(read_cr3() == root_mfn() * PAGE_SIZE, "cr3 is the root page table");
    check_fault(fault_of(write_cr2(0x1234000)), NO_FAULT, 0, "write cr2");
    check(read_cr2() == 0x1234000, "cr2 keeps it");
    check_cr4();
    check_fault(fault_of(__asm__ volatile("wbinvd")), NO_FAULT, 0, "wbinvd");
    check_fault(fault_of(__asm__ volatile("hlt")), VECTOR_GP, 0, "hlt");
    check_fault(fault_of(__asm__ volatile("invd")), VECTOR_GP, 0, "invd");
    check_fault(fault_of(__asm__ volatile("invlpg (%0)" : : "r"(0ul))), VECTOR_GP, 0, "invlpg");
    check_fault(fault_of(__asm__ volatile("swapgs")), VECTOR_GP, 0, "swapgs");
    check_fault(fault_of(__asm__ volatile("sysretq")), VECTOR_GP, 0, "sysret");
}
