/* SPDX-License-Identifier: MIT */
/* CPUs that run units as dom/run.c does: exit path with work bits, switch, idle. */
#ifndef TESTS_UNIT_SCHED_FIXTURE_H
#define TESTS_UNIT_SCHED_FIXTURE_H

#include <sched/ops.h>

#include "core_fixture.h"

#define UNITS 16

static struct sched_unit units[UNITS];
static struct sched_unit *on_cpu[NR_CPUS];      /* what each CPU runs */

static void sim_irq(u8 vector)
{
    if (vector == VECTOR_TIMER)
        work_raise(WORK_TIMER);
}

static void sim_schedule(void)
{
    struct sched_unit **mine = &on_cpu[cpu_id()], *prev = *mine, *next = sched_pick();

    if (next == prev)
        return;
    interleave_point();                         /* the switch takes a while */
    if (next)
        for (unsigned cpu = 0; cpu < cpu_online_count; cpu++)
            assert_ptr_not_equal(on_cpu[cpu], next);
    *mine = next;
    if (prev)
        sched_switched(prev);
}

/* The way out to a guest, or one turn of the idle loop. */
static inline void sim_exit(void)
{
    cpu_irq_window();
    while (work_pending()) {
        work_run();
        if (work_take(WORK_SCHED))
            sim_schedule();
    }
}

/* Lets every CPU do its work until there is none. */
static inline void sim_settle(unsigned cpus)
{
    bool busy;

    do {
        busy = false;
        for (unsigned cpu = 0; cpu < cpus; cpu++) {
            fake_cpu_set(cpu);
            cpu_irq_window();
            busy |= work_pending();
            sim_exit();
        }
    } while (busy);
    fake_cpu_set(0);
}

/* A machine with that policy whose first units are runnable on CPU 0. */
static inline void sim_start_with(const char *policy, unsigned cpus, unsigned runnable)
{
    core_setup(NULL);
    fake_online(cpus);
    fake_irq_handler = sim_irq;
    memset(on_cpu, 0, sizeof(on_cpu));
    sched_init(policy);
    for (unsigned cpu = cpus; cpu-- > 0;) {
        fake_cpu_set(cpu);
        work_raise(WORK_SCHED);
    }
    sim_settle(cpus);
    for (unsigned i = 0; i < UNITS; i++)
        sched_unit_init(&units[i], 1, (u16)i, 0);
    for (unsigned i = 0; i < runnable; i++)
        sched_unpause(&units[i]);
    sim_settle(cpus);
}

static inline void sim_start(unsigned cpus, unsigned runnable) { sim_start_with("rr", cpus, runnable); }

#endif
