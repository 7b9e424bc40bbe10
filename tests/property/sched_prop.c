/* SPDX-License-Identifier: MIT */
/*
 * Random wake-ups, blocks, pauses, affinities, yields and time on several CPUs against a model. Whenever the CPUs have
 * nothing left to do: each unit runs on at most one CPU, only if it wants to and may; no CPU idles while a unit that may
 * run there waits; time is charged once; and nobody waits longer than others' turns explain.
 */
#include "../unit/sched_fixture.h"

#define CPUS  3
#define STEPS 400
#define USED  5                         /* few enough that CPUs idle now and then */
#define PATIENCE_NS 2000000000UL        /* far above UNITS turns of any policy */

static struct model { bool blocked; unsigned pauses; u64 waiting_since; } model[UNITS];

static unsigned rnd(unsigned n) { return (unsigned)(fake_random() % n); }
static bool wants(unsigned i) { return !model[i].blocked && !model[i].pauses; }
static bool may(unsigned i, unsigned cpu) { return cpumask_test(&units[i].affinity, cpu); }

static unsigned cpu_running(const struct sched_unit *u)
{
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        if (on_cpu[cpu] == u)
            return cpu;
    return CPUS;
}

static void check(void)
{
    for (unsigned i = 0; i < UNITS; i++) {
        unsigned cpu = cpu_running(&units[i]);

        if (cpu < CPUS)
            assert_true(wants(i) && may(i, cpu) && units[i].cpu == cpu);
        if (cpu < CPUS || !wants(i))
            model[i].waiting_since = time_now_ns();
        if (time_now_ns() - model[i].waiting_since > PATIENCE_NS)
            fail_msg("unit %u starves", i);
        for (unsigned other = 0; cpu == CPUS && wants(i) && other < CPUS; other++)
            if (!on_cpu[other] && may(i, other))
                fail_msg("CPU %u idles while unit %u waits", other, i);
    }
    assert_null(sched_audit());
}

/* ---- operations ---- */

static void op_wake(unsigned i)
{
    fake_cpu_set(rnd(CPUS));
    sched_wake(&units[i]);
    model[i].blocked = false;
}

static void op_block(unsigned i)
{
    unsigned cpu = cpu_running(&units[i]);

    if (cpu == CPUS)
        return;
    fake_cpu_set(cpu);
    sched_block(&units[i]);
    model[i].blocked = true;
}

static void op_pause(unsigned i)
{
    fake_cpu_set(rnd(CPUS));
    if (model[i].pauses < 3) {
        sched_pause(&units[i]);
        model[i].pauses++;
    }
}

static void op_unpause(unsigned i)
{
    fake_cpu_set(rnd(CPUS));
    if (model[i].pauses) {
        sched_unpause(&units[i]);
        model[i].pauses--;
    }
}

static void op_affinity(unsigned i)
{
    cpumask_t mask = { { 1 + rnd((1 << (CPUS + 1)) - 1) } };        /* bit CPUS: a CPU that there is not */
    bool none = !(mask.w[0] & ((1 << CPUS) - 1));

    fake_cpu_set(rnd(CPUS));
    assert_int_equal(sched_set_affinity(&units[i], &mask), none ? -EINVAL : 0);
    assert_int_equal(sched_set_soft_affinity(&units[i], &mask), 0);
}

static void op_yield(unsigned i)
{
    unsigned cpu = cpu_running(&units[i]);

    if (cpu == CPUS)
        return;
    fake_cpu_set(cpu);
    sched_yield_current();
}

static void op_time(unsigned i)
{
    (void)i;
    fake_time_advance(1000000UL * (1 + rnd(40)));
}

static void (*const ops[])(unsigned i) = {
    op_wake, op_wake, op_block, op_block, op_pause, op_unpause, op_unpause, op_affinity, op_yield, op_time, op_time, op_time,
};

static void sequences(void **state)
{
    for (u64 seed = fake_seed_first(150); fake_seed_more(150, seed); seed++) {
        u64 used = 0, idle = 0;

        sim_start_with(*state, CPUS, 0);
        for (unsigned i = 0; i < UNITS; i++)
            model[i] = (struct model){ .pauses = 1 };
        fake_random_seed(seed);
        for (unsigned step = 0; step < STEPS; step++) {
            ops[rnd(ARRAY_SIZE(ops))](rnd(USED));
            sim_settle(CPUS);
            check();
        }
        for (unsigned cpu = 0; cpu < CPUS; cpu++)
            idle += sched_idle_ns(cpu);
        for (unsigned i = 0; i < UNITS; i++)
            used += sched_run_ns(&units[i]);
        assert_int_equal(used + idle, CPUS * time_now_ns());    /* each nanosecond was somebody's */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(sequences, "rr"),
        cmocka_unit_test_prestate(sequences, "credit"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
