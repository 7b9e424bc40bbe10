/* SPDX-License-Identifier: MIT */
/*
 * What the credit scheduler promises, on machines of any number of CPUs with seeded weights, caps, affinities and loads.
 * The model is the ideal that hands out CPU time in infinitely small pieces: each unit gets a share by its weight, but
 * no more than one CPU, and what is left over goes to the others in the same way.
 */
#include "../unit/sched_fixture.h"

#define SECONDS   10
#define SLICES_NS 60000000.0    /* who is just at the start or the end of a slice may have that much more or less */

static struct sched_domain domains[UNITS];
static u64 before[UNITS], started_ns;
static unsigned nr_cpus;

static unsigned rnd(unsigned n) { return (unsigned)(fake_random() % n); }

/* About a millisecond; CPUs look at their work in any order. */
static void step(void)
{
    unsigned first = rnd(nr_cpus);

    fake_time_advance(500000 + fake_random() % 1000000);
    for (unsigned i = 0; i < nr_cpus; i++) {
        fake_cpu_set((first + i) % nr_cpus);
        sim_exit();
    }
    sim_settle(nr_cpus);
}

static void machine(unsigned cpus)
{
    nr_cpus = cpus;
    sim_start_with("credit", cpus, 0);
    for (unsigned i = 0; i < UNITS; i++)
        sched_domain_init(&domains[i], i % cpus);
}

static void hog(unsigned i, unsigned domain)
{
    sched_unit_join(&units[i], &domains[domain]);
    sched_unpause(&units[i]);
    sim_settle(nr_cpus);
}

static void weigh(unsigned i, u32 weight, u32 cap) { assert_int_equal(sched_domain_set(&domains[i], weight, cap), 0); }

/* To the far end of what the start has to do with; then the measurement begins. */
static void warm_up(void)
{
    u64 end = time_now_ns() + 500000000UL;

    while (time_now_ns() < end)
        step();
    started_ns = time_now_ns();
    for (unsigned i = 0; i < UNITS; i++)
        before[i] = sched_run_ns(&units[i]);
}

static void measure(unsigned seconds)
{
    while (time_now_ns() < started_ns + seconds * 1000000000UL)
        step();
    assert_null(sched_audit());
}

static double ran(unsigned i) { return (double)(sched_run_ns(&units[i]) - before[i]); }
static double span(void) { return (double)(time_now_ns() - started_ns); }

static void assert_share(unsigned i, double want, double within)
{
    double error = ran(i) - want * span();

    if (error > want * span() * within + SLICES_NS || -error > want * span() * within + SLICES_NS)
        fail_msg("unit %u (weight %u) got %.4f of a CPU instead of %.4f", i, domains[i].weight, ran(i) / span(), want);
}

/* ---- weights ---- */

static void ideal(unsigned n, double cpus, double *share)
{
    bool full[UNITS] = { false }, again = true;

    while (again) {
        double left = cpus, sum = 0;

        again = false;
        for (unsigned i = 0; i < n; i++) {
            left -= full[i];
            sum += full[i] ? 0 : domains[i].weight;
        }
        for (unsigned i = 0; i < n; i++) {
            share[i] = full[i] ? 1 : domains[i].weight * left / sum;
            again |= share[i] > 1;
            full[i] |= share[i] > 1;
        }
    }
}

static void assert_ideal(unsigned n, double within)
{
    double share[UNITS], total = 0;

    ideal(n, min(nr_cpus, n), share);
    for (unsigned i = 0; i < n; i++) {
        assert_share(i, share[i], within);
        total += ran(i);
    }
    assert_true(total > 0.999 * span() * min(nr_cpus, n));      /* work-conserving */
}

static void one_two_four(void **state)
{
    (void)state;
    machine(1);
    for (unsigned i = 0; i < 3; i++) {
        weigh(i, 128u << i, 0);
        hog(i, i);
    }
    warm_up();
    measure(20);
    for (unsigned i = 0; i < 3; i++)
        assert_true(ran(i) > 0.96 * span() * (1 << i) / 7 && ran(i) < 1.04 * span() * (1 << i) / 7);
}

static void seven_on_four(void **state)
{
    (void)state;
    machine(4);
    for (unsigned i = 0; i < 7; i++)
        hog(i, i);
    warm_up();
    measure(SECONDS);
    for (unsigned i = 0; i < 7; i++)
        assert_true(ran(i) > 0.95 * span() * 4 / 7 && ran(i) < 1.05 * span() * 4 / 7);
}

static void any_weights(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(40); fake_seed_more(40, seed); seed++) {
        unsigned cpus = 1 + rnd(4), n = cpus + 1 + rnd(UNITS - cpus - 3);

        machine(cpus);
        fake_random_seed(seed);
        for (unsigned i = 0; i < n; i++) {
            weigh(i, 64 + rnd(1000), 0);
            hog(i, i);
        }
        warm_up();
        measure(SECONDS);
        assert_ideal(n, cpus == 1 ? 0.04 : 0.10);
    }
}

/* Weights of those who are there change, and some come and go. */
static void changes_take_effect(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(20); fake_seed_more(20, seed); seed++) {
        unsigned n;

        machine(1 + rnd(4));
        for (unsigned i = 0; i < 8; i++)
            hog(i, i);
        warm_up();
        measure(1);
        n = nr_cpus + rnd(9 - nr_cpus);
        for (unsigned i = 0; i < 8; i++) {
            weigh(i, 128u << rnd(4), 0);
            if (i >= n)
                sched_pause(&units[i]);
        }
        warm_up();
        measure(SECONDS);
        assert_ideal(n, nr_cpus == 1 ? 0.04 : 0.10);
    }
}

static cpumask_t only(unsigned cpu)
{
    cpumask_t mask = { { 0 } };

    cpumask_set(&mask, cpu);
    return mask;
}

/* Units that may not go elsewhere share their CPU by weight, whatever others have. */
static void pinned_units_share_their_cpu(void **state)
{
    (void)state;
    for (unsigned busy = 3; busy <= 8; busy++) {
        cpumask_t mask = only(1);

        machine(4);
        for (unsigned i = 0; i < busy; i++) {
            weigh(i, 128u << i % 3, 0);
            if (i < 3)
                assert_int_equal(sched_set_affinity(&units[i], &mask), 0);
            hog(i, i);
        }
        warm_up();
        measure(20);
        for (unsigned i = 0; i < 3; i++)
            assert_share(i, (1 << i) / 7.0, 0.04);
    }
}

/* ---- caps ---- */

static void caps_are_kept(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(30); fake_seed_more(30, seed); seed++) {
        unsigned vcpus = 1 + rnd(3), cap, others;
        double got = 0, all = 0;

        machine(1 + rnd(4));
        others = rnd(6);
        cap = 5 + rnd(min(vcpus, nr_cpus) * 90);
        for (unsigned i = 0; i < vcpus; i++)
            hog(i, 0);
        weigh(0, 65535, cap);           /* more than enough weight: the cap is what limits */
        for (unsigned i = 0; i < others; i++)
            hog(vcpus + i, 1 + i);
        warm_up();
        measure(SECONDS);
        for (unsigned i = 0; i < vcpus + others; i++) {
            got += i < vcpus ? ran(i) : 0;
            all += ran(i);
        }
        if (got > span() * cap * 1.02 / 100 || got < span() * cap * 0.98 / 100)
            fail_msg("seed %lu: %.4f of a CPU with a cap of %u %%, %u vcpus on %u CPUs", (unsigned long)seed, got / span(), cap,
                     vcpus, nr_cpus);
        if (others >= nr_cpus)
            assert_true(all > 0.999 * span() * nr_cpus);        /* nobody idles for a cap */
    }
}

static void a_cap_that_ends(void **state)
{
    (void)state;
    machine(1);
    weigh(0, 256, 10);
    hog(0, 0);
    hog(1, 1);
    warm_up();
    measure(5);
    assert_share(0, 0.10, 0.02);
    weigh(0, 256, 0);
    warm_up();
    measure(SECONDS);
    assert_share(0, 0.50, 0.04);        /* not more, to catch up */
    weigh(0, 256, 10);
    sched_pause(&units[1]);
    warm_up();
    measure(5);
    assert_share(0, 0.10, 0.02);
    assert_true(sched_idle_ns(0) > 0);
}

/* ---- sleepers ---- */

/* Works for work_ns at a time, then sleeps for sleep_ns; hogs fill the machine. Returns the longest wait to run. */
static u64 sleeper_runs(unsigned hogs, u64 work_ns, u64 sleep_ns, unsigned rounds)
{
    u64 worst = 0;

    for (unsigned i = 1; i <= hogs; i++)
        hog(i, i);
    hog(0, 0);
    warm_up();
    for (unsigned round = 0; round < rounds; round++) {
        u64 done = units[0].run_ns + work_ns, woken, wake;

        while (sched_run_ns(&units[0]) < done)
            step();
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
            if (on_cpu[cpu] == &units[0]) {
                fake_cpu_set(cpu);
                sched_block(&units[0]);
            }
        sim_settle(nr_cpus);
        if (!units[0].blocked)          /* waits: it will do its next round at once */
            continue;
        wake = time_now_ns() + sleep_ns;
        while (time_now_ns() < wake)
            step();
        woken = time_now_ns();
        fake_cpu_set(rnd(nr_cpus));
        sched_wake(&units[0]);
        sim_settle(nr_cpus);
        while (!sched_is_running(&units[0]))
            step();
        if (round >= 10)                /* what it had to pay for the start is paid */
            worst = max(worst, time_now_ns() - woken);
    }
    return worst;
}

static void who_needs_little_runs_at_once(void **state)
{
    (void)state;
    for (unsigned cpus = 1; cpus <= 4; cpus++) {
        machine(cpus);
        assert_true(sleeper_runs(3 * cpus, 1000000, 20000000, 200) <= 3000000);     /* rate limit, and our steps */
    }
}

/* Sleeping earns nothing: who wants more than its share gets its share. */
static void sleeping_is_no_trick(void **state)
{
    (void)state;
    machine(1);
    (void)sleeper_runs(2, 20000000, 5000000, 300);
    assert_true(ran(0) < 0.40 * span());
    assert_true(ran(0) > 0.30 * span());
}

/* ---- nobody starves; affinities ---- */

static void nobody_starves(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(30); fake_seed_more(30, seed); seed++) {
        u64 since[UNITS] = { 0 };
        unsigned n = 10;

        machine(1 + rnd(4));
        fake_random_seed(seed);
        for (unsigned i = 0; i < n; i++) {
            weigh(i, 128u << rnd(3), 0);
            hog(i, i);
        }
        for (unsigned t = 0; t < 8000; t++) {
            unsigned who = rnd(n);
            cpumask_t mask = { { 1 + rnd((1 << nr_cpus) - 1) } };

            if (t % 100 == 0) {
                fake_cpu_set(rnd(nr_cpus));
                assert_int_equal(sched_set_affinity(&units[who], &mask), 0);
                assert_int_equal(sched_set_soft_affinity(&units[rnd(n)], &mask), 0);
                sim_settle(nr_cpus);
            }
            step();
            for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
                if (on_cpu[cpu]) {
                    since[on_cpu[cpu] - units] = time_now_ns();
                    assert_true(cpumask_test(&on_cpu[cpu]->affinity, cpu));
                }
            for (unsigned i = 0; i < n; i++)    /* ten of a quarter of its weight, and the bounds of lead and lag */
                if (time_now_ns() > since[i] + 3000000000UL)
                    fail_msg("unit %u waits since %lu", i, (unsigned long)since[i]);
        }
        assert_null(sched_audit());
    }
}

/* ---- interleavings ---- */

#define WORKERS 6

static unsigned workers;
static u32 work_left[WORKERS];
static u32 stuck, producing;

static u32 all_left(void)
{
    u32 sum = 0;

    for (unsigned i = 0; i < WORKERS; i++)
        sum += READ_ONCE(work_left[i]);
    return sum;
}

/* As a guest: blocks when it sees nothing to do, then looks once more. */
static void guest_turn(struct sched_unit *u)
{
    u32 *left = &work_left[u - units];

    if (READ_ONCE(*left)) {
        (*left)--;
        return;
    }
    sched_block(u);
    interleave_point();
    if (READ_ONCE(*left))
        sched_wake(u);
}

static void operator_turn(void)
{
    struct sched_unit *u = &units[rnd(workers)];
    cpumask_t mask = { { 1 + rnd((1 << nr_cpus) - 1) } };

    switch (rnd(5)) {
    case 0:
        if (workers == WORKERS)         /* null: units that wait for an affinity are not lost, but stuck */
            assert_int_equal(sched_set_affinity(u, &mask), 0);
        break;
    case 1:
        sched_pause(u);
        interleave_point();
        sched_unpause(u);
        break;
    case 2:
        sched_yield_current();
        break;
    default:
        work_left[u - units]++;
        interleave_point();
        sched_wake(u);
    }
}

static void wake_body(unsigned cpu, void *ctx)
{
    unsigned turns = 0;

    (void)ctx;
    do {
        sim_exit();
        if (on_cpu[cpu])
            guest_turn(on_cpu[cpu]);
        if (turns < 60)
            operator_turn();
        else
            fake_time_advance(100000);
        interleave_point();
        producing -= ++turns == 60;
    } while (producing || (all_left() && turns < 5000));
    stuck |= turns == 5000;
}

static void no_wakeup_gets_lost(void **state)
{
    cpumask_t all = { { 0xf } };

    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        nr_cpus = 2 + seed % 3;
        workers = strcmp(*state, "null") ? WORKERS : nr_cpus;
        stuck = 0;
        producing = nr_cpus;
        memset(work_left, 0, sizeof(work_left));
        sim_start_with(*state, nr_cpus, 0);
        for (unsigned i = 0; i < WORKERS; i++) {
            sched_domain_init(&domains[i], 0);
            assert_int_equal(sched_domain_set(&domains[i], 256, i == 0 ? 50 : 0), 0);
            sched_unit_join(&units[i], &domains[i]);
        }
        for (unsigned i = 0; i < workers; i++)
            sched_unpause(&units[i]);
        fake_interleave(seed, nr_cpus, wake_body, NULL);
        for (unsigned i = 0; i < WORKERS; i++)
            assert_int_equal(sched_set_affinity(&units[i], &all), 0);
        sim_settle(nr_cpus);
        assert_null(sched_audit());
        if (stuck || all_left())
            fail_msg("work is left, and nobody does it");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_two_four),
        cmocka_unit_test(seven_on_four),
        cmocka_unit_test(any_weights),
        cmocka_unit_test(changes_take_effect),
        cmocka_unit_test(pinned_units_share_their_cpu),
        cmocka_unit_test(caps_are_kept),
        cmocka_unit_test(a_cap_that_ends),
        cmocka_unit_test(who_needs_little_runs_at_once),
        cmocka_unit_test(sleeping_is_no_trick),
        cmocka_unit_test(nobody_starves),
        cmocka_unit_test_prestate(no_wakeup_gets_lost, "credit"),
        cmocka_unit_test_prestate(no_wakeup_gets_lost, "rr"),
        cmocka_unit_test_prestate(no_wakeup_gets_lost, "null"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
