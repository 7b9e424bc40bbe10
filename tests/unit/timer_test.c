/* SPDX-License-Identifier: MIT */
/* Timers fire in order, once, on their CPU; a random run agrees with a plain array; stopping waits for the handler. */
#include "core_fixture.h"

#define TIMERS 40

static struct timer timers[TIMERS];
static unsigned fired[TIMERS], fired_on[TIMERS], order[TIMERS * 50], nr_fired;

static void note(void *data)
{
    unsigned i = (unsigned)(u64)data;

    fired[i]++;
    fired_on[i] = cpu_id();
    order[nr_fired++ % ARRAY_SIZE(order)] = i;
}

static int setup(void **state)
{
    core_setup(state);
    nr_fired = 0;
    memset(fired, 0, sizeof(fired));
    for (unsigned i = 0; i < TIMERS; i++)
        timer_init(&timers[i], note, (void *)(u64)i, 0);
    return 0;
}

static void fires_in_order(void **state)
{
    (void)state;
    timer_set(&timers[0], 300);
    timer_set(&timers[1], 100);
    timer_set(&timers[2], 200);
    assert_int_equal(timer_next_ns(), 100);
    assert_int_equal(fake_cpus[0].timer_ns, 100);
    assert_int_equal(timer_count(0), 3);
    timer_set(&timers[0], 50);          /* moves */
    fake_time_set(150);
    timer_run();
    assert_int_equal(nr_fired, 2);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 1);
    assert_int_equal(fake_cpus[0].timer_ns, 200);
    timer_stop(&timers[2]);
    timer_stop(&timers[2]);
    assert_int_equal(timer_next_ns(), ~0UL);
    fake_time_set(1000);
    timer_run();
    assert_int_equal(nr_fired, 2);
}

static void the_past_fires_at_once(void **state)
{
    (void)state;
    fake_time_set(1000);
    timer_set(&timers[0], 10);
    assert_true(bit_test(fake_cpus[0].pending, VECTOR_TIMER));
    timer_run();
    assert_int_equal(fired[0], 1);
}

static void other_cpus_are_kicked(void **state)
{
    (void)state;
    timer_migrate(&timers[0], 1);
    timer_set(&timers[0], 500);
    assert_int_equal(fake_cpus[1].ipis[VECTOR_KICK], 1);
    timer_set(&timers[1], 400);
    timer_migrate(&timers[1], 1);
    timer_migrate(&timers[1], 1);
    assert_int_equal(timer_count(0), 0);
    assert_int_equal(timer_count(1), 2);
    fake_cpu_set(1);
    work_run();
    assert_int_equal(fake_cpus[1].timer_ns, 400);
    fake_time_set(600);
    timer_run();
    assert_int_equal(fired_on[0], 1);
    assert_int_equal(fired_on[1], 1);
}

static void again(void *data)
{
    struct timer *t = data;

    nr_fired++;
    timer_set(t, t->expires_ns + 100);
}

static void stop_itself(void *data)
{
    nr_fired++;
    timer_stop(data);
}

static void handlers_may_set_and_stop(void **state)
{
    (void)state;
    timer_init(&timers[0], again, &timers[0], 0);
    timer_set(&timers[0], 100);
    for (u64 t = 100; t <= 500; t += 100) {
        fake_time_set(t);
        timer_run();
    }
    assert_int_equal(nr_fired, 5);
    timer_init(&timers[1], stop_itself, &timers[1], 0);
    timer_stop(&timers[0]);
    timer_set(&timers[1], 600);
    fake_time_set(600);
    timer_run();
    assert_int_equal(nr_fired, 6);
    assert_int_equal(timer_count(0), 0);
}

/* Random sets, stops, moves and time steps against expiry times in an array. */
static void agrees_with_an_array(void **state)
{
    u64 expires[TIMERS], now;
    unsigned cpu_of[TIMERS];

    for (u64 seed = fake_seed_first(50); fake_seed_more(50, seed); seed++) {
        setup(state);
        now = 0;
        memset(expires, 0xff, sizeof(expires));
        memset(cpu_of, 0, sizeof(cpu_of));
        for (unsigned step = 0; step < 400; step++) {
            unsigned i = (unsigned)(fake_random() % TIMERS);

            switch (fake_random() % 5) {
            case 0:
            case 1:
                expires[i] = now + fake_random() % 1000;
                timer_set(&timers[i], expires[i]);
                break;
            case 2:
                expires[i] = ~0UL;
                timer_stop(&timers[i]);
                break;
            case 3:
                cpu_of[i] = (unsigned)(fake_random() % 3);
                timer_migrate(&timers[i], cpu_of[i]);
                break;
            case 4:
                now += fake_random() % 200;
                fake_time_set(now);
                for (unsigned cpu = 0; cpu < 3; cpu++) {
                    u64 last = 0;

                    nr_fired = 0;
                    fake_cpu_set(cpu);
                    timer_run();
                    for (unsigned n = 0; n < nr_fired; n++) {
                        assert_true(expires[order[n]] <= now && expires[order[n]] >= last);
                        assert_int_equal(cpu_of[order[n]], cpu);
                        last = expires[order[n]];
                        expires[order[n]] = ~0UL;
                    }
                }
                fake_cpu_set(0);
                for (unsigned n = 0; n < TIMERS; n++)
                    assert_true(expires[n] > now);
                break;
            }
        }
        for (unsigned n = 0; n < TIMERS; n++)
            assert_int_equal(timers[n].armed, expires[n] != ~0UL);
    }
}

struct stop_race { bool inside, stopped; unsigned late; struct timer t; };

static void slow_handler(void *data)
{
    struct stop_race *r = data;

    r->inside = true;
    r->late += r->stopped;
    interleave_point();
    interleave_point();
    timer_set(&r->t, 0);
    r->inside = false;
}

static void stop_or_run(unsigned cpu, void *ctx)
{
    struct stop_race *r = ctx;

    if (cpu == 1) {
        for (unsigned i = 0; i < 5; i++)
            timer_run();
        return;
    }
    interleave_point();
    timer_stop(&r->t);
    assert_false(r->inside);
    assert_false(r->t.armed);
    r->stopped = true;
}

static void stopping_waits_for_the_handler(void **state)
{
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        struct stop_race r = { 0 };

        core_setup(state);
        timer_init(&r.t, slow_handler, &r, 1);
        timer_set(&r.t, 0);
        fake_interleave(seed, 2, stop_or_run, &r);
        assert_int_equal(r.late, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fires_in_order, setup),
        cmocka_unit_test_setup(the_past_fires_at_once, setup),
        cmocka_unit_test_setup(other_cpus_are_kicked, setup),
        cmocka_unit_test_setup(handlers_may_set_and_stop, setup),
        cmocka_unit_test_setup(agrees_with_an_array, setup),
        cmocka_unit_test_setup(stopping_waits_for_the_handler, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
