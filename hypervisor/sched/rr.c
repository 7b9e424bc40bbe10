/* SPDX-License-Identifier: MIT */
/*
 * Round robin with a budget. A unit's turn is SLICE_NS of CPU time, however often it blocks in between: it queues at
 * the head, and before whoever runs, while something of its turn is left, and at the tail with a new turn once it is
 * used up. So short work after an event starts at once, and nobody gets two turns while another waits for one.
 * After sleeping as long as a turn lasts, a unit has a new one.
 */
#include <sched/ops.h>

#define SLICE_NS 20000000UL

static u64 *budget(struct sched_unit *u) { return &u->priv[0]; }

static void rr_unit_init(struct sched_unit *u) { *budget(u) = SLICE_NS; }

static bool rr_insert(struct sched_queue *q, struct sched_unit *u, bool woken, u64 idle_ns)
{
    if (woken && idle_ns >= SLICE_NS)
        *budget(u) = SLICE_NS;
    if (*budget(u)) {
        list_add_head(&q->units, &u->queue);
        return woken;
    }
    *budget(u) = SLICE_NS;
    list_add_tail(&q->units, &u->queue);
    return false;
}

static void rr_charge(struct sched_queue *q, struct sched_unit *u, u64 ran_ns)
{
    *budget(u) -= min(*budget(u), ran_ns);
}

static void rr_yield(struct sched_unit *u) { *budget(u) = 0; }

static struct sched_unit *rr_choose(struct sched_queue *q, struct sched_unit *prev, struct sched_slice *slice)
{
    struct sched_unit *first = sched_queue_first(q), *next = prev;

    if (!prev || (first && (q->preempt || !*budget(prev))))
        next = first;
    if (next && !*budget(next))
        *budget(next) = SLICE_NS;
    slice->ns = next ? *budget(next) : 0;
    return next;
}

const struct sched_ops sched_rr = {
    .unit_init = rr_unit_init,
    .insert = rr_insert,
    .charge = rr_charge,
    .yield = rr_yield,
    .choose = rr_choose,
};
