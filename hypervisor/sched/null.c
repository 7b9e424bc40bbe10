/* SPDX-License-Identifier: MIT */
/*
 * No scheduling: a CPU belongs to the first unit that runs there, also while that is blocked, until it is paused or
 * may not run there any more. Units that find no CPU free wait. For machines that have a CPU for every vcpu.
 */
#include <sched/ops.h>

/* (l) whose CPU it is */
static struct sched_unit *owner(const struct sched_queue *q) { return (struct sched_unit *)READ_ONCE(q->priv[0]); }
static void set_owner(struct sched_queue *q, struct sched_unit *u) { WRITE_ONCE(q->priv[0], (u64)u); }

static void null_unit_init(struct sched_unit *u) { }

static bool null_insert(struct sched_queue *q, struct sched_unit *u, bool woken, u64 idle_ns)
{
    list_add_tail(&q->units, &u->queue);
    return false;
}

static void null_charge(struct sched_queue *q, struct sched_unit *u, u64 ran_ns) { }
static void null_yield(struct sched_unit *u) { }

static struct sched_unit *null_choose(struct sched_queue *q, struct sched_unit *prev, struct sched_slice *slice)
{
    struct sched_unit *u;

    if (owner(q) && owner(q) == q->curr && !prev)
        set_owner(q, q->curr->blocked ? q->curr : NULL);
    if (!owner(q))
        set_owner(q, prev ? prev : sched_queue_first(q));
    slice->ns = ~0UL >> 1;
    u = owner(q);
    return u == NULL || u == prev || u->queued ? u : NULL;
}

/* A free CPU takes whoever has none; its own, if any, has to be there. */
static bool null_takes(const struct sched_queue *idle, struct sched_unit *u)
{
    const struct sched_queue *has = sched_queue_of(u->cpu);

    return owner(has) == u ? has == idle : owner(idle) == NULL;
}

static bool null_leave(struct sched_queue *q, struct sched_unit *u, bool moves)
{
    if (owner(q) != u)
        return false;
    set_owner(q, NULL);
    return true;
}

const struct sched_ops sched_null = {
    .unit_init = null_unit_init,
    .insert = null_insert,
    .charge = null_charge,
    .yield = null_yield,
    .choose = null_choose,
    .takes = null_takes,
    .leave = null_leave,
};
