/* SPDX-License-Identifier: MIT */
/*
 * exchange_handle - an array of results in the hypervisor's memory (XSA-212)
 *
 * Attack: let memory_op write frame numbers where it must not; exchange counts that do not fit together.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

#define HOLE ((xen_pfn_t *)0xffff820000000000ul)

static long exchange(xen_pfn_t *in, xen_pfn_t *out, u64 in_count, u64 out_count, u64 done)
{
    struct xen_memory_exchange op = {
        .in = {.nr_extents = in_count, .domid = DOMID_SELF},
        .out = {.nr_extents = out_count, .domid = DOMID_SELF},
        .nr_exchanged = done,
    };

    set_xen_guest_handle(op.in.extent_start, in);
    set_xen_guest_handle(op.out.extent_start, out);
    return hypercall_memory_op(XENMEM_exchange, &op);
}

TEST(exchange_handle, "exchange with bad pointers and counts")
{
    void *page = page_alloc();
    xen_pfn_t in[2] = {page_mfn(page), root_mfn()}, out[2] = {page_pfn(page), 0};

    check_equal(exchange(in, HOLE, 1, 1, 0), -XEN_EFAULT, "results into the hypervisor's memory");
    check_equal(exchange(HOLE, out, 1, 1, 0), -XEN_EFAULT, "frames from the hypervisor's memory");
    check_equal(exchange(in, out, 2, 1, 0), -XEN_EINVAL, "two frames for one");
    check_equal(exchange(in, out, 1, 1, 2), -XEN_EINVAL, "more done than there are");
    check_equal(exchange(in, HOLE - 1, 1ul << 40, 1ul << 40, 0), -XEN_EFAULT, "very many frames");
    check_equal(exchange(in, (xen_pfn_t *)((u64)HOLE - (1ul << 43)), 1ul << 40, 1ul << 40, (1ul << 40) - 1),
                -XEN_EFAULT,
                "a last result in the hypervisor's memory");
    check_equal(exchange(in + 1, out, 1, 1, 0), -XEN_EINVAL, "a page table");
    check_equal(page_mfn(page) == in[0] && M2P[in[0]] == page_pfn(page), 1, "the page is still ours");
    page_free(page);
}
