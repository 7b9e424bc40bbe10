/* SPDX-License-Identifier: MIT */
/* Locks exclude each other in any interleaving and report a wrong order; work bits reach their CPU and handler. */
#include "core_fixture.h"

static spinlock_t lock, other, above;

static int setup(void **state)
{
    spin_lock_init(&lock, RANK_EVTCHN);
    spin_lock_init(&other, RANK_EVTCHN);
    spin_lock_init(&above, RANK_SCHED);
    return core_setup(state);
}

static void lock_and_unlock(void **state)
{
    (void)state;
    spin_lock(&lock);
    assert_true(spin_is_held(&lock));
    assert_false(lock_none_held());
    fake_cpu_set(1);
    assert_false(spin_is_held(&lock));
    assert_false(spin_trylock(&lock));
    fake_cpu_set(0);
    spin_lock(&above);
    spin_unlock(&lock);
    spin_unlock(&above);
    assert_true(lock_none_held());
    assert_true(spin_trylock(&lock));
    spin_unlock(&lock);
}

static void wrong_order_is_reported(void **state)
{
    (void)state;
    spin_lock(&above);
    expect_panic(spin_lock(&lock));
    assert_true(was_shown("lock order: rank"));
    assert_true(lock_none_held());
}

static void two_of_a_rank_only_as_a_pair(void **state)
{
    (void)state;
    spin_lock_pair(&other, &lock);
    assert_true(spin_is_held(&lock) && spin_is_held(&other));
    spin_unlock_pair(&other, &lock);
    spin_lock_pair(&lock, &lock);
    spin_unlock_pair(&lock, &lock);
    assert_true(lock_none_held());
    spin_lock(&lock);
    expect_panic(spin_lock(&other));
}

static void unlocking_what_is_not_held_is_a_bug(void **state)
{
    (void)state;
    expect_panic(spin_unlock(&lock));
}

struct critical { unsigned inside, entered; bool overlap; };

static void enter_often(unsigned cpu, void *ctx)
{
    struct critical *c = ctx;

    for (unsigned i = 0; i < 10; i++) {
        if (cpu == 3 && i % 2) {
            if (!spin_trylock(&lock))
                continue;
        } else if (cpu == 2) {
            spin_lock_pair(&lock, &other);
        } else {
            spin_lock(&lock);
        }
        c->overlap |= c->inside++ != 0;
        interleave_point();
        c->inside--;
        c->entered++;
        if (cpu == 2)
            spin_unlock_pair(&lock, &other);
        else
            spin_unlock(&lock);
    }
}

static void no_two_cpus_hold_a_lock(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(100); fake_seed_more(100, seed); seed++) {
        struct critical c = { 0 };

        fake_interleave(seed, 4, enter_often, &c);
        assert_false(c.overlap);
        assert_in_range(c.entered, 35, 40);
    }
}

static unsigned domains_runs, domains_cpu;
static void domains_handler(void)
{
    domains_runs++;
    domains_cpu = cpu_id();
}

static void work_runs_on_its_cpu(void **state)
{
    (void)state;
    domains_runs = 0;
    work_set_handler(WORK_DOMAINS, domains_handler);
    assert_false(work_pending());
    work_raise_on(2, WORK_DOMAINS);
    work_raise_on(2, WORK_DOMAINS);
    assert_int_equal(fake_cpus[2].ipis[VECTOR_KICK], 1);
    assert_false(work_pending());
    work_run();
    assert_int_equal(domains_runs, 0);
    fake_cpu_set(2);
    assert_true(work_pending());
    work_run();
    assert_int_equal(domains_runs, 1);
    assert_int_equal(domains_cpu, 2);
    work_raise_on(2, WORK_DOMAINS);     /* to itself: no interrupt */
    assert_int_equal(fake_cpus[2].ipis[VECTOR_KICK], 1);
    work_raise(WORK_SCHED);
    work_run();
    assert_int_equal(domains_runs, 2);
    assert_true(work_pending());    /* WORK_SCHED is not for work_run() */
    assert_true(work_take(WORK_SCHED));
    assert_false(work_take(WORK_SCHED));
    work_set_handler(WORK_DOMAINS, NULL);
}

static void raise_at_interrupt(u8 vector)
{
    (void)vector;
    work_raise(WORK_SCHED);
}

static void preemption_points_let_interrupts_in(void **state)
{
    (void)state;
    assert_false(preempt_point());
    preempt_always = true;
    assert_true(preempt_point());
    preempt_always = false;
    fake_irq_handler = raise_at_interrupt;
    cpu_send_ipi(0, VECTOR_KICK);
    assert_true(preempt_point());
    (void)work_take(WORK_SCHED);
    spin_lock(&lock);
    expect_panic((void)preempt_point());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lock_and_unlock, setup),
        cmocka_unit_test_setup(wrong_order_is_reported, setup),
        cmocka_unit_test_setup(two_of_a_rank_only_as_a_pair, setup),
        cmocka_unit_test_setup(unlocking_what_is_not_held_is_a_bug, setup),
        cmocka_unit_test_setup(no_two_cpus_hold_a_lock, setup),
        cmocka_unit_test_setup(work_runs_on_its_cpu, setup),
        cmocka_unit_test_setup(preemption_points_let_interrupts_in, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
