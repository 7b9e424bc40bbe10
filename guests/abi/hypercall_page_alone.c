/* SPDX-License-Identifier: MIT */
/*
 * hypercall_page_alone - a page of stubs that the hypervisor fills in
 *
 * Guests older than Linux 6.1 name a page in the HYPERCALL_PAGE note and call into it: 32 bytes for each number. They
 * may also ask for one at run time, by writing a model-specific register.
 */
#include <lib/cpu.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

extern u8 stub_page[PAGE_SIZE];
u8 stub_page[PAGE_SIZE] PAGE_ALIGNED;
GUEST_NOTE(2, stub_page);

typedef long stub(long arg1, void *arg2);

static long call(const u8 *page, unsigned int number, long arg1)
{
    return ((stub *)(page + number * 32))(arg1, NULL);
}

TEST(hypercall_page_alone, "stubs by HYPERCALL_PAGE note and by register")
{
    u8 *page = page_alloc();
    u32 msr = cpuid_forced(0x40000002, 0).ebx;

    if (!domain0_only()) /* whose builder reads the note; a guest's is a toolstack's work */
        return;
    check(stub_page[0] != 0, "the page of the note is filled in");
    check_equal(call(stub_page, __HYPERVISOR_xen_version, XENVER_version), 0x00040011, "xen_version through it");
    check_equal(call(stub_page, 11, 0), -XEN_ENOSYS, "an unknown call through it");
    check_equal(cpuid_forced(0x40000002, 0).eax, 1, "one page can be had by register");
    check_fault(fault_of(wrmsr(msr, page_mfn(page) * PAGE_SIZE)), NO_FAULT, 0, "by machine frame number");
    check_equal(call(page, __HYPERVISOR_xen_version, XENVER_version), 0x00040011, "xen_version through it");
    check_fault(fault_of(wrmsr(msr, page_mfn(page) * PAGE_SIZE | 1)), VECTOR_GP, 0, "a second page");
    check_fault(fault_of(wrmsr(msr, root_mfn() * PAGE_SIZE)), VECTOR_GP, 0, "over a page table");
}
