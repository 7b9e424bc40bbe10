/* SPDX-License-Identifier: MIT */
/*
 * Between the framework (sched.c) and a policy: the run queue of a CPU and the functions a policy supplies. They are
 * called with the run queue's lock held unless they say otherwise, keep what they need in unit->priv and queue->priv,
 * and decide three things: the order of the queue, who goes on when somebody may, and for how long.
 */
#ifndef SCHED_OPS_H
#define SCHED_OPS_H

#include <machine/cpu.h>
#include <sched/sched.h>

#define SCHED_LATENCIES 20

struct sched_slice {
    u64 ns;                     /* for how long at most */
    bool hard;                  /* even if nobody waits */
};

struct sched_queue {
    spinlock_t lock;            /* RANK_SCHED; never two at once */
    struct list units;          /* (l) runnable units that run nowhere, in the policy's order */
    unsigned waiting;           /* (l) how many */
    struct sched_unit *curr;    /* (l) who has the CPU; NULL: idle */
    u64 charged_ns;             /* (l) curr has been charged up to here */
    u64 busy_ns;                /* (l) time that was charged to somebody */
    bool preempt;               /* (l) the first that waits should run before curr */
    struct sched_slice granted; /* (l) what choose() gave curr */
    struct timer slice;         /* end of curr's slice; armed only while others wait, or the slice is a hard limit */
    u64 balance_ns;             /* (this CPU) ops->balance() is due */
    u32 latency[SCHED_LATENCIES];   /* (l) woken units by the time until they ran here: [n] below 2^n us */
    u64 priv[2];                /* the plug-in's */
} aligned(64);

/* Those marked * may be missing. */
struct sched_ops {
    void (*unit_init)(struct sched_unit *u);
    /* Puts u into q->units. woken: it was blocked, for idle_ns. True: it should run before q->curr. */
    bool (*insert)(struct sched_queue *q, struct sched_unit *u, bool woken, u64 idle_ns);
    /* u, which runs on q, has run that long. */
    void (*charge)(struct sched_queue *q, struct sched_unit *u, u64 ran_ns);
    /* Nothing left of u's turn: others first. */
    void (*yield)(struct sched_unit *u);
    /* Who runs next: prev, which may go on (or is NULL), or one that waits. */
    struct sched_unit *(*choose)(struct sched_queue *q, struct sched_unit *prev, struct sched_slice *slice);
    /* * Whether the unit, which waits or is about to, with its queue locked, might run on that CPU when that is idle. */
    bool (*takes)(const struct sched_queue *idle, struct sched_unit *u);
    /* * u does not belong to q from now on: it moves, or was paused, maybe while it runs. True: q's CPU is to look again. */
    bool (*leave)(struct sched_queue *q, struct sched_unit *u, bool moves);
    /* * No lock held, from time to time before choose(): may take units from other queues. Sets q->balance_ns. */
    void (*balance)(struct sched_queue *q, u64 now);
    /* * One line about the unit's standing, for the debug key. */
    void (*show)(struct sched_queue *q, const struct sched_unit *u);
};

/* Every policy: what sched= calls it, and the id it goes by (XEN_SCHEDULER_*); NAME.c has its sched_NAME. The first is
 * the default. */
#define SCHED_POLICIES(policy)      \
    policy(credit, CREDIT)          \
    policy(rr, NULL)                \
    policy(null, NULL)
#define SCHED_DECLARE(name, id) extern const struct sched_ops sched_##name;
SCHED_POLICIES(SCHED_DECLARE)

struct sched_queue *sched_queue_of(unsigned cpu);
struct sched_queue *sched_queue_charged(unsigned cpu);      /* locked; accounts are up to date */
void sched_show_unit(struct sched_queue *q, const struct sched_unit *u);     /* ops->show() */
extern struct sched_params sched_params;

/* Moves the first unit that waits on that CPU, may run on this one, and is wanted, to this one's queue. No lock held. */
bool sched_pull(unsigned from, bool (*wanted)(struct sched_queue *from, struct sched_unit *u, void *ctx), void *ctx);
/* Whether the domain may run, and for how long: ~0 without a cap, 0 if it has to wait; then the CPUs look at their
 * queues again when it need not any more. The unit's queue is locked. */
u64 sched_cap_left(struct sched_domain *d, u64 now);
void sched_cap_charge(struct sched_domain *d, u64 ran_ns);
/* CPUs that have somebody waiting look at their queues again, and so many idle ones. */
void sched_kick(void);
void sched_kick_all(void);      /* all CPUs do */

static inline struct sched_unit *sched_queue_first(struct sched_queue *q)
{
    return list_first(&q->units, struct sched_unit, queue);
}

static inline bool sched_may_run_on(const struct sched_unit *u, unsigned cpu)
{
    return cpumask_test(&cpu_online_mask, cpu) && cpumask_test(&u->affinity, cpu);
}

#endif
