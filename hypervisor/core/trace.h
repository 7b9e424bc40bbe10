/* SPDX-License-Identifier: MIT */
/*
 * Trace: a ring of 32-byte records per CPU, off unless trace= gives it memory at boot. Off, a trace point is one
 * test of a flag. scripts/trace-decode.py reads the rings from a memory dump or from what key 'T' prints.
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include <machine/cpu.h>

/* Keep in step with scripts/trace-decode.py. */
enum trace_event {
    TRACE_NONE,
    TRACE_HYPERCALL,        /* number; first argument, result */
    TRACE_TRAP,             /* vector; rip, cr2: an exception of a guest's */
    TRACE_IRQ,              /* vector */
    TRACE_SWITCH,           /* domid << 16 | vcpu; time used */
    TRACE_WAKE,             /* domid << 16 | vcpu */
    TRACE_BLOCK,            /* domid << 16 | vcpu */
    TRACE_EVENT,            /* domid << 16 | vcpu to be told; port */
    TRACE_FLUSH,            /* flags; address */
};

struct trace_record {
    u64 tsc;
    u16 event, cpu;
    u32 a;
    u64 b, c;
};
_Static_assert(sizeof(struct trace_record) == 32, "fixed record size");

extern bool trace_on;
void trace_write(enum trace_event event, u32 a, u64 b, u64 c);

static inline void trace(enum trace_event event, u32 a, u64 b, u64 c)
{
    if (unlikely(trace_on))
        trace_write(event, a, b, c);
}

extern unsigned trace_pages;        /* trace=<pages per CPU>, 0: off (OPTION_UINT) */
void trace_init(void);              /* boot, after the CPUs are counted, before the heap */
void trace_show(void);              /* debug key: the last records of each CPU in hexadecimal */

#endif
