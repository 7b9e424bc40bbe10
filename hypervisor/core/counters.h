/* SPDX-License-Identifier: MIT */
/* Event counters, always on: one increment of a word that only this CPU writes. Key 'c' sums them up. */
#ifndef CORE_COUNTERS_H
#define CORE_COUNTERS_H

#include <machine/cpu.h>

/* The first two blocks are indexed by hypercall number and by vector. */
#define COUNTER_HYPERCALLS 64
#define COUNTER_VECTORS    256
enum counter {
    COUNT_HYPERCALL,
    COUNT_VECTOR = COUNT_HYPERCALL + COUNTER_HYPERCALLS,
    COUNT_SWITCH = COUNT_VECTOR + COUNTER_VECTORS,      /* vcpu switches */
    COUNT_EMULATE,              /* privileged instructions */
    COUNT_PTE_EMULATE,          /* page-table writes caught */
    COUNT_FLUSH_LOCAL,          /* TLB flushes of this CPU */
    COUNT_FLUSH_SENT,           /* requests to other CPUs */
    COUNT_ROOT_LOAD,
    COUNT_PREEMPT,              /* operations stopped half-way */
    COUNT_EVENT,                /* event channels raised */
    COUNT_UPCALL,               /* upcalls delivered */
    COUNTERS,
};

struct cpu_counters { u64 n[COUNTERS]; } aligned(64);
extern struct cpu_counters cpu_counters[NR_CPUS];

static inline void count(unsigned counter) { cpu_counters[cpu_id()].n[counter]++; }
static inline void count_hypercall(unsigned nr) { count(COUNT_HYPERCALL + nr % COUNTER_HYPERCALLS); }
static inline void count_vector(u8 vector) { count(COUNT_VECTOR + vector); }

u64 counter_sum(unsigned counter);
/* Names for the report; names[nr] may be NULL. Boot. */
void counters_name_hypercalls(const char *const *names, unsigned nr);
void counters_show(void);

#endif
