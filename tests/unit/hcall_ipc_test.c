/* SPDX-License-Identifier: MIT */
/* event_channel_op and grant_table_op as a guest makes them: decoding, rights, domains, copying, memory that runs out. */
#include "hcall_fixture.h"

static long event(unsigned cmd, void *arg, size_t bytes)
{
    return command(__HYPERVISOR_event_channel_op, cmd, arg, bytes);
}
#define EVENT(name, ...) ({ struct evtchn_##name event_arg = { __VA_ARGS__ };                      \
                            event_rc = event(EVTCHNOP_##name, &event_arg, sizeof(event_arg)); event_arg; })
static long event_rc;
#define assert_event(rc, name, ...) do { (void)EVENT(name, __VA_ARGS__); assert_int_equal(event_rc, rc); } while (0)

static void event_operations_and_pointers(void **state)
{
    (void)state;
    for (unsigned cmd = 14; cmd < 20; cmd++)
        assert_int_equal(hypercall(__HYPERVISOR_event_channel_op, cmd, WINDOW), -ENOSYS);
    assert_int_equal(hypercall(__HYPERVISOR_event_channel_op, ~0u, WINDOW), -ENOSYS);
    for (unsigned cmd = 0; cmd < 14; cmd++)
        for (unsigned i = 0; i < ARRAY_SIZE(bad_pointers); i++)
            if (bad_pointers[i] != NO_PAGE - 1 || cmd != EVTCHNOP_reset)
                assert_int_equal(hypercall(__HYPERVISOR_event_channel_op, cmd, bad_pointers[i]), -EFAULT);
}

static void events_within_a_domain(void **state)
{
    u32 port;

    (void)state;
    port = EVENT(bind_ipi, .vcpu = 1).port;
    assert_true(event_rc == 0 && port);
    assert_event(-ENOENT, bind_ipi, .vcpu = 2);
    assert_event(0, send, .port = port);
    assert_true(g->d->shared->evtchn_pending[0] & BIT(port));
    assert_event(0, unmask, .port = port);
    assert_event(-EINVAL, unmask, .port = 5000);
    assert_event(-EINVAL, send, .port = 5000);
    assert_event(-EINVAL, bind_vcpu, .port = port, .vcpu = 0);      /* an IPI stays where it is */
    assert_event(0, close, .port = port);
    assert_event(-EINVAL, close, .port = port);
    port = EVENT(bind_virq, .virq = VIRQ_CONSOLE, .vcpu = 0).port;
    assert_int_equal(event_rc, 0);
    assert_event(-EEXIST, bind_virq, .virq = VIRQ_CONSOLE, .vcpu = 0);
    assert_event(-EINVAL, bind_virq, .virq = NR_VIRQS, .vcpu = 0);
    assert_event(-ENOENT, bind_virq, .virq = VIRQ_TIMER, .vcpu = GUEST_VCPUS);
    assert_event(0, bind_vcpu, .port = port, .vcpu = 1);
    assert_event(-EINVAL, bind_pirq, .pirq = 100000);
    as(&g5);
    assert_event(-EPERM, bind_pirq, .pirq = 4);
    as(&g0);
    assert_event(-ENOSYS, set_priority, .port = port, .priority = 3);
}

static void events_between_domains(void **state)
{
    u32 port, mine;

    (void)state;
    as(&g5);
    port = EVENT(alloc_unbound, .dom = DOMID_SELF, .remote_dom = 0).port;
    assert_int_equal(event_rc, 0);
    assert_event(-EPERM, alloc_unbound, .dom = 0, .remote_dom = DOMID_SELF);
    assert_event(-ESRCH, alloc_unbound, .dom = 77);
    assert_event(-EPERM, status, .dom = 0, .port = 1);
    assert_event(-EPERM, reset, .dom = 0);
    as(&g0);
    assert_event(-ESRCH, bind_interdomain, .remote_dom = 77, .remote_port = port);
    assert_event(-EINVAL, bind_interdomain, .remote_dom = 5, .remote_port = port + 1);
    mine = EVENT(bind_interdomain, .remote_dom = 5, .remote_port = port).local_port;
    assert_int_equal(event_rc, 0);
    assert_event(0, send, .port = mine);
    assert_true(g5.d->shared->evtchn_pending[0] & BIT(port));
    assert_int_equal(EVENT(status, .dom = DOMID_SELF, .port = mine).status, EVTCHNSTAT_interdomain);
    assert_int_equal(EVENT(status, .dom = 5, .port = port).u.interdomain.dom, 0);
    assert_event(-ESRCH, status, .dom = 77);
    assert_event(-EINVAL, status, .dom = DOMID_SELF, .port = 5000);
    assert_true(EVENT(alloc_unbound, .dom = 5, .remote_dom = DOMID_SELF).port > 0 && event_rc == 0);
    assert_event(-ESRCH, reset, .dom = 77);
    preempt_always = true;
    assert_event(0, reset, .dom = 5);
    preempt_always = false;
    assert_event(0, reset, .dom = DOMID_SELF);
    assert_event(-EINVAL, send, .port = mine);
}

static void events_in_lists(void **state)
{
    struct evtchn_init_control c;

    (void)state;
    assert_event(-EINVAL, init_control, .control_gfn = g5.window.n);
    assert_event(-ENOENT, init_control, .control_gfn = frame_at(30).n, .vcpu = 2);
    assert_event(-EINVAL, init_control, .control_gfn = frame_at(30).n, .offset = 4090);
    assert_event(-EOPNOTSUPP, expand_array, .array_gfn = frame_at(31).n);
    c = EVENT(init_control, .control_gfn = frame_at(30).n);
    assert_true(event_rc == 0 && c.link_bits == 17);
    assert_event(-EINVAL, expand_array, .array_gfn = g5.window.n);
    assert_event(0, expand_array, .array_gfn = frame_at(31).n);
    assert_event(-EINVAL, set_priority, .port = 5000, .priority = 3);
    assert_event(0, reset, .dom = DOMID_SELF);
}

/* A port is taken, but its number cannot be told. */
static void an_answer_that_cannot_be_written(void **state)
{
    struct evtchn_bind_ipi *ipi = page_at(3);

    (void)state;
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, WINDOW + 3 * PAGE_SIZE, entry_of(g->l1, 3) & ~PTE_RW,
                               UVMF_INVLPG | UVMF_ALL), 0);
    ipi->vcpu = 0;
    assert_int_equal(hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, va_of(ipi)), -EFAULT);
}

static long bind_call(void)
{
    (void)EVENT(alloc_unbound, .dom = DOMID_SELF, .remote_dom = 5);
    return event_rc;
}
static long control_call(void)
{
    (void)EVENT(init_control, .control_gfn = frame_at(30).n);
    return event_rc;
}

static void events_when_memory_runs_out(void **state)
{
    (void)state;
    for (unsigned i = g->d->evtchn.nr_active; i < EVTCHN_BUCKET_PORTS - 1; i++)
        assert_event(0, alloc_unbound, .dom = DOMID_SELF, .remote_dom = 5);
    each_allocation_fails(bind_call, -ENOMEM, 0);
    each_allocation_fails(control_call, -ENOMEM, 0);
}

/* ---- grants ---- */

static long grants(unsigned cmd, u64 ops, u32 count) { return hypercall(__HYPERVISOR_grant_table_op, cmd, ops, count); }

static void grant_operations_and_counts(void **state)
{
    const unsigned missing[] = { GNTTABOP_dump_table, 13, ~0u };
    const unsigned single[] = { GNTTABOP_setup_table, GNTTABOP_query_size, GNTTABOP_get_status_frames };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(missing); i++)
        assert_int_equal(grants(missing[i], WINDOW, 1), -ENOSYS);
    for (unsigned i = 0; i < ARRAY_SIZE(single); i++) {
        assert_int_equal(grants(single[i], WINDOW, 0), -EINVAL);
        assert_int_equal(grants(single[i], WINDOW, 2), -EINVAL);
        assert_efault(grants(single[i], bad, 1));
    }
    assert_int_equal(grants(GNTTABOP_copy, WINDOW, 0x80000000), -EINVAL);
    assert_int_equal(grants(GNTTABOP_copy, WINDOW, 0), 0);
    assert_efault(grants(GNTTABOP_copy, bad, 1));
    assert_efault(grants(GNTTABOP_set_version, bad, 0));
    assert_efault(grants(GNTTABOP_get_version, bad, 7));
}

static s16 setup_table(u16 dom, u32 nr, u64 list)
{
    struct gnttab_setup_table op = { .dom = dom, .nr_frames = nr, .frame_list = { (void *)list } };

    op.status = 99;
    event_rc = grants(GNTTABOP_setup_table, put_arg(&op, sizeof(op)), 1);
    return ((struct gnttab_setup_table *)g->mem)->status;
}

static void setting_tables_up(void **state)
{
    xen_pfn_t *list = page_at(2);
    struct gnttab_query_size *q = page_at(1);

    (void)state;
    assert_int_equal(setup_table(DOMID_SELF, 3, va_of(list)), GNTST_okay);
    assert_true(list[0] && list[2] && frame_owner(frame_entry(mfn(list[2]))) == 0);
    assert_int_equal(setup_table(DOMID_SELF, 5, va_of(list)), GNTST_general_error);
    assert_int_equal(setup_table(DOMID_SELF, ~0u, va_of(list)), GNTST_general_error);
    assert_int_equal(event_rc, 0);
    assert_int_equal(setup_table(77, 1, va_of(list)), GNTST_bad_domain);
    assert_int_equal(setup_table(DOMID_SELF, 1, NOT_MAPPED), GNTST_bad_virt_addr);
    (void)setup_table(DOMID_SELF, 2, HOLE_START - 8);
    assert_int_equal(event_rc, -EFAULT);
    *q = (struct gnttab_query_size){ .dom = DOMID_SELF };
    assert_int_equal(grants(GNTTABOP_query_size, va_of(q), 1), 0);
    assert_true(q->status == GNTST_okay && q->nr_frames == 3 && q->max_nr_frames == 4);
    q->dom = 77;
    assert_int_equal(grants(GNTTABOP_query_size, va_of(q), 1), 0);
    assert_int_equal(q->status, GNTST_bad_domain);
    assert_int_equal(setup_table(5, 1, va_of(list)), GNTST_okay);
    as(&g5);
    assert_int_equal(setup_table(0, 1, WINDOW + PAGE_SIZE), GNTST_permission_denied);
}

static void versions_of_tables(void **state)
{
    struct gnttab_set_version *set = page_at(1);
    struct gnttab_get_version *get = page_at(2);
    struct gnttab_get_status_frames *st = page_at(3);

    (void)state;
    set->version = 3;
    assert_int_equal(grants(GNTTABOP_set_version, va_of(set), 1), -EINVAL);
    assert_int_equal(set->version, 1);                                      /* the one it has */
    set->version = 2;
    assert_int_equal(grants(GNTTABOP_set_version, va_of(set), 0), 0);
    *get = (struct gnttab_get_version){ .dom = DOMID_SELF };
    assert_int_equal(grants(GNTTABOP_get_version, va_of(get), 1), 0);
    assert_int_equal(get->version, 2);
    *st = (struct gnttab_get_status_frames){ .nr_frames = 1, .dom = DOMID_SELF, .frame_list = { (void *)va_of(page_at(4)) } };
    assert_int_equal(grants(GNTTABOP_get_status_frames, va_of(st), 1), 0);
    assert_true(st->status == GNTST_okay && *(u64 *)page_at(4));
    st->nr_frames = 99;
    assert_int_equal(grants(GNTTABOP_get_status_frames, va_of(st), 1), 0);
    assert_int_equal(st->status, GNTST_general_error);
    st->dom = 77;
    assert_int_equal(grants(GNTTABOP_get_status_frames, va_of(st), 1), 0);
    assert_int_equal(st->status, GNTST_bad_domain);
    st->frame_list.p = (void *)HOLE_START;
    assert_int_equal(grants(GNTTABOP_get_status_frames, va_of(st), 1), -EFAULT);
}

/* ---- copies ---- */

static struct gnttab_copy *copies;      /* in page 1 of the window */

static struct gnttab_copy copy_of(unsigned from, unsigned to)
{
    return (struct gnttab_copy){ .source = { .u.gmfn = frame_at(from).n, .domid = DOMID_SELF },
                                 .dest = { .u.gmfn = frame_at(to).n, .domid = DOMID_SELF }, .len = PAGE_SIZE };
}

static s16 copy(struct gnttab_copy c)
{
    copies = page_at(1);
    copies[0] = c;
    copies[0].status = 99;
    assert_int_equal(grants(GNTTABOP_copy, va_of(copies), 1), 0);
    return copies[0].status;
}

static void copies_of_ones_own_frames(void **state)
{
    struct gnttab_copy c = copy_of(8, 9);

    (void)state;
    memset(page_at(8), 0x5a, PAGE_SIZE);
    assert_int_equal(copy(c), GNTST_okay);
    assert_memory_equal(page_at(8), page_at(9), PAGE_SIZE);
    c.len = 2;
    c.source.offset = 4095;
    assert_int_equal(copy(c), GNTST_bad_copy_arg);
    c.source.offset = 0;
    c.dest.offset = 65535;
    assert_int_equal(copy(c), GNTST_bad_copy_arg);
    c = copy_of(8, 9);
    c.len = 65535;
    assert_int_equal(copy(c), GNTST_bad_copy_arg);
    c = copy_of(8, 9);
    c.source.u.gmfn = g5.window.n;
    assert_int_equal(copy(c), GNTST_bad_page);
    c = copy_of(8, 9);
    c.dest.u.gmfn = g->l1.n;
    assert_int_equal(copy(c), GNTST_general_error);
    c = copy_of(8, 9);
    c.source.domid = 5;
    assert_int_equal(copy(c), GNTST_permission_denied);
    c.source.domid = 77;
    c.flags = GNTCOPY_source_gref;
    assert_int_equal(copy(c), GNTST_bad_domain);
}

static void copies_from_grants(void **state)
{
    struct grant_entry_v1 *e = g5.d->grants.shared[0];
    struct gnttab_copy c = copy_of(8, 9);

    (void)state;
    e[9] = (struct grant_entry_v1){ .flags = GTF_permit_access | GTF_readonly, .domid = 0, .frame = (u32)g5.window.n };
    e[10] = (struct grant_entry_v1){ .flags = GTF_permit_access, .domid = 0, .frame = (u32)g5.window.n + 1 };
    memset(g5.mem, 0x77, PAGE_SIZE);
    c.flags = GNTCOPY_source_gref;
    c.source.u.ref = 9;
    c.source.domid = 5;
    assert_int_equal(copy(c), GNTST_okay);
    assert_int_equal(*(u8 *)page_at(9), 0x77);
    assert_int_equal(e[9].flags, GTF_permit_access | GTF_readonly);         /* in use no more */
    c.source.u.ref = 100000;
    assert_int_equal(copy(c), GNTST_bad_gntref);
    c = copy_of(8, 9);
    memset(page_at(8), 0x11, PAGE_SIZE);
    c.flags = GNTCOPY_dest_gref;
    c.dest.u.ref = 10;
    c.dest.domid = 5;
    assert_int_equal(copy(c), GNTST_okay);
    assert_int_equal(g5.mem[PAGE_SIZE], 0x11);
    c.dest.u.ref = 9;
    assert_int_equal(copy(c), GNTST_general_error);                         /* only to be read */
    as(&g5);
    c = copy_of(8, 9);
    c.flags = GNTCOPY_source_gref;
    c.source.u.ref = 9;
    c.source.domid = 5;
    assert_int_equal(copy(c), GNTST_general_error);                         /* not granted to itself */
}

/* Every element has its own status; stopped between all of them the result is the same. */
static void batches_of_copies(void **state)
{
    (void)state;
    copies = page_at(1);
    for (unsigned always = 0; always < 2; always++) {
        for (unsigned i = 0; i < 5; i++) {
            copies[i] = copy_of(8, 10 + i);
            copies[i].status = 99;
            memset(page_at(10 + i), 0, PAGE_SIZE);
        }
        copies[2].source.domid = 3;
        memset(page_at(8), 0x44, PAGE_SIZE);
        preempt_always = always;
        assert_int_equal(grants(GNTTABOP_copy, va_of(copies), 5), 0);
        assert_int_equal(restarts, always ? 4 : 0);
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(copies[i].status, i == 2 ? GNTST_permission_denied : GNTST_okay);
            assert_int_equal(*(u8 *)page_at(10 + i), i == 2 ? 0 : 0x44);
        }
    }
}

static long setup_call(void) { return setup_table(DOMID_SELF, 4, WINDOW + 2 * PAGE_SIZE); }
static long grant_copy_call(void)
{
    struct gnttab_copy c = copy_of(8, 9);

    c.flags = GNTCOPY_source_gref;
    c.source.u.ref = 9;
    c.source.domid = 5;
    return copy(c);
}

static void grants_when_memory_runs_out(void **state)
{
    struct grant_entry_v1 *e = g5.d->grants.shared[0];

    (void)state;
    e[9] = (struct grant_entry_v1){ .flags = GTF_permit_access, .domid = 0, .frame = (u32)g5.window.n };
    each_allocation_fails(setup_call, GNTST_general_error, GNTST_okay);
    each_allocation_fails(grant_copy_call, GNTST_no_space, GNTST_okay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(event_operations_and_pointers), TEST(events_within_a_domain), TEST(events_between_domains),
        TEST(events_in_lists), TEST(an_answer_that_cannot_be_written), TEST(events_when_memory_runs_out),
        TEST(grant_operations_and_counts), TEST(setting_tables_up), TEST(versions_of_tables),
        TEST(copies_of_ones_own_frames), TEST(copies_from_grants), TEST(batches_of_copies),
        TEST(grants_when_memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
