/* SPDX-License-Identifier: MIT */
/*
 * The framework: unit states, run queues, placement, stealing. Owns one run queue per CPU; a unit's fields are
 * protected by the lock of the queue that u->cpu names, and u->cpu changes only under that lock.
 *
 * A unit that wants to run (not blocked, not paused) is in exactly one of three places, whenever no lock is held and no
 * CPU is inside this file: running (loaded, or about to be), or queued, never both. Whoever makes a unit runnable, or
 * takes it off its CPU, calls settle(), which queues it if it runs nowhere: that is why no wake-up gets lost.
 */
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <core/counters.h>
#include <core/keys.h>
#include <core/printk.h>
#include <core/trace.h>
#include <core/work.h>
#include <sched/ops.h>
#include <xen/domctl.h>

#define POLICY(name, id) { #name, XEN_SCHEDULER_##id, &sched_##name },
static const struct policy {
    const char *name;
    u32 abi_id;
    const struct sched_ops *ops;
} policies[] = { SCHED_POLICIES(POLICY) };
static const struct policy *policy = policies;
static const struct sched_ops *ops = &sched_credit;

/* For units that have joined none. */
static struct sched_domain no_domain;

static struct sched_queue queues[NR_CPUS];
static cpumask_t idle_cpus;             /* CPUs that found nothing to run; atomics */

struct sched_queue *sched_queue_of(unsigned cpu) { return &queues[cpu]; }

static u32 unit_name(const struct sched_unit *u) { return (u32)u->domid << 16 | u->vcpu; }
static bool runnable(const struct sched_unit *u) { return !u->blocked && !u->pause_count; }

/* The unit's queue, locked. The unit may move while we wait. */
static struct sched_queue *unit_lock(const struct sched_unit *u)
{
    for (;;) {
        unsigned cpu = READ_ONCE(u->cpu);

        spin_lock(&queues[cpu].lock);
        if (u->cpu == cpu)
            return &queues[cpu];
        spin_unlock(&queues[cpu].lock);
    }
}

/* ---- placement ---- */

/* Lock held: an idle CPU the unit may run on, looking from its own one upwards; NR_CPUS: none. Better one it likes. */
static unsigned find_idle(struct sched_unit *u)
{
    cpumask_t mask, liked;
    unsigned cpu;

    for (unsigned i = 0; i < ARRAY_SIZE(mask.w); i++)
        mask.w[i] = READ_ONCE(idle_cpus.w[i]) & u->affinity.w[i] & cpu_online_mask.w[i];
    if (ops->takes)
        for_each_cpu(cpu, &mask)
            if (!ops->takes(&queues[cpu], u))
                bit_clear(mask.w, cpu);
    for (unsigned i = 0; i < ARRAY_SIZE(mask.w); i++)
        liked.w[i] = mask.w[i] & u->soft_affinity.w[i];
    if (!cpumask_empty(&liked))
        mask = liked;
    if (cpumask_test(&mask, u->cpu))
        return u->cpu;
    return cpumask_next(&mask, u->cpu) < NR_CPUS ? cpumask_next(&mask, u->cpu) : cpumask_next(&mask, 0);
}

/* An idle CPU, first its own; else its own; else the first that is allowed. In each case better one it likes. */
static unsigned choose_cpu(struct sched_unit *u)
{
    unsigned cpu = find_idle(u), other = NR_CPUS;

    if (cpu < NR_CPUS)
        return cpu;
    if (sched_may_run_on(u, u->cpu) && cpumask_test(&u->soft_affinity, u->cpu))
        return u->cpu;
    for_each_cpu(cpu, &cpu_online_mask) {
        if (!cpumask_test(&u->affinity, cpu))
            continue;
        if (cpumask_test(&u->soft_affinity, cpu))
            return cpu;
        other = min(other, cpu);
    }
    return sched_may_run_on(u, u->cpu) ? u->cpu : other;
}

/* Brings the account of the unit that has the CPU up to date. */
static void charge(struct sched_queue *q, u64 now)
{
    u64 ran = now - min(q->charged_ns, now);

    if (q->curr) {
        q->curr->run_ns += ran;
        q->busy_ns += ran;
        ops->charge(q, q->curr, ran);
    }
    q->charged_ns = max(q->charged_ns, now);
}

struct sched_queue *sched_queue_charged(unsigned cpu)
{
    spin_lock(&queues[cpu].lock);
    charge(&queues[cpu], time_now_ns());
    return &queues[cpu];
}

static void enqueue(struct sched_queue *q, struct sched_unit *u, bool woken, u64 now)
{
    u64 idle_ns = now - min(u->since_ns, now);

    charge(q, now);
    q->preempt |= ops->insert(q, u, woken, idle_ns);
    q->waiting++;
    u->queued = true;
    u->since_ns = now;
    if (woken)
        u->woken_ns = now;
}

static void dequeue(struct sched_queue *q, struct sched_unit *u)
{
    list_del(&u->queue);
    q->waiting--;
    u->queued = false;
}

/* u leaves the queue it belongs to, whose lock is held. True: the queue's CPU is to look again. */
static bool leave(struct sched_queue *q, struct sched_unit *u, bool moves)
{
    return ops->leave && ops->leave(q, u, moves);
}

/* Its CPU has something to look at; another idle one, that may help, too. Both stop counting as idle. */
static unsigned claim_helper(const struct sched_queue *q, struct sched_unit *u)
{
    unsigned helper = NR_CPUS;

    cpumask_clear(&idle_cpus, u->cpu);
    if (q->curr || q->waiting > 1)
        helper = find_idle(u);
    if (helper < NR_CPUS)
        cpumask_clear(&idle_cpus, helper);
    return helper;
}

/*
 * Queues the unit if it wants to run and runs nowhere. Its CPU then looks at its queue again. If that one is busy, an
 * idle one is sent to steal: it may have become idle after we chose, and no CPU idles while a unit waits.
 */
static void settle(struct sched_unit *u, bool woken)
{
    struct sched_queue *q = unit_lock(u);
    unsigned cpu, helper;

    if (runnable(u) && !u->running && !u->queued) {
        cpu = choose_cpu(u);
        if (cpu != u->cpu) {
            unsigned old = u->cpu;
            bool look = leave(q, u, true);

            u->cpu = (u16)cpu;
            spin_unlock(&q->lock);
            if (look)
                work_raise_on(old, WORK_SCHED);
            q = unit_lock(u);
        }
    }
    if (!runnable(u) || u->running || u->queued) {
        spin_unlock(&q->lock);
        return;
    }
    enqueue(q, u, woken, time_now_ns());
    cpu = u->cpu;
    helper = claim_helper(q, u);
    spin_unlock(&q->lock);
    trace(TRACE_WAKE, unit_name(u), cpu, woken);
    work_raise_on(cpu, WORK_SCHED);
    if (helper < NR_CPUS)
        work_raise_on(helper, WORK_SCHED);
}

/* ---- units ---- */

void sched_unit_init(struct sched_unit *u, u16 domid, u16 vcpu, unsigned cpu)
{
    *u = (struct sched_unit){ .domain = &no_domain, .domid = domid, .vcpu = vcpu, .cpu = (u16)cpu, .pause_count = 1 };
    memset(&u->affinity, 0xff, sizeof(u->affinity));
    memset(&u->soft_affinity, 0xff, sizeof(u->soft_affinity));
    list_init(&u->queue);
    u->since_ns = time_now_ns();
    ops->unit_init(u);
}

void sched_unit_fini(struct sched_unit *u) { BUG_ON(u->running || u->queued || !u->pause_count); }

void sched_wake(struct sched_unit *u)
{
    struct sched_queue *q = unit_lock(u);
    bool was_blocked = u->blocked;

    u->blocked = false;
    spin_unlock(&q->lock);
    if (was_blocked)
        settle(u, true);
}

void sched_block(struct sched_unit *u)
{
    struct sched_queue *q = unit_lock(u);

    u->blocked = true;
    spin_unlock(&q->lock);
    trace(TRACE_BLOCK, unit_name(u), 0, 0);
    work_raise(WORK_SCHED);
}

void sched_pause(struct sched_unit *u)
{
    struct sched_queue *q = unit_lock(u);
    bool look = leave(q, u, false) || u->running;
    unsigned cpu = u->cpu;

    u->pause_count++;
    if (u->queued)
        dequeue(q, u);
    spin_unlock(&q->lock);
    if (look)
        work_raise_on(cpu, WORK_SCHED);
}

void sched_unpause(struct sched_unit *u)
{
    struct sched_queue *q = unit_lock(u);

    ASSERT(u->pause_count);
    u->pause_count--;
    spin_unlock(&q->lock);
    settle(u, false);
}

bool sched_is_running(const struct sched_unit *u) { return READ_ONCE(u->running); }

void sched_yield_current(void)
{
    struct sched_queue *q = &queues[cpu_id()];

    if (!READ_ONCE(q->waiting))
        return;
    spin_lock(&q->lock);
    if (q->curr)
        ops->yield(q->curr);
    spin_unlock(&q->lock);
    work_raise(WORK_SCHED);
}

int sched_set_affinity(struct sched_unit *u, const cpumask_t *mask)
{
    struct sched_queue *q;
    bool possible = false, moves;
    unsigned cpu;

    for_each_cpu(cpu, mask)
        possible |= cpumask_test(&cpu_online_mask, cpu);
    if (!possible)
        return -EINVAL;
    q = unit_lock(u);
    u->affinity = *mask;
    cpu = u->cpu;
    moves = u->queued || !sched_may_run_on(u, cpu);      /* one that waits: perhaps an idle CPU is allowed now */
    if (u->queued)
        dequeue(q, u);
    spin_unlock(&q->lock);
    if (moves) {
        settle(u, false);
        work_raise_on(cpu, WORK_SCHED);     /* if it runs there */
    }
    return 0;
}

int sched_set_soft_affinity(struct sched_unit *u, const cpumask_t *mask)
{
    struct sched_queue *q;

    if (cpumask_empty(mask))
        return -EINVAL;
    q = unit_lock(u);
    u->soft_affinity = *mask;
    spin_unlock(&q->lock);
    return 0;
}

/* Lock held: what the queue's current unit has not been charged for yet. */
static u64 uncharged(const struct sched_queue *q)
{
    u64 now = time_now_ns();

    return q->curr ? now - min(q->charged_ns, now) : 0;
}

u64 sched_run_ns(struct sched_unit *u)
{
    struct sched_queue *q = unit_lock(u);
    u64 ns = u->run_ns + (q->curr == u ? uncharged(q) : 0);

    spin_unlock(&q->lock);
    return ns;
}

u64 sched_idle_ns(unsigned cpu)
{
    struct sched_queue *q = &queues[cpu];
    u64 busy;

    spin_lock(&q->lock);
    busy = q->busy_ns + uncharged(q);
    spin_unlock(&q->lock);
    return time_now_ns() - min(busy, time_now_ns());
}

/* ---- the CPU's side ---- */

static void slice_over(void *data)
{
    (void)data;
    work_raise(WORK_SCHED);
}

void sched_kick_all(void)
{
    unsigned cpu;

    for_each_cpu(cpu, &cpu_online_mask)
        work_raise_on(cpu, WORK_SCHED);
}

void sched_kick(void)
{
    unsigned cpu, waiting = 0;

    for_each_cpu(cpu, &cpu_online_mask)
        if (READ_ONCE(queues[cpu].waiting)) {
            waiting += queues[cpu].waiting;
            work_raise_on(cpu, WORK_SCHED);
        }
    for (cpu = cpumask_next(&idle_cpus, 0); cpu < NR_CPUS && waiting; cpu = cpumask_next(&idle_cpus, cpu + 1), waiting--)
        work_raise_on(cpu, WORK_SCHED);
}

/* Takes the unit out of its queue. It counts as running until it is in ours: nobody else queues it. */
static struct sched_unit *take_from(struct sched_queue *q, bool (*wanted)(struct sched_queue *, struct sched_unit *, void *),
                                    void *ctx, unsigned cpu)
{
    struct sched_unit *u, *found = NULL;

    if (!READ_ONCE(q->waiting))
        return NULL;
    spin_lock(&q->lock);
    list_for_each(u, &q->units, queue)
        if (sched_may_run_on(u, cpu) && wanted(q, u, ctx)) {
            found = u;
            break;
        }
    if (found) {
        dequeue(q, found);
        (void)leave(q, found, true);      /* that CPU has others to run */
        found->running = true;
        found->cpu = (u16)cpu;
    }
    spin_unlock(&q->lock);
    return found;
}

bool sched_pull(unsigned from, bool (*wanted)(struct sched_queue *, struct sched_unit *, void *), void *ctx)
{
    struct sched_queue *mine = &queues[cpu_id()];
    struct sched_unit *u = take_from(&queues[from], wanted, ctx, cpu_id());
    bool stays;

    if (!u)
        return false;
    spin_lock(&mine->lock);
    u->running = false;
    stays = runnable(u) && sched_may_run_on(u, cpu_id());       /* still */
    if (stays)
        enqueue(mine, u, false, time_now_ns());
    spin_unlock(&mine->lock);
    if (!stays)
        settle(u, false);
    return stays;
}

static bool taken(struct sched_queue *from, struct sched_unit *u, void *ctx)
{
    return !ops->takes || ops->takes(&queues[cpu_id()], u);
}

static bool taken_and_liked(struct sched_queue *from, struct sched_unit *u, void *ctx)
{
    return cpumask_test(&u->soft_affinity, cpu_id()) && taken(from, u, ctx);
}

static bool steal_if(unsigned cpu, bool (*wanted)(struct sched_queue *, struct sched_unit *, void *))
{
    for (unsigned i = cpumask_next(&cpu_online_mask, cpu + 1); i < NR_CPUS; i = cpumask_next(&cpu_online_mask, i + 1))
        if (sched_pull(i, wanted, NULL))
            return true;
    for (unsigned i = cpumask_next(&cpu_online_mask, 0); i < cpu; i = cpumask_next(&cpu_online_mask, i + 1))
        if (sched_pull(i, wanted, NULL))
            return true;
    return false;
}

/* Nobody to run here: a unit that waits elsewhere comes to our queue, first one that likes to. */
static bool steal(unsigned cpu) { return steal_if(cpu, taken_and_liked) || steal_if(cpu, taken); }

static void count_latency(struct sched_queue *q, struct sched_unit *u, u64 now)
{
    u64 us = (now - min(u->woken_ns, now)) / 1000;

    if (u->woken_ns)
        q->latency[us ? min(64 - (u32)__builtin_clzl(us), SCHED_LATENCIES - 1u) : 0]++;
    u->woken_ns = 0;
}

/* Gives the CPU to next (NULL: none here). */
static void take_cpu(struct sched_queue *q, struct sched_unit *next, u64 now)
{
    if (next != q->curr) {
        if (next && next->queued)
            dequeue(q, next);
        if (next) {
            next->running = true;
            next->since_ns = now;
            count_latency(q, next, now);
            count(COUNT_SWITCH);
            trace(TRACE_SWITCH, unit_name(next), 0, 0);
        }
        q->curr = next;
        q->preempt = false;
    }
    q->preempt &= q->waiting > 0;
    if (next)
        cpumask_clear(&idle_cpus, cpu_id());
    else
        cpumask_set(&idle_cpus, cpu_id());      /* before looking at other queues: see settle() */
}

/* From this CPU's own queue. */
static struct sched_unit *pick_here(struct sched_queue *q, u64 now)
{
    struct sched_unit *next, *prev;
    u64 ns;
    bool arm;

    spin_lock(&q->lock);
    charge(q, now);
    prev = q->curr && runnable(q->curr) && sched_may_run_on(q->curr, cpu_id()) ? q->curr : NULL;
    next = ops->choose(q, prev, &q->granted);
    take_cpu(q, next, now);
    arm = next && (q->waiting || q->granted.hard);
    ns = q->granted.ns;
    spin_unlock(&q->lock);
    if (arm)
        timer_set(&q->slice, now + ns);
    return next;
}

struct sched_unit *sched_pick(void)
{
    struct sched_queue *q = &queues[cpu_id()];
    struct sched_unit *next;
    u64 now = time_now_ns();

    if (now >= q->balance_ns)
        ops->balance(q, now);
    do
        next = pick_here(q, now);
    while (!next && steal(cpu_id()));
    return next;
}

void sched_switched(struct sched_unit *prev)
{
    struct sched_queue *q = unit_lock(prev);

    prev->running = false;
    prev->since_ns = time_now_ns();
    spin_unlock(&q->lock);
    settle(prev, false);
}

void sched_show_unit(struct sched_queue *q, const struct sched_unit *u)
{
    if (ops->show)
        ops->show(q, u);
}

/* ---- boot ---- */

const char *sched_name(void) { return policy->name; }
u32 sched_abi_id(void) { return policy->abi_id; }

static void policy_choose(const char *name)
{
    const struct policy *found = NULL;
    char known[80];
    size_t at = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(policies); i++) {
        if (!strcmp(name, policies[i].name))
            found = &policies[i];
        at += (size_t)fmt_snprintf(known + at, sizeof(known) - at, " %s", policies[i].name);
    }
    policy = found ? found : policies;
    ops = policy->ops;
    if (!found)
        pr_warn("sched=%s: no such scheduler; using %s; there are:%s", name, policy->name, known);
}

void sched_init(const char *name)
{
    unsigned cpu;

    policy_choose(name);
    sched_domain_init(&no_domain, 0);
    memset(&idle_cpus, 0, sizeof(idle_cpus));
    for_each_cpu(cpu, &cpu_online_mask) {
        struct sched_queue *q = &queues[cpu];

        memset(q, 0, sizeof(*q));
        spin_lock_init(&q->lock, RANK_SCHED);
        list_init(&q->units);
        timer_init(&q->slice, slice_over, NULL, cpu);
        q->balance_ns = ops->balance && cpu_online_count > 1 ? 0 : ~0UL;
    }
    key_register('r', "run queues", sched_show);
}
