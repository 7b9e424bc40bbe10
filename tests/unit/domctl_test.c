/* SPDX-License-Identifier: MIT */
/* domctl and sysctl as a toolstack makes them: a domain's life from creation to its last page, who may, what is refused. */
#include "domctl_fixture.h"

/* ---- life ---- */

static void a_watchdog_dies_with_its_domain(void **state)
{
    u16 id = build();

    (void)state;
    assert_int_equal(domain_watchdog(domain_lookup(id), 0, 1), 1);
    assert_int_equal(timer_count(cpu_id()), 1);
    destroy(id);
    assert_int_equal(timer_count(cpu_id()), 0);
}

static void a_domain_lives_and_leaves_nothing(void **state)
{
    struct memory_state before;
    struct domain *d;
    u16 id;

    (void)state;
    destroy(build());                       /* pages that stay: of the list of domains, of pools */
    id = create();
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, id), 0);
    assert_int_equal(dc.u.getdomaininfo.flags, XEN_DOMINF_paused);  /* no vcpu that could run or block */
    destroy(id);
    before = memory_state();
    id = build();
    d = domain_lookup(id);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, id), 0);
    assert_int_equal(dc.u.getdomaininfo.flags, XEN_DOMINF_paused);
    assert_int_equal(dc.u.getdomaininfo.tot_pages, PAGES);
    assert_int_equal(dc.u.getdomaininfo.max_pages, 1024);
    assert_int_equal(dc.u.getdomaininfo.nr_online_vcpus, 1);
    assert_int_equal(dc.u.getdomaininfo.max_vcpu_id, 1);
    assert_memory_equal(dc.u.getdomaininfo.handle, ((u8[]){ 1, 2, 3 }), 3);
    assert_int_equal(dc.u.getdomaininfo.ssidref, 0);        /* kept, but nothing here knows labels */
    assert_int_equal(d->vcpus[0]->unit.pause_count, 1);
    assert_int_equal(d->vcpus[1]->unit.pause_count, 2);     /* it has never been up */
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, id), 0);
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, id), -EINVAL);
    assert_int_equal(d->vcpus[0]->unit.pause_count, 0);
    hcall_audit();
    assert_null(evtchn_audit(&d->evtchn));
    destroy(id);
    assert_null(domain_lookup(id));
    assert_int_equal(domctl(XEN_DOMCTL_pausedomain, id), -ESRCH);
    assert_memory_is(before);
}

/* Somebody maps a page of a dead domain: it stays listed, dying, until he lets go. */
static void the_last_mapping_frees_it(void **state)
{
    struct memory_state before;
    struct frame *f;
    mfn_t again;
    u16 id;
    u64 *frames;

    (void)state;
    destroy(build());
    before = memory_state();
    id = create();
    frames = give_memory(id, 2);
    f = frame_entry(mfn(frames[1]));
    assert_int_equal(frame_get(mfn(frames[1]), id), 0);
    *(u64 *)frame_map(mfn(frames[1])) = 0x5ec7e7;
    destroy(id);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, id), 0);
    assert_int_equal(dc.domain, id);
    assert_true(dc.u.getdomaininfo.flags & XEN_DOMINF_dying);
    assert_int_equal(dc.u.getdomaininfo.tot_pages, 1);
    dc.u.max_vcpus.max = 2;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, id), -EINVAL);
    assert_int_equal(domctl(XEN_DOMCTL_destroydomain, id), 0);      /* done already */
    frame_put(f);
    let_cpus_pass();
    assert_null(domain_lookup(id));
    assert_memory_is(before);
    do                                                              /* nobody reads what it left */
        assert_int_equal(mm_populate(&g0.d->mm, 0, HEAP_ANY_WIDTH, &again), 0);
    while (!mfn_eq(again, frame_mfn(f)));
    assert_int_equal(*(u64 *)frame_map(again), 0);
}

/* What a guest has told the hypervisor to write to is let go of, too. */
static void what_a_guest_registered_goes_with_it(void **state)
{
    struct memory_state before;
    struct domain *d;
    u64 *frames;
    u16 id;

    (void)state;
    destroy(build());
    before = memory_state();
    id = build();
    frames = page_at(1);
    d = domain_lookup(id);
    assert_int_equal(evtchn_vcpu_set_info(&d->vcpus[0]->ev, gfn(frames[DATA]), 64), 0);
    assert_int_equal(evtchn_init_control(&d->evtchn, 0, gfn(frames[DATA + 1]), 0), 0);
    assert_int_equal(evtchn_expand_array(&d->evtchn, gfn(frames[DATA + 2])), 0);
    assert_int_equal(pirq_share_eoi_map(&d->pirqs, gfn(frames[DATA + 3])), 0);
    destroy(id);
    assert_null(domain_lookup(id));
    assert_memory_is(before);
}

static void press(char c)
{
    shown_clear();
    keys_press(c);
    keys_run();
}

static void keys_know_the_dead(void **state)
{
    struct frame *f;
    u64 *frames;
    u16 id = create();

    (void)state;
    domain_keys_init();
    frames = give_memory(id, 2);
    f = frame_entry(mfn(frames[1]));
    dc.u.max_vcpus.max = 2;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, id), 0);
    assert_int_equal(frame_get(mfn(frames[1]), id), 0);
    destroy(id);
    fake_online(1);                                     /* nobody has to stand still for the audit */
    press('q');
    assert_true(was_shown("rights 0, 1 of at most 1024 pages, dying"));
    assert_false(was_shown("vcpu 1: offline on CPU 1"));
    press('e');
    press('g');
    assert_false(was_shown("of domain 6"));
    press('n');
    assert_true(was_shown("domains=3"));
    assert_true(was_shown("maps=0 claimed=0"));
    press('A');
    assert_true(was_shown("audit: clean"));
    fake_online(4);
    frame_put(f);
    let_cpus_pass();
}

/* Destroyed at any moment of its construction. */
static void killed_while_built(void **state)
{
    struct memory_state before;

    (void)state;
    destroy(build());
    before = memory_state();
    for (unsigned steps = 0; steps < 5; steps++) {
        u16 id = create();
        u64 *frames = NULL;

        if (steps > 0)
            frames = give_memory(id, PAGES);
        if (steps > 1)
            build_tables(id, frames);
        if (steps > 2) {
            dc.u.max_vcpus.max = 2;
            assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, id), 0);
        }
        if (steps > 3)
            assert_int_equal(set_context(id, 0, frames), 0);
        destroy(id);
        assert_memory_is(before);
        hcall_audit();
    }
}

static void shut_down_from_outside_and_resumed(void **state)
{
    struct sched_remote_shutdown s = { .domain_id = build(), .reason = SHUTDOWN_suspend };
    u16 id = s.domain_id;

    (void)state;
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, id), 0);
    assert_int_equal(command(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &s, sizeof(s)), 0);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, id), 0);
    assert_int_equal(dc.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift, SHUTDOWN_suspend);
    assert_true(dc.u.getdomaininfo.flags & XEN_DOMINF_shutdown);
    assert_int_equal(domain_lookup(id)->vcpus[0]->unit.pause_count, 1);
    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, id), 0);
    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, id), 0);       /* once is enough */
    assert_int_equal(domain_lookup(id)->vcpus[0]->unit.pause_count, 0);
    s.reason = SHUTDOWN_MAX + 1;
    assert_int_equal(command(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &s, sizeof(s)), -EINVAL);
    s = (struct sched_remote_shutdown){ .domain_id = 0 };
    assert_int_equal(command(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &s, sizeof(s)), -EINVAL);
    s.domain_id = 77;
    assert_int_equal(command(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &s, sizeof(s)), -ESRCH);
    as(&g5);
    s.domain_id = 0;
    assert_int_equal(command(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &s, sizeof(s)), -EPERM);
    as(&g0);
    destroy(id);
}

/* ---- refusals ---- */

static void versions_and_pointers(void **state)
{
    (void)state;
    assert_efault(hypercall(__HYPERVISOR_domctl, bad));
    assert_efault(hypercall(__HYPERVISOR_sysctl, bad));
    dc = (struct xen_domctl){ .cmd = XEN_DOMCTL_getdomaininfo, .interface_version = XEN_DOMCTL_INTERFACE_VERSION + 1 };
    assert_int_equal(hypercall(__HYPERVISOR_domctl, put_arg(&dc, sizeof(dc))), -EACCES);
    sc = (struct xen_sysctl){ .cmd = XEN_SYSCTL_physinfo, .interface_version = XEN_SYSCTL_INTERFACE_VERSION - 1 };
    assert_int_equal(hypercall(__HYPERVISOR_sysctl, put_arg(&sc, sizeof(sc))), -EACCES);
    assert_int_equal(domctl(95, 5), -ENOSYS);
    assert_int_equal(domctl(~0u, 5), -ENOSYS);
    assert_int_equal(sysctl(~0u), -ENOSYS);
}

static void a_guest_may_nothing(void **state)
{
    (void)state;
    as(&g5);
    for (u32 cmd = 0; cmd < 100; cmd++) {
        memset(&dc, 0, sizeof(dc));
        assert_int_equal(domctl(cmd, 0), -EPERM);
        assert_int_equal(domctl(cmd, 5), -EPERM);
        assert_int_equal(domctl(cmd, 77), -EPERM);
        memset(&sc, 0, sizeof(sc));
        assert_int_equal(sysctl(cmd), -EPERM);
    }
}

static void nobody_ends_himself(void **state)
{
    static const u32 cmds[] = { XEN_DOMCTL_destroydomain, XEN_DOMCTL_pausedomain, XEN_DOMCTL_setvcpucontext };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cmds); i++)
        assert_int_equal(domctl(cmds[i], 0), -EINVAL);
}

static void creations_that_are_refused(void **state)
{
#define REFUSED(change) REFUSED_AS(-EINVAL, change)
#define REFUSED_AS(error, change) do {                                            \
    struct xen_domctl_createdomain c = config();                        \
    change;                                                             \
    dc.u.createdomain = c;                                              \
    assert_int_equal(domctl(XEN_DOMCTL_createdomain, 0), error);        \
} while (0)
    (void)state;
    REFUSED(c.flags = XEN_DOMCTL_CDF_hvm);
    REFUSED(c.flags = 1u << 31);
    REFUSED(c.max_vcpus = 0);
    REFUSED(c.max_vcpus = MAX_VCPUS + 1);
    REFUSED(c.max_grant_frames = 0);
    REFUSED(c.max_grant_frames = (int)grant_limit_frames + 1);
    REFUSED(c.max_maptrack_frames = (int)grant_limit_maps + 1);
    REFUSED(c.grant_opts = 0);
    REFUSED(c.grant_opts = 3);
    REFUSED(c.grant_opts = 0x12);
    REFUSED(c.vmtrace_size = 4096);
    REFUSED(c.cpupool_id = 1);
    REFUSED_AS(-EOPNOTSUPP, c.arch.emulation_flags = 1);
    REFUSED(c.arch.misc_flags = 2);
    dc.u.createdomain = config();
    assert_int_equal(domctl(XEN_DOMCTL_createdomain, 5), -EEXIST);
    dc.u.createdomain = config();
    assert_int_equal(domctl(XEN_DOMCTL_createdomain, 99), 0);
    assert_int_equal(dc.domain, 99);
    destroy(99);
}

static void bad_contexts(void **state)
{
    u16 id = create();
    u64 *frames = give_memory(id, PAGES);

    (void)state;
    build_tables(id, frames);
    assert_int_equal(set_context(id, 0, frames), -EINVAL);          /* there is no such vcpu yet */
    dc.u.max_vcpus.max = 3;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, id), -EINVAL);    /* not what was said at creation */
    dc.u.max_vcpus.max = 2;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, id), 0);
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, id), 0);
    assert_int_equal(set_context(id, 2, frames), -EINVAL);
    dc.u.vcpucontext.vcpu = 0;
    dc.u.vcpucontext.ctxt.p = (void *)NOT_MAPPED;
    assert_int_equal(domctl(XEN_DOMCTL_setvcpucontext, id), -EFAULT);
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, id), -ENODATA);
    frames[L4] = g->window.n;                                       /* somebody else's */
    assert_int_equal(set_context(id, 0, frames), -EINVAL);
    destroy(id);
}

/* A toolstack clears the shared page, so the guest gets the time of day with its first registers. */
static void the_time_of_day_is_there_at_the_start(void **state)
{
    u16 id = create();
    u64 *frames = give_memory(id, PAGES);
    struct domain *d = domain_lookup(id);

    (void)state;
    wall_base_ns = 10000UL * 1000000000;
    dc.u.settimeoffset.time_offset_seconds = 500;
    assert_int_equal(domctl(XEN_DOMCTL_settimeoffset, id), 0);
    build_tables(id, frames);
    dc.u.max_vcpus.max = 2;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, id), 0);
    memset(d->shared, 0, PAGE_SIZE);
    assert_int_equal(set_context(id, 0, frames), 0);
    assert_int_equal(d->shared->wc_sec, 10500);
    destroy(id);
}

/* ---- setters, read back ---- */

static void what_is_set_is_read_back(void **state)
{
    struct vcpu_guest_context *c = page_at(8);
    u16 id = build();
    u8 *map = page_at(3);

    (void)state;
    *map = 0x0a;
    dc.u.vcpuaffinity = (struct xen_domctl_vcpuaffinity){ .vcpu = 1, .flags = XEN_VCPUAFFINITY_HARD };
    dc.u.vcpuaffinity.cpumap_hard.bitmap.p = (void *)va_of(map);
    dc.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, id), 0);
    *map = 0xff;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuaffinity, id), 0);
    assert_int_equal(*map, 0x0a);
    *map = 0xf0;                                                    /* CPUs that there are not */
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, id), -EINVAL);

    dc.u.vcpucontext.vcpu = 0;
    dc.u.vcpucontext.ctxt.p = (void *)va_of(c);
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, id), 0);
    assert_int_equal(c->user_regs.rip, DATA << PAGE_SHIFT);
    assert_int_equal(xen_cr3_to_pfn(c->ctrlreg[3]), domain_lookup(id)->vcpus[0]->pv.root_kernel.n);

    dc.u.settimeoffset.time_offset_seconds = -3600;
    wall_base_ns = 10000UL * 1000000000;
    assert_int_equal(domctl(XEN_DOMCTL_settimeoffset, id), 0);
    assert_int_equal(domain_lookup(id)->shared->wc_sec, 6400);
    dc.u.settimeoffset.time_offset_seconds = INT64_MAX / 1000000000 + 1;        /* more nanoseconds than there are */
    assert_int_equal(domctl(XEN_DOMCTL_settimeoffset, id), -EINVAL);
    dc.u.settimeoffset.time_offset_seconds = INT64_MIN / 1000000000 - 1;
    assert_int_equal(domctl(XEN_DOMCTL_settimeoffset, id), -EINVAL);
    assert_int_equal(domain_lookup(id)->shared->wc_sec, 6400);

    dc.u.address_size.size = 32;
    assert_int_equal(domctl(XEN_DOMCTL_set_address_size, id), -EINVAL);
    dc.u.address_size.size = 64;
    assert_int_equal(domctl(XEN_DOMCTL_set_address_size, id), 0);
    dc.u.tsc_info = (struct xen_domctl_tsc_info){ .tsc_mode = 1 };
    assert_int_equal(domctl(XEN_DOMCTL_settscinfo, id), -EOPNOTSUPP);
    dc.u.tsc_info.tsc_mode = 2;
    assert_int_equal(domctl(XEN_DOMCTL_settscinfo, id), 0);
    assert_int_equal(domctl(XEN_DOMCTL_gettscinfo, id), 0);
    assert_int_equal(dc.u.tsc_info.tsc_mode, 2);
    assert_int_equal(dc.u.tsc_info.gtsc_khz, tsc_khz);
    destroy(id);
}

static long irq_permission(u16 id, u32 pirq, u8 allow)
{
    dc.u.irq_permission = (struct xen_domctl_irq_permission){ .pirq = pirq, .allow_access = allow };
    return domctl(XEN_DOMCTL_irq_permission, id);
}

static void shared_interrupts(void **state)
{
    u16 id = create();
    struct domain *d = domain_lookup(id);
    struct pirq *pirqs = mem_alloc(PIRQS_PER_BUCKET * sizeof(*pirqs));

    (void)state;
    assert_int_equal(irq_permission(id, 1000, 1), -EINVAL);     /* no such interrupt */
    assert_int_equal(irq_permission(id, ~0u, 1), -EINVAL);
    pirqs[5].irq = 70 + 1;
    pirqs[6].irq = 100 + 1;
    g0.d->pirqs.buckets[0] = pirqs;
    assert_int_equal(irq_permission(id, 5, 1), 0);
    assert_true(rangeset_contains(&d->mm.irqs, 70, 70));
    assert_int_equal(irq_permission(id, 6, 1), -EPERM);         /* not one's own */
    assert_int_equal(irq_permission(id, 5, 0), 0);
    assert_true(rangeset_empty(&d->mm.irqs));
    pirqs[5].irq = pirqs[6].irq = 0;
    destroy(id);
}

static void shared_rights(void **state)
{
    u16 id = create();
    struct domain *d = domain_lookup(id);

    (void)state;
    dc.u.iomem_permission = (struct xen_domctl_iomem_permission){ 0x100010, 4, 1 };
    assert_int_equal(domctl(XEN_DOMCTL_iomem_permission, id), 0);
    assert_true(rangeset_contains(&d->mm.iomem, 0x100010, 0x100013));
    dc.u.iomem_permission = (struct xen_domctl_iomem_permission){ 0x100011, 1, 0 };
    assert_int_equal(domctl(XEN_DOMCTL_iomem_permission, id), 0);
    assert_false(rangeset_contains(&d->mm.iomem, 0x100010, 0x100013));
    dc.u.iomem_permission = (struct xen_domctl_iomem_permission){ 0x1ffff0, 0x11, 1 };     /* one too many */
    assert_int_equal(domctl(XEN_DOMCTL_iomem_permission, id), -EPERM);
    dc.u.iomem_permission = (struct xen_domctl_iomem_permission){ 0x100000, 0, 1 };
    assert_int_equal(domctl(XEN_DOMCTL_iomem_permission, id), -EINVAL);
    dc.u.iomem_permission = (struct xen_domctl_iomem_permission){ 0x100000, ~0UL, 1 };
    assert_int_equal(domctl(XEN_DOMCTL_iomem_permission, id), -EINVAL);
    dc.u.ioport_permission = (struct xen_domctl_ioport_permission){ 0xfff0, 0x11, 1 };
    assert_int_equal(domctl(XEN_DOMCTL_ioport_permission, id), -EINVAL);
    destroy(id);
}

/* ---- the machine ---- */

static void the_machine_is_described(void **state)
{
    struct xen_domctl_getdomaininfo *list = page_at(1);
    u16 id = create();

    (void)state;
    assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sc.u.physinfo.nr_cpus, 4);
    assert_int_equal(sc.u.physinfo.free_pages, heap_free_pages());
    assert_int_equal(sysctl(XEN_SYSCTL_sched_id), 0);
    assert_int_equal(sc.u.sched_id.sched_id, sched_abi_id());

    sc.u.getdomaininfolist = (struct xen_sysctl_getdomaininfolist){ .first_domain = 1, .max_domains = 8 };
    sc.u.getdomaininfolist.buffer.p = (void *)va_of(list);
    assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(sc.u.getdomaininfolist.num_domains, 2);
    assert_true(list[0].domain == min(id, (u16)5) && list[1].domain == max(id, (u16)5));
    sc.u.getdomaininfolist.max_domains = 1;
    assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    assert_int_equal(sc.u.getdomaininfolist.num_domains, 1);
    sc.u.getdomaininfolist.buffer.p = (void *)NOT_MAPPED;
    assert_int_equal(sysctl(XEN_SYSCTL_getdomaininfolist), -EFAULT);
    destroy(id);
}

static void claims_hold_memory_back(void **state)
{
    struct xen_memory_reservation r = { .domid = 0 };
    u16 id = create();

    (void)state;
    give_memory(id, 2);
    r.domid = id;
    r.nr_extents = 1000;
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_claim_pages, &r, sizeof(r)), 0);
    assert_int_equal(mm_claims_total(), 998);
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_claim_pages, &r, sizeof(r)), -EINVAL);
    assert_int_equal(sysctl(XEN_SYSCTL_physinfo), 0);
    assert_int_equal(sc.u.physinfo.outstanding_pages, 998);
    give_memory(id, 2);
    assert_int_equal(mm_claims_total(), 996);
    r.nr_extents = 0;
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_claim_pages, &r, sizeof(r)), 0);
    assert_int_equal(mm_claims_total(), 0);
    r.nr_extents = 1000;
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_claim_pages, &r, sizeof(r)), 0);
    destroy(id);
    assert_int_equal(mm_claims_total(), 0);
}

static void grant_tables_are_a_resource(void **state)
{
    struct xen_mem_acquire_resource r = { .type = XENMEM_resource_grant_table };
    u64 *frames = page_at(1);
    u16 id = create();

    (void)state;
    r.domid = id;
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &r, sizeof(r)), 0);
    assert_int_equal(r.nr_frames, 64);
    r.nr_frames = 2;
    r.frame_list.p = (void *)va_of(frames);
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &r, sizeof(r)), 0);
    assert_int_equal(frames[1], grant_shared_gfn(&domain_lookup(id)->grants, 1).n);
    r.frame = 63;
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &r, sizeof(r)), -EINVAL);
    r.frame = 0;
    r.type = XENMEM_resource_ioreq_server;
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &r, sizeof(r)), -EOPNOTSUPP);
    destroy(id);
}

/* What was said at its creation is what it has, by every way to it. */
static void grants_have_the_limits_of_their_domain(void **state)
{
    struct gnttab_query_size q = { .status = 99 };
    struct gnttab_setup_table t = { .nr_frames = 4, .status = 99 };
    struct gnttab_set_version sv = { .version = 2 };
    u64 *frames = page_at(1);
    struct domain *d;
    (void)state;
    dc.u.createdomain = config();
    dc.u.createdomain.max_grant_frames = 3;
    dc.u.createdomain.max_maptrack_frames = 0;
    dc.u.createdomain.grant_opts = 1;
    assert_int_equal(domctl(XEN_DOMCTL_createdomain, 0), 0);
    q.dom = t.dom = dc.domain;
    d = domain_lookup(dc.domain);
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, put_arg(&q, sizeof(q)), 1), 0);
    memcpy(&q, g->mem, sizeof(q));
    assert_true(q.status == GNTST_okay && q.nr_frames == 1 && q.max_nr_frames == 3);
    t.frame_list.p = (void *)va_of(frames);
    for (s16 status = GNTST_general_error; status <= GNTST_okay; status++, t.nr_frames--) {
        assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, put_arg(&t, sizeof(t)), 1), 0);
        memcpy(&t, g->mem, sizeof(t));
        assert_int_equal(t.status, status);
    }
    assert_int_equal(d->grants.nr_frames, 3);
    assert_int_equal(d->grants.max_map_frames, 0);
    assert_int_equal(grant_set_version(&d->grants, 1), 0);
    assert_int_equal(grant_set_version(&d->grants, 2), -ENOSYS);
    assert_int_equal(grant_set_version(&d->grants, 3), -EINVAL);
    destroy(t.dom);
    current_domain()->grants.max_version = 1;
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_set_version, put_arg(&sv, sizeof(sv)), 1), -ENOSYS);
    assert_int_equal(((struct gnttab_set_version *)g->mem)->version, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_domain_lives_and_leaves_nothing), TEST(the_last_mapping_frees_it), TEST(what_a_guest_registered_goes_with_it),
        TEST(keys_know_the_dead), TEST(a_watchdog_dies_with_its_domain), TEST(killed_while_built), TEST(shut_down_from_outside_and_resumed),
        TEST(versions_and_pointers), TEST(a_guest_may_nothing),
        TEST(nobody_ends_himself), TEST(creations_that_are_refused), TEST(bad_contexts), TEST(the_time_of_day_is_there_at_the_start), TEST(what_is_set_is_read_back),
        TEST(shared_rights), TEST(shared_interrupts), TEST(the_machine_is_described), TEST(claims_hold_memory_back), TEST(grant_tables_are_a_resource),
        TEST(grants_have_the_limits_of_their_domain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
