/* SPDX-License-Identifier: MIT */
/*
 * multicall - several hypercalls in one
 *
 * Each entry gets its result; an entry that fails does not stop the others. There is no multicall in a multicall.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

static multicall_entry_t many[600];

TEST(multicall, "batches of hypercalls")
{
    u64 *page = page_alloc(), pte = page_mfn(page) * PAGE_SIZE | PTE_KERNEL_RO;
    multicall_entry_t calls[] = {
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_version, 0}},
        {.op = 11},
        {.op = __HYPERVISOR_multicall, .args = {(unsigned long)many, 1}},
        {.op = __HYPERVISOR_update_va_mapping, .args = {(unsigned long)page, pte, UVMF_INVLPG}},
        {.op = __HYPERVISOR_update_va_mapping, .args = {(unsigned long)page, ~0ul, 0}},
        {.op = __HYPERVISOR_sched_op, .args = {SCHEDOP_yield, 0}},
    };
    unsigned int wrong = 0;

    check_equal(hypercall_multicall(calls, ARRAY_SIZE(calls)), 0, "six calls");
    check_equal((long)calls[0].result, 0x00040011, "xen_version");
    check_equal((long)calls[1].result, -XEN_ENOSYS, "an unknown call");
    check_equal((long)calls[2].result, -XEN_EINVAL, "a multicall in a multicall");
    check_equal((long)calls[3].result, 0, "update_va_mapping");
    check((long)calls[4].result < 0, "a bad update_va_mapping: %ld", (long)calls[4].result);
    check_equal((long)calls[5].result, 0, "yield");
    check_fault(fault_of(*(volatile u64 *)page = 0), VECTOR_PF, 3, "the page is read-only");
    page_protect(page, true);
    page_free(page);
    for (unsigned int i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = (multicall_entry_t){.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize, 0}};
    check_equal(hypercall_multicall(many, ARRAY_SIZE(many)), 0, "600 calls");
    for (unsigned int i = 0; i < ARRAY_SIZE(many); i++)
        wrong += many[i].result != PAGE_SIZE;
    check_equal(wrong, 0, "wrong results");
    check_equal(hypercall_multicall(NULL, 0), 0, "no calls");
    check_equal(hypercall_multicall((void *)8, 1), -XEN_EFAULT, "calls in an unmapped page");
    check_equal(hypercall_multicall((void *)0xffff820000000000ul, 1), -XEN_EFAULT, "calls in the hypervisor's memory");
}
