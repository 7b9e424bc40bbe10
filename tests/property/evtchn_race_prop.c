/* SPDX-License-Identifier: MIT */
/*
 * Event-channel operations of several CPUs at once, chosen at random. Some ports stay: whatever else happens, what is
 * raised on them is never lost. All others are opened, connected, moved and closed from every side meanwhile; of those
 * each answer must be one that some order of the calls gives, and in the end the audit is clean and nothing is left.
 */
#include <stdlib.h>

#include "../unit/fifo_guest.h"

#define CPUS   4                        /* the last one is the guest of domain 0, that takes events */
#define STEPS  14
#define STAY   4
#define CHURN  10                       /* ports below this are wanted by all */
#define USED   3                        /* vcpus */

static u32 stay[STAY], sender[STAY];    /* port in domain 0; the port that raises it, in the domain stay_dom says */
static unsigned stay_dom[STAY];
static bool cause[STAY];                /* something is to do, which the event says */
static bool fifo, kill_b;
static unsigned busy, events;

static unsigned rnd(unsigned n) { return (unsigned)(fake_random() % n); }
static struct evtchn_domain *any_domain(void) { return rnd(2) ? A : B; }

static void expect(int rc, int allowed)
{
    if (rc != 0 && rc != -EINVAL && rc != allowed)
        fail_msg("answer %d", rc);
}

static void expect_bound(int rc, int allowed)
{
    if (rc != -ENOSPC)
        expect(rc, allowed);
}

/* A port that nobody promised to keep. */
static u32 any_port(const struct evtchn_domain *d)
{
    u32 port;
    bool taken;

    do {
        port = 1 + rnd(CHURN);
        taken = false;
        for (unsigned i = 0; i < STAY; i++)
            taken |= (d == A && stay[i] == port) || (d == &dom[stay_dom[i]].ev && sender[i] == port);
    } while (taken);
    return port;
}

/* ---- the guest ---- */

static void got(u32 vcpu, u32 port, u32 priority)
{
    (void)vcpu, (void)priority;
    for (unsigned i = 0; i < STAY; i++)
        if (stay[i] == port) {
            events++;
            __atomic_store_n(&cause[i], false, __ATOMIC_SEQ_CST);
        }
}

static void take_bitmap(u32 vcpu)
{
    struct vcpu_info *vi = info(A, vcpu);
    u64 sel;

    if (!__atomic_exchange_n(&vi->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
        return;
    interleave_point();
    sel = __atomic_exchange_n(&vi->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (u32 port = 0; port < 64 && sel; port++) {
        interleave_point();
        if (!bit_test(A->mask, port) && bit_test_and_clear_atomic(A->pending, port))
            got(vcpu, port, 0);
    }
}

static void take(u32 vcpu) { fifo ? take_all(vcpu, got) : take_bitmap(vcpu); }

static void mask(u32 port)
{
    if (fifo)
        __atomic_fetch_or(word(0, port), W_MASKED, __ATOMIC_SEQ_CST);
    else
        bit_set_atomic(A->mask, port);
}

static void unmask(u32 port)
{
    if (fifo)
        guest_unmask(port);
    else
        assert_int_equal(evtchn_unmask(A, port), 0);
}

static void guest_body(void)
{
    while (busy) {
        u32 port = stay[rnd(STAY)];

        if (rnd(3) == 0) {
            mask(port);
            take(rnd(USED));
            unmask(port);
        }
        take(rnd(USED));
        interleave_point();
    }
}

/* ---- the others ---- */

static void raise(unsigned i)
{
    __atomic_store_n(&cause[i], true, __ATOMIC_SEQ_CST);
    interleave_point();
    if (i == 1)
        evtchn_raise_global_virq(A, VIRQ_DOM_EXC);
    else
        assert_int_equal(evtchn_send(&dom[stay_dom[i]].ev, sender[i]), 0);
}

static void churn_bindings(void)
{
    struct evtchn_domain *d = any_domain(), *other = any_domain();
    u32 port;

    switch (rnd(5)) {
    case 0:
        expect_bound(evtchn_alloc_unbound(d, other->domid, &port), 0);
        break;
    case 1:
        port = any_port(other);
        (void)!evtchn_alloc_unbound(other, d->domid, &port);        /* somebody else may connect to it first */
        expect_bound(evtchn_bind_interdomain(d, other, port, &port), 0);
        break;
    case 2:
        expect_bound(evtchn_bind_virq(d, VIRQ_TIMER, rnd(USED), &port), -EEXIST);
        break;
    case 3:
        expect_bound(evtchn_bind_ipi(d, rnd(USED), &port), 0);
        break;
    default:
        expect_bound(evtchn_bind_pirq(A, rnd(PIRQS), false, &port), -EEXIST);
    }
}

static void churn(void)
{
    struct evtchn_domain *d = any_domain();
    struct evtchn_status st = { .port = any_port(d) };

    switch (rnd(8)) {
    case 0:
        expect(evtchn_close(d, any_port(d)), 0);
        break;
    case 1:
    case 2:
        for (unsigned i = 0; i < 4; i++)
            expect(evtchn_send(d, any_port(d)), 0);
        break;
    case 3:
        expect(evtchn_bind_vcpu(d, any_port(d), rnd(USED)), 0);
        break;
    case 4:
        (void)!evtchn_bind_vcpu(A, stay[rnd(STAY)], rnd(USED));
        expect(evtchn_set_priority(A, stay[rnd(STAY)], rnd(EVTCHN_FIFO_MAX_QUEUES)), fifo ? 0 : -ENOSYS);
        break;
    case 5:
        evtchn_raise_virq(&dom[d->domid].vcpus[rnd(USED)], VIRQ_TIMER);
        evtchn_raise_pirq(A, any_port(A));
        break;
    case 6:
        expect(evtchn_unmask(d, any_port(d)), 0);
        expect(evtchn_status(d, &st), 0);
        break;
    default:
        (void)evtchn_port_is_pending(d, any_port(d));
    }
}

static void body(unsigned cpu, void *ctx)
{
    (void)ctx;
    if (cpu == CPUS - 1) {
        guest_body();
        return;
    }
    for (unsigned step = 0; step < STEPS; step++) {
        static void (*const others[])(void) = { churn, churn, churn_bindings, churn_bindings };

        if (rnd(3) == 0)
            raise(rnd(STAY));
        else
            others[rnd(ARRAY_SIZE(others))]();
        if (kill_b && cpu == 2 && step == STEPS / 2)
            while (evtchn_domain_kill(B))
                ;
    }
    busy--;
}

/* ---- runs ---- */

static void start(void)
{
    u32 port;

    machine_up();
    for (u16 d = 0; d < DOMAINS; d++) {
        assert_int_equal(domain_up(d, CHURN + STAY), 0);
        vcpus_up(d, USED);
    }
    if (fifo)
        fifo_up(USED, 1);
    memset(cause, 0, sizeof(cause));
    for (unsigned i = 0; i < STAY; i++)
        stay_dom[i] = 0;
    stay[0] = sender[0] = new_ipi(A, 2);
    stay[1] = sender[1] = new_virq(A, VIRQ_DOM_EXC, 0);
    sender[2] = new_unbound(A, 0);              /* both ends in domain 0 */
    stay[2] = connect_to(A, A, sender[2]);
    stay[3] = new_unbound(A, kill_b ? 0 : 1);
    sender[3] = connect_to(kill_b ? A : B, A, stay[3]);
    stay_dom[3] = kill_b ? 0 : 1;
    for (unsigned i = 0; i < 3; i++) {          /* for the others to begin with */
        port = new_unbound(B, 0);
        (void)connect_to(A, B, port);
    }
}

static void run(u64 seed)
{
    start();
    busy = CPUS - 1;
    fake_interleave(seed, CPUS, body, NULL);
    audit_all();
    for (unsigned i = 0; i < STAY; i++)
        unmask(stay[i]);
    for (u32 v = 0; v < USED; v++)
        take(v);
    for (unsigned i = 0; i < STAY; i++)
        if (cause[i])
            fail_msg("an event of port %u was lost", stay[i]);
    audit_all();
    if (kill_b)
        assert_int_equal(B->nr_active, 0);
    teardown(NULL);
    for (unsigned i = 0; i < PIRQS; i++)
        assert_int_equal(pirq_port[i], 0);
}

static void runs(bool with_fifo, bool with_kill)
{
    events = 0;
    for (u64 seed = fake_seed_first(500); fake_seed_more(500, seed); seed++) {
        fifo = with_fifo;
        kill_b = with_kill;
        run(seed);
    }
    print_message("%u events\n", events);
    assert_true(events > 1000 || getenv("FAKE_SEED"));
}

static void bitmaps(void **state) { runs(false, false); }
static void queues(void **state) { runs(true, false); }
static void bitmaps_with_a_dying_domain(void **state) { runs(false, true); }
static void queues_with_a_dying_domain(void **state) { runs(true, true); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bitmaps), cmocka_unit_test(queues), cmocka_unit_test(bitmaps_with_a_dying_domain),
        cmocka_unit_test(queues_with_a_dying_domain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
