/* SPDX-License-Identifier: MIT */
/* core/work.c: one CPU runs alone while the others stand still where they hold nothing. */
#include "core_fixture.h"

#define SEEDS  500
#define CPUS   4
#define ROUNDS 20

static unsigned inside, alone_runs;

static void look(void)
{
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(inside, 0);
        interleave_point();
    }
    alone_runs++;
}

/* An operation that others must not see half done, then the way out. */
static void operate(void)
{
    inside++;
    interleave_point();
    inside--;
    cpu_irq_window();
    work_run();
}

/* CPUs 0 and 1 look now and then, at the same time if it so happens; all operate. */
static void body(unsigned cpu, void *ctx)
{
    unsigned *busy = ctx;

    for (unsigned i = 0; i < ROUNDS; i++) {
        operate();
        if (cpu < 2 && i % 5 == cpu)
            work_run_alone(look);
    }
    __atomic_sub_fetch(busy, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(busy, __ATOMIC_SEQ_CST)) {      /* idle */
        cpu_relax();
        work_run();
    }
}

static void alone_is_alone(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(SEEDS); fake_seed_more(SEEDS, seed); seed++) {
        unsigned busy = CPUS;

        core_setup(NULL);
        inside = alone_runs = 0;
        fake_interleave(seed, CPUS, body, &busy);
        assert_int_equal(alone_runs, 8);
    }
}

static void with_one_cpu(void **state)
{
    (void)state;
    core_setup(NULL);
    fake_online(1);
    inside = alone_runs = 0;
    work_run_alone(look);
    work_run_alone(look);
    assert_int_equal(alone_runs, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_is_alone),
        cmocka_unit_test(with_one_cpu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
