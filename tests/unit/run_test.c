/* SPDX-License-Identifier: MIT */
/* The run loop: switches, idling with a vcpu left loaded, taking it over from another CPU, runstates, many CPUs. */
#include "dom_fixture.h"

static cpumask_t only(unsigned cpu)
{
    cpumask_t m = { { 0 } };

    cpumask_set(&m, cpu);
    return m;
}

static struct vcpu *runnable(struct domain *d, u32 id, unsigned cpu)
{
    struct vcpu *v = new_vcpu(d, id, cpu);
    cpumask_t mask = only(cpu);

    assert_int_equal(sched_set_affinity(&v->unit, &mask), 0);
    sched_unpause(&v->unit);
    return v;
}

static void exit_path(unsigned cpu)
{
    fake_cpu_set(cpu);
    work_raise(WORK_SCHED);
    run_work();
}

static void one_vcpu_runs(void **state)
{
    struct vcpu *v = runnable(d5, 0, 0);

    (void)state;
    fake_time_set(500);
    exit_path(0);
    assert_ptr_equal(current(), v);
    assert_int_equal(v->runstate.state, RUNSTATE_running);
    assert_int_equal(v->runstate.time_ns[RUNSTATE_offline], 500);
    assert_int_equal(loads, 1);
    assert_int_equal(area_updates, 1);
    assert_int_not_equal(d5->shared->vcpu_info[0].time.version, 0);     /* the clock is there before it runs */
    exit_path(0);                                       /* nothing else to run: nothing happens */
    assert_int_equal(loads, 1);
    assert_int_equal(saves, 0);
    assert_null(sched_audit());
}

static void first_run_ends_in_the_guest(void **state)
{
    runnable(d5, 0, 0);
    (void)state;
    work_raise(WORK_SCHED);
    assert_true(fake_ends(run_first()));
    assert_int_equal(fake_ended, FAKE_GUEST);
    assert_int_equal(loads, 1);
}

static void two_vcpus_take_turns(void **state)
{
    struct vcpu *a = runnable(d5, 0, 0), *b = runnable(domain0, 0, 0);

    (void)state;
    exit_path(0);
    assert_true(current() == a || current() == b);
    for (unsigned i = 0; i < 4; i++) {
        struct vcpu *before = current();

        fake_time_advance(1000);
        sched_yield_current();
        run_work();
        assert_ptr_equal(current(), before == a ? b : a);
        assert_int_equal(before->loaded_cpu, NO_CPU);
        assert_int_equal(before->runstate.state, RUNSTATE_runnable);
        assert_false(before->unit.running);
        assert_int_equal(cpumask_test(&before->domain->mm.dirty_cpus, 0), 0);   /* another domain is loaded */
        assert_true(cpumask_test(&current()->domain->mm.dirty_cpus, 0));
    }
    assert_int_equal(loads, 5);
    assert_int_equal(saves, 4);
    assert_null(sched_audit());
}

/* Vcpus of one domain: the CPU stays one that has its page tables. */
static void siblings_keep_the_cpu_dirty(void **state)
{
    struct vcpu *a = runnable(d5, 0, 0), *b = runnable(d5, 1, 0);

    (void)state;
    exit_path(0);
    sched_yield_current();
    run_work();
    assert_true(current() == a || current() == b);
    assert_true(cpumask_test(&d5->mm.dirty_cpus, 0));
}

/* Blocked until its poll timer: the CPU idles with the vcpu loaded, and goes on with it without a load. */
static void idle_cpu_keeps_its_vcpu(void **state)
{
    struct vcpu *v = runnable(d5, 0, 0);

    (void)state;
    exit_path(0);
    fake_time_set(1000);
    timer_set(&v->poll_timer, 5000000);
    work_run();
    sched_block(&v->unit);
    run_work();                         /* idles in there */
    assert_ptr_equal(current(), v);
    assert_true(time_now_ns() >= 5000000);
    assert_int_equal(v->runstate.state, RUNSTATE_running);
    assert_true(v->runstate.time_ns[RUNSTATE_blocked] >= 4999000);
    assert_int_equal(loads, 1);
    assert_int_equal(saves, 0);
}

static void paused_vcpu_is_offline(void **state)
{
    struct vcpu *a = runnable(d5, 0, 0), *b;

    (void)state;
    exit_path(0);
    b = runnable(d5, 1, 0);
    sched_pause(&a->unit);
    run_work();
    assert_ptr_equal(current(), b);
    assert_int_equal(a->runstate.state, RUNSTATE_offline);
    sched_unpause(&a->unit);
    sched_block(&b->unit);
    run_work();
    assert_ptr_equal(current(), a);
    assert_int_equal(b->runstate.state, RUNSTATE_blocked);
}

/* ---- two CPUs ---- */

static struct vcpu *moving, *staying;
static bool moved;

/* CPU 0 runs moving, which blocks; it idles with it loaded. CPU 1 takes it from there, then gives CPU 0 another. */
static void take_over_body(unsigned cpu, void *ctx)
{
    cpumask_t mask = only(1);

    if (cpu == 0) {
        work_raise(WORK_SCHED);
        run_work();
        assert_ptr_equal(current(), moving);
        sched_block(&moving->unit);
        run_work();
        assert_true(moved);
        assert_ptr_equal(current(), staying);
        return;
    }
    while (!moving->unit.blocked || sched_is_running(&moving->unit)) {
        work_run();
        lock_poll();
    }
    assert_int_equal(moving->loaded_cpu, 0);            /* kept only because nobody wants it */
    assert_int_equal(sched_set_affinity(&moving->unit, &mask), 0);
    sched_wake(&moving->unit);
    work_raise(WORK_SCHED);
    run_work();
    assert_ptr_equal(current(), moving);
    assert_int_equal(moving->loaded_cpu, 1);
    assert_int_equal(saves, 1);
    assert_ptr_equal(cpu_info_of(0)->current, NULL);
    assert_int_equal(cpu_info_of(0)->cr3, boot_root.n << PAGE_SHIFT);   /* not the domain's tables any more */
    assert_false(cpumask_test(&d5->mm.dirty_cpus, 0));
    moved = true;
    sched_unpause(&staying->unit);
}

static void loaded_vcpu_is_asked_for(void **state)
{
    for (u64 seed = fake_seed_first(100); fake_seed_more(100, seed); seed++) {
        cpumask_t mask = only(0);

        dom_setup(state);
        moved = false;
        moving = new_vcpu(d5, 0, 0);
        sched_unpause(&moving->unit);
        staying = new_vcpu(domain0, 0, 0);
        assert_int_equal(sched_set_affinity(&staying->unit, &mask), 0);
        fake_interleave(seed, 2, take_over_body, NULL);
        assert_int_equal(loads, 3);
        assert_null(sched_audit());
    }
}

/* CPU 0 idles with moving loaded and works alone; CPU 1, on its way to taking moving over, must come to wait for it. */
static unsigned alone_runs;

static void count_alone(void) { alone_runs++; }
static void work_alone(void) { work_run_alone(count_alone); }

static void alone_while_idle_body(unsigned cpu, void *ctx)
{
    if (cpu == 1)
        work_raise_on(0, WORK_KEYS);
    take_over_body(cpu, ctx);
    while (!alone_runs) {
        work_run();
        lock_poll();
    }
}

static void idle_cpu_may_work_alone(void **state)
{
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        cpumask_t mask = only(0);

        dom_setup(state);
        fake_online(2);
        work_set_handler(WORK_KEYS, work_alone);
        moved = false;
        alone_runs = 0;
        moving = new_vcpu(d5, 0, 0);
        sched_unpause(&moving->unit);
        staying = new_vcpu(domain0, 0, 0);
        assert_int_equal(sched_set_affinity(&staying->unit, &mask), 0);
        fake_interleave(seed, 2, alone_while_idle_body, NULL);
        assert_int_equal(alone_runs, 1);
        assert_null(sched_audit());
    }
    work_set_handler(WORK_KEYS, keys_run);
}

/* FLUSH_ROOT reaches a CPU that is not idle, or has nothing: it keeps what it runs. */
static void running_vcpu_is_not_dropped(void **state)
{
    struct vcpu *v = runnable(d5, 0, 0);

    (void)state;
    flush_drop_root();
    exit_path(0);
    flush_drop_root();
    assert_ptr_equal(current(), v);
    assert_int_equal(saves, 0);
}

/* ---- many CPUs, vcpus that move ---- */

static unsigned finished;

/* Nobody else has this vcpu, by anyone's account. */
static void expect_mine(struct vcpu *v, unsigned cpu)
{
    assert_non_null(v);
    assert_int_equal(v->loaded_cpu, cpu);
    for (unsigned other = 0; other < 3; other++)
        assert_true(other == cpu || cpu_info_of(other)->current != v);
}

static void wander_body(unsigned cpu, void *ctx)
{
    struct vcpu *const *all = ctx;

    for (unsigned i = 0; i < 15; i++) {
        struct vcpu *v;
        cpumask_t mask = only((unsigned)(fake_random() % 3));

        work_raise(WORK_SCHED);
        run_work();
        expect_mine(current(), cpu);
        v = all[fake_random() % 2];                     /* those two may go anywhere, the others are pinned */
        switch (fake_random() % 4) {
        case 0:
            assert_int_equal(sched_set_affinity(&v->unit, &mask), 0);
            break;
        case 1:
            sched_yield_current();
            break;
        case 2:
            sched_pause(&v->unit);
            interleave_point();
            sched_unpause(&v->unit);
            break;
        default:
            cpu_irq_window();
        }
        run_work();
        expect_mine(current(), cpu);
    }
    for (finished++; finished < 3;)
        if (work_pending())
            run_work();
        else
            lock_poll();
}

static void a_vcpu_is_on_one_cpu(void **state)
{
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        struct vcpu *all[5];

        dom_setup(state);
        fake_online(3);
        finished = 0;
        all[0] = new_vcpu(d5, 0, 0);
        all[1] = new_vcpu(d5, 1, 1);
        sched_unpause(&all[0]->unit);
        sched_unpause(&all[1]->unit);
        for (unsigned cpu = 0; cpu < 3; cpu++)          /* so that no CPU idles for ever */
            all[2 + cpu] = runnable(domain0, cpu, cpu);
        fake_time_step_ns = 300000;
        fake_interleave(seed, 3, wander_body, all);
        assert_null(sched_audit());
        assert_null(audit_frames());
    }
}

#define T(f) cmocka_unit_test_setup(f, dom_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_vcpu_runs), T(first_run_ends_in_the_guest), T(two_vcpus_take_turns), T(siblings_keep_the_cpu_dirty),
        T(idle_cpu_keeps_its_vcpu), T(paused_vcpu_is_offline), T(loaded_vcpu_is_asked_for), T(idle_cpu_may_work_alone),
        T(running_vcpu_is_not_dropped), T(a_vcpu_is_on_one_cpu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
