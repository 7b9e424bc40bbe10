/* SPDX-License-Identifier: MIT */
/*
 * fpu - fpu_taskswitch and #NM
 *
 * A kernel that switches tasks sets the virtual TS bit: the next FPU instruction gives #NM, on whose delivery the
 * hypervisor has already cleared it.
 */
#include <lib/hypercall.h>
#include <lib/test.h>

static void use_fpu(void)
{
    __asm__ volatile("fnop");
}

TEST(fpu, "fpu_taskswitch and #NM")
{
    check_fault(fault_of(use_fpu()), NO_FAULT, 0, "the FPU can be used at start");
    check_equal(hypercall_fpu_taskswitch(1), 0, "set TS");
    check_fault(fault_of(use_fpu()), VECTOR_NM, 0, "using the FPU gives #NM");
    check_fault(fault_of(use_fpu()), NO_FAULT, 0, "once");
    check_equal(hypercall_fpu_taskswitch(1), 0, "set TS");
    check_equal(hypercall_fpu_taskswitch(0), 0, "clear TS");
    check_fault(fault_of(use_fpu()), NO_FAULT, 0, "no #NM after that");
}
