/* SPDX-License-Identifier: MIT */
/*
 * A whole creation of a domain, as libxl makes it, with each of its allocations failing once: the call that needed it
 * says -ENOMEM (or how many extents it got), can be made again, and nothing is kept when the toolstack gives up instead.
 */
#include "domctl_fixture.h"

#define VCPUS 4

static u16 id;
static u64 *frames;             /* the guest's page 1 */

static long step_create(void)
{
    long rc;

    dc.u.createdomain = config();
    dc.u.createdomain.max_vcpus = VCPUS;
    rc = domctl(XEN_DOMCTL_createdomain, 0xffff);
    if (rc == 0)
        id = dc.domain;
    return rc;
}

static long step_max_vcpus(void)
{
    dc.u.max_vcpus.max = VCPUS;
    return domctl(XEN_DOMCTL_max_vcpus, id);
}

static long step_max_mem(void)
{
    dc.u.max_mem.max_memkb = 4096;
    return domctl(XEN_DOMCTL_max_mem, id);
}

static long step_claim(void)
{
    struct xen_memory_reservation r = { .nr_extents = PAGES, .domid = id };

    return command(__HYPERVISOR_memory_op, XENMEM_claim_pages, &r, sizeof(r));
}

static long step_memory_map(void)
{
    struct xen_foreign_memory_map m = { .domid = id, .map = { .nr_entries = 3 } };

    memset(page_at(5), 0, PAGE_SIZE);
    m.map.buffer.p = (void *)va_of(page_at(5));
    return command(__HYPERVISOR_memory_op, XENMEM_set_memory_map, &m, sizeof(m));
}

/* Goes on where it stopped: what it was given, it keeps. */
static long step_populate(void)
{
    struct xen_memory_reservation r = { .domid = id };
    u32 have = domain_lookup(id)->mm.tot_pages;
    long done;

    frames = page_at(1);
    for (u32 i = have; i < PAGES; i++)
        frames[i] = i;
    r.nr_extents = PAGES - have;
    r.extent_start.p = (void *)va_of(frames + have);
    done = command(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r, sizeof(r));
    assert_int_equal(domain_lookup(id)->mm.tot_pages, have + done);
    return have + done == PAGES ? 0 : -ENOMEM;
}

static long step_grant_frames(void)
{
    struct xen_mem_acquire_resource r = { .domid = id, .type = XENMEM_resource_grant_table, .nr_frames = 3 };

    r.frame_list.p = (void *)va_of(page_at(5));
    return command(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &r, sizeof(r));
}

static long step_policy(void)
{
    long rc;

    dc.u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_leaves = 120, .nr_msrs = 2 };
    dc.u.cpu_policy.leaves.p = (void *)va_of(page_at(6));
    dc.u.cpu_policy.msrs.p = (void *)va_of(page_at(5));
    rc = domctl(XEN_DOMCTL_get_cpu_policy, id);
    return rc ? rc : domctl(XEN_DOMCTL_set_cpu_policy, id);
}

static long step_iomem(void)
{
    dc.u.iomem_permission = (struct xen_domctl_iomem_permission){ .first_mfn = 0x100000, .nr_mfns = 2, .allow_access = 1 };
    return domctl(XEN_DOMCTL_iomem_permission, id);
}

static long step_port(void)
{
    struct evtchn_alloc_unbound a = { .dom = id };

    return command(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &a, sizeof(a));
}

static long step_pin(void)
{
    struct mmuext_op *op = page_at(2);

    table_frames_fill(frames);
    *op = (struct mmuext_op){ .cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = frames[L4] };
    return hypercall(__HYPERVISOR_mmuext_op, va_of(op), 1, 0, id);
}

static long step_hypercall_page(void)
{
    dc.u.hypercall_init.gmfn = frames[DATA];
    return domctl(XEN_DOMCTL_hypercall_init, id);
}

static long step_context(void) { return set_context(id, 0, frames); }
static long step_unpause(void) { return domctl(XEN_DOMCTL_unpausedomain, id); }

static const struct {
    const char *name;
    long (*call)(void);
} steps[] = {
    { "createdomain", step_create },       { "max_vcpus", step_max_vcpus },   { "max_mem", step_max_mem },
    { "claim_pages", step_claim },         { "set_memory_map", step_memory_map }, { "cpu_policy", step_policy },
    { "iomem_permission", step_iomem },    { "populate_physmap", step_populate }, { "acquire_resource", step_grant_frames },
    { "alloc_unbound", step_port },        { "pin", step_pin },               { "hypercall_init", step_hypercall_page },
    { "setvcpucontext", step_context },    { "unpausedomain", step_unpause },
};

#define NOT_CREATED 0xffff
static unsigned made;           /* allocations that the last creation asked for */

/* The n-th allocation fails. Returns whether one did; then the step is made again and the rest, or none of it. */
static bool with_failure(unsigned nth, bool again)
{
    unsigned first = fake_allocs;
    bool failed = false;

    id = NOT_CREATED;
    fake_fail_alloc(nth);
    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        long rc = steps[i].call();

        if (rc) {
            if (rc != -ENOMEM)
                print_error("%s: %ld\n", steps[i].name, rc);
            assert_int_equal(rc, -ENOMEM);
            assert_false(failed);               /* there was one allocation to fail */
            failed = true;
            hcall_audit();
            if (!again)
                break;
            rc = steps[i].call();
        }
        if (rc)
            print_error("%s: %ld\n", steps[i].name, rc);
        assert_int_equal(rc, 0);
    }
    made = fake_allocs - first;
    fake_fail_alloc(0);
    hcall_audit();
    if (id != NOT_CREATED)
        destroy(id);
    return failed;
}

static void each_allocation_fails_once(void **state)
{
    struct memory_state before;
    unsigned allocations, noticed = 0;

    (void)state;
    assert_false(with_failure(0, false));       /* pages that stay: of the list of domains, of pools */
    before = memory_state();
    assert_false(with_failure(0, false));
    allocations = made;
    for (unsigned nth = 1; nth <= allocations; nth++) {
        bool failed = with_failure(nth, false);

        assert_memory_is(before);
        assert_int_equal(with_failure(nth, true), failed);
        assert_memory_is(before);
        noticed += failed;
    }
    assert_true(allocations > 20 + PAGES);      /* many of the creation, one per page */
    assert_in_range(noticed, allocations - 1, allocations); /* the list of domains may have had room */
}

/* Each call gives way wherever it may, and still comes to its end. */
static void creation_gives_way(void **state)
{
    struct memory_state before;

    (void)state;
    assert_false(with_failure(0, false));
    before = memory_state();
    preempt_always = true;
    assert_false(with_failure(0, false));
    preempt_always = false;
    assert_memory_is(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(each_allocation_fails_once), TEST(creation_gives_way) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
