/* SPDX-License-Identifier: MIT */
/* What holds for run queues whenever no CPU is inside sched.c, and the debug key that prints them. */
#include <core/printk.h>
#include <machine/cpu.h>
#include <sched/ops.h>

static bool unit_queued(const struct sched_unit *u, unsigned cpu) { return u->queued && u->cpu == cpu; }
static bool unit_not_running(const struct sched_unit *u, unsigned cpu) { return !u->running; }
static bool unit_runnable(const struct sched_unit *u, unsigned cpu) { return !u->blocked && !u->pause_count; }
static bool unit_allowed(const struct sched_unit *u, unsigned cpu) { return cpumask_test(&u->affinity, cpu); }

static const struct {
    const char *name;
    bool (*holds)(const struct sched_unit *u, unsigned cpu);
} waiting_rules[] = {
    { "sched-waiting-queued", unit_queued },
    { "sched-waiting-not-running", unit_not_running },
    { "sched-waiting-runnable", unit_runnable },
    { "sched-waiting-allowed", unit_allowed },
};

static const char *audit_queue(struct sched_queue *q, unsigned cpu)
{
    const struct sched_unit *u;
    unsigned waiting = 0;

    list_for_each(u, &q->units, queue) {
        for (unsigned i = 0; i < ARRAY_SIZE(waiting_rules); i++)
            if (!waiting_rules[i].holds(u, cpu))
                return waiting_rules[i].name;
        waiting++;
    }
    if (waiting != q->waiting)
        return "sched-waiting-counted";
    if (q->curr && (!q->curr->running || q->curr->queued || q->curr->cpu != cpu))
        return "sched-current-runs";
    return NULL;
}

const char *sched_audit(void)
{
    const char *broken = NULL;
    unsigned cpu;

    for_each_cpu(cpu, &cpu_online_mask) {
        struct sched_queue *q = sched_queue_of(cpu);

        spin_lock(&q->lock);
        broken = broken ? broken : audit_queue(q, cpu);
        spin_unlock(&q->lock);
    }
    return broken;
}

static void show_unit(struct sched_queue *q, const struct sched_unit *u, const char *does)
{
    printk("    d%uv%u %s, ran %lu ms", u->domid, u->vcpu, does, u->run_ns / 1000000);
    sched_show_unit(q, u);
}

/* How long woken units waited until they ran, on all CPUs since boot. */
static void show_latencies(void)
{
    unsigned cpu;

    printk("  woken units ran after");
    for (unsigned i = 0; i < SCHED_LATENCIES; i++) {
        u64 sum = 0;

        for_each_cpu(cpu, &cpu_online_mask)
            sum += READ_ONCE(sched_queue_of(cpu)->latency[i]);
        if (sum)
            printk("    %s%7lu us: %lu", i < SCHED_LATENCIES - 1 ? "< " : ">=", 1UL << min(i, SCHED_LATENCIES - 2u), sum);
    }
}

void sched_show(void)
{
    unsigned cpu;

    printk("scheduler %s", sched_name());
    show_latencies();
    for_each_cpu(cpu, &cpu_online_mask) {
        struct sched_queue *q = sched_queue_of(cpu);
        const struct sched_unit *u;

        spin_lock(&q->lock);
        if (q->curr)
            printk("  CPU %u: d%uv%u runs, %u waiting", cpu, q->curr->domid, q->curr->vcpu, q->waiting);
        else
            printk("  CPU %u: idle, %u waiting", cpu, q->waiting);
        if (q->curr)
            show_unit(q, q->curr, "runs");
        list_for_each(u, &q->units, queue)
            show_unit(q, u, "waits");
        spin_unlock(&q->lock);
    }
}
