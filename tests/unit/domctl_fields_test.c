/* SPDX-License-Identifier: MIT */
/* domctl, operation by operation: what is changed and told, what is refused, and that a failed allocation changes nothing. */
#include "domctl_fixture.h"

#define BUFFER 3        /* page of the window that lists are in */

static void put_pointer(void *field, u64 va) { memcpy(field, &va, sizeof(va)); }
#define to_buffer(handle) put_pointer(&(handle), va_of(page_at(BUFFER)))
#define to_nowhere(handle) put_pointer(&(handle), NOT_MAPPED)

/* ---- pausing ---- */

static void pauses_nest(void **state)
{
    u16 id = build();
    struct vcpu *v = domain_lookup(id)->vcpus[0];

    (void)state;
    for (unsigned pauses = 1; pauses < 255; pauses++)               /* 1: from its creation */
        assert_int_equal(domctl(XEN_DOMCTL_pausedomain, id), 0);
    assert_int_equal(domctl(XEN_DOMCTL_pausedomain, id), -EUSERS);
    assert_int_equal(v->unit.pause_count, 1);                       /* they are counted in one place */
    for (unsigned pauses = 255; pauses > 0; pauses--) {
        assert_int_equal(v->unit.pause_count, 1);
        assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, id), 0);
    }
    assert_int_equal(v->unit.pause_count, 0);
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, id), -EINVAL);
    destroy(id);
}

static bool g5_leaves;

/* CPU 1, once it is told to, goes through its exit path and finds its guest paused; CPU 0 has work meanwhile if asked. */
static void cpu1_takes_interrupts(u8 vector)
{
    hcall_irq(vector);
    if (cpu_id() == 1 && g5_leaves && (cpu_info()->work & BIT(WORK_SCHED))) {
        struct sched_unit *next;

        assert_true(work_take(WORK_SCHED));
        next = sched_pick();
        assert_null(next);
        sched_switched(&g5.v->unit);
        cpu_info()->current = NULL;
        g5.v->loaded_cpu = NO_CPU;
    }
}

/* The pause returns once the guest no longer runs, and not before. */
static void a_running_domain_is_paused(void **state)
{
    (void)state;
    fake_irq_handler = cpu1_takes_interrupts;
    assert_true(sched_is_running(&g5.v->unit));
    g5_leaves = true;
    assert_int_equal(domctl(XEN_DOMCTL_pausedomain, 5), 0);
    assert_false(sched_is_running(&g5.v->unit));
    assert_int_equal(g5.v->unit.pause_count, 1);
    dc.u.getvcpuinfo.vcpu = 0;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuinfo, 5), 0);
    assert_true(dc.u.getvcpuinfo.online && !dc.u.getvcpuinfo.running);
    g5_leaves = false;
}

/* ---- a shutdown and its end ---- */

static void a_domain_is_resumed(void **state)
{
    u16 id = build();
    struct domain *d = domain_lookup(id);

    (void)state;
    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, id), 0);       /* it was not down: nothing happens */
    assert_int_equal(d->vcpus[0]->unit.pause_count, 1);
    domain_shutdown(d, SHUTDOWN_suspend);
    assert_int_equal(d->vcpus[0]->unit.pause_count, 2);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, id), 0);
    assert_int_equal(dc.u.getdomaininfo.flags, XEN_DOMINF_paused | XEN_DOMINF_shutdown |
                     SHUTDOWN_suspend << XEN_DOMINF_shutdownshift);
    assert_int_equal(domctl(XEN_DOMCTL_resumedomain, id), 0);
    assert_int_equal(d->vcpus[0]->unit.pause_count, 1);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, id), 0);
    assert_int_equal(dc.u.getdomaininfo.flags, XEN_DOMINF_paused);
    destroy(id);
}

/* ---- single fields ---- */

static void limits_and_names(void **state)
{
    u16 id = create();
    struct domain *d = domain_lookup(id);

    (void)state;
    dc.u.max_mem.max_memkb = 4097;                                  /* whole pages of it */
    assert_int_equal(domctl(XEN_DOMCTL_max_mem, id), 0);
    assert_int_equal(d->mm.max_pages, 1024);
    dc.u.max_mem.max_memkb = ~0UL;
    assert_int_equal(domctl(XEN_DOMCTL_max_mem, id), 0);
    assert_int_equal(d->mm.max_pages, 0xffffffff);
    memset(dc.u.setdomainhandle.handle, 0x5a, 16);
    assert_int_equal(domctl(XEN_DOMCTL_setdomainhandle, id), 0);
    memset(&dc.u, 0, sizeof(dc.u));
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, id), 0);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(dc.u.getdomaininfo.handle[i], 0x5a);
    assert_int_equal(domctl(XEN_DOMCTL_get_address_size, id), 0);
    assert_int_equal(dc.u.address_size.size, 64);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, DOMID_FIRST_RESERVED), -ESRCH);   /* none from there on */
    destroy(id);
}

static void one_node(void **state)
{
    u8 *nodes = page_at(BUFFER);

    (void)state;
    dc.u.nodeaffinity.nodemap.nr_bits = 16;
    to_buffer(dc.u.nodeaffinity.nodemap.bitmap);
    memset(nodes, 0xee, 4);
    assert_int_equal(domctl(XEN_DOMCTL_getnodeaffinity, 5), 0);
    assert_true(nodes[0] == 1 && nodes[1] == 0 && nodes[2] == 0xee);
    assert_int_equal(domctl(XEN_DOMCTL_setnodeaffinity, 5), 0);
    nodes[0] = 2;                                                   /* the second node, which there is not */
    assert_int_equal(domctl(XEN_DOMCTL_setnodeaffinity, 5), -EINVAL);
    to_nowhere(dc.u.nodeaffinity.nodemap.bitmap);
    assert_int_equal(domctl(XEN_DOMCTL_setnodeaffinity, 5), -EFAULT);
    assert_int_equal(domctl(XEN_DOMCTL_getnodeaffinity, 5), -EFAULT);
}

static void hypercall_pages(void **state)
{
    u16 id = create();
    u64 *frames = give_memory(id, PAGES);

    (void)state;
    dc.u.hypercall_init.gmfn = frames[DATA];
    assert_int_equal(domctl(XEN_DOMCTL_hypercall_init, id), 0);
    assert_int_equal(((u8 *)frame_map(mfn(frames[DATA])))[17 * 32], 0x51);      /* push %rcx */
    build_tables(id, frames);
    dc.u.hypercall_init.gmfn = frames[L1];
    assert_int_equal(domctl(XEN_DOMCTL_hypercall_init, id), -EACCES);           /* a page table is not written */
    dc.u.hypercall_init.gmfn = g->window.n;
    assert_int_equal(domctl(XEN_DOMCTL_hypercall_init, id), -EACCES);
    dc.u.hypercall_init.gmfn = ~0UL;
    assert_int_equal(domctl(XEN_DOMCTL_hypercall_init, id), -EACCES);
    destroy(id);
}

/* An answer that cannot be written is an error, whatever was done. */
static void answers_have_to_be_written(void **state)
{
    const u64 va = WINDOW + (20UL << PAGE_SHIFT);

    (void)state;
    dc = (struct xen_domctl){ .cmd = XEN_DOMCTL_getdomaininfo, .domain = 5,
                              .interface_version = XEN_DOMCTL_INTERFACE_VERSION };
    memcpy(page_at(20), &dc, sizeof(dc));
    assert_int_equal(hypercall(__HYPERVISOR_domctl, va), 0);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, va, pte_make(frame_at(20), PTE_P), UVMF_INVLPG), 0);
    assert_int_equal(hypercall(__HYPERVISOR_domctl, va), -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, va, pte_make(frame_at(20), PTE_P | PTE_RW), UVMF_INVLPG), 0);
}

/* ---- vcpus ---- */

static long affinity(u32 cmd, u32 vcpu, u32 flags)
{
    dc.u.vcpuaffinity = (struct xen_domctl_vcpuaffinity){ .vcpu = vcpu, .flags = flags };
    dc.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
    to_buffer(dc.u.vcpuaffinity.cpumap_hard.bitmap);
    dc.u.vcpuaffinity.cpumap_soft.nr_bits = 3;
    put_pointer(&dc.u.vcpuaffinity.cpumap_soft.bitmap, va_of(page_at(BUFFER)) + 1);
    return domctl(cmd, 5);
}

static void affinities(void **state)
{
    const u32 both = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    u8 *map = page_at(BUFFER);

    (void)state;
    map[0] = 0x36;                                      /* CPUs 4 and 5 do not exist: the answer is without them */
    map[1] = 0xfb;                                      /* three bits count: CPUs 0 and 1 */
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, 1, both), 0);
    assert_true(map[0] == 0x06 && map[1] == 0x03);
    memset(map, 0xee, 4);
    assert_int_equal(affinity(XEN_DOMCTL_getvcpuaffinity, 1, both), 0);
    assert_true((map[0] & 0x0f) == 0x06 && map[1] == 0x03 && map[2] == 0xee);
    assert_int_equal(g5.d->vcpus[1]->unit.affinity.w[0] & 0x0f, 0x06);
    assert_int_equal(g5.d->vcpus[1]->unit.soft_affinity.w[0], 0x03);
    map[1] = 0xf8;                                      /* none of the three */
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, 1, XEN_VCPUAFFINITY_SOFT), -EINVAL);
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, 1, 0), -EINVAL);
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, 1, 8), -EINVAL);
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, 2, both), -ESRCH);
    assert_int_equal(affinity(XEN_DOMCTL_getvcpuaffinity, 2, both), -ESRCH);
    assert_int_equal(g5.d->vcpus[1]->unit.soft_affinity.w[0], 0x03);
    map[0] = 0x08;
    assert_int_equal(affinity(XEN_DOMCTL_setvcpuaffinity, 1, both), -EINVAL);   /* the soft one is still empty */
    dc.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    to_nowhere(dc.u.vcpuaffinity.cpumap_hard.bitmap);
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 5), -EFAULT);
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuaffinity, 5), -EFAULT);
}

static void vcpus_are_described(void **state)
{
    (void)state;
    fake_time_advance(5000000);
    dc.u.getvcpuinfo.vcpu = 0;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuinfo, 5), 0);
    assert_true(dc.u.getvcpuinfo.online && dc.u.getvcpuinfo.running && !dc.u.getvcpuinfo.blocked);
    assert_int_equal(dc.u.getvcpuinfo.cpu, 1);
    assert_int_equal(dc.u.getvcpuinfo.cpu_time, sched_run_ns(&g5.v->unit));
    assert_true(dc.u.getvcpuinfo.cpu_time >= 5000000);
    dc.u.getvcpuinfo.vcpu = LATE_VCPU;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuinfo, 5), 0);
    assert_true(!dc.u.getvcpuinfo.online && !dc.u.getvcpuinfo.running);
    assert_true(dc.u.getvcpuinfo.cpu == 3 && dc.u.getvcpuinfo.cpu_time == 0);
    dc.u.getvcpuinfo.vcpu = 2;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuinfo, 5), -ESRCH);
    dc.u.getvcpuinfo.vcpu = ~0u;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuinfo, 5), -ESRCH);
}

static void triggers(void **state)
{
    (void)state;
    dc.u.sendtrigger = (struct xen_domctl_sendtrigger){ .trigger = XEN_DOMCTL_SENDTRIGGER_NMI, .vcpu = 1 };
    assert_int_equal(domctl(XEN_DOMCTL_sendtrigger, 5), 0);
    assert_int_equal(g5.d->vcpus[1]->nmi_pending, 1);
    assert_int_equal(g5.v->nmi_pending, 0);
    dc.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_POWER;
    assert_int_equal(domctl(XEN_DOMCTL_sendtrigger, 5), -ENOSYS);
    dc.u.sendtrigger.vcpu = 2;
    assert_int_equal(domctl(XEN_DOMCTL_sendtrigger, 5), -ESRCH);
    dc.u.sendtrigger.vcpu = MAX_VCPUS;
    assert_int_equal(domctl(XEN_DOMCTL_sendtrigger, 5), -EINVAL);
}

/* ---- allocations that fail ---- */

static u16 target;
static u64 *target_frames;

static long set_context_call(void) { return set_context(target, 0, target_frames); }

static long get_context_call(void)
{
    dc.u.vcpucontext.vcpu = 0;
    put_pointer(&dc.u.vcpucontext.ctxt, va_of(page_at(8)));
    return domctl(XEN_DOMCTL_getvcpucontext, target);
}

static void contexts_without_memory(void **state)
{
    (void)state;
    target = create();
    target_frames = give_memory(target, PAGES);
    build_tables(target, target_frames);
    dc.u.max_vcpus.max = 2;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, target), 0);
    each_allocation_fails(set_context_call, -ENOMEM, 0);
    assert_int_equal(set_context(target, 0, target_frames), -EEXIST);
    each_allocation_fails(get_context_call, -ENOMEM, 0);
    dc.u.vcpucontext.vcpu = 7;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, target), -EINVAL);
    dc.u.vcpucontext.vcpu = 0;
    to_nowhere(dc.u.vcpucontext.ctxt);
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, target), -EFAULT);
    assert_int_equal(domain_lookup(target)->vcpus[0]->unit.pause_count, 1);     /* the call's own pause is over */
    destroy(target);
}

/* Whichever allocation fails, the call can be made again and then succeeds, and nothing of the domain stays. */
static void vcpus_without_memory(void **state)
{
    struct memory_state before;
    unsigned nth = 1;

    (void)state;
    destroy(build());
    before = memory_state();
    for (bool all = false; !all; nth++) {
        u16 id = create();
        unsigned first = fake_allocs;
        long rc;

        dc.u.max_vcpus.max = 2;
        fake_fail_alloc(nth);
        rc = domctl(XEN_DOMCTL_max_vcpus, id);
        all = fake_allocs - first < nth;
        fake_fail_alloc(0);
        assert_int_equal(rc, all ? 0 : -ENOMEM);
        hcall_audit();
        if (nth % 2 || all) {
            assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, id), 0);
            assert_non_null(domain_vcpu(domain_lookup(id), 1));
        }
        destroy(id);
        assert_memory_is(before);
    }
    assert_true(nth > 6);
}

static u64 next_hole;

static long iomem_call(void)
{
    dc.u.iomem_permission = (struct xen_domctl_iomem_permission){ next_hole, 1, 1 };
    return domctl(XEN_DOMCTL_iomem_permission, target);
}

static long ioport_call(void)
{
    dc.u.ioport_permission = (struct xen_domctl_ioport_permission){ (u32)next_hole, 1, 1 };
    return domctl(XEN_DOMCTL_ioport_permission, target);
}

/* Every second frame, then every second port, until the sets have grown; what did not fit is not there. */
static void rights_without_memory(void **state)
{
    struct mm_domain *mm;

    (void)state;
    target = create();
    mm = &domain_lookup(target)->mm;
    assert_int_equal(rangeset_add(&g0.d->mm.ioports, 0x1000, 0x1fff), 0);
    next_hole = 0x100001;
    each_allocation_fails(iomem_call, -ENOMEM, 0);
    for (unsigned i = 0; i < 100; i++) {
        next_hole += 2;
        assert_int_equal(iomem_call(), 0);
        assert_true(rangeset_contains(&mm->iomem, next_hole, next_hole));
        assert_false(rangeset_contains(&mm->iomem, next_hole, next_hole + 1));
    }
    next_hole = 0x1000;
    each_allocation_fails(ioport_call, -ENOMEM, 0);
    assert_true(rangeset_contains(&mm->ioports, 0x1000, 0x1000));
    next_hole = 0x2000;
    assert_int_equal(ioport_call(), -EPERM);
    dc.u.ioport_permission = (struct xen_domctl_ioport_permission){ 0x1000, 0, 1 };
    assert_int_equal(domctl(XEN_DOMCTL_ioport_permission, target), -EINVAL);
    dc.u.ioport_permission = (struct xen_domctl_ioport_permission){ 0x1000, 1, 0 };
    assert_int_equal(domctl(XEN_DOMCTL_ioport_permission, target), 0);
    assert_true(rangeset_empty(&mm->ioports));
    destroy(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pauses_nest), TEST(a_running_domain_is_paused), TEST(a_domain_is_resumed), TEST(limits_and_names),
        TEST(one_node), TEST(hypercall_pages), TEST(answers_have_to_be_written), TEST(affinities),
        TEST(vcpus_are_described), TEST(triggers), TEST(contexts_without_memory), TEST(vcpus_without_memory),
        TEST(rights_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
