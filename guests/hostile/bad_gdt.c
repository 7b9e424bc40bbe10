/* SPDX-License-Identifier: MIT */
/*
 * bad_gdt - descriptor tables in memory that is not ours, or not read-only
 *
 * Attack: frames that are not there, are mapped writable, or come twice; a list in the hypervisor's memory.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(bad_gdt, "set_gdt with bad frames")
{
    u64 *page = page_alloc();
    xen_pfn_t frames[16] = {page_mfn(page)};

    check_equal(hypercall_set_gdt(frames, 512), -XEN_EINVAL, "a frame that is mapped writable");
    page_protect(page, false);
    frames[1] = 1ul << 40;
    check_equal(hypercall_set_gdt(frames, 1024), -XEN_EINVAL, "a frame that the machine does not have");
    frames[1] = 0xfee00;
    check_equal(hypercall_set_gdt(frames, 1024), -XEN_EINVAL, "a device");
    frames[1] = pte_maddr(1, (unsigned long)page) / PAGE_SIZE;
    check_equal(hypercall_set_gdt(frames, 1024), -XEN_EINVAL, "a page table");
    check_equal(hypercall_set_gdt((xen_pfn_t *)0xffff820000000000ul, 512), -XEN_EFAULT, "a list in the hypervisor");
    check_equal(page_protect(page, true), 0, "nothing is held after the failures");
    page_protect(page, false);
    for (unsigned int i = 0; i < 14; i++)
        frames[i] = page_mfn(page);
    check_equal(hypercall_set_gdt(frames, 7168), 0, "the same frame fourteen times");
    check_equal(hypercall_set_gdt(frames, 7169), -XEN_EINVAL, "one descriptor more");
    check_equal(page_protect(page, true), -XEN_EBUSY, "the old table is still in use");
    check_equal(hypercall_set_gdt(NULL, 0), 0, "no table");
    check_equal(page_protect(page, true), 0, "nothing is held any more");
    page_free(page);
}
