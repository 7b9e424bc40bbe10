/* SPDX-License-Identifier: MIT */
/*
 * mmuext - flushes, batches, and operations that do not exist
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

/* A flush on the vcpus of a mask. */
static long flush_multi(unsigned int cmd, const void *mask, const void *va)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.linear_addr = (unsigned long)va};

    set_xen_guest_handle(op.arg2.vcpumask, mask);
    return hypercall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void check_flush(u64 *page, u64 *other, unsigned int cmd, u64 arg, const char *name)
{
    u64 mine = page_mfn(page) * PAGE_SIZE | PTE_KERNEL_RW, pte = page_mfn(other) * PAGE_SIZE | PTE_KERNEL_RW;

    *(volatile u64 *)page = 1;
    hypercall_update_va_mapping((unsigned long)page, pte, UVMF_NONE);
    check_equal(mmuext(cmd, arg), 0, name);
    check_equal((long)*(volatile u64 *)page, 2, "the new frame is seen");
    hypercall_update_va_mapping((unsigned long)page, mine, UVMF_INVLPG);
}

TEST(mmuext, "mmuext_op: flushes and errors")
{
    u64 *page = page_alloc(), *other = page_alloc();
    unsigned long mask = 1;
    unsigned int done = 77;
    struct mmuext_op ops[] = {
        {.cmd = MMUEXT_TLB_FLUSH_LOCAL},
        {.cmd = MMUEXT_INVLPG_LOCAL, .arg1.linear_addr = (unsigned long)page},
        {.cmd = 99},
        {.cmd = MMUEXT_TLB_FLUSH_ALL},
    };

    *other = 2;
    check_flush(page, other, MMUEXT_TLB_FLUSH_LOCAL, 0, "TLB_FLUSH_LOCAL");
    check_flush(page, other, MMUEXT_INVLPG_LOCAL, (u64)page, "INVLPG_LOCAL");
    check_flush(page, other, MMUEXT_TLB_FLUSH_ALL, 0, "TLB_FLUSH_ALL");
    check_flush(page, other, MMUEXT_INVLPG_ALL, (u64)page, "INVLPG_ALL");
    check_equal(flush_multi(MMUEXT_TLB_FLUSH_MULTI, &mask, NULL), 0, "TLB_FLUSH_MULTI");
    check_equal(flush_multi(MMUEXT_INVLPG_MULTI, &mask, page), 0, "INVLPG_MULTI");
    check_equal(flush_multi(MMUEXT_TLB_FLUSH_MULTI, (void *)8, NULL), -XEN_EINVAL, "with a mask in an unmapped page");
    check_equal(mmuext(MMUEXT_INVLPG_LOCAL, 1ul << 63), 0, "INVLPG_LOCAL of an address that is not canonical");
    check_equal(hypercall_mmuext_op(ops, 4, &done, DOMID_SELF), -XEN_ENOSYS, "a batch with an unknown operation");
    check_equal(done, 2, "done");
    check_equal(mmuext(MMUEXT_MARK_SUPER, page_mfn(page)), -XEN_EOPNOTSUPP, "MARK_SUPER");
    check_equal(mmuext(MMUEXT_UNMARK_SUPER, page_mfn(page)), -XEN_EOPNOTSUPP, "UNMARK_SUPER");
    check_equal(mmuext(14, 0), -XEN_ENOSYS, "operation 14");
    check_equal(hypercall_mmuext_op(ops, 1, NULL, 1234), -XEN_ESRCH, "for a domain that is not there");
    check_equal(mmuext(MMUEXT_NEW_USER_BASEPTR, 0), 0, "no user root");
    page_free(page);
    page_free(other);
}
