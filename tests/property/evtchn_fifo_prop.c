/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of FIFO operations by one domain against an exact model of event words and queues, from the 2-level
 * ABI into the FIFO ABI and back, with control blocks and the page of words coming late: after each step every bit of
 * each word, the ready bits and the upcalls are the model's, and the guest, that stops half-way through its queues as it
 * likes, takes events in the order in which they were raised. Then the same with a guest that writes anything into its
 * pages: nothing of that reaches what the audit looks at.
 */
#include <stdlib.h>

#include "../unit/ipc_fixture.h"

#define PORTS  20
#define CPUS_OF 3                       /* vcpus of the domain */
#define QUEUES EVTCHN_FIFO_MAX_QUEUES
#define STEPS  400

#define W_PENDING (1u << EVTCHN_FIFO_PENDING)
#define W_MASKED  (1u << EVTCHN_FIFO_MASKED)
#define W_LINKED  (1u << EVTCHN_FIFO_LINKED)
#define W_LINK    ((u32)EVTCHN_FIFO_LINK_MASK)

static struct model_port {
    u8 state;                           /* enum evtchn_state */
    u8 vcpu, priority;
    u32 peer, virq;
    bool latched;                       /* raised without a word */
    bool bit;                           /* pending in the bitmap */
    u32 word;                           /* PENDING, MASKED, LINKED */
} ports[PORTS];

static struct model_vcpu {
    bool control, upcall;
    u32 ready;
    struct { u32 port[PORTS]; unsigned nr; } queue[QUEUES];
} vcpus[CPUS_OF];

/* The guest: what it has taken of each ready word, and where it is in each queue. */
static u32 to_look_at[CPUS_OF], local_head[CPUS_OF][QUEUES];
static gfn_t words_page, control_page[CPUS_OF], foreign_page;
static bool fifo, have_words, hostile;
static unsigned delivered, in_line;

static unsigned rnd(unsigned n) { return (unsigned)(fake_random() % n); }
static u32 *word(u32 port) { return (u32 *)guest_mem(words_page) + port; }
static struct evtchn_fifo_control_block *control(u32 v) { return (void *)((u8 *)guest_mem(control_page[v]) + 64 * v); }
static bool is_open(u32 port) { return ports[port].state != EVTCHN_FREE; }

/* Mostly one that is in use. */
static u32 any_port(void)
{
    u32 port = 1 + rnd(PORTS - 1);

    for (unsigned i = 0; i < PORTS && !is_open(port) && rnd(8); i++)
        port = 1 + port % (PORTS - 1);
    return port;
}

/* ---- the model ---- */

static void model_link(u32 port)
{
    struct model_port *p = &ports[port];
    struct model_vcpu *v = &vcpus[p->vcpu];
    unsigned *nr = &v->queue[p->priority].nr;

    if (!v->control)
        return;
    p->word |= W_LINKED;
    v->queue[p->priority].port[(*nr)++] = port;
    in_line += *nr > 1;
    if (*nr > 1)
        return;
    v->upcall |= !(v->ready >> p->priority & 1);
    v->ready |= 1u << p->priority;
}

static void model_raise(u32 port)
{
    struct model_port *p = &ports[port];

    if (!fifo) {
        vcpus[p->vcpu].upcall |= !p->bit;       /* nothing is masked in the bitmap, and the guest takes all or nothing */
        p->bit = true;
    } else if (!have_words) {
        p->latched = true;
    } else {
        u32 old = p->word;

        p->word |= W_PENDING;
        if (!(old & (W_MASKED | W_LINKED)))
            model_link(port);
    }
}

static void model_close(u32 port)
{
    struct model_port *p = &ports[port];

    if (p->state == EVTCHN_INTERDOMAIN)
        ports[p->peer].state = EVTCHN_UNBOUND;
    p->state = EVTCHN_FREE;
    p->latched = false;
    p->vcpu = 0;
    if (fifo)
        p->word &= have_words ? ~W_PENDING : ~0u;
    else
        p->bit = false;
}

/* The port that the next binding gets: the lowest that is neither in use nor linked. */
static u32 model_open(enum evtchn_state state, u8 vcpu)
{
    for (u32 port = 1; port < PORTS; port++)
        if (!is_open(port) && !(fifo && (ports[port].word & W_LINKED))) {
            ports[port].state = (u8)state;
            ports[port].vcpu = vcpu;
            ports[port].priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
            return port;
        }
    return 0;
}

static void expect_opened(int rc, u32 port, u32 expected)
{
    assert_int_equal(rc, expected ? 0 : -ENOSPC);
    if (expected)
        assert_int_equal(port, expected);
}

/* ---- bindings ---- */

static void op_alloc(void)
{
    u32 port = 0;
    int rc = evtchn_alloc_unbound(A, 0, &port);

    expect_opened(rc, port, model_open(EVTCHN_UNBOUND, 0));
}

static void op_connect(void)
{
    u32 remote = any_port(), port = 0, expected;
    bool fits = ports[remote].state == EVTCHN_UNBOUND;
    int rc = evtchn_bind_interdomain(A, A, remote, &port);

    if (!fits) {
        assert_true(rc == -EINVAL || rc == -ENOSPC);
        return;
    }
    expected = model_open(EVTCHN_INTERDOMAIN, 0);
    expect_opened(rc, port, expected);
    if (!expected)
        return;
    ports[port].peer = remote;
    ports[remote].peer = port;
    ports[remote].state = EVTCHN_INTERDOMAIN;
    model_raise(port);
}

static void op_ipi(void)
{
    u32 v = rnd(CPUS_OF), port = 0;
    int rc = evtchn_bind_ipi(A, v, &port);

    expect_opened(rc, port, model_open(EVTCHN_IPI, (u8)v));
}

static void op_virq(void)
{
    u32 v = rnd(CPUS_OF), port = 0, expected;
    bool taken = dom[0].vcpus[v].virq[VIRQ_TIMER];
    int rc = evtchn_bind_virq(A, VIRQ_TIMER, v, &port);

    if (taken) {
        assert_int_equal(rc, -EEXIST);
        return;
    }
    expected = model_open(EVTCHN_VIRQ, (u8)v);
    expect_opened(rc, port, expected);
}

static void op_close(void)
{
    u32 port = rnd(3) ? 1 + rnd(PORTS - 1) : any_port();

    assert_int_equal(evtchn_close(A, port), is_open(port) ? 0 : -EINVAL);
    if (is_open(port))
        model_close(port);
}

static void op_bind_vcpu(void)
{
    u32 port = any_port(), v = rnd(CPUS_OF);
    bool may = ports[port].state == EVTCHN_UNBOUND || ports[port].state == EVTCHN_INTERDOMAIN;

    assert_int_equal(evtchn_bind_vcpu(A, port, v), may ? 0 : -EINVAL);
    if (may)
        ports[port].vcpu = (u8)v;
}

static void op_priority(void)
{
    u32 port = any_port(), priority = rnd(3) ? rnd(4) * 4 : rnd(QUEUES + 1);

    assert_int_equal(evtchn_set_priority(A, port, priority), !fifo ? -ENOSYS : priority >= QUEUES ? -EINVAL : 0);
    if (fifo && priority < QUEUES)
        ports[port].priority = (u8)priority;
}

/* ---- events ---- */

static void op_raise(void)
{
    u32 port = any_port();
    struct model_port *p = &ports[port];

    if (p->state == EVTCHN_VIRQ) {
        evtchn_raise_virq(&dom[0].vcpus[p->vcpu], VIRQ_TIMER);
        model_raise(port);
        return;
    }
    assert_int_equal(evtchn_send(A, port), is_open(port) ? 0 : -EINVAL);
    if (p->state == EVTCHN_IPI || p->state == EVTCHN_INTERDOMAIN)
        model_raise(p->state == EVTCHN_IPI ? port : p->peer);
}

static void op_mask(void)
{
    u32 port = any_port();

    if (have_words && rnd(2)) {
        *word(port) |= W_MASKED;
        ports[port].word |= W_MASKED;
    }
}

static void op_unmask(void)
{
    u32 port = any_port();

    assert_int_equal(evtchn_unmask(A, port), 0);
    if (!is_open(port) || !have_words)
        return;
    ports[port].word &= ~W_MASKED;
    if (ports[port].word & W_PENDING)
        model_raise(port);
}

static void take_one(u32 v)
{
    u32 priority = (u32)__builtin_ctz(to_look_at[v]), *head = &local_head[v][priority], port, *w;
    struct model_vcpu *m = &vcpus[v];

    port = *head ? *head : control(v)->head[priority];
    assert_true(m->queue[priority].nr);
    assert_int_equal(port, m->queue[priority].port[0]);         /* the oldest one of this vcpu and priority */
    memmove(m->queue[priority].port, m->queue[priority].port + 1, --m->queue[priority].nr * sizeof(u32));
    w = word(port);
    *head = *w & W_LINK;
    *w &= ~(W_LINKED | W_LINK);
    ports[port].word &= ~W_LINKED;
    if (!*head)
        to_look_at[v] &= ~(1u << priority);
    if ((*w & (W_PENDING | W_MASKED)) == W_PENDING) {
        *w &= ~W_PENDING;
        ports[port].word &= ~W_PENDING;
        delivered++;
    }
}

/* Perhaps not everything that there is; the rest another time. */
static void op_take(void)
{
    u32 v = rnd(CPUS_OF);
    unsigned most = rnd(6);

    info(A, v)->evtchn_upcall_pending = 0;
    info(A, v)->evtchn_pending_sel = 0;
    vcpus[v].upcall = false;
    for (u32 port = 1; !fifo && port < PORTS; port++)
        if (ports[port].vcpu == v) {
            bit_clear(A->pending, port);
            ports[port].bit = false;
        }
    if (!vcpus[v].control)
        return;
    to_look_at[v] |= control(v)->ready;
    control(v)->ready = 0;
    vcpus[v].ready = 0;
    while (to_look_at[v] && most--)
        take_one(v);
}

/* ---- changing the ABI ---- */

static void model_enter(void)
{
    fifo = true;
    for (u32 port = 1; port < PORTS; port++)
        ports[port].latched = is_open(port) && ports[port].bit;
}

static void op_control(void)
{
    u32 v = rnd(CPUS_OF), offset = 64 * v;
    bool known = vcpus[v].control;

    assert_int_equal(evtchn_init_control(A, VCPUS - 1, control_page[v], 0), -ENOENT);
    assert_int_equal(evtchn_init_control(A, v, control_page[v], offset + 4), -EINVAL);
    assert_int_equal(evtchn_init_control(A, v, control_page[v], PAGE_SIZE - 64), -EINVAL);
    assert_int_equal(evtchn_init_control(A, v, foreign_page, offset), -EINVAL);
    assert_int_equal(evtchn_init_control(A, v, control_page[v], offset), known ? -EINVAL : 0);
    if (!fifo)
        model_enter();
    vcpus[v].control = true;
}

static void op_words(void)
{
    assert_int_equal(evtchn_expand_array(A, foreign_page), fifo ? -EINVAL : -EOPNOTSUPP);
    if (have_words || !fifo)
        return;
    assert_int_equal(evtchn_expand_array(A, words_page), 0);
    have_words = true;
    for (u32 port = 1; port < PORTS; port++) {
        bool raised = ports[port].latched && is_open(port);

        ports[port].latched = false;
        if (raised)
            model_raise(port);
    }
}

/* The guest starts again, with clean pages. */
static void op_reset(void)
{
    if (rnd(12))
        return;
    assert_int_equal(evtchn_reset(A), 0);
    for (u32 port = 1; port < PORTS; port++) {
        if (is_open(port))
            model_close(port);
        ports[port].word = 0;
        ports[port].bit = false;
        bit_clear(A->pending, port);
    }
    page_clear(guest_mem(words_page));
    for (u32 v = 0; v < CPUS_OF; v++) {
        page_clear(guest_mem(control_page[v]));
        info(A, v)->evtchn_upcall_pending = 0;
        info(A, v)->evtchn_pending_sel = 0;
        vcpus[v] = (struct model_vcpu){ .control = false };
        to_look_at[v] = 0;
        memset(local_head[v], 0, sizeof(local_head[v]));
    }
    fifo = have_words = false;
}

static void (*const ops[])(void) = {
    op_alloc, op_connect, op_connect, op_ipi, op_ipi, op_virq, op_close, op_bind_vcpu, op_bind_vcpu, op_priority, op_priority,
    op_raise, op_raise, op_raise, op_raise, op_raise, op_raise, op_raise, op_raise, op_raise, op_mask, op_unmask, op_unmask,
    op_unmask, op_take, op_take, op_take, op_control, op_words, op_reset,
};

/* ---- comparison ---- */

static void compare_port(u32 port)
{
    const struct model_port *p = &ports[port];
    bool pending = fifo ? have_words && (p->word & W_PENDING) : p->bit;
    struct evtchn_status st = status_of(A, port);

    assert_int_equal(st.status == EVTCHNSTAT_closed, !is_open(port));
    if (have_words && !hostile)
        assert_int_equal(*word(port) & (W_PENDING | W_MASKED | W_LINKED), p->word);
    if (!is_open(port))
        return;
    assert_int_equal(st.vcpu, p->vcpu);
    if (!hostile)
        assert_int_equal(evtchn_port_is_pending(A, port), pending);
}

static void compare(void)
{
    for (u32 port = 1; port < PORTS; port++)
        compare_port(port);
    for (u32 v = 0; v < CPUS_OF && !hostile; v++) {
        if (vcpus[v].control)
            assert_int_equal(control(v)->ready, vcpus[v].ready);
        if (fifo)
            assert_int_equal(info(A, v)->evtchn_upcall_pending, vcpus[v].upcall);
        else
            vcpus[v].upcall = info(A, v)->evtchn_upcall_pending;
    }
    for (u32 v = 0; v < CPUS_OF; v++)
        assert_int_equal(frame_refs(guest_frame(control_page[v])), 1 + vcpus[v].control);
    assert_int_equal(frame_refs(guest_frame(words_page)), 1 + have_words);
    assert_int_equal(type_count(guest_frame(words_page)), have_words);
    audit_all();
}

static void start(void)
{
    machine_up();
    memset(ports, 0, sizeof(ports));
    memset(vcpus, 0, sizeof(vcpus));
    memset(to_look_at, 0, sizeof(to_look_at));
    memset(local_head, 0, sizeof(local_head));
    fifo = have_words = hostile = false;
    assert_int_equal(domain_up(0, PORTS), 0);
    assert_int_equal(domain_up(1, PORTS), 0);
    vcpus_up(0, CPUS_OF);
    words_page = guest_page(0);
    foreign_page = guest_page(1);
    for (u32 v = 0; v < CPUS_OF; v++)
        control_page[v] = guest_page(0);
}

static void end(void)
{
    teardown(NULL);
    assert_int_equal(frame_refs(guest_frame(words_page)), 1);
    assert_int_equal(type_count(guest_frame(words_page)), 0);
}

static void words_and_queues_are_the_models(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(250); fake_seed_more(250, seed); seed++) {
        start();
        fake_random_seed(seed);
        for (unsigned step = 0; step < STEPS; step++) {
            ops[rnd(ARRAY_SIZE(ops))]();
            compare();
        }
        end();
    }
    print_message("%u events taken, %u were queued behind others\n", delivered, in_line);
    assert_true((delivered > 6000 && in_line > 3000) || getenv("FAKE_SEED"));   /* queues do get long */
}

/* Anything into words and control blocks; which ports are where cannot be known then. */
static void scribble(void)
{
    for (unsigned i = rnd(4); i > 0; i--)
        *word(any_port()) = rnd(3) ? (u32)fake_random() & (W_PENDING | W_MASKED | W_LINKED | 31) : (u32)fake_random();
    control(rnd(CPUS_OF))->ready = rnd(2) ? 0 : (u32)fake_random();
    control(rnd(CPUS_OF))->head[rnd(QUEUES)] = (u32)fake_random();
}

/* Of bindings the answers do not depend on the guest's memory, but which port they give does. */
static void bind_anything(void)
{
    u32 port = any_port(), other;

    switch (rnd(4)) {
    case 0:
        if (evtchn_bind_ipi(A, rnd(CPUS_OF), &port) == 0)
            assert_int_equal(ports[port].state, EVTCHN_FREE);
        break;
    case 1:
        if (evtchn_alloc_unbound(A, 0, &port) == 0 && rnd(2))
            assert_true(evtchn_bind_interdomain(A, A, port, &other) != -EINVAL);
        break;
    case 2:
        (void)!evtchn_close(A, port);
        break;
    default:
        (void)!evtchn_bind_vcpu(A, port, rnd(CPUS_OF));
        (void)!evtchn_set_priority(A, port, rnd(QUEUES));
    }
    for (port = 1; port < PORTS; port++)
        ports[port].state = status_of(A, port).status != EVTCHNSTAT_closed ? EVTCHN_UNBOUND : EVTCHN_FREE;
}

static void a_hostile_guest_harms_only_itself(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(150); fake_seed_more(150, seed); seed++) {
        start();
        fake_random_seed(seed);
        hostile = true;
        for (u32 v = 0; v < CPUS_OF; v++)
            assert_int_equal(evtchn_init_control(A, v, control_page[v], 64 * v), 0);
        assert_int_equal(evtchn_expand_array(A, words_page), 0);
        for (unsigned step = 0; step < STEPS; step++) {
            scribble();
            bind_anything();
            for (unsigned i = 0; i < 4; i++) {
                (void)!evtchn_send(A, any_port());
                (void)!evtchn_unmask(A, any_port());
            }
            audit_all();
        }
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_queues_are_the_models), cmocka_unit_test(a_hostile_guest_harms_only_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
