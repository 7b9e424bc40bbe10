/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of event-channel operations by two domains against a small model, in both ABIs: the same answers, the
 * same bindings and pending ports after each step, a clean audit, and nothing that was raised is lost: what a guest
 * finds when it takes its upcalls is exactly what the model says is deliverable.
 */
#include "../unit/ipc_fixture.h"

#define PORTS 12
#define STEPS 300
#define VCPUS_USED 3

struct model_port {
    u8 state;               /* enum evtchn_state */
    u8 peer_dom, vcpu;
    u32 peer, bound;
    bool pending, masked;
};
static struct model_port model[DOMAINS][PORTS];
static bool fifo;
static gfn_t array_page[DOMAINS], control_page[DOMAINS];

static unsigned rnd(unsigned n) { return (unsigned)(fake_random() % n); }

/* Mostly one that is in use. */
static u32 any_port(unsigned d)
{
    u32 port = rnd(PORTS);

    for (unsigned i = 0; i < PORTS && model[d][port].state == EVTCHN_FREE && rnd(8); i++)
        port = (port + 1) % PORTS;
    return port;
}
static struct evtchn_domain *ev(unsigned d) { return &dom[d].ev; }

/* ---- the guest's side of the two ABIs ---- */

static u32 *word(unsigned d, u32 port) { return (u32 *)guest_mem(array_page[d]) + port; }
static struct evtchn_fifo_control_block *control(unsigned d, u32 vcpu)
{
    return (void *)((u8 *)guest_mem(control_page[d]) + vcpu * 128);
}

static bool guest_pending(unsigned d, u32 port)
{
    return fifo ? *word(d, port) >> EVTCHN_FIFO_PENDING & 1 : bit_test(ev(d)->pending, port);
}

static void guest_mask(unsigned d, u32 port)
{
    if (fifo)
        *word(d, port) |= 1u << EVTCHN_FIFO_MASKED;
    else
        bit_set(ev(d)->mask, port);
}

static void found(u32 port, bool *got)
{
    assert_true(port && port < PORTS);
    got[port] = true;
}

/* One queue: the events linked from head on. A masked one is unlinked and stays pending; it comes again when unmasked. */
static void take_queue(unsigned d, u32 port, bool *got)
{
    while (port) {
        u32 *w = word(d, port), old = *w;

        assert_true(port < PORTS && (old >> EVTCHN_FIFO_LINKED & 1));
        *w &= ~(1u << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK);
        if ((old >> EVTCHN_FIFO_PENDING & 1) && !(old >> EVTCHN_FIFO_MASKED & 1)) {
            *w &= ~(1u << EVTCHN_FIFO_PENDING);
            found(port, got);
        }
        port = old & EVTCHN_FIFO_LINK_MASK;
    }
}

static void take_fifo(unsigned d, u32 vcpu, bool *got)
{
    struct evtchn_fifo_control_block *c = control(d, vcpu);

    while (c->ready) {
        unsigned priority = (unsigned)__builtin_ctz(c->ready);

        c->ready &= ~(1u << priority);
        take_queue(d, c->head[priority], got);
    }
}

static void take_2level(unsigned d, u32 vcpu, bool *got)
{
    struct vcpu_info *vi = info(ev(d), vcpu);
    u64 sel = vi->evtchn_pending_sel;

    vi->evtchn_pending_sel = 0;
    for (u32 port = 0; port < PORTS; port++)
        if ((sel >> port / 64 & 1) && bit_test(ev(d)->pending, port) && !bit_test(ev(d)->mask, port)) {
            bit_clear(ev(d)->pending, port);
            found(port, got);
        }
}

/* Every vcpu of the domain that has an upcall takes it. */
static void take(unsigned d)
{
    bool got[PORTS] = { false };

    for (u32 v = 0; v < VCPUS_USED; v++) {
        struct vcpu_info *vi = info(ev(d), v);

        if (!vi->evtchn_upcall_pending)
            continue;
        vi->evtchn_upcall_pending = 0;
        if (fifo)
            take_fifo(d, v, got);
        else
            take_2level(d, v, got);
    }
    for (u32 port = 1; port < PORTS; port++) {
        struct model_port *m = &model[d][port];
        bool deliverable = m->state != EVTCHN_FREE && m->pending && !m->masked;

        if (deliverable && !got[port])
            fail_msg("domain %u port %u: its event was lost", d, port);
        if (got[port])
            m->pending = false;
    }
}

/* ---- the model ---- */

static void set_pending(unsigned d, u32 port) { model[d][port].pending = true; }

/* The lowest free port. A port whose word is still linked is passed over. */
static u32 model_free_port(unsigned d)
{
    for (u32 port = 1; port < PORTS; port++)
        if (model[d][port].state == EVTCHN_FREE && !(fifo && *word(d, port) >> EVTCHN_FIFO_LINKED & 1))
            return port;
    return 0;
}

static struct model_port *model_open(unsigned d, u32 port, enum evtchn_state state, u32 bound, u32 vcpu)
{
    struct model_port *m = &model[d][port];

    *m = (struct model_port){ .state = (u8)state, .bound = bound, .vcpu = (u8)vcpu, .pending = guest_pending(d, port),
                              .masked = m->masked };
    return m;
}

static bool virq_taken(unsigned d, u32 virq, u32 vcpu)
{
    for (u32 port = 1; port < PORTS; port++)
        if (model[d][port].state == EVTCHN_VIRQ && model[d][port].bound == virq &&
            (virq_is_global(virq) || model[d][port].vcpu == vcpu))
            return true;
    return false;
}

static void model_close(unsigned d, u32 port)
{
    struct model_port *m = &model[d][port];

    if (m->state == EVTCHN_INTERDOMAIN) {
        struct model_port *peer = &model[m->peer_dom][m->peer];

        peer->state = EVTCHN_UNBOUND;
        peer->bound = d;
    }
    m->state = EVTCHN_FREE;
}

/* ---- operations ---- */

static void op_alloc(unsigned d)
{
    u16 remote = (u16)rnd(DOMAINS);
    u32 expected = model_free_port(d), port = 0;
    int rc = evtchn_alloc_unbound(ev(d), remote, &port);

    assert_int_equal(rc, expected ? 0 : -ENOSPC);
    if (expected) {
        assert_int_equal(port, expected);
        model_open(d, port, EVTCHN_UNBOUND, remote, 0);
    }
}

static void op_connect(unsigned d)
{
    unsigned rd = rnd(DOMAINS);
    u32 rport = any_port(rd), local = model_free_port(d), port = 0;
    struct model_port *r = &model[rd][rport];
    bool fits = r->state == EVTCHN_UNBOUND && r->bound == d;
    int rc = evtchn_bind_interdomain(ev(d), ev(rd), rport, &port);

    assert_int_equal(rc, !local ? -ENOSPC : fits ? 0 : -EINVAL);
    if (rc)
        return;
    assert_int_equal(port, local);
    *model_open(d, port, EVTCHN_INTERDOMAIN, 0, 0) = (struct model_port){
        .state = EVTCHN_INTERDOMAIN, .peer_dom = (u8)rd, .peer = rport, .pending = true, .masked = model[d][port].masked };
    r->state = EVTCHN_INTERDOMAIN;
    r->peer_dom = (u8)d;
    r->peer = port;
}

static void op_bind_virq(unsigned d)
{
    u32 virq = (u32[]){ VIRQ_TIMER, VIRQ_DEBUG, VIRQ_CONSOLE, VIRQ_DOM_EXC }[rnd(4)], vcpu = rnd(VCPUS_USED), port = 0;
    u32 expected = model_free_port(d);
    int rc = evtchn_bind_virq(ev(d), virq, vcpu, &port);

    if (virq_is_global(virq) && vcpu)
        assert_int_equal(rc, -EINVAL);
    else if (virq_taken(d, virq, vcpu))
        assert_int_equal(rc, -EEXIST);
    else
        assert_int_equal(rc, expected ? 0 : -ENOSPC);
    if (rc == 0) {
        assert_int_equal(port, expected);
        model_open(d, port, EVTCHN_VIRQ, virq, vcpu);
    }
}

static void op_bind_ipi(unsigned d)
{
    u32 vcpu = rnd(VCPUS_USED), expected = model_free_port(d), port = 0;
    int rc = evtchn_bind_ipi(ev(d), vcpu, &port);

    assert_int_equal(rc, expected ? 0 : -ENOSPC);
    if (rc == 0)
        model_open(d, port, EVTCHN_IPI, 0, vcpu);
}

static void op_bind_pirq(unsigned d)
{
    u32 pirq = rnd(PIRQS + 1), expected = model_free_port(d), port = 0;
    bool taken = pirq < PIRQS && pirq_port[pirq];
    int rc = evtchn_bind_pirq(ev(d), pirq, false, &port);

    if (d != 0)
        assert_int_equal(rc, -EINVAL);
    else
        assert_int_equal(rc, !expected ? -ENOSPC : pirq == PIRQS ? -EINVAL : taken ? -EEXIST : 0);
    if (rc == 0)
        model_open(d, port, EVTCHN_PIRQ, pirq, 0);
}

static void op_close(unsigned d)
{
    u32 port = any_port(d);
    int rc = evtchn_close(ev(d), port);

    assert_int_equal(rc, model[d][port].state == EVTCHN_FREE ? -EINVAL : 0);
    if (rc == 0)
        model_close(d, port);
}

static void op_send(unsigned d)
{
    u32 port = any_port(d);
    struct model_port *m = &model[d][port];
    int rc = evtchn_send(ev(d), port);

    switch (m->state) {
    case EVTCHN_INTERDOMAIN:
        assert_int_equal(rc, 0);
        set_pending(m->peer_dom, m->peer);
        break;
    case EVTCHN_IPI:
        assert_int_equal(rc, 0);
        set_pending(d, port);
        break;
    case EVTCHN_UNBOUND:
        assert_int_equal(rc, 0);
        break;
    default:
        assert_int_equal(rc, -EINVAL);
    }
}

static void op_mask(unsigned d)
{
    u32 port = any_port(d);

    if (model[d][port].state == EVTCHN_FREE)
        return;
    guest_mask(d, port);
    model[d][port].masked = true;
}

static void op_unmask(unsigned d)
{
    u32 port = any_port(d);

    if (model[d][port].state == EVTCHN_FREE)
        return;
    assert_int_equal(evtchn_unmask(ev(d), port), 0);
    model[d][port].masked = false;
}

static void op_bind_vcpu(unsigned d)
{
    u32 port = any_port(d), vcpu = rnd(VCPUS_USED + 1);
    struct model_port *m = &model[d][port];
    bool may = m->state == EVTCHN_UNBOUND || m->state == EVTCHN_INTERDOMAIN || m->state == EVTCHN_PIRQ ||
               (m->state == EVTCHN_VIRQ && virq_is_global(m->bound));
    int rc = evtchn_bind_vcpu(ev(d), port, vcpu == VCPUS_USED ? VCPUS - 1 : vcpu);

    assert_int_equal(rc, vcpu == VCPUS_USED ? -ENOENT : may ? 0 : -EINVAL);
    if (rc == 0)
        m->vcpu = (u8)vcpu;
}

static void op_raise(unsigned d)
{
    u32 port = any_port(d);
    struct model_port *m = &model[d][port];

    if (m->state == EVTCHN_VIRQ) {
        if (virq_is_global(m->bound))
            evtchn_raise_global_virq(ev(d), m->bound);
        else
            evtchn_raise_virq(&dom[d].vcpus[m->vcpu], m->bound);
        m->pending = true;
    } else {
        evtchn_raise_pirq(ev(d), port);
        m->pending |= m->state == EVTCHN_PIRQ;
    }
}

static void op_reset(unsigned d)
{
    if (fifo || rnd(20))     /* a reset goes back to the 2-level ABI: the end of what this test knows */
        return;
    assert_int_equal(evtchn_reset(ev(d)), 0);
    for (u32 port = 1; port < PORTS; port++)
        if (model[d][port].state != EVTCHN_FREE)
            model_close(d, port);
}

static void (*const ops[])(unsigned d) = {
    op_alloc, op_alloc, op_connect, op_connect, op_connect, op_bind_virq, op_bind_ipi, op_bind_pirq, op_close, op_close, op_send,
    op_send, op_send, op_send, op_mask, op_mask, op_unmask, op_unmask, op_unmask, op_bind_vcpu, op_raise, op_raise, take, take, op_reset,
};

static void compare(void)
{
    static const u8 status[] = {
        [EVTCHN_FREE] = EVTCHNSTAT_closed, [EVTCHN_UNBOUND] = EVTCHNSTAT_unbound,
        [EVTCHN_INTERDOMAIN] = EVTCHNSTAT_interdomain, [EVTCHN_PIRQ] = EVTCHNSTAT_pirq, [EVTCHN_VIRQ] = EVTCHNSTAT_virq,
        [EVTCHN_IPI] = EVTCHNSTAT_ipi,
    };

    for (unsigned d = 0; d < DOMAINS; d++)
        for (u32 port = 1; port < PORTS; port++) {
            const struct model_port *m = &model[d][port];
            struct evtchn_status st = status_of(ev(d), port);

            assert_int_equal(st.status, status[m->state]);
            if (m->state == EVTCHN_FREE)
                continue;
            assert_int_equal(st.vcpu, m->vcpu);
            assert_int_equal(evtchn_port_is_pending(ev(d), port), m->pending);
            if (m->state == EVTCHN_INTERDOMAIN)
                assert_true(st.u.interdomain.dom == m->peer_dom && st.u.interdomain.port == m->peer);
            if (m->state == EVTCHN_UNBOUND)
                assert_int_equal(st.u.unbound.dom, m->bound);
        }
    audit_all();
}

static void guests_up(void)
{
    for (u16 d = 0; d < DOMAINS; d++) {
        assert_int_equal(domain_up(d, PORTS), 0);
        vcpus_up(d, VCPUS_USED);
        if (!fifo)
            continue;
        array_page[d] = guest_page(d);
        control_page[d] = guest_page(d);
        for (u32 v = 0; v < VCPUS_USED; v++)
            assert_int_equal(evtchn_init_control(ev(d), v, control_page[d], v * 128), 0);
        assert_int_equal(evtchn_expand_array(ev(d), array_page[d]), 0);
    }
}

static void sequences(bool with_fifo)
{
    for (u64 seed = fake_seed_first(150); fake_seed_more(150, seed); seed++) {
        fifo = with_fifo;
        machine_up();
        memset(model, 0, sizeof(model));
        guests_up();
        fake_random_seed(seed);
        for (u16 d = 0; d < DOMAINS; d++)           /* all ports exist from here on */
            op_alloc(d);
        for (unsigned step = 0; step < STEPS; step++) {
            ops[rnd(ARRAY_SIZE(ops))](rnd(DOMAINS));
            compare();
        }
        for (unsigned d = 0; d < DOMAINS; d++)
            take(d);
        teardown(NULL);
    }
}

static void two_level(void **state) { sequences(false); }
static void fifo_queues(void **state) { sequences(true); }

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(two_level), cmocka_unit_test(fifo_queues) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
