/* SPDX-License-Identifier: MIT */
/* Placement, blocking, pausing, affinity, preemption by woken units, slices, stealing; each audit rule. */
#include <core/counters.h>
#include <xen/domctl.h>

#include "sched_fixture.h"

#define SLICE_NS 20000000UL

static void idle_machine_runs_nothing(void **state)
{
    (void)state;
    sim_start(4, 0);
    for (unsigned cpu = 0; cpu < 4; cpu++)
        assert_null(on_cpu[cpu]);
    assert_null(sched_audit());
    sched_yield_current();
    assert_false(work_pending());
}

static void units_spread_over_idle_cpus(void **state)
{
    (void)state;
    sim_start(4, 4);
    for (unsigned cpu = 0; cpu < 4; cpu++)
        assert_non_null(on_cpu[cpu]);
    assert_null(sched_audit());
    sched_unpause(&units[4]);
    sim_settle(4);
    assert_true(units[4].queued || units[4].running);
    shown_clear();
    sched_show();
    assert_true(was_shown("scheduler rr"));
    assert_true(was_shown("1 waiting"));
}

/* Runs CPU 0 for ns in steps of 1 ms. */
static void run_for(u64 ns)
{
    for (u64 t = 0; t < ns; t += 1000000) {
        fake_time_advance(1000000);
        sim_exit();
    }
}

static void turns_are_equal(void **state)
{
    (void)state;
    sim_start(1, 3);
    run_for(30 * 3 * SLICE_NS);
    work_raise(WORK_SCHED);
    sim_exit();
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(units[i].run_ns, 29 * SLICE_NS, 31 * SLICE_NS);
    assert_int_equal(units[0].run_ns + units[1].run_ns + units[2].run_ns, 90 * SLICE_NS);
}

static void alone_there_is_no_tick(void **state)
{
    (void)state;
    sim_start(1, 1);
    assert_int_equal(timer_count(0), 0);
    sched_yield_current();
    assert_false(work_pending());
    sched_unpause(&units[1]);
    sim_exit();
    assert_int_equal(timer_count(0), 1);
}

static void blocking_and_waking(void **state)
{
    (void)state;
    sim_start(1, 1);
    sched_block(&units[0]);
    sim_exit();
    assert_null(on_cpu[0]);
    assert_false(sched_is_running(&units[0]));
    sched_wake(&units[0]);
    sched_wake(&units[0]);
    sim_exit();
    assert_ptr_equal(on_cpu[0], &units[0]);
    sched_block(&units[0]);
    sched_wake(&units[0]);      /* before the exit path: goes on */
    sim_exit();
    assert_ptr_equal(on_cpu[0], &units[0]);
}

static void woken_unit_preempts_and_pays(void **state)
{
    u64 before;

    (void)state;
    sim_start(1, 2);
    struct sched_unit *hog = on_cpu[0], *sleeper = hog == &units[0] ? &units[1] : &units[0];

    sched_yield_current();
    sim_exit();
    assert_ptr_equal(on_cpu[0], sleeper);
    for (unsigned i = 0; i < 100; i++) {            /* wakes at once, works 1 ms of each 2 */
        if (on_cpu[0] == sleeper)
            sched_block(sleeper);
        sim_exit();
        run_for(1000000);
        sched_wake(sleeper);
        sim_exit();
        if (i < 5)
            assert_ptr_equal(on_cpu[0], sleeper);
        run_for(1000000);
    }
    assert_in_range(hog->run_ns, 90000000, 140000000);
    assert_in_range(sleeper->run_ns, 60000000, 110000000);
    sched_block(sleeper);
    sim_exit();
    run_for(3 * SLICE_NS);
    before = sleeper->run_ns;
    sched_wake(sleeper);                            /* has slept a turn: a new one */
    sim_exit();
    assert_ptr_equal(on_cpu[0], sleeper);
    run_for(2 * SLICE_NS);
    assert_true(sleeper->run_ns - before >= SLICE_NS);
}

static void yield_lets_the_others_go_first(void **state)
{
    (void)state;
    sim_start(1, 3);
    struct sched_unit *first = on_cpu[0];

    sched_yield_current();
    sim_exit();
    assert_ptr_not_equal(on_cpu[0], first);
    sched_yield_current();
    sim_exit();
    assert_ptr_not_equal(on_cpu[0], first);
    sched_yield_current();
    sim_exit();
    assert_ptr_equal(on_cpu[0], first);
}

static void pausing_nests(void **state)
{
    (void)state;
    sim_start(1, 2);
    struct sched_unit *u = on_cpu[0];

    sched_pause(u);
    assert_true(sched_is_running(u));       /* returns at once */
    sim_exit();
    assert_false(sched_is_running(u));
    sched_pause(u);
    sched_unpause(u);
    sim_exit();
    assert_ptr_not_equal(on_cpu[0], u);
    sched_unpause(u);
    assert_true(u->queued);
    sched_pause(u);
    assert_false(u->queued);
    sched_wake(u);
    assert_false(u->queued);
    sched_unit_fini(u);
    expect_panic(sched_unit_fini(on_cpu[0]));
}

static void affinity_is_obeyed(void **state)
{
    cpumask_t mask = { { 0 } };

    (void)state;
    sim_start(4, 1);
    struct sched_unit *u = &units[0];

    assert_int_equal(sched_set_affinity(u, &mask), -EINVAL);
    cpumask_set(&mask, 7);                  /* not online */
    assert_int_equal(sched_set_affinity(u, &mask), -EINVAL);
    cpumask_set(&mask, 3);
    assert_int_equal(sched_set_affinity(u, &mask), 0);
    sim_settle(4);
    assert_ptr_equal(on_cpu[3], u);
    for (unsigned i = 1; i < 5; i++) {
        assert_int_equal(sched_set_affinity(&units[i], &mask), 0);
        sched_unpause(&units[i]);
    }
    sim_settle(4);
    assert_null(on_cpu[0]);
    assert_null(on_cpu[1]);
    assert_null(on_cpu[2]);
    assert_null(sched_audit());
    cpumask_clear(&mask, 3);
    cpumask_set(&mask, 1);
    for (unsigned i = 1; i < 5; i++)        /* queued ones move, too */
        assert_int_equal(sched_set_affinity(&units[i], &mask), 0);
    sim_settle(4);
    assert_non_null(on_cpu[1]);
    assert_ptr_equal(on_cpu[3], u);
    assert_null(sched_audit());
}

static void idle_cpu_steals(void **state)
{
    (void)state;
    sim_start(2, 3);
    unsigned waiting = units[0].queued ? 0 : units[1].queued ? 1 : 2;
    unsigned other = !units[waiting].cpu;

    fake_cpu_set(other);
    sched_block(on_cpu[other]);
    sim_exit();
    assert_ptr_equal(on_cpu[other], &units[waiting]);
    assert_null(sched_audit());
}

static void unknown_policy_falls_back(void **state)
{
    (void)state;
    sim_start(1, 0);
    keys_init();
    sched_init("best");
    assert_true(was_shown("sched=best: no such scheduler; using credit; there are: credit rr null"));
    assert_string_equal(sched_name(), "credit");
    assert_int_equal(sched_abi_id(), XEN_SCHEDULER_CREDIT);
    shown_clear();
    keys_init();
    sched_init("null");
    assert_string_equal(sched_name(), "null");
    assert_int_equal(sched_abi_id(), XEN_SCHEDULER_NULL);
    keys_init();
    sched_init("rr");
    assert_string_equal(sched_name(), "rr");
    assert_int_equal(sched_abi_id(), XEN_SCHEDULER_NULL);
    assert_false(was_shown("no such scheduler"));
}

static void audit_names_what_is_broken(void **state)
{
    (void)state;
    sim_start(1, 3);
    struct sched_queue *q = sched_queue_of(0);
    struct sched_unit *u = sched_queue_first(q);

    assert_null(sched_audit());
    u->queued = false;
    assert_string_equal(sched_audit(), "sched-waiting-queued");
    u->queued = u->running = true;
    assert_string_equal(sched_audit(), "sched-waiting-not-running");
    u->running = false;
    u->blocked = true;
    assert_string_equal(sched_audit(), "sched-waiting-runnable");
    u->blocked = false;
    cpumask_clear(&u->affinity, 0);
    assert_string_equal(sched_audit(), "sched-waiting-allowed");
    cpumask_set(&u->affinity, 0);
    q->waiting++;
    assert_string_equal(sched_audit(), "sched-waiting-counted");
    q->waiting--;
    q->curr->running = false;
    assert_string_equal(sched_audit(), "sched-current-runs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_machine_runs_nothing),
        cmocka_unit_test(units_spread_over_idle_cpus),
        cmocka_unit_test(turns_are_equal),
        cmocka_unit_test(alone_there_is_no_tick),
        cmocka_unit_test(blocking_and_waking),
        cmocka_unit_test(woken_unit_preempts_and_pays),
        cmocka_unit_test(yield_lets_the_others_go_first),
        cmocka_unit_test(pausing_nests),
        cmocka_unit_test(affinity_is_obeyed),
        cmocka_unit_test(idle_cpu_steals),
        cmocka_unit_test(unknown_policy_falls_back),
        cmocka_unit_test(audit_names_what_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
