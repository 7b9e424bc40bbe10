/* SPDX-License-Identifier: MIT */
/*
 * Units (one per vcpu) and per-CPU run queues; the policy is a plug-in (struct sched_ops), chosen by sched=.
 * The scheduler only decides; dom/run.c switches. A unit runs when it is runnable and its pause count is 0.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <core/lock.h>
#include <core/timer.h>
#include <lib/bitmap.h>
#include <lib/list.h>

#define SCHED_WEIGHT_DEFAULT 256
#define SCHED_WEIGHT_MAX 65535u

/* What the units of one domain share. */
struct sched_domain {
    spinlock_t lock;            /* RANK_SCHED_CAP */
    u32 weight, cap;            /* (l) 1..SCHED_WEIGHT_MAX; percent of one CPU for all units together, 0: no limit */
    u32 units;                  /* (l) that have joined */
    u64 pace;                   /* (l) SCHED_WEIGHT_DEFAULT / weight, 32 bits behind the point */
    s64 budget_ns;              /* (l) what is left until refill_ns; below 0: owed to the next period */
    u64 refill_ns;              /* (l) */
    struct timer refill;        /* armed when somebody had to stop */
};

struct sched_unit {
    struct sched_domain *domain;    /* (c) once published */
    u16 domid, vcpu;            /* (c) for keys and traces */
    u16 cpu;                    /* (q: run-queue lock of that CPU) where it runs or is queued */
    bool blocked;               /* (q) waits for sched_wake() */
    bool running;               /* (q) loaded or about to be on cpu */
    bool queued;                /* (q) */
    u32 pause_count;            /* (q) */
    cpumask_t affinity;         /* (q) where it may run */
    cpumask_t soft_affinity;    /* (q) where it had better run, as far as it may */
    struct list queue;          /* (q) */
    u64 run_ns;                 /* (q) total CPU time, up to the last switch */
    u64 since_ns;               /* (q) of the last state change */
    u64 woken_ns;               /* (q) when, until it runs; else 0 */
    u64 priv[2];                /* the plug-in's */
};

void sched_domain_init(struct sched_domain *d, unsigned cpu);    /* weight SCHED_WEIGHT_DEFAULT, no cap */
void sched_domain_fini(struct sched_domain *d);                 /* has no units any more */
/* -EINVAL: out of range. The policy in use may have no use for them. */
int must_check sched_domain_set(struct sched_domain *d, u32 weight, u32 cap);
void sched_domain_get(struct sched_domain *d, u32 *weight, u32 *cap);

/* Of the machine; the toolstack's units. */
struct sched_params { u32 slice_ms, ratelimit_us, migration_delay_us; };
int must_check sched_params_set(const struct sched_params *p);   /* -EINVAL: out of range */
struct sched_params sched_params_get(void);

/* A new unit starts paused once (pause_count 1) and blocked false. It has a weight and no cap until it joins a domain. */
void sched_unit_init(struct sched_unit *u, u16 domid, u16 vcpu, unsigned cpu);
void sched_unit_join(struct sched_unit *u, struct sched_domain *d);     /* before it runs for the first time */
void sched_unit_fini(struct sched_unit *u);             /* must be paused and not running */
void sched_wake(struct sched_unit *u);                  /* any CPU, any context; idempotent */
void sched_block(struct sched_unit *u);                 /* current unit; takes effect at the exit path */
void sched_pause(struct sched_unit *u);                 /* nests; returns at once (see sched_is_running) */
void sched_unpause(struct sched_unit *u);
bool sched_is_running(const struct sched_unit *u);
void sched_yield_current(void);                                 /* current unit */
/* Exit path, WORK_SCHED taken: which unit this CPU runs now; NULL = idle. Arms the slice timer. */
struct sched_unit *sched_pick(void);
/* dom/run.c calls it once the previous unit's state is out of the CPU: others may run it elsewhere now. */
void sched_switched(struct sched_unit *prev);
int must_check sched_set_affinity(struct sched_unit *u, const cpumask_t *mask);   /* -EINVAL: no online CPU */
int must_check sched_set_soft_affinity(struct sched_unit *u, const cpumask_t *mask);      /* -EINVAL: empty */
u64 sched_run_ns(struct sched_unit *u);                 /* CPU time it has had until now */
u64 sched_idle_ns(unsigned cpu);                        /* time the CPU has had nobody to run */
u32 sched_abi_id(void);                                 /* XEN_SCHEDULER_* that the policy in use goes by */
void sched_init(const char *name);                      /* boot, after CPUs are known, after keys_init() */
const char *sched_name(void);                           /* of the policy in use */
void sched_show(void);                                  /* debug key: run queues */
const char *sched_audit(void);                          /* NULL, or the name of an invariant that does not hold */

#endif
