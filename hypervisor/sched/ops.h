/* SPDX-License-Identifier: MIT */
/*
 * Between the framework (sched.c) and a policy: the run queue of a CPU and the functions a policy supplies. They are
 * called with the run queue's lock held, keep what they need in unit->priv, and decide three things: the order of the
 * queue, who goes on when somebody may, and for how long.
 */
#ifndef SCHED_OPS_H
#define SCHED_OPS_H

#include <sched/sched.h>

struct sched_queue {
    spinlock_t lock;            /* RANK_SCHED; never two at once */
    struct list units;          /* (l) runnable units that run nowhere, in the policy's order */
    unsigned waiting;           /* (l) how many */
    struct sched_unit *curr;    /* (l) who has the CPU; NULL: idle */
    u64 charged_ns;             /* (l) curr has been charged up to here */
    u64 busy_ns;                /* (l) time that was charged to somebody */
    bool preempt;               /* (l) the first that waits should run before curr */
    struct timer slice;         /* end of curr's slice; armed only while others wait */
} aligned(64);

struct sched_ops {
    const char *name;
    u32 abi_id;                 /* XEN_SCHEDULER_* */
    void (*unit_init)(struct sched_unit *u);
    /* Puts u into q->units. woken: it was blocked, for idle_ns. True: it should run before q->curr. */
    bool (*insert)(struct sched_queue *q, struct sched_unit *u, bool woken, u64 idle_ns);
    /* u has run that long. */
    void (*charge)(struct sched_unit *u, u64 ran_ns);
    /* Nothing left of u's turn: others first. */
    void (*yield)(struct sched_unit *u);
    /* Who runs next: prev, which may go on (or is NULL), or the first that waits. *slice_ns: for how long at most. */
    struct sched_unit *(*choose)(struct sched_queue *q, struct sched_unit *prev, u64 *slice_ns);
};

extern const struct sched_ops sched_rr;

struct sched_queue *sched_queue_of(unsigned cpu);

static inline struct sched_unit *sched_queue_first(struct sched_queue *q)
{
    return list_first(&q->units, struct sched_unit, queue);
}

#endif
