/* SPDX-License-Identifier: MIT */
/*
 * Grace periods. A round asks every CPU for one turn of its work handlers, which only run where a CPU holds nothing;
 * the last one to answer ends the round. Calls that arrive during a round wait for the next one.
 */
#include <core/grace.h>
#include <core/lock.h>
#include <core/work.h>

static spinlock_t lock = SPINLOCK_INIT(RANK_GRACE);
static struct grace *waiting, *current_round;   /* (l) for the next round; for the one under way */
static cpumask_t unheard;                       /* (l) CPUs that have not answered this round */

/* Lock held, no round under way. */
static void round_begin(void)
{
    unsigned cpu;

    current_round = waiting;
    waiting = NULL;
    unheard = cpu_online_mask;
    for_each_cpu(cpu, &unheard)
        work_raise_on(cpu, WORK_GRACE);
}

void grace_call(struct grace *g, void (*fn)(struct grace *g))
{
    g->fn = fn;
    spin_lock(&lock);
    g->next = waiting;
    waiting = g;
    if (!current_round)
        round_begin();
    spin_unlock(&lock);
}

void grace_run(void)
{
    struct grace *done = NULL, *next;

    spin_lock(&lock);
    cpumask_clear(&unheard, cpu_id());
    if (cpumask_empty(&unheard)) {
        done = current_round;
        current_round = NULL;
        if (waiting)
            round_begin();
    }
    spin_unlock(&lock);
    for (; done; done = next) {
        next = done->next;
        done->fn(done);
    }
}
