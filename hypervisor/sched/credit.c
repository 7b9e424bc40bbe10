/* SPDX-License-Identifier: MIT */
/*
 * Shares by weight. Each unit has a virtual time, which advances while it runs, the slower the larger its weight is; who
 * is furthest behind runs for a slice. A queue's virtual time is that of the first of those who compete there, and what
 * a unit is behind it is its credit. Who wakes with more credit than the running unit has does not wait for the end
 * of the slice (BOOST), only for the rate limit.
 *
 * All CPUs have one scale: one whose time is ahead gives its units more than their share, and takes one that waits
 * elsewhere and is behind (credit_balance()). Differences that no move can level out, because of affinities or because
 * nobody can use more than one CPU, are forgotten when they begin to matter: who comes to a queue is no further from
 * its time than BOUND, and neither is a queue that takes or could take from another.
 * Virtual times wrap around; only differences mean something.
 */
#include <core/printk.h>
#include <core/work.h>
#include <sched/ops.h>

#define SLICE_MIN_NS 50000UL
#define BOUND 4         /* slices */

struct credit_unit {
    u64 vtime;
    bool yielded;
};

struct credit_queue {
    u64 vtime;
    u64 turn_ns;        /* start of curr's slice */
};

_Static_assert(sizeof(struct credit_unit) <= sizeof(((struct sched_unit *)NULL)->priv), "room");
_Static_assert(sizeof(struct credit_queue) <= sizeof(((struct sched_queue *)NULL)->priv), "room");

static struct credit_unit *cunit(const struct sched_unit *u) { return (struct credit_unit *)(u64)u->priv; }
static struct credit_queue *cqueue(const struct sched_queue *q) { return (struct credit_queue *)(u64)q->priv; }

static u64 slice_ns(void) { return sched_params.slice_ms * 1000000UL; }
static u64 ratelimit_ns(void) { return sched_params.ratelimit_us * 1000UL; }

/* By how much the unit's virtual time advances in ns. */
static u64 scaled(u64 ns, const struct sched_unit *u)
{
    return (u64)(((unsigned __int128)ns * READ_ONCE(u->domain->pace)) >> 32);
}

static u64 bound(const struct sched_unit *u) { return scaled(BOUND * slice_ns(), u); }
static u64 margin(const struct sched_unit *u) { return scaled(slice_ns() / 4, u); }

static bool before(u64 a, u64 b) { return (s64)(a - b) < 0; }
static u64 earlier(u64 a, u64 b) { return before(a, b) ? a : b; }
static u64 later(u64 a, u64 b) { return before(a, b) ? b : a; }

static void credit_unit_init(struct sched_unit *u) { *cunit(u) = (struct credit_unit){ .vtime = 0 }; }

static void credit_charge(struct sched_queue *q, struct sched_unit *u, u64 ran_ns)
{
    cunit(u)->vtime += scaled(ran_ns, u);
    sched_cap_charge(u->domain, ran_ns);
    if (!q->waiting)
        cqueue(q)->vtime = later(cqueue(q)->vtime, cunit(u)->vtime);
}

/* From elsewhere, or from sleep, which saves up one slice. Where nobody competes, it brings its time along. */
static void arrive(struct sched_queue *q, struct sched_unit *u, bool woken)
{
    struct credit_unit *cu = cunit(u);
    u64 *now = &cqueue(q)->vtime, far = q->curr ? max(bound(u), bound(q->curr)) : bound(u);

    if (!q->curr && !q->waiting)
        *now = cu->vtime;
    cu->vtime = later(cu->vtime, *now - (woken ? bound(u) / BOUND : far));
    cu->vtime = earlier(cu->vtime, *now + far);
    cu->yielded = false;
}

static bool credit_insert(struct sched_queue *q, struct sched_unit *u, bool woken, u64 idle_ns)
{
    struct list *at = q->units.prev;

    arrive(q, u, woken);
    while (at != &q->units && before(cunit(u)->vtime, cunit(list_entry(at, struct sched_unit, queue))->vtime))
        at = at->prev;
    list_insert(&u->queue, at, at->next);
    return woken && q->curr && before(cunit(u)->vtime, cunit(q->curr)->vtime);
}

static void credit_yield(struct sched_unit *u) { cunit(u)->yielded = true; }

/* The first that waits and whose domain has not used up its cap. Those before it keep pace with the queue. */
static struct sched_unit *first_eligible(struct sched_queue *q, u64 now)
{
    struct sched_unit *u;

    list_for_each(u, &q->units, queue) {
        if (sched_cap_left(u->domain, now))
            return u;
        cunit(u)->vtime = later(cunit(u)->vtime, cqueue(q)->vtime);
    }
    return NULL;
}

/* Whether the first that waits runs instead of prev, which could go on. */
static bool replaces(struct sched_queue *q, const struct sched_unit *first, const struct sched_unit *prev, u64 now)
{
    if (cunit(prev)->yielded)
        return true;
    return before(cunit(first)->vtime, cunit(prev)->vtime) && now - prev->since_ns >= ratelimit_ns() &&
           (q->preempt || now - cqueue(q)->turn_ns >= slice_ns());
}

static void set_slice(struct sched_queue *q, const struct sched_unit *next, bool stays, struct sched_slice *slice)
{
    u64 now = q->charged_ns, end = cqueue(q)->turn_ns + slice_ns(), left = sched_cap_left(next->domain, now);

    left = min(left, slice_ns());
    if (stays && q->preempt)            /* which has to wait for the rate limit */
        end = min(end, next->since_ns + ratelimit_ns());
    end = min(end, now + left);
    slice->ns = max(end, now + SLICE_MIN_NS) - now;
    slice->hard = READ_ONCE(next->domain->cap);
}

static struct sched_unit *credit_choose(struct sched_queue *q, struct sched_unit *prev, struct sched_slice *slice)
{
    struct credit_queue *cq = cqueue(q);
    u64 now = q->charged_ns;
    struct sched_unit *first = first_eligible(q, now), *next = prev;

    if (prev && !sched_cap_left(prev->domain, now))
        prev = next = NULL;
    if (!prev || (first && replaces(q, first, prev, now)))
        next = first;
    if (next == NULL)
        return NULL;
    if (next != prev || now - cq->turn_ns >= slice_ns())
        cq->turn_ns = now;
    cunit(next)->yielded = false;
    cq->vtime = later(cq->vtime, first ? earlier(cunit(next)->vtime, cunit(first)->vtime) : cunit(next)->vtime);
    set_slice(q, next, next == prev, slice);
    return next;
}

static bool credit_takes(const struct sched_queue *idle, struct sched_unit *u)
{
    return !READ_ONCE(u->domain->cap) || sched_cap_left(u->domain, time_now_ns());
}

/* ---- between CPUs ---- */

struct balance {
    u64 now, mine, theirs;      /* virtual times of this CPU's queue and the other one */
    u64 bound;
    cpumask_t reach;            /* CPUs where those that wait here may run */
};

/* False: this CPU is idle, and steals without asking. */
static bool look_here(struct balance *b)
{
    struct sched_queue *q = sched_queue_charged(cpu_id());
    const struct sched_unit *u, *curr = q->curr;

    b->mine = cqueue(q)->vtime;
    b->bound = curr ? bound(curr) : 0;
    list_for_each(u, &q->units, queue)
        for (unsigned i = 0; i < ARRAY_SIZE(b->reach.w); i++)
            b->reach.w[i] |= u->affinity.w[i];
    spin_unlock(&q->lock);
    return curr;
}

static bool is_behind(struct sched_queue *from, struct sched_unit *u, void *ctx)
{
    struct balance *b = ctx;

    b->theirs = cqueue(from)->vtime;
    return before(cunit(u)->vtime + margin(u), b->mine) && cpumask_test(&u->soft_affinity, cpu_id()) &&
           credit_takes(NULL, u) && b->now - min(u->since_ns, b->now) >= sched_params.migration_delay_us * 1000UL;
}

/* Lock held. */
static void shift(struct sched_queue *q, u64 by)
{
    struct sched_unit *u;

    list_for_each(u, &q->units, queue)
        cunit(u)->vtime += by;
    if (q->curr)
        cunit(q->curr)->vtime += by;
    cqueue(q)->vtime += by;
}

/* Takes one unit. This queue has been ahead of that one, but must not be too far. */
static bool take(unsigned cpu, struct balance *b)
{
    struct sched_queue *q = sched_queue_of(cpu_id());

    if (!sched_pull(cpu, is_behind, b))
        return false;
    if (before(b->theirs + b->bound, b->mine)) {
        spin_lock(&q->lock);
        shift(q, b->theirs + b->bound - b->mine);
        spin_unlock(&q->lock);
    }
    return true;
}

/* That CPU may have one unit only, and then no reason to look for others: tell it if one of ours is behind. */
static bool offer(unsigned cpu, struct balance *b)
{
    struct sched_queue *q = sched_queue_charged(cpu);
    bool alone = q->curr && !q->waiting, wanted = false;
    struct sched_unit *u;

    b->theirs = cqueue(q)->vtime;
    if (alone && before(b->theirs + b->bound, b->mine))
        shift(q, b->mine - b->bound - b->theirs);
    spin_unlock(&q->lock);
    if (!alone || before(b->theirs, b->mine))
        return false;
    q = sched_queue_charged(cpu_id());
    list_for_each(u, &q->units, queue)
        wanted |= sched_may_run_on(u, cpu) && before(cunit(u)->vtime + margin(u), b->theirs);
    spin_unlock(&q->lock);
    if (wanted)
        work_raise_on(cpu, WORK_SCHED);
    return wanted;
}

static void credit_balance(struct sched_queue *q, u64 now)
{
    struct balance b = { .now = now };
    unsigned cpu;

    q->balance_ns = now + slice_ns() / 2;
    if (!look_here(&b))
        return;
    for_each_cpu(cpu, &cpu_online_mask)
        if (cpu != cpu_id() && take(cpu, &b))
            return;
    for_each_cpu(cpu, &cpu_online_mask)
        if (cpu != cpu_id() && cpumask_test(&b.reach, cpu) && offer(cpu, &b))
            return;
}

static void credit_show(struct sched_queue *q, const struct sched_unit *u)
{
    s64 credit = (s64)(cqueue(q)->vtime - cunit(u)->vtime) / 1000000;

    printk("      weight %u, cap %u, credit %ld ms, %s", u->domain->weight, u->domain->cap, (long)credit,
           credit >= 0 ? "under" : "over");
}

const struct sched_ops sched_credit = {
    .unit_init = credit_unit_init,
    .insert = credit_insert,
    .charge = credit_charge,
    .yield = credit_yield,
    .choose = credit_choose,
    .takes = credit_takes,
    .balance = credit_balance,
    .show = credit_show,
};
