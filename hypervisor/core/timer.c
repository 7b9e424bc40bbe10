/* SPDX-License-Identifier: MIT */
/*
 * Timers: one pairing heap per CPU, smallest expiry at the root. Owns struct timer's links, protected by the lock of
 * the queue that t->cpu names; t->cpu itself changes only under both queues' locks. The one-shot timer of a CPU is
 * programmed by that CPU alone; others raise WORK_TIMER there.
 *
 * prev of a node is its left sibling, or its parent if it is the first child; the root's is NULL.
 */
#include <core/lock.h>
#include <core/timer.h>
#include <core/work.h>

struct queue {
    spinlock_t lock;            /* RANK_TIMER */
    struct timer *root;
    struct timer *running;      /* whose handler runs now on this queue's CPU */
    u32 runs;                   /* handlers finished */
    unsigned armed;
} aligned(64);

static struct queue queues[NR_CPUS];

/* ---- the heap ---- */

static struct timer *meld(struct timer *a, struct timer *b)
{
    struct timer *top, *sub;

    if (!a || !b)
        return a ? a : b;
    top = b->expires_ns < a->expires_ns ? b : a;
    sub = top == a ? b : a;
    sub->prev = top;
    sub->next = top->child;
    if (sub->next)
        sub->next->prev = sub;
    top->child = sub;
    top->next = top->prev = NULL;
    return top;
}

/* Melds a list of siblings into one heap: in pairs from the left, then the pairs from the right. */
static struct timer *meld_siblings(struct timer *first)
{
    struct timer *pairs = NULL, *merged = NULL;

    while (first) {
        struct timer *a = first, *b = a->next;

        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct timer *rest = pairs->next;

        pairs->next = NULL;
        merged = meld(merged, pairs);
        pairs = rest;
    }
    return merged;
}

static void heap_remove(struct queue *q, struct timer *t)
{
    struct timer *below = meld_siblings(t->child);

    if (t == q->root) {
        q->root = below;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        q->root = meld(q->root, below);
    }
    t->child = t->next = t->prev = NULL;
}

/* ---- queues ---- */

/* The queue of a timer, locked. It may move while we wait for the lock. */
static struct queue *queue_lock(struct timer *t)
{
    for (;;) {
        unsigned cpu = READ_ONCE(t->cpu);

        spin_lock(&queues[cpu].lock);
        if (t->cpu == cpu)
            return &queues[cpu];
        spin_unlock(&queues[cpu].lock);
    }
}

static void arm(struct queue *q, struct timer *t)
{
    t->armed = true;
    q->armed++;
    q->root = meld(q->root, t);
}

static void disarm(struct queue *q, struct timer *t)
{
    if (!t->armed)
        return;
    heap_remove(q, t);
    t->armed = false;
    q->armed--;
}

/* The root may be another one than the CPU's one-shot timer was set for. Called unlocked. */
static void reprogram(unsigned cpu)
{
    if (cpu == cpu_id())
        lapic_timer_set(timer_next_ns());
    else
        work_raise_on(cpu, WORK_TIMER);
}

void timers_init(void)
{
    for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
        queues[cpu] = (struct queue){ .root = NULL };
        spin_lock_init(&queues[cpu].lock, RANK_TIMER);
    }
}

void timer_init(struct timer *t, void (*fn)(void *), void *data, unsigned cpu)
{
    *t = (struct timer){ .fn = fn, .data = data, .cpu = (u16)cpu };
}

void timer_set(struct timer *t, u64 expires_ns)
{
    struct queue *q = queue_lock(t);
    unsigned cpu = t->cpu;
    bool first;

    disarm(q, t);
    t->expires_ns = expires_ns;
    arm(q, t);
    first = q->root == t;
    spin_unlock(&q->lock);
    if (first)
        reprogram(cpu);
}

void timer_stop(struct timer *t)
{
    bool elsewhere;

    do {                        /* its handler may have set it again while we waited for the handler */
        struct queue *q = queue_lock(t);
        u32 runs = q->runs;

        disarm(q, t);
        elsewhere = q->running == t && q != &queues[cpu_id()];
        spin_unlock(&q->lock);
        while (elsewhere && __atomic_load_n(&q->runs, __ATOMIC_ACQUIRE) == runs)
            lock_poll();
    } while (elsewhere);        /* a one-shot interrupt that finds nothing due is cheaper than reprogramming here */
}

void timer_migrate(struct timer *t, unsigned cpu)
{
    struct queue *from = &queues[t->cpu], *to = &queues[cpu];
    bool first = false;

    spin_lock_pair(&from->lock, &to->lock);
    t->cpu = (u16)cpu;
    if (t->armed) {
        disarm(from, t);
        arm(to, t);
        first = to->root == t;
    }
    spin_unlock_pair(&from->lock, &to->lock);
    if (first)
        reprogram(cpu);
}

u64 timer_next_ns(void)
{
    struct queue *q = &queues[cpu_id()];
    u64 next;

    spin_lock(&q->lock);
    next = q->root ? q->root->expires_ns : ~0UL;
    spin_unlock(&q->lock);
    return next;
}

/* Takes the first timer that is due off the queue; it counts as running until the next call. */
static struct timer *take_due(struct queue *q, u64 now)
{
    struct timer *t;

    spin_lock(&q->lock);
    t = q->root && q->root->expires_ns <= now ? q->root : NULL;
    if (t)
        disarm(q, t);
    q->running = t;
    __atomic_store_n(&q->runs, q->runs + 1, __ATOMIC_RELEASE);
    spin_unlock(&q->lock);
    return t;
}

void timer_run(void)
{
    struct queue *q = &queues[cpu_id()];
    u64 now = time_now_ns();
    struct timer *t;

    while ((t = take_due(q, now)) != NULL)
        t->fn(t->data);
    lapic_timer_set(timer_next_ns());
}

unsigned timer_count(unsigned cpu) { return READ_ONCE(queues[cpu].armed); }
