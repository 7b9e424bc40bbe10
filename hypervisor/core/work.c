/* SPDX-License-Identifier: MIT */
/*
 * Work bits: owns the work word in each cpu_info, changed only by atomic operations, and the table of handlers, which
 * is written at boot only. Called from everywhere; handlers run on the exit path and in the idle loop, no lock held.
 */
#include <core/console.h>
#include <core/grace.h>
#include <core/keys.h>
#include <core/lock.h>
#include <core/printk.h>
#include <core/timer.h>
#include <core/work.h>

_Static_assert(WORK_COUNT <= 32, "one word of work bits");

bool preempt_always;

static void wait_while_alone(void);

static void (*handlers[WORK_COUNT])(void) = {
    [WORK_ALONE] = wait_while_alone,
    [WORK_TIMER] = timer_run,
    [WORK_GRACE] = grace_run,
    [WORK_KEYS] = keys_run,
    [WORK_CONSOLE] = console_run,
};

void work_set_handler(enum work_bit bit, void (*fn)(void)) { handlers[bit] = fn; }

void work_raise(enum work_bit bit) { __atomic_fetch_or(&cpu_info()->work, 1u << bit, __ATOMIC_RELAXED); }

void work_raise_on(unsigned cpu, enum work_bit bit)
{
    u32 before = __atomic_fetch_or(&cpu_info_of(cpu)->work, 1u << bit, __ATOMIC_SEQ_CST);

    if (cpu != cpu_id() && !(before & (1u << bit)))
        cpu_send_ipi(cpu, VECTOR_KICK);
}

bool work_take(enum work_bit bit)
{
    u32 mask = 1u << bit;

    return (READ_ONCE(cpu_info()->work) & mask) &&
           (__atomic_fetch_and(&cpu_info()->work, ~mask, __ATOMIC_SEQ_CST) & mask);
}

void work_run(void)
{
    while (READ_ONCE(cpu_info()->work) & ~(1u << WORK_SCHED))
        for (unsigned bit = 0; bit < WORK_SCHED; bit++)
            if (work_take(bit) && handlers[bit])
                handlers[bit]();
}

/* One CPU runs alone while round is odd; waiting counts those that stand still for it. */
static struct { u32 round, waiting; } alone;

static void wait_while_alone(void)
{
    u32 round = __atomic_load_n(&alone.round, __ATOMIC_ACQUIRE);

    if (!(round & 1))
        return;
    __atomic_add_fetch(&alone.waiting, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&alone.round, __ATOMIC_ACQUIRE) == round)
        lock_poll();
}

static void alone_begin(void)
{
    u32 round;

    ASSERT(lock_none_held());
    for (;;) {
        round = __atomic_load_n(&alone.round, __ATOMIC_ACQUIRE) & ~1u;
        if (__atomic_compare_exchange_n(&alone.round, &round, round + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return;
        wait_while_alone();
    }
}

void work_run_alone(void (*fn)(void))
{
    unsigned cpu;

    alone_begin();
    for_each_cpu(cpu, &cpu_online_mask)
        if (cpu != cpu_id())
            work_raise_on(cpu, WORK_ALONE);
    while (__atomic_load_n(&alone.waiting, __ATOMIC_SEQ_CST) != cpu_online_count - 1)
        lock_poll();
    fn();
    alone.waiting = 0;
    __atomic_store_n(&alone.round, alone.round + 1, __ATOMIC_RELEASE);
}

bool preempt_point(void)
{
    ASSERT(lock_none_held());
    cpu_irq_window();
    return preempt_always || work_pending();
}
