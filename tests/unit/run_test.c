/* SPDX-License-Identifier: MIT */
/* dom/run.c: a vcpu's state stays on the CPU that went idle, and is asked back from there. */
#include <dom/run.h>
#include <mm/flush.h>

#include "core_fixture.h"

#define SEEDS      1000
#define MAX_ROUNDS 100000

static struct domain dom;
static struct vcpu vcpus[2];
static unsigned done;

static void save(struct vcpu *v) { interleave_point(); }
static void load(struct vcpu *v) { interleave_point(); }
static const struct guest_ops ops = { .save = save, .load = load, .update_areas = load };

static void irq(u8 vector)
{
    if (vector == VECTOR_FLUSH)
        flush_poll();
}

static cpumask_t only(unsigned cpu)
{
    cpumask_t mask = { { 0 } };

    cpumask_set(&mask, cpu);
    return mask;
}

/* Two vcpus, each on a CPU of its own. */
static void start(void)
{
    core_setup(NULL);
    fake_online(3);
    fake_irq_handler = irq;
    sched_init("rr");
    memset(vcpus, 0, sizeof(vcpus));
    dom = (struct domain){ .ops = &ops };
    done = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(vcpus); i++) {
        struct vcpu *v = &vcpus[i];
        cpumask_t mine = only(i);

        v->domain = &dom;
        v->loaded_cpu = NO_CPU;
        v->ev.info = &v->ev.own_info;
        sched_unit_init(&v->unit, 0, (u16)i, i);
        assert_int_equal(sched_set_affinity(&v->unit, &mine), 0);
        sched_unpause(&v->unit);
    }
}

/* Goes idle with its vcpu still loaded, and comes back with the other one. */
static void idle_then_other(unsigned cpu)
{
    run_work();
    assert_ptr_equal(current(), &vcpus[cpu]);
    sched_block(&vcpus[cpu].unit);
    run_work();
    assert_ptr_equal(current(), &vcpus[1 - cpu]);
    assert_int_equal(vcpus[1 - cpu].loaded_cpu, cpu);
    done++;
}

static void exchange(void)
{
    while (!vcpus[0].unit.blocked || !vcpus[1].unit.blocked || sched_is_running(&vcpus[0].unit) ||
           sched_is_running(&vcpus[1].unit))
        cpu_relax();
    for (unsigned i = 0; i < ARRAY_SIZE(vcpus); i++) {
        cpumask_t other = only(1 - i);

        assert_int_equal(sched_set_affinity(&vcpus[i].unit, &other), 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(vcpus); i++)
        sched_wake(&vcpus[i].unit);
    for (unsigned rounds = 0; done < ARRAY_SIZE(vcpus); rounds++) {
        assert_true(rounds < MAX_ROUNDS);
        cpu_relax();
    }
}

static void body(unsigned cpu, void *ctx)
{
    (void)ctx;
    if (cpu < ARRAY_SIZE(vcpus))
        idle_then_other(cpu);
    else
        exchange();
}

/* Each CPU wants what the other keeps: neither may wait for the other while it holds its own. */
static void two_cpus_exchange_their_vcpus(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(SEEDS); fake_seed_more(SEEDS, seed); seed++) {
        start();
        fake_interleave(seed, 3, body, NULL);
        assert_int_equal(done, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_cpus_exchange_their_vcpus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
