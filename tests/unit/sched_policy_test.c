/* SPDX-License-Identifier: MIT */
/* What is particular to a policy: null's CPUs that belong to a unit; credit's rate limit, yield, caps and debug key. */
#include "sched_fixture.h"

static void run_for(unsigned cpus, u64 ns)
{
    for (u64 t = 0; t < ns; t += 100000) {
        fake_time_advance(100000);
        sim_settle(cpus);
    }
}

static void block_on(unsigned cpus, unsigned cpu)
{
    fake_cpu_set(cpu);
    sched_block(on_cpu[cpu]);
    sim_settle(cpus);
}

static struct sched_unit *who_waits(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (units[i].queued)
            return &units[i];
    return NULL;
}

/* ---- null ---- */

static void null_keeps_a_cpu_for_its_unit(void **state)
{
    struct sched_unit *first, *second;

    (void)state;
    sim_start_with("null", 2, 2);
    first = on_cpu[0];
    second = on_cpu[1];
    assert_true(first && second && timer_count(0) == 0);
    block_on(2, 0);
    block_on(2, 1);
    fake_cpu_set(0);                                /* CPU 0 is idle, too */
    sched_wake(second);
    sim_settle(2);
    assert_ptr_equal(on_cpu[1], second);
    assert_null(on_cpu[0]);
    sched_wake(first);
    sim_settle(2);
    assert_ptr_equal(on_cpu[0], first);
}

static void null_lets_others_wait(void **state)
{
    struct sched_unit *waits, *runs;

    (void)state;
    sim_start_with("null", 2, 3);
    waits = who_waits(3);
    assert_non_null(waits);
    run_for(2, 100000000);
    assert_true(waits->queued);
    runs = on_cpu[0];
    fake_cpu_set(0);
    sched_yield_current();
    sim_settle(2);
    assert_ptr_equal(on_cpu[0], runs);
    block_on(2, 0);
    assert_true(waits->queued);
    assert_null(on_cpu[0]);
    sched_pause(runs);                              /* gives up its CPU */
    sim_settle(2);
    assert_ptr_equal(on_cpu[0], waits);
    sched_unpause(runs);
    sched_wake(runs);
    sim_settle(2);
    assert_true(runs->queued);
    assert_null(sched_audit());
}

static void null_obeys_affinity(void **state)
{
    cpumask_t second = { { 2 } };
    struct sched_unit *runs, *other;

    (void)state;
    sim_start_with("null", 2, 2);
    runs = on_cpu[0];
    other = on_cpu[1];
    assert_int_equal(sched_set_affinity(runs, &second), 0);
    sim_settle(2);
    assert_true(runs->queued && !on_cpu[0]);
    sched_pause(other);
    sim_settle(2);
    assert_ptr_equal(on_cpu[1], runs);
    sched_unpause(other);
    sim_settle(2);
    assert_ptr_equal(on_cpu[0], other);
}

/* ---- credit ---- */

static void woken_one_waits_for_the_rate_limit(void **state)
{
    struct sched_unit *sleeper, *hog;

    (void)state;
    sim_start_with("credit", 1, 2);
    sleeper = on_cpu[0];
    block_on(1, 0);
    hog = on_cpu[0];
    run_for(1, 20000000);
    sched_wake(sleeper);
    sim_settle(1);
    assert_ptr_equal(on_cpu[0], sleeper);           /* hog has run for more than that */
    block_on(1, 0);
    run_for(1, 300000);
    sched_wake(sleeper);
    sim_settle(1);
    assert_ptr_equal(on_cpu[0], hog);
    run_for(1, 600000);
    assert_ptr_equal(on_cpu[0], hog);
    run_for(1, 200000);
    assert_ptr_equal(on_cpu[0], sleeper);
    shown_clear();
    sched_show();
    assert_true(was_shown("d1v1 waits") && was_shown("d1v0 runs"));
    assert_true(was_shown("weight 256, cap 0, credit"));
    assert_true(was_shown("<       1 us: 1"));      /* the first time */
    assert_true(was_shown("<    1024 us: 1"));
}

static void yield_goes_behind_others(void **state)
{
    struct sched_unit *first;

    (void)state;
    sim_start_with("credit", 1, 2);
    first = on_cpu[0];
    sched_yield_current();
    sim_settle(1);
    assert_ptr_not_equal(on_cpu[0], first);         /* though nobody has more credit */
    sched_yield_current();
    sim_settle(1);
    assert_ptr_equal(on_cpu[0], first);
}

static void weights_out_of_range(void **state)
{
    struct sched_domain d;
    u32 weight, cap;

    (void)state;
    sim_start_with("credit", 1, 0);
    sched_domain_init(&d, 0);
    assert_int_equal(sched_domain_set(&d, SCHED_WEIGHT_MAX, 800), 0);
    assert_int_equal(sched_domain_set(&d, 0, 10), -EINVAL);
    assert_int_equal(sched_domain_set(&d, SCHED_WEIGHT_MAX + 1, 10), -EINVAL);
    sched_domain_get(&d, &weight, &cap);
    assert_true(weight == SCHED_WEIGHT_MAX && cap == 800);
}

/* Who used up its cap leaves the CPU idle; nothing of it is left behind when the domain goes. */
static void a_cap_stops_and_refills(void **state)
{
    struct sched_domain d;
    u64 ran;

    (void)state;
    sim_start_with("credit", 1, 0);
    sched_domain_init(&d, 0);
    sched_unit_join(&units[0], &d);
    assert_int_equal(sched_domain_set(&d, 256, 10), 0);
    sched_unpause(&units[0]);
    sim_settle(1);
    run_for(1, 300000000);
    ran = sched_run_ns(&units[0]);
    assert_true(ran >= 29000000 && ran <= 34000000);
    while (on_cpu[0])
        run_for(1, 100000);
    assert_true(units[0].queued && timer_count(0) == 1);
    sched_pause(&units[0]);
    sim_settle(1);
    sched_domain_fini(&d);
    assert_int_equal(timer_count(0), 0);
}

/* migration_delay_us: who has waited for less stays where it waits. */
static void waiting_units_move_when_the_delay_is_over(void **state)
{
    struct sched_params p = { .slice_ms = 30, .ratelimit_us = 1000, .migration_delay_us = 100000 };
    u64 moved[2];

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        unsigned home[3];

        sim_start_with("credit", 2, 3);
        assert_int_equal(sched_params_set(&p), 0);
        moved[round] = 0;
        for (unsigned t = 0; t < 1000; t++) {
            for (unsigned i = 0; i < 3; i++)
                home[i] = units[i].cpu;
            run_for(2, 1000000);
            for (unsigned i = 0; i < 3; i++)
                moved[round] += home[i] != units[i].cpu;
        }
        p.migration_delay_us = 0;
        assert_int_equal(sched_params_set(&p), 0);
    }
    assert_int_equal(moved[0], 0);
    assert_true(moved[1] > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_keeps_a_cpu_for_its_unit),
        cmocka_unit_test(null_lets_others_wait),
        cmocka_unit_test(null_obeys_affinity),
        cmocka_unit_test(woken_one_waits_for_the_rate_limit),
        cmocka_unit_test(yield_goes_behind_others),
        cmocka_unit_test(weights_out_of_range),
        cmocka_unit_test(a_cap_stops_and_refills),
        cmocka_unit_test(waiting_units_move_when_the_delay_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
