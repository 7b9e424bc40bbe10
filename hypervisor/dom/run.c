/* SPDX-License-Identifier: MIT */
/*
 * The run loop. One stack per CPU: a switch copies register blocks, and idle is a loop inside the exit path. A CPU
 * that goes idle keeps the last vcpu loaded (lazily): if it runs here again nothing was saved or restored; if another
 * CPU takes it, that one asks for the state with FLUSH_ROOT.
 */
#include <core/work.h>
#include <dom/run.h>
#include <machine/boot.h>
#include <machine/entry.h>
#include <machine/tlb.h>
#include <mm/flush.h>
#include <xen/vcpu.h>

static bool cpu_idle[NR_CPUS];     /* nothing was picked to run there: what is loaded may be asked for */

static struct vcpu *vcpu_of(struct sched_unit *u) { return u ? container_of(u, struct vcpu, unit) : NULL; }

/* The loaded vcpu's state goes back into it; this CPU is left with the hypervisor's own page tables. */
static void drop_current(void)
{
    struct cpu_info *ci = cpu_info();
    struct vcpu *v = ci->current;
    u32 begun;

    v->domain->ops->save(v);
    begun = flush_begin();
    root_load(boot_root);
    flush_end(begun);
    cpumask_clear(&v->domain->mm.dirty_cpus, ci->cpu);
    ci->current = NULL;
    __atomic_store_n(&v->loaded_cpu, NO_CPU, __ATOMIC_RELEASE);
}

/* Another CPU wants the state that we keep only out of laziness, or the page tables of a dying domain. */
void flush_drop_root(void)
{
    if (current() && cpu_idle[cpu_id()])
        drop_current();
}

void vcpu_save(struct vcpu *v)
{
    u16 where;

    while ((where = __atomic_load_n(&v->loaded_cpu, __ATOMIC_ACQUIRE)) != NO_CPU) {
        cpumask_t mask = { { 0 } };

        cpumask_set(&mask, where);
        flush_mask(&mask, 0, FLUSH_ROOT);
        lock_poll();
    }
}

/* Puts next into the CPU, and what was there into its vcpu. */
static void switch_to(struct vcpu *next)
{
    struct cpu_info *ci = cpu_info();
    struct vcpu *prev = ci->current;

    if (prev == next)
        return;
    if (__atomic_load_n(&next->loaded_cpu, __ATOMIC_ACQUIRE) != NO_CPU) {
        if (prev)       /* first: the CPU that has next may be waiting for prev */
            drop_current();
        prev = NULL;
        vcpu_save(next);
    }
    if (prev)
        prev->domain->ops->save(prev);
    ci->current = next;
    next->loaded_cpu = (u16)ci->cpu;
    next->domain->ops->load(next);
    if (prev) {
        if (prev->domain != next->domain)
            cpumask_clear(&prev->domain->mm.dirty_cpus, ci->cpu);
        __atomic_store_n(&prev->loaded_cpu, NO_CPU, __ATOMIC_RELEASE);
    }
}

/* The unit that ran until now stops running: its runstate, and others may have it. */
static void leave(struct vcpu *v, u64 now)
{
    u32 state = v->unit.pause_count ? RUNSTATE_offline : v->unit.blocked ? RUNSTATE_blocked : RUNSTATE_runnable;

    runstate_change(v, state, now);
    sched_switched(&v->unit);
}

static void idle_wait(void)
{
    cpu_idle[cpu_id()] = true;
    while (!work_pending())
        cpu_wait();
}

/* running: the vcpu that ran on this CPU when WORK_SCHED was taken, NULL when it was idle. */
static void schedule(struct vcpu *running)
{
    for (;;) {
        struct vcpu *next = vcpu_of(sched_pick());
        u64 now = time_now_ns();

        if (next && next == running)
            return;
        if (next) {
            cpu_idle[cpu_id()] = false;
            switch_to(next);
            if (running)
                leave(running, now);
            runstate_change(next, RUNSTATE_running, now);
            vcpu_time_update(next);
            next->domain->ops->update_areas(next);
            return;
        }
        if (running) {
            cpu_idle[cpu_id()] = true;      /* before others may want the state that stays loaded */
            leave(running, now);
            running = NULL;
        }
        idle_wait();
        work_run();
        (void)work_take(WORK_SCHED);
    }
}

void run_work(void)
{
    while (work_pending()) {
        work_run();
        if (work_take(WORK_SCHED))
            schedule(current());
    }
}

void run_first(void)
{
    struct cpu_info *ci = cpu_info();

    schedule(NULL);
    run_work();
    exit_to_guest_on(&ci->guest_regs);
}
