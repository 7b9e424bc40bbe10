/* SPDX-License-Identifier: MIT */
/*
 * Flush clock and cross-CPU flushes. One request is under way at a time (flush_lock); a CPU that waits for the lock or
 * for the answer serves the request meanwhile, so two flushing CPUs cannot wait for each other.
 */
#include <core/lock.h>
#include <core/trace.h>
#include <core/work.h>
#include <machine/tlb.h>
#include <mm/flush.h>

#define FLUSH_EPOCH (1u << 30)      /* no CPU may lag this far behind, or stamps could not be compared */

static spinlock_t flush_lock = SPINLOCK_INIT(RANK_FLUSH);
static u32 flush_clock = 1;
static u32 flush_times[NR_CPUS];

static struct {
    u64 va;
    unsigned flags;
    cpumask_t waiting;              /* (a) CPUs that have not served the request */
} request;

u32 flush_clock_now(void)
{
    return __atomic_load_n(&flush_clock, __ATOMIC_SEQ_CST);
}

/* The clock ticks before the flush: a stamp taken in between is not older than the flush. */
u32 flush_begin(void)
{
    u32 now = __atomic_add_fetch(&flush_clock, 1, __ATOMIC_SEQ_CST);

    if (unlikely(now % FLUSH_EPOCH == 0))
        flush_mask(&cpu_online_mask, 0, FLUSH_TLB);
    return now;
}

void flush_end(u32 begun)
{
    WRITE_ONCE(flush_times[cpu_id()], begun);
}

void flush_filter(cpumask_t *mask, u32 stamp)
{
    unsigned cpu;

    for_each_cpu(cpu, mask)
        if ((s32)(READ_ONCE(flush_times[cpu]) - stamp) > 0)
            cpumask_clear(mask, cpu);
}

void flush_local(u64 va, unsigned flags)
{
    if (flags & FLUSH_ROOT)
        flush_drop_root();
    if (flags & FLUSH_TLB) {
        u32 begun = flush_begin();

        tlb_flush_local();
        flush_end(begun);
    } else if (flags & FLUSH_PAGE) {
        tlb_flush_page_local(va);
    }
    if (flags & FLUSH_CACHE)
        cache_flush_local();
}

void flush_poll(void)
{
    unsigned cpu = cpu_id();

    if (likely(!cpumask_test(&request.waiting, cpu)))
        return;
    flush_local(request.va, request.flags);
    cpumask_clear(&request.waiting, cpu);
}

void flush_mask(const cpumask_t *mask, u64 va, unsigned flags)
{
    unsigned self = cpu_id(), cpu;
    cpumask_t others = *mask;

    trace(TRACE_FLUSH, flags, va, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(others.w); i++)
        others.w[i] &= cpu_online_mask.w[i];
    if (cpumask_test(&others, self)) {
        flush_local(va, flags);
        cpumask_clear(&others, self);
    }
    if (cpumask_empty(&others))
        return;

    spin_lock(&flush_lock);
    request.va = va;
    request.flags = flags;
    for_each_cpu(cpu, &others)
        cpumask_set(&request.waiting, cpu);
    cpu_send_ipi_mask(&others, VECTOR_FLUSH);
    while (!cpumask_empty(&request.waiting))
        lock_poll();
    spin_unlock(&flush_lock);
}

void flush_stale(u32 stamp)
{
    cpumask_t mask = cpu_online_mask;

    flush_filter(&mask, stamp);
    if (!cpumask_empty(&mask))
        flush_mask(&mask, 0, FLUSH_TLB);
}
