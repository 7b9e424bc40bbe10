/* SPDX-License-Identifier: MIT */
/* XENMEM_exchange as a guest makes it: every shape of exchange, refusals that change nothing, continuations. */
#include "hcall_fixture.h"

#include <xen/memory.h>

static xen_pfn_t *in, *out;             /* in pages 1 and 2 of the window */

static void run_as(struct guest *who)
{
    as(who);
    in = page_at(1);
    out = page_at(2);
}

static int exchange_setup(void **state)
{
    hcall_setup(state);
    run_as(&g0);
    return 0;
}

static struct xen_memory_exchange shape(u64 in_extents, unsigned in_order, u64 out_extents, unsigned out_order)
{
    return (struct xen_memory_exchange){
        .in = { { (void *)va_of(in) }, in_extents, in_order, 0, DOMID_SELF },
        .out = { { (void *)va_of(out) }, out_extents, out_order, 0, DOMID_SELF },
    };
}

static long exchange(struct xen_memory_exchange *x) { return command(__HYPERVISOR_memory_op, XENMEM_exchange, x, sizeof(*x)); }

/* 1 << order contiguous frames, in the in-list as extents of in_order; pfns from 500 on for what comes out. */
static void offer(unsigned order, unsigned in_order, unsigned out_order)
{
    mfn_t m = populate(order);

    for (u64 i = 0; i < 1UL << (order - in_order); i++)
        in[i] = m.n + (i << in_order);
    for (u64 i = 0; i < 1UL << (order - out_order); i++)
        out[i] = 500 + (i << out_order);
}

static void assert_received(unsigned order, unsigned out_order)
{
    for (u64 i = 0; i < 1UL << (order - out_order); i++)
        for (u64 k = 0; k < 1UL << out_order; k++) {
            mfn_t m = mfn(out[i] + k);

            assert_int_equal(out[i] & (BIT(out_order) - 1), 0);
            assert_int_equal(frame_owner(frame_entry(m)), 0);
            assert_int_equal(m2p_get(m), 500 + (i << out_order) + k);
        }
}

static void every_shape(void **state)
{
    static const struct { unsigned in, out; } orders[] = { { 0, 0 }, { 0, 3 }, { 3, 0 }, { 1, 2 }, { 2, 1 }, { 4, 4 } };

    (void)state;
    for (unsigned always = 0; always < 2; always++)
        for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
            struct xen_memory_exchange x = shape(16 >> orders[i].in, orders[i].in, 16 >> orders[i].out, orders[i].out);
            struct memory_state before;

            preempt_always = always;
            offer(4, orders[i].in, orders[i].out);
            before = memory_state();
            assert_int_equal(exchange(&x), 0);
            assert_int_equal(x.nr_exchanged, x.in.nr_extents);
            assert_int_equal(restarts, always ? (16u >> max(orders[i].in, orders[i].out)) - 1 : 0);
            assert_received(4, orders[i].out);
            assert_memory_is(before);
        }
}

static void frames_below_an_address(void **state)
{
    struct xen_memory_exchange x = shape(4, 0, 1, 2);

    (void)state;
    offer(2, 0, 2);
    x.out.mem_flags = XENMEMF_address_bits(25);
    assert_int_equal(exchange(&x), 0);
    assert_true(out[0] + 4 <= 1UL << (25 - PAGE_SHIFT));
    x.nr_exchanged = 0;
    in[0] = out[0];
    x = shape(1, 0, 1, 0);
    x.out.mem_flags = XENMEMF_address_bits(12);         /* only frame 0, which is nobody's */
    assert_int_equal(exchange(&x), -ENOMEM);
}

static void refusals(void **state)
{
    struct xen_memory_exchange x;
    struct memory_state before;

    (void)state;
    offer(2, 0, 0);
    before = memory_state();
#define refused(error, ...) do { x = shape(4, 0, 4, 0); __VA_ARGS__; assert_int_equal(exchange(&x), error); } while (0)
    refused(-EPERM, x.in.extent_order = 13);
    refused(-EPERM, x.out.extent_order = 13);
    refused(-EPERM, x.out.extent_order = ~0u);
    refused(-EINVAL, x.nr_exchanged = 5);
    refused(-EINVAL, x.in.nr_extents = ~0UL; x.in.extent_order = 2);
    refused(-EINVAL, x.out.nr_extents = ~0UL; x.out.extent_order = 2);
    refused(-EINVAL, x.out.nr_extents = 3);
    refused(-EINVAL, x.out.extent_order = 1);
    refused(-EINVAL, x.in.domid = 0);
    refused(-EINVAL, x = shape(2, 0, 1, 1); x.in.nr_extents = 3);
    refused(-EINVAL, x.in.nr_extents = 3; x.out.nr_extents = 1; x.out.extent_order = 1);
    refused(-ESRCH, x.in.domid = x.out.domid = 77);
    refused(-EFAULT, x.in.extent_start.p = (void *)HOLE_START);
    refused(-EFAULT, x.in.extent_start.p = (void *)(HOLE_START - 24));
    refused(-EFAULT, x.in.extent_start.p = (void *)(~0UL - 7));
    refused(-EFAULT, x.out.extent_start.p = (void *)(HOLE_END - 8));
    refused(-EFAULT, x.in.extent_start.p = (void *)NOT_MAPPED);
    assert_memory_is(before);
    assert_efault(hypercall(__HYPERVISOR_memory_op, XENMEM_exchange, bad));
    refused(0, x.nr_exchanged = 4);                     /* nothing left to do */
    refused(0, x.in.nr_extents = x.out.nr_extents = 0);
    assert_memory_is(before);
    run_as(&g5);
    refused(-EPERM, x.in.domid = x.out.domid = 0);
#undef refused
}

/* A number of whole chunks is needed: three frames make no extent of two. */
static void extents_that_do_not_fill_a_chunk(void **state)
{
    struct xen_memory_exchange x = shape(6, 0, 3, 1);

    (void)state;
    offer(3, 0, 1);
    assert_int_equal(exchange(&x), 0);
    assert_received(1, 1);
    x = shape(1UL << 54, 0, 1UL << 54, 0);
    assert_int_equal(exchange(&x), -EFAULT);
}

static void frames_that_cannot_be_exchanged(void **state)
{
    struct xen_memory_exchange x;
    struct memory_state before;
    u64 mine = populate(0).n;
    const u64 frames[] = { frame_at(9).n, g->l1.n, g5.window.n, boot_root.n, 0, frame_max, ~0UL, g->d->shared_mfn.n, mine };

    (void)state;
    before = memory_state();
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
        x = shape(2, 0, 1, 1);
        in[0] = mine;
        in[1] = frames[i];                              /* the last one: twice the same */
        out[0] = 500;
        assert_int_equal(exchange(&x), -EINVAL);
        assert_int_equal(x.nr_exchanged, 0);
        assert_int_equal(out[0], 500);
        assert_memory_is(before);
        assert_int_equal(frame_entry(mfn(mine))->refs, FRAME_ALLOCATED | 1);
    }
    x = shape(1, 1, 2, 0);
    in[0] = frame_at(8).n;                              /* an extent of which no frame is free of uses */
    assert_int_equal(exchange(&x), -EINVAL);
}

/* The first chunk is done and counted, the second not. */
static void an_exchange_that_stops_half_way(void **state)
{
    struct xen_memory_exchange x = shape(4, 0, 4, 0);

    (void)state;
    offer(2, 0, 0);
    in[2] = g5.window.n;
    assert_int_equal(exchange(&x), -EINVAL);
    assert_int_equal(x.nr_exchanged, 2);
    assert_received(1, 0);
    assert_int_equal(out[2], 502);
}

/* Where the new frames are to be noted cannot be written, or the structure cannot. */
static void results_that_cannot_be_written(void **state)
{
    struct xen_memory_exchange x = shape(1, 0, 1, 0);
    pte_t ro = entry_of(g->l1, 2) & ~PTE_RW;
    u32 pages;

    (void)state;
    offer(0, 0, 0);
    pages = g->d->mm.tot_pages;
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, WINDOW + 2 * PAGE_SIZE, ro, UVMF_INVLPG | UVMF_ALL), 0);
    assert_int_equal(exchange(&x), -EFAULT);
    assert_int_equal(g->d->mm.tot_pages, pages);
    memcpy(page_at(2), &x, sizeof(x));
    ((struct xen_memory_exchange *)page_at(2))->in.nr_extents = 0;
    ((struct xen_memory_exchange *)page_at(2))->out.nr_extents = 0;
    ((struct xen_memory_exchange *)page_at(2))->nr_exchanged = 0;
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_exchange, va_of(page_at(2))), -EFAULT);
}

static long exchange_call(void)
{
    struct xen_memory_exchange x = shape(1, 3, 8, 0);     /* one chunk: all or nothing */

    return exchange(&x);
}

static void exchanges_when_memory_runs_out(void **state)
{
    (void)state;
    offer(3, 3, 0);
    each_allocation_fails(exchange_call, -ENOMEM, 0);
}

static void domain0_exchanges_for_others(void **state)
{
    struct xen_memory_exchange x = shape(1, 0, 1, 0);
    mfn_t m = MFN_INVALID;

    (void)state;
    assert_int_equal(mm_populate(&g5.d->mm, 0, HEAP_ANY_WIDTH, &m), 0);
    in[0] = m.n;
    out[0] = 9;
    x.in.domid = x.out.domid = 5;
    assert_int_equal(exchange(&x), 0);
    assert_int_equal(frame_owner(frame_entry(mfn(out[0]))), 5);
    assert_int_equal(m2p_get(mfn(out[0])), 9);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, exchange_setup, hcall_teardown)
    const struct CMUnitTest tests[] = {
        T(every_shape), T(frames_below_an_address), T(refusals), T(extents_that_do_not_fill_a_chunk),
        T(frames_that_cannot_be_exchanged), T(an_exchange_that_stops_half_way), T(results_that_cannot_be_written),
        T(exchanges_when_memory_runs_out), T(domain0_exchanges_for_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
