/* SPDX-License-Identifier: MIT */
/* Owns the per-CPU counters; each CPU writes its own, readers sum without a lock and may be a little behind. */
#include <core/counters.h>
#include <core/printk.h>

struct cpu_counters cpu_counters[NR_CPUS];

static const char *const *hypercall_names;
static unsigned nr_hypercall_names;

static const char *const names[] = {
    "vcpu switches", "instructions emulated", "page-table writes emulated", "local TLB flushes",
    "TLB flushes sent", "root loads", "operations preempted", "events raised", "upcalls delivered",
};
_Static_assert(ARRAY_SIZE(names) == COUNTERS - COUNT_SWITCH, "every counter has a name");

u64 counter_sum(unsigned counter)
{
    u64 sum = 0;
    unsigned cpu;

    for_each_cpu(cpu, &cpu_online_mask)
        sum += READ_ONCE(cpu_counters[cpu].n[counter]);
    return sum;
}

void counters_name_hypercalls(const char *const *table, unsigned nr)
{
    hypercall_names = table;
    nr_hypercall_names = nr;
}

static void counter_show(unsigned counter, u64 sum)
{
    unsigned nr = counter - COUNT_HYPERCALL;

    if (counter >= COUNT_SWITCH)
        printk("%16lu %s", sum, names[counter - COUNT_SWITCH]);
    else if (counter >= COUNT_VECTOR)
        printk("%16lu vector 0x%02x", sum, counter - COUNT_VECTOR);
    else if (nr < nr_hypercall_names && hypercall_names[nr])
        printk("%16lu hypercall %s", sum, hypercall_names[nr]);
    else
        printk("%16lu hypercall %u", sum, nr);
}

void counters_show(void)
{
    for (unsigned counter = 0; counter < COUNTERS; counter++) {
        u64 sum = counter_sum(counter);

        if (sum)
            counter_show(counter, sum);
    }
}
