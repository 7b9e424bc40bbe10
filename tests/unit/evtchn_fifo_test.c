/* SPDX-License-Identifier: MIT */
/* The FIFO ABI: setting it up, linking, priorities, moving between queues, guests that break the rules, races. */
#include "fifo_guest.h"

#define MAX_GOT 512
static u32 got_ports[MAX_GOT], got_vcpu[MAX_GOT], got_priority[MAX_GOT], nr_got;

static void got(u32 vcpu, u32 port, u32 priority)
{
    assert_true(nr_got < MAX_GOT);
    got_vcpu[nr_got] = vcpu;
    got_priority[nr_got] = priority;
    got_ports[nr_got++] = port;
}

static u32 take(u32 vcpu)
{
    nr_got = 0;
    take_all(vcpu, got);
    return nr_got;
}

static void send(u32 port) { assert_int_equal(evtchn_send(A, port), 0); }

/* ---- set-up ---- */

static void init_errors(void **state)
{
    gfn_t page = guest_page(0), foreign = guest_page(1);
    u32 limit = PAGE_SIZE - sizeof(struct evtchn_fifo_control_block);

    assert_int_equal(evtchn_init_control(A, VCPUS - 1, page, 0), -ENOENT);
    assert_int_equal(evtchn_init_control(A, ~0u, page, 0), -ENOENT);
    assert_int_equal(evtchn_init_control(A, 0, page, limit + 1), -EINVAL);
    assert_int_equal(evtchn_init_control(A, 0, page, ~0u), -EINVAL);
    assert_int_equal(evtchn_init_control(A, 0, page, 4), -EINVAL);
    assert_int_equal(evtchn_init_control(A, 0, foreign, 0), -EINVAL);
    assert_int_equal(evtchn_init_control(A, 0, gfn(~0UL), 0), -EINVAL);
    fake_fail_alloc(1);
    assert_int_equal(evtchn_init_control(A, 0, page, 0), -ENOMEM);
    assert_int_equal(type_count(guest_frame(page)), 0);
    assert_null(A->fifo);
    assert_int_equal(evtchn_port_limit(A), 4096);
    assert_int_equal(evtchn_init_control(A, 0, page, limit & ~7u), 0);
    assert_int_equal(evtchn_init_control(A, 0, page, 0), -EINVAL);              /* has one */
    assert_int_equal(evtchn_init_control(A, 1, page, 0), 0);                    /* may be the same page */
    assert_int_equal(type_count(guest_frame(page)), 2);
    assert_int_equal(evtchn_port_limit(A), 1 << 17);
    audit_all();
}

static void array_errors(void **state)
{
    fifo_up(1, 0);
    assert_int_equal(evtchn_expand_array(A, guest_page(1)), -EINVAL);
    assert_int_equal(evtchn_expand_array(A, gfn(1UL << 50)), -EINVAL);
    for (u32 i = 0; i < 128; i++)
        give_words(0);
    assert_int_equal(evtchn_expand_array(A, guest_page(0)), -ENOSPC);
    audit_all();
    assert_int_equal(evtchn_set_priority(A, new_ipi(A, 0), 16), -EINVAL);
    assert_int_equal(evtchn_set_priority(A, 1, ~0u), -EINVAL);
    assert_int_equal(evtchn_set_priority(A, 1, 15), 0);
}

static void all_ports(void **state)
{
    u32 port;

    fifo_up(1, 128);
    for (u32 i = 1; i < 1 << 17; i++)
        assert_int_equal(evtchn_bind_ipi(A, 0, &port), 0);
    assert_int_equal(port, (1 << 17) - 1);
    assert_int_equal(evtchn_bind_ipi(A, 0, &port), -ENOSPC);
    send((1 << 17) - 1);
    assert_int_equal(take(0), 1);
    assert_int_equal(got_ports[0], (1 << 17) - 1);
}

static void pending_bits_are_carried_over(void **state)
{
    u32 one = new_ipi(A, 0), two = new_ipi(A, 0);

    send(two);
    dom[0].vcpus[0].info->evtchn_upcall_pending = 0;
    fifo_up(1, 1);
    assert_int_equal(take(0), 1);
    assert_int_equal(got_ports[0], two);
    send(one);
    assert_int_equal(take(0), 1);
}

static void events_before_their_words(void **state)
{
    u32 one = new_ipi(A, 0);

    fifo_up(1, 0);
    send(one);
    assert_false(evtchn_port_is_pending(A, one));
    assert_int_equal(evtchn_unmask(A, one), 0);
    assert_int_equal(take(0), 0);
    give_words(0);
    assert_true(evtchn_port_is_pending(A, one));
    assert_int_equal(take(0), 1);
    assert_int_equal(got_ports[0], one);
}

static void closing_forgets_a_latched_event(void **state)
{
    u32 one = new_ipi(A, 0);

    fifo_up(1, 0);
    send(one);
    assert_int_equal(evtchn_close(A, one), 0);
    assert_int_equal(new_ipi(A, 0), one);
    give_words(0);
    assert_int_equal(take(0), 0);
}

/* ---- queues ---- */

static void in_order_of_arrival(void **state)
{
    u32 p[4];

    fifo_up(1, 1);
    for (u32 i = 0; i < 4; i++)
        p[i] = new_ipi(A, 0);
    send(p[2]);
    send(p[0]);
    send(p[0]);
    send(p[3]);
    audit_all();
    assert_int_equal(*word(0, p[2]), W_PENDING | W_LINKED | p[0]);
    assert_int_equal(*word(0, p[3]), W_PENDING | W_LINKED);
    assert_int_equal(control(0)->ready, 1u << 7);
    assert_int_equal(take(0), 3);
    assert_int_equal(got_ports[0], p[2]);
    assert_int_equal(got_ports[1], p[0]);
    assert_int_equal(got_ports[2], p[3]);
    send(p[3]);                                 /* the stale tail again: the queue is empty */
    send(p[1]);
    assert_int_equal(take(0), 2);
    assert_int_equal(take(0), 0);
    audit_all();
}

static void by_priority(void **state)
{
    u32 low, high, middle;

    fifo_up(1, 1);
    low = new_ipi(A, 0), high = new_ipi(A, 0), middle = new_ipi(A, 0);
    assert_int_equal(evtchn_set_priority(A, low, 15), 0);
    assert_int_equal(evtchn_set_priority(A, high, 0), 0);
    send(low);
    send(middle);
    send(high);
    assert_int_equal(take(0), 3);
    assert_int_equal(got_ports[0], high);
    assert_int_equal(got_ports[1], middle);
    assert_int_equal(got_ports[2], low);
    assert_int_equal(got_priority[2], 15);
    assert_int_equal(evtchn_close(A, low), 0);
    assert_int_equal(new_ipi(A, 0), low);       /* reused: default priority again */
    send(low);
    assert_int_equal(take(0), 1);
    assert_int_equal(got_priority[0], 7);
}

static void priority_changes_later(void **state)
{
    u32 one, two;

    fifo_up(1, 1);
    one = new_ipi(A, 0), two = new_ipi(A, 0);
    send(one);
    send(two);
    assert_int_equal(evtchn_set_priority(A, two, 3), 0);
    send(two);                                  /* linked: stays where it is */
    assert_int_equal(take(0), 2);
    assert_int_equal(got_priority[1], 7);
    send(two);                                  /* was queue 7's tail, now goes to queue 3 */
    send(one);
    audit_all();
    assert_int_equal(take(0), 2);
    assert_int_equal(got_ports[0], two);
    assert_int_equal(got_priority[0], 3);
    assert_int_equal(got_ports[1], one);
}

static void moving_to_another_vcpu(void **state)
{
    u32 un = new_unbound(A, 1), remote = connect_to(B, A, un), other;

    fifo_up(3, 1);
    other = new_ipi(A, 0);
    send(other);
    assert_int_equal(evtchn_send(B, remote), 0);
    assert_int_equal(evtchn_bind_vcpu(A, un, 2), 0);
    assert_int_equal(take(0), 2);
    assert_int_equal(evtchn_send(B, remote), 0);            /* was the tail at vcpu 0 */
    send(other);
    audit_all();
    assert_int_equal(take(2), 1);
    assert_int_equal(got_ports[0], un);
    assert_int_equal(take(0), 1);
    assert_int_equal(got_ports[0], other);
}

static void masked_events(void **state)
{
    u32 one;

    fifo_up(1, 1);
    one = new_ipi(A, 0);
    *word(0, one) |= W_MASKED;
    send(one);
    assert_int_equal(*word(0, one), W_MASKED | W_PENDING);
    assert_false(info(A, 0)->evtchn_upcall_pending);
    assert_true(evtchn_port_is_pending(A, one));
    assert_int_equal(evtchn_unmask(A, one), 0);
    assert_int_equal(*word(0, one), W_PENDING | W_LINKED);
    assert_int_equal(take(0), 1);
    *word(0, one) |= W_MASKED;
    assert_int_equal(evtchn_unmask(A, one), 0);             /* nothing pending */
    assert_int_equal(*word(0, one), 0);
    send(one);
    *word(0, one) |= W_MASKED;                              /* masked while linked: skipped, kept for the unmask */
    assert_int_equal(take(0), 0);
    guest_unmask(one);
    assert_int_equal(take(0), 1);
}

static void no_control_block(void **state)
{
    u32 one = new_ipi(A, 5);

    fifo_up(1, 1);
    send(one);
    assert_int_equal(*word(0, one), W_PENDING);             /* not linked anywhere */
    *word(0, one) |= W_MASKED;
    assert_int_equal(evtchn_init_control(A, 5, guest_page(0), 0), 0);
    assert_int_equal(evtchn_unmask(A, one), 0);
    assert_int_equal(take(5), 1);
}

static void a_linked_port_is_not_reused(void **state)
{
    u32 one, two, three;

    fifo_up(1, 1);
    one = new_ipi(A, 0), two = new_ipi(A, 0);
    send(one);
    send(two);
    assert_int_equal(evtchn_close(A, one), 0);
    assert_int_equal(*word(0, one) & (W_PENDING | W_LINKED), W_LINKED);
    three = new_ipi(A, 0);
    assert_int_equal(three, two + 1);
    assert_int_equal(take(0), 1);                           /* the closed one is passed over */
    assert_int_equal(got_ports[0], two);
    assert_int_equal(new_ipi(A, 0), one);
    audit_all();
}

static void polling_fifo(void **state)
{
    struct evtchn_vcpu *v = &dom[0].vcpus[1];
    u32 one;

    fifo_up(2, 1);
    one = new_ipi(A, 1);
    *word(0, one) |= W_MASKED;
    sched_block(v->unit);
    evtchn_poll_begin(v, one);
    send(one);
    assert_false(v->unit->blocked);
}

/* ---- guests that break the rules only hurt themselves ---- */

static void garbage_in_words(void **state)
{
    u32 p[8];

    fifo_up(2, 1);
    for (u32 i = 0; i < 8; i++)
        p[i] = new_ipi(A, i % 2);
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        for (unsigned i = 0; i < 30; i++) {
            *word(0, p[fake_random() % 8]) = (u32)fake_random();
            control(fake_random() % 2)->head[fake_random() % 16] = (u32)fake_random();
            control(fake_random() % 2)->ready = (u32)fake_random();
            send(p[fake_random() % 8]);
            assert_int_equal(evtchn_unmask(A, p[fake_random() % 8]), 0);
            assert_int_equal(evtchn_set_priority(A, p[fake_random() % 8], fake_random() % 16), 0);
        }
        audit_all();
    }
}

/* CPU 1 keeps rewriting the tail's word, so that linking behind it must give up after a bounded number of attempts. */
static u32 fight[2];
static bool fight_over;

static void fight_body(unsigned cpu, void *ctx)
{
    if (cpu == 0) {
        send(fight[1]);
        fight_over = true;
    }
    for (u32 i = 1; cpu == 1 && !fight_over; i++) {
        __atomic_store_n(word(0, fight[0]), W_PENDING | W_LINKED | (i & 1 ? 500 : 501), __ATOMIC_SEQ_CST);
        interleave_point();
    }
}

static void a_tail_that_never_holds_still(void **state)
{
    u32 p;

    fifo_up(1, 1);
    p = new_ipi(A, 0);
    fight[0] = p;
    fight[1] = new_ipi(A, 0);
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        *word(0, fight[0]) = *word(0, fight[1]) = 0;
        send(fight[0]);
        fight_over = false;
        fake_interleave(seed, 2, fight_body, NULL);
        assert_false(*word(0, fight[0]) & W_BUSY);
        audit_all();
    }
}

/* ---- leaving ---- */

static void reset_goes_back(void **state)
{
    gfn_t control_page;
    u32 port;

    fifo_up(2, 3);
    control_page = gfn(frame_of_ptr(control(1)).n);
    for (u32 i = 0; i < 5000; i++)
        port = new_ipi(A, 1);
    send(port);
    send(7);
    while (evtchn_reset(A))
        ;
    assert_null(A->fifo);
    assert_null(control(0));
    assert_int_equal(type_count(guest_frame(control_page)), 0);
    for (u32 i = 0; i < 3; i++)
        assert_int_equal(type_count(guest_frame(word_pages[0][i])), 0);
    assert_int_equal(evtchn_port_limit(A), 4096);
    audit_all();
    evtchn_raise_pirq(A, 5000);                 /* ports beyond the bitmaps are ignored */
    assert_int_equal(evtchn_unmask(A, 5000), 0);
    assert_int_equal(evtchn_send(A, 5000), -EINVAL);
    port = new_ipi(A, 1);
    send(port);
    assert_true(take_2l(A, 1, port));
    fifo_up(1, 1);
    audit_all();
}

/* A late raise, after the ABI changed under it, touches nothing. */
static void late_raises(void **state)
{
    struct evtchn *c;

    fifo_up(1, 5);
    for (u32 i = 0; i < 4200; i++)
        (void)new_ipi(A, 0);
    c = evtchn_lookup(A, 4200);
    while (evtchn_reset(A))
        ;
    evtchn_2l_set_pending(c, &dom[0].vcpus[0]);
    evtchn_2l_unmask(c, &dom[0].vcpus[0]);
    evtchn_2l_clear_pending(c);
    assert_false(evtchn_2l_is_pending(c));
    assert_true(evtchn_2l_is_masked(c));
    evtchn_fifo_set_pending(c, &dom[0].vcpus[0]);
    evtchn_fifo_unmask(c, &dom[0].vcpus[0]);
    evtchn_fifo_clear_pending(c);
    assert_false(evtchn_fifo_is_linked(c));
    assert_true(evtchn_fifo_is_masked(c));
    assert_false(info(A, 0)->evtchn_upcall_pending);
}

static void audit_names(void **state)
{
    u32 one;

    fifo_up(2, 1);
    one = new_ipi(A, 0);
    send(one);
    audit_all();
    evtchn_show(A);
    A->vcpus[0]->queue[7].tail = WORDS * 2;
    assert_string_equal(evtchn_audit(A), "evtchn-fifo-tail");
    A->vcpus[0]->queue[7].tail = one;
    A->vcpus[1]->queue[7].tail = one;
    assert_string_equal(evtchn_audit(A), "evtchn-fifo-tail");
    A->vcpus[1]->queue[7].tail = 0;
    guest_frame(word_pages[0][0])->owner = 1;
    assert_string_equal(evtchn_audit(A), "evtchn-fifo-pages-held");
    guest_frame(word_pages[0][0])->owner = 0;
    frame_entry(frame_of_ptr(control(1)))->owner = 1;
    assert_string_equal(evtchn_audit(A), "evtchn-vcpu-pages-held");
    frame_entry(frame_of_ptr(control(1)))->owner = 0;
    audit_all();
}

/* ---- races: no event is lost ---- */

#define RACERS 4        /* ports */
static u32 racer[RACERS], delivered[RACERS];
static unsigned senders_left;

static void count_got(u32 vcpu, u32 port, u32 priority)
{
    for (u32 i = 0; i < RACERS; i++)
        delivered[i] += racer[i] == port;
}

/* CPUs 0 and 1 send, CPU 2 changes priorities and vcpus, CPU 3 is the guest: consumes, masks, unmasks. */
static void fifo_race_body(unsigned cpu, void *ctx)
{
    for (unsigned i = 0; cpu < 2 && i < 12; i++)
        send(racer[fake_random() % RACERS]);
    for (unsigned i = 0; cpu == 2 && i < 6; i++) {
        assert_int_equal(evtchn_set_priority(A, racer[fake_random() % RACERS], fake_random() % 16), 0);
        (void)!evtchn_bind_vcpu(A, racer[0], fake_random() % 2);
    }
    senders_left -= cpu < 3;
    while (cpu == 3 && senders_left) {
        u32 port = racer[fake_random() % RACERS];

        take_all(0, count_got);
        if (fake_random() % 2) {
            __atomic_fetch_or(word(0, port), W_MASKED, __ATOMIC_SEQ_CST);
            take_all(1, count_got);
            guest_unmask(port);
        }
        interleave_point();
    }
}

static void drain(void)
{
    for (u32 i = 0; i < RACERS; i++)
        guest_unmask(racer[i]);
    for (unsigned i = 0; i < 2; i++) {
        take_all(0, count_got);
        take_all(1, count_got);
    }
}

static void no_event_is_lost(void **state)
{
    u32 first = new_unbound(A, 0);

    fifo_up(2, 1);
    racer[0] = first;
    assert_int_equal(connect_to(A, A, first), first + 1);       /* racer 0: interdomain, movable; sent through its peer */
    for (u32 i = 1; i < RACERS; i++)
        racer[i] = new_ipi(A, i % 2);
    for (u64 seed = fake_seed_first(1500); fake_seed_more(1500, seed); seed++) {
        senders_left = 3;
        fake_interleave(seed, 4, fifo_race_body, NULL);
        drain();
        /* Every queue is empty and every word idle: what was sent has been seen. */
        for (u32 i = 0; i < RACERS; i++)
            assert_int_equal(*word(0, racer[i]) & ~W_LINK, 0);
        audit_all();
        memset(delivered, 0, sizeof(delivered));
        for (u32 i = 1; i < RACERS; i++)
            send(racer[i]);
        drain();
        for (u32 i = 1; i < RACERS; i++)
            assert_int_equal(delivered[i], 1);
    }
}

/* Sends while the guest gives the page of words: latched or linked, never lost. */
static void expand_body(unsigned cpu, void *ctx)
{
    if (cpu == 0)
        give_words(0);
    else
        send(racer[cpu]);
}

static void expand_against_send(void **state)
{
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        fifo_up(1, 0);
        memset(delivered, 0, sizeof(delivered));
        for (u32 i = 0; i < RACERS; i++)
            racer[i] = new_ipi(A, 0);
        fake_interleave(seed, 4, expand_body, NULL);
        take_all(0, count_got);
        for (u32 i = 1; i < RACERS; i++)
            assert_int_equal(delivered[i], 1);
        while (evtchn_reset(A))
            ;
        audit_all();
    }
}

/* Leaving the ABI waits for a CPU that is writing to the guest's pages. */
static void leave_body(unsigned cpu, void *ctx)
{
    for (unsigned i = 0; cpu && i < 10; i++)
        (void)!evtchn_send(B, racer[1]);
    while (!cpu && evtchn_reset(A))
        ;
    for (u32 i = 0; !cpu && i < nr_word_pages[0]; i++)
        memset(guest_mem(word_pages[0][i]), 0x5a, PAGE_SIZE);
}

static void reset_against_send(void **state)
{
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        fifo_up(1, 1);
        racer[0] = new_unbound(A, 1);
        racer[1] = connect_to(B, A, racer[0]);
        fake_interleave(seed, 3, leave_body, NULL);
        for (u32 i = 0; i < PAGE_SIZE; i++)
            assert_int_equal(((u8 *)guest_mem(word_pages[0][0]))[i], 0x5a);
        assert_int_equal(evtchn_close(B, racer[1]), 0);
        audit_all();
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(init_errors), T(array_errors), T(all_ports), T(pending_bits_are_carried_over), T(events_before_their_words),
        T(closing_forgets_a_latched_event), T(in_order_of_arrival), T(by_priority), T(priority_changes_later),
        T(moving_to_another_vcpu), T(masked_events), T(no_control_block), T(a_linked_port_is_not_reused),
        T(polling_fifo), T(garbage_in_words), T(a_tail_that_never_holds_still), T(reset_goes_back), T(late_raises),
        T(audit_names), T(no_event_is_lost), T(expand_against_send), T(reset_against_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
