/* SPDX-License-Identifier: MIT */
/* Event channels, 2-level ABI: every operation and errno, delivery, polling, life and death, the audit's own names. */
#include "ipc_fixture.h"

/* ---- ports ---- */

static void ports_are_lowest_free(void **state)
{
    assert_int_equal(new_unbound(A, 1), 1);
    assert_int_equal(new_ipi(A, 0), 2);
    assert_int_equal(new_unbound(A, 1), 3);
    assert_int_equal(evtchn_close(A, 2), 0);
    assert_int_equal(evtchn_close(A, 1), 0);
    assert_int_equal(new_ipi(A, 3), 1);
    assert_int_equal(new_ipi(A, 3), 2);
    assert_int_equal(new_ipi(A, 3), 4);
    audit_all();
}

static void limits_of_ports(void **state)
{
    u32 port;

    for (u32 i = 1; i < EVTCHN_2L_NR_CHANNELS; i++)
        assert_int_equal(new_unbound(A, 1), i);
    assert_int_equal(evtchn_alloc_unbound(A, 1, &port), -ENOSPC);
    assert_int_equal(evtchn_bind_ipi(A, 0, &port), -ENOSPC);
    assert_int_equal(evtchn_bind_virq(A, VIRQ_TIMER, 0, &port), -ENOSPC);
    assert_int_equal(evtchn_bind_pirq(A, 1, false, &port), -ENOSPC);
    assert_int_equal(evtchn_bind_interdomain(A, B, 1, &port), -ENOSPC);
    assert_int_equal(evtchn_close(A, 4095), 0);
    assert_int_equal(new_ipi(A, 0), 4095);
    audit_all();
    assert_int_equal(evtchn_port_limit(A), 4096);
}

static void configured_limit(void **state)
{
    u32 port;

    assert_int_equal(evtchn_domain_kill(B), 0);
    evtchn_domain_fini(B);
    assert_int_equal(domain_up(1, 4), 0);
    vcpus_up(1, 1);
    for (u32 i = 1; i < 4; i++)
        assert_int_equal(new_ipi(B, 0), i);
    assert_int_equal(evtchn_bind_ipi(B, 0, &port), -ENOSPC);
    audit_all();
}

static void no_memory_for_ports(void **state)
{
    u32 port;

    for (u32 i = 1; i < 128; i++)
        (void)new_unbound(A, 1);
    fake_fail_alloc(1);
    assert_int_equal(evtchn_alloc_unbound(A, 1, &port), -ENOMEM);
    audit_all();
    for (u32 i = 128; i < 4096; i++)
        (void)new_unbound(A, 1);
    audit_all();
}

static void no_memory_for_a_domain(void **state)
{
    unsigned attempts = 0;

    assert_int_equal(evtchn_domain_kill(B), 0);
    evtchn_domain_fini(B);
    for (unsigned nth = 1;; nth++, attempts++) {
        u64 objects = mem_objects(), pages = heap_free_pages();
        int rc;

        fake_fail_alloc(nth);
        rc = domain_up(1, 0);
        fake_fail_alloc(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(mem_objects(), objects);
        assert_true(heap_free_pages() >= pages - 2);    /* slabs that stay with room */
    }
    assert_true(attempts >= 3);
    vcpus_up(1, 1);
}

/* ---- binding ---- */

static void unbound_and_interdomain(void **state)
{
    u32 rport = new_unbound(B, 0), lport, port;
    struct evtchn_status st = status_of(B, rport);

    assert_int_equal(st.status, EVTCHNSTAT_unbound);
    assert_int_equal(st.u.unbound.dom, 0);
    assert_int_equal(evtchn_send(B, rport), 0);             /* nobody there: dropped */
    lport = connect_to(A, B, rport);
    assert_true(take_2l(A, 0, lport));                      /* always once, in case it was sent before */
    st = status_of(A, lport);
    assert_int_equal(st.status, EVTCHNSTAT_interdomain);
    assert_int_equal(st.u.interdomain.dom, 1);
    assert_int_equal(st.u.interdomain.port, rport);
    assert_int_equal(evtchn_bind_interdomain(A, B, rport, &port), -EINVAL);     /* taken */
    assert_int_equal(evtchn_send(A, lport), 0);
    assert_true(take_2l(B, 0, rport));
    assert_false(pending_2l(A, lport));
    assert_int_equal(evtchn_send(B, rport), 0);
    assert_true(take_2l(A, 0, lport));
    audit_all();

    assert_int_equal(evtchn_close(A, lport), 0);
    st = status_of(B, rport);
    assert_int_equal(st.status, EVTCHNSTAT_unbound);
    assert_int_equal(st.u.unbound.dom, 0);
    assert_int_equal(status_of(A, lport).status, EVTCHNSTAT_closed);
    assert_int_equal(evtchn_send(B, rport), 0);
    assert_int_equal(connect_to(A, B, rport), lport);
    audit_all();
}

static void interdomain_errors(void **state)
{
    u32 port, own = new_unbound(B, 1);

    assert_int_equal(evtchn_bind_interdomain(A, B, 100000, &port), -EINVAL);    /* no such port */
    assert_int_equal(evtchn_bind_interdomain(A, B, 0, &port), -EINVAL);         /* reserved */
    assert_int_equal(evtchn_bind_interdomain(A, B, 7, &port), -EINVAL);         /* free */
    assert_int_equal(evtchn_bind_interdomain(A, B, own, &port), -EINVAL);       /* for somebody else */
    assert_int_equal(evtchn_bind_interdomain(A, A, 1, &port), -EINVAL);         /* the port it would get itself */
    assert_int_equal(new_ipi(A, 0), 1);                                         /* nothing was used up */
    audit_all();
}

static void loop_within_a_domain(void **state)
{
    u32 one = new_unbound(A, 0), two = connect_to(A, A, one);

    assert_true(take_2l(A, 0, two));
    assert_int_equal(evtchn_send(A, one), 0);
    assert_true(take_2l(A, 0, two));
    assert_int_equal(evtchn_send(A, two), 0);
    assert_true(take_2l(A, 0, one));
    audit_all();
    assert_int_equal(evtchn_close(A, one), 0);
    assert_int_equal(status_of(A, two).status, EVTCHNSTAT_unbound);
    audit_all();
}

static void virqs(void **state)
{
    u32 timer, port;

    assert_int_equal(evtchn_bind_virq(A, NR_VIRQS, 0, &port), -EINVAL);
    assert_int_equal(evtchn_bind_virq(A, ~0u, 0, &port), -EINVAL);
    assert_int_equal(evtchn_bind_virq(A, VIRQ_CONSOLE, 1, &port), -EINVAL);     /* global ones only through vcpu 0 */
    assert_int_equal(evtchn_bind_virq(A, VIRQ_ARCH_0, 1, &port), -EINVAL);
    assert_int_equal(evtchn_bind_virq(A, VIRQ_TIMER, VCPUS - 1, &port), -ENOENT);
    assert_int_equal(evtchn_bind_virq(A, VIRQ_TIMER, ~0u, &port), -ENOENT);
    timer = new_virq(A, VIRQ_TIMER, 2);
    assert_int_equal(evtchn_bind_virq(A, VIRQ_TIMER, 2, &port), -EEXIST);
    (void)new_virq(A, VIRQ_TIMER, 3);
    (void)new_virq(A, VIRQ_XENPMU, 3);
    (void)new_virq(A, VIRQ_DEBUG, 3);
    (void)new_virq(A, VIRQ_XENOPROF, 3);
    assert_int_equal(status_of(A, timer).status, EVTCHNSTAT_virq);
    assert_int_equal(status_of(A, timer).u.virq, VIRQ_TIMER);
    assert_int_equal(status_of(A, timer).vcpu, 2);
    evtchn_raise_virq(&dom[0].vcpus[2], VIRQ_TIMER);
    assert_true(take_2l(A, 2, timer));
    evtchn_raise_virq(&dom[0].vcpus[1], VIRQ_TIMER);                            /* not bound there */
    assert_false(info(A, 1)->evtchn_upcall_pending);
    assert_int_equal(evtchn_send(A, timer), -EINVAL);
    audit_all();
    assert_int_equal(evtchn_close(A, timer), 0);
    evtchn_raise_virq(&dom[0].vcpus[2], VIRQ_TIMER);
    assert_false(pending_2l(A, timer));
    assert_int_equal(new_virq(A, VIRQ_TIMER, 2), timer);
}

static void global_virqs_move(void **state)
{
    u32 port = new_virq(A, VIRQ_CONSOLE, 0), again;

    assert_int_equal(evtchn_bind_vcpu(A, port, 3), 0);
    evtchn_raise_global_virq(A, VIRQ_CONSOLE);
    assert_true(take_2l(A, 3, port));
    assert_int_equal(evtchn_bind_virq(A, VIRQ_CONSOLE, 0, &again), -EEXIST);
    audit_all();
    assert_int_equal(evtchn_close(A, port), 0);
    evtchn_raise_global_virq(A, VIRQ_CONSOLE);
    assert_false(pending_2l(A, port));
    assert_int_equal(new_virq(A, VIRQ_CONSOLE, 0), port);
    evtchn_raise_global_virq(A, VIRQ_CONSOLE);
    assert_true(take_2l(A, 0, port));                       /* a reused port is back at vcpu 0 */
    audit_all();
}

static void ipis(void **state)
{
    u32 port;

    assert_int_equal(evtchn_bind_ipi(A, VCPUS - 1, &port), -ENOENT);
    assert_int_equal(evtchn_bind_ipi(A, VCPUS, &port), -ENOENT);
    port = new_ipi(A, 3);
    assert_int_equal(status_of(A, port).status, EVTCHNSTAT_ipi);
    assert_int_equal(evtchn_send(A, port), 0);
    assert_true(take_2l(A, 3, port));
    assert_int_equal(evtchn_bind_vcpu(A, port, 3), -EINVAL);
    assert_int_equal(evtchn_bind_vcpu(A, port, 1), -EINVAL);
}

static void pirqs(void **state)
{
    u32 port, again;

    assert_int_equal(evtchn_bind_pirq(B, 3, false, &port), -EINVAL);            /* not for this domain */
    assert_int_equal(evtchn_bind_pirq(A, PIRQS, false, &port), -EINVAL);
    pirq_error = -EBUSY;
    assert_int_equal(evtchn_bind_pirq(A, 3, false, &port), -EBUSY);
    audit_all();
    assert_int_equal(evtchn_bind_pirq(A, 3, true, &port), 0);
    assert_int_equal(port, 1);
    assert_int_equal(pirq_port[3], port);
    assert_int_equal(evtchn_bind_pirq(A, 3, true, &again), -EEXIST);
    assert_int_equal(status_of(A, port).status, EVTCHNSTAT_pirq);
    assert_int_equal(status_of(A, port).u.pirq, 3);
    assert_int_equal(evtchn_bind_vcpu(A, port, 2), 0);
    assert_int_equal(pirq_cpu[3], 2);
    evtchn_raise_pirq(A, port);
    assert_true(take_2l(A, 2, port));
    assert_int_equal(evtchn_send(A, port), -EINVAL);
    assert_int_equal(evtchn_close(A, port), 0);
    assert_int_equal(pirq_port[3], 0);
    evtchn_raise_pirq(A, port);                                                 /* late: ignored */
    evtchn_raise_pirq(A, 1 << 20);
    assert_false(pending_2l(A, port));
    audit_all();
}

static void moving_ports(void **state)
{
    u32 timer = new_virq(A, VIRQ_TIMER, 1), un = new_unbound(A, 1), inter = connect_to(B, A, un);

    assert_int_equal(evtchn_bind_vcpu(A, un, VCPUS - 1), -ENOENT);
    assert_int_equal(evtchn_bind_vcpu(A, 1 << 20, 1), -EINVAL);
    assert_int_equal(evtchn_bind_vcpu(A, 100, 1), -EINVAL);                     /* free */
    assert_int_equal(evtchn_bind_vcpu(A, 0, 1), -EINVAL);                       /* reserved */
    assert_int_equal(evtchn_bind_vcpu(A, timer, 1), -EINVAL);
    assert_int_equal(evtchn_bind_vcpu(A, un, 3), 0);
    assert_int_equal(evtchn_send(B, inter), 0);
    assert_true(take_2l(A, 3, un));
    assert_int_equal(evtchn_close(B, inter), 0);
    assert_int_equal(evtchn_bind_vcpu(A, un, 2), 0);                            /* unbound may be moved, too */
    assert_int_equal(status_of(A, un).vcpu, 2);
    audit_all();
}

static void closing_errors(void **state)
{
    assert_int_equal(evtchn_close(A, 0), -EINVAL);
    assert_int_equal(evtchn_close(A, 5), -EINVAL);
    assert_int_equal(evtchn_close(A, 1 << 30), -EINVAL);
    assert_int_equal(evtchn_send(A, 0), -EINVAL);
    assert_int_equal(evtchn_send(A, 5), -EINVAL);
    assert_int_equal(evtchn_send(A, ~0u), -EINVAL);
    assert_int_equal(evtchn_status(A, &(struct evtchn_status){ .port = 1 << 20 }), -EINVAL);
    assert_int_equal(status_of(A, 0).status, EVTCHNSTAT_closed);
    assert_int_equal(evtchn_unmask(A, 1 << 20), -EINVAL);
    assert_int_equal(evtchn_set_priority(A, 1 << 20, 0), -EINVAL);
    assert_int_equal(evtchn_set_priority(A, new_ipi(A, 0), 0), -ENOSYS);        /* 2-level has none */
    assert_int_equal(evtchn_expand_array(A, guest_page(0)), -EOPNOTSUPP);
}

/* ---- delivery ---- */

static void masking(void **state)
{
    u32 port = new_ipi(A, 1);

    bit_set(A->mask, port);
    assert_int_equal(evtchn_send(A, port), 0);
    assert_true(pending_2l(A, port));
    assert_false(info(A, 1)->evtchn_upcall_pending);
    assert_int_equal(evtchn_unmask(A, port), 0);
    assert_false(bit_test(A->mask, port));
    assert_true(take_2l(A, 1, port));
    assert_int_equal(evtchn_unmask(A, port), 0);                                /* was not masked: nothing */
    assert_false(info(A, 1)->evtchn_upcall_pending);
    bit_set(A->mask, port);
    assert_int_equal(evtchn_unmask(A, port), 0);                                /* masked, not pending: nothing */
    assert_false(info(A, 1)->evtchn_upcall_pending);
    bit_set(A->mask, 99);
    assert_int_equal(evtchn_unmask(A, 99), 0);                                  /* a free port is left alone */
    assert_true(bit_test(A->mask, 99));
}

static void selector_once(void **state)
{
    u32 one = new_ipi(A, 1), two = new_ipi(A, 1);

    assert_int_equal(evtchn_send(A, one), 0);
    assert_true(info(A, 1)->evtchn_upcall_pending);
    info(A, 1)->evtchn_upcall_pending = 0;
    assert_int_equal(evtchn_send(A, one), 0);               /* pending already */
    assert_int_equal(evtchn_send(A, two), 0);               /* its selector bit is set already */
    assert_false(info(A, 1)->evtchn_upcall_pending);
    assert_true(pending_2l(A, two));
    assert_false(evtchn_upcall_pending(&dom[0].vcpus[1]));
}

static void closing_clears_pending(void **state)
{
    u32 port = new_ipi(A, 0);

    assert_int_equal(evtchn_send(A, port), 0);
    assert_true(evtchn_port_is_pending(A, port));
    assert_int_equal(evtchn_close(A, port), 0);
    assert_false(pending_2l(A, port));
    assert_false(evtchn_port_is_pending(A, port));
    assert_false(evtchn_port_is_pending(A, 1 << 20));
}

static void upcall_flag(void **state)
{
    struct evtchn_vcpu *v = &dom[0].vcpus[1];
    u32 port = new_ipi(A, 1);

    assert_int_equal(evtchn_send(A, port), 0);
    assert_true(evtchn_upcall_pending(v));
    evtchn_upcall_set_mask(v, true);
    assert_true(evtchn_upcall_masked(v));
    assert_false(evtchn_upcall_pending(v));
}

/* A blocked vcpu is woken; one that runs on another CPU is interrupted, masked or not; one that runs here is not. */
static void waking_and_kicking(void **state)
{
    struct sched_unit *u = &dom[0].units[1];
    u32 port = new_ipi(A, 1);

    sched_unpause(u);
    fake_cpu_set(1);
    assert_ptr_equal(sched_pick(), u);
    sched_block(u);
    fake_cpu_set(0);
    assert_true(u->blocked);
    assert_int_equal(evtchn_send(A, port), 0);
    assert_false(u->blocked);
    assert_int_equal(fake_cpus[1].ipis[VECTOR_KICK] > 0, 1);

    (void)take_2l(A, 1, port);
    evtchn_upcall_set_mask(&dom[0].vcpus[1], true);
    memset(fake_cpus[1].ipis, 0, sizeof(fake_cpus[1].ipis));
    assert_int_equal(evtchn_send(A, port), 0);
    assert_int_equal(fake_cpus[1].ipis[VECTOR_KICK], 1);
    assert_int_equal(evtchn_send(A, port), 0);
    assert_int_equal(fake_cpus[1].ipis[VECTOR_KICK], 1);

    (void)take_2l(A, 1, port);
    fake_cpu_set(1);
    assert_int_equal(evtchn_send(A, port), 0);
    assert_int_equal(fake_cpus[1].ipis[VECTOR_KICK], 1);
    sched_pause(u);
    assert_null(sched_pick());
    sched_switched(u);
    fake_cpu_set(0);
}

static void polling(void **state)
{
    struct evtchn_vcpu *v = &dom[0].vcpus[0], *w = &dom[0].vcpus[33 - 1];
    u32 one = new_ipi(A, 0), two = new_ipi(A, 0);

    for (u32 i = 1; i <= 2; i++)
        bit_set(A->mask, i);
    sched_block(v->unit);
    evtchn_poll_begin(v, one);
    sched_block(w->unit);
    evtchn_poll_begin(w, 0);                                /* several: any event ends it */
    assert_int_equal(evtchn_send(A, two), 0);
    assert_true(v->unit->blocked);
    assert_false(w->unit->blocked);
    assert_int_equal(evtchn_send(A, one), 0);               /* masked events end polls, too */
    assert_false(v->unit->blocked);
    assert_false(bit_test(A->poll_mask, 0));
    assert_true(evtchn_port_is_pending(A, one));
    audit_all();

    evtchn_poll_begin(v, two);
    evtchn_poll_end(v);
    evtchn_poll_end(v);
    assert_false(bit_test(A->poll_mask, 0));
    sched_block(v->unit);
    evtchn_poll_begin(v, two);
    bit_clear(A->mask, one);
    bit_clear(A->pending, one);
    assert_int_equal(evtchn_send(A, one), 0);               /* another event: the upcall ends the poll */
    assert_false(v->unit->blocked);
    assert_false(bit_test(A->poll_mask, 0));
}

/* ---- vcpu info ---- */

static void info_of_high_vcpus(void **state)
{
    struct evtchn_vcpu *v = &dom[0].vcpus[32];
    u32 port = new_ipi(A, 32);
    gfn_t page = guest_page(0);
    struct vcpu_info *vi = (struct vcpu_info *)((u8 *)guest_mem(page) + 64);

    assert_true(evtchn_vcpu_has_info(&dom[0].vcpus[31]));
    assert_false(evtchn_vcpu_has_info(v));
    assert_int_equal(evtchn_send(A, port), 0);              /* before it has one: not lost */
    assert_int_equal(evtchn_vcpu_set_info(v, page, 64), 0);
    assert_true(evtchn_vcpu_has_info(v));
    assert_ptr_equal(evtchn_info(v), vi);
    assert_int_equal(vi->evtchn_upcall_pending, 1);
    assert_int_equal(vi->evtchn_pending_sel, ~0UL);
    assert_int_equal(type_count(guest_frame(page)), 1);
    audit_all();
}

static void info_moves_with_contents(void **state)
{
    struct evtchn_vcpu *v = &dom[0].vcpus[1];
    gfn_t page = guest_page(0);
    struct vcpu_info *vi = (struct vcpu_info *)guest_mem(page);

    v->info->arch.cr2 = 0x1234;
    v->info->evtchn_upcall_mask = 1;
    v->info->time.system_time = 77;
    sched_block(v->unit);
    assert_int_equal(evtchn_vcpu_set_info(v, page, 0), 0);
    assert_int_equal(vi->arch.cr2, 0x1234);
    assert_int_equal(vi->time.system_time, 77);
    assert_int_equal(vi->evtchn_upcall_mask, 1);
    assert_int_equal(vi->evtchn_upcall_pending, 1);
    assert_false(v->unit->blocked);
    assert_int_equal(evtchn_vcpu_set_info(v, page, 64), -EINVAL);               /* once */
    audit_all();
}

static void info_errors(void **state)
{
    struct evtchn_vcpu *v = &dom[0].vcpus[1];
    gfn_t page = guest_page(0), foreign = guest_page(1), table = guest_page(0);

    assert_int_equal(evtchn_vcpu_set_info(v, page, PAGE_SIZE - 63), -ENXIO);
    assert_int_equal(evtchn_vcpu_set_info(v, page, ~0u), -ENXIO);
    assert_int_equal(evtchn_vcpu_set_info(v, page, 4), -ENXIO);
    assert_int_equal(evtchn_vcpu_set_info(v, foreign, 0), -EINVAL);
    assert_int_equal(evtchn_vcpu_set_info(v, gfn(1UL << 40), 0), -EINVAL);
    assert_int_equal(frame_get_type(&dom[0].mm, mfn(table.n), TYPE_SEGDESC), 0);
    assert_int_equal(evtchn_vcpu_set_info(v, table, 0), -EINVAL);
    frame_put_type(guest_frame(table));
    assert_int_equal(evtchn_vcpu_set_info(v, page, PAGE_SIZE - 64), 0);
}

/* ---- death ---- */

static void killing(void **state)
{
    u32 rport = new_unbound(B, 0), lport = connect_to(A, B, rport), port;

    for (unsigned i = 0; i < 300; i++)
        (void)new_ipi(A, 0);
    assert_int_equal(evtchn_bind_pirq(A, 3, false, &port), 0);
    (void)new_virq(A, VIRQ_TIMER, 1);
    while (evtchn_domain_kill(A))
        ;
    assert_int_equal(pirq_port[3], 0);
    assert_int_equal(A->nr_active, 0);
    assert_int_equal(status_of(B, rport).status, EVTCHNSTAT_unbound);
    assert_int_equal(evtchn_send(B, rport), 0);
    assert_int_equal(evtchn_alloc_unbound(A, 1, &port), -EINVAL);
    assert_int_equal(evtchn_bind_interdomain(A, B, rport, &port), -EINVAL);
    assert_int_equal(evtchn_send(A, lport), -EINVAL);
    audit_all();
}

static void resetting(void **state)
{
    u32 rport = new_unbound(B, 0), lport = connect_to(A, B, rport);

    for (unsigned i = 0; i < 1000; i++)
        (void)new_ipi(A, 0);
    A->free_hint = min(A->free_hint, 1u);       /* low hint is only slow, never wrong */
    while (evtchn_reset(A))
        ;
    assert_int_equal(A->nr_active, 0);
    assert_int_equal(status_of(B, rport).status, EVTCHNSTAT_unbound);
    assert_int_equal(connect_to(A, B, rport), lport);
    audit_all();
}

static void no_vcpu_yet(void **state)
{
    u32 rport, lport;

    assert_int_equal(evtchn_domain_kill(B), 0);
    evtchn_domain_fini(B);
    assert_int_equal(domain_up(1, 0), 0);
    rport = new_unbound(B, 0);
    lport = connect_to(A, B, rport);
    assert_int_equal(evtchn_send(A, lport), 0);             /* nobody to tell */
    assert_int_equal(evtchn_unmask(B, rport), 0);
    evtchn_raise_global_virq(B, VIRQ_CONSOLE);
    assert_int_equal(evtchn_bind_virq(B, VIRQ_CONSOLE, 0, &lport), -ENOENT);
    audit_all();
}

/* ---- the audit finds what is broken by hand ---- */

static void audit_names(void **state)
{
    u32 un = new_unbound(A, 1), inter = connect_to(B, A, un), timer = new_virq(A, VIRQ_TIMER, 1), ipi = new_ipi(A, 1);
    struct evtchn *c = evtchn_lookup(A, ipi), *u = evtchn_lookup(A, un), *t = evtchn_lookup(A, timer);
    struct evtchn *peer = evtchn_lookup(B, inter);

    audit_all();
    c->port++;
    assert_string_equal(evtchn_audit(A), "evtchn-slot-identity");
    c->port--;
    evtchn_slot(A, 0)->state = EVTCHN_FREE;
    assert_string_equal(evtchn_audit(A), "evtchn-port0-reserved");
    evtchn_slot(A, 0)->state = EVTCHN_RESERVED;
    u->peer = NULL;
    assert_string_equal(evtchn_audit(A), "evtchn-peers-mutual");
    assert_string_equal(evtchn_audit(B), "evtchn-peers-mutual");
    u->peer = peer;
    c->peer = peer;
    assert_string_equal(evtchn_audit(A), "evtchn-peers-mutual");
    c->peer = NULL;
    A->vcpus[1]->virq[VIRQ_TIMER] = NULL;
    assert_string_equal(evtchn_audit(A), "evtchn-virq-listed");
    A->vcpus[1]->virq[VIRQ_TIMER] = t;
    A->vcpus[2]->virq[VIRQ_DEBUG] = t;
    assert_string_equal(evtchn_audit(A), "evtchn-virqs-bound");
    A->vcpus[2]->virq[VIRQ_DEBUG] = NULL;
    c->vcpu = VCPUS - 1;
    assert_string_equal(evtchn_audit(A), "evtchn-vcpu-exists");
    c->vcpu = 1;
    A->free_hint += 10;
    assert_string_equal(evtchn_audit(A), "evtchn-free-hint");
    A->free_hint -= 10;
    A->nr_active++;
    assert_string_equal(evtchn_audit(A), "evtchn-active-count");
    A->nr_active--;
    bit_set(A->poll_mask, VCPUS - 1);
    assert_string_equal(evtchn_audit(A), "evtchn-poll-mask");
    bit_clear(A->poll_mask, VCPUS - 1);
    A->vcpus[1]->queue[3].tail = 5;
    assert_string_equal(evtchn_audit(A), "evtchn-fifo-tail");
    A->vcpus[1]->queue[3].tail = 0;
    A->vcpus[1]->info_registered = true;            /* the shared page here is not the domain's */
    assert_string_equal(evtchn_audit(A), "evtchn-vcpu-pages-held");
    A->vcpus[1]->info_registered = false;
    evtchn_show(A);
    audit_all();
}

/* ---- races ---- */

static u32 race_port[2];

/* CPU 0 sends, CPU 1 closes and reconnects, CPU 2 sends the other way. */
static void race_body(unsigned cpu, void *ctx)
{
    for (unsigned i = 0; i < 20; i++) {
        if (cpu == 0) {
            int rc = evtchn_send(A, race_port[0]);

            assert_true(rc == 0 || rc == -EINVAL);
        } else if (cpu == 1) {
            assert_int_equal(evtchn_close(A, race_port[0]), 0);
            race_port[0] = connect_to(A, B, race_port[1]);
        } else {
            assert_int_equal(evtchn_send(B, race_port[1]), 0);
        }
    }
}

static void send_against_close(void **state)
{
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        race_port[1] = new_unbound(B, 0);
        race_port[0] = connect_to(A, B, race_port[1]);
        fake_interleave(seed, 3, race_body, NULL);
        audit_all();
        (void)take_2l(B, 0, race_port[1]);
        assert_int_equal(evtchn_send(A, race_port[0]), 0);
        assert_true(take_2l(B, 0, race_port[1]));
        assert_int_equal(evtchn_close(A, race_port[0]), 0);
        assert_int_equal(evtchn_close(B, race_port[1]), 0);
        audit_all();
    }
}

/* Both ends close at once: exactly one of the two orders happened, nothing is left connected. */
static void close_both_body(unsigned cpu, void *ctx)
{
    assert_int_equal(evtchn_close(cpu ? B : A, race_port[cpu]), 0);
}

static void close_against_close(void **state)
{
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        race_port[1] = new_unbound(B, 0);
        race_port[0] = connect_to(A, B, race_port[1]);
        fake_interleave(seed, 2, close_both_body, NULL);
        assert_int_equal(A->nr_active, 0);
        assert_int_equal(B->nr_active, 0);
        audit_all();
    }
}

/* Poll against send: the poller ends awake, or never went to sleep. */
static void poll_body(unsigned cpu, void *ctx)
{
    struct evtchn_vcpu *v = &dom[0].vcpus[0];

    if (cpu == 1) {
        assert_int_equal(evtchn_send(A, race_port[0]), 0);
        return;
    }
    sched_block(v->unit);
    evtchn_poll_begin(v, race_port[0]);
    if (evtchn_port_is_pending(A, race_port[0]) || evtchn_upcall_pending(v)) {
        evtchn_poll_end(v);
        sched_wake(v->unit);
    }
}

static void poll_against_send(void **state)
{
    race_port[0] = new_ipi(A, 0);
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        (void)take_2l(A, 0, race_port[0]);
        fake_interleave(seed, 2, poll_body, NULL);
        assert_false(dom[0].units[0].blocked);
        assert_false(bit_test(A->poll_mask, 0));
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ports_are_lowest_free), T(limits_of_ports), T(configured_limit), T(no_memory_for_ports),
        T(no_memory_for_a_domain), T(unbound_and_interdomain), T(interdomain_errors), T(loop_within_a_domain),
        T(virqs), T(global_virqs_move), T(ipis), T(pirqs), T(moving_ports), T(closing_errors), T(masking),
        T(selector_once), T(closing_clears_pending), T(upcall_flag), T(waking_and_kicking), T(polling),
        T(info_of_high_vcpus), T(info_moves_with_contents), T(info_errors), T(killing), T(resetting), T(no_vcpu_yet),
        T(audit_names), T(send_against_close), T(close_against_close), T(poll_against_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
