/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers, one ordered structure per CPU (intrusive, no allocation). Handlers run from WORK_TIMER on the
 * timer's CPU with no lock held. Setting an armed timer moves it. All calls are allowed from handlers.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <machine/time.h>

struct timer {
    u64 expires_ns;
    void (*fn)(void *data);
    void *data;
    struct timer *child, *next, *prev;      /* pairing heap */
    u16 cpu;
    bool armed;
};

void timers_init(void);                     /* boot, before any other call */
void timer_init(struct timer *t, void (*fn)(void *), void *data, unsigned cpu);
void timer_set(struct timer *t, u64 expires_ns);
/* After return the handler is not running on another CPU and will not run. On the CPU that runs it, from within it, the
 * timer is only disarmed. Holding no lock that the handler takes. */
void timer_stop(struct timer *t);
void timer_migrate(struct timer *t, unsigned cpu);      /* callers of one timer are serialised by its owner */
u64 timer_next_ns(void);                    /* of this CPU; ~0 when none */
unsigned timer_count(unsigned cpu);         /* armed ones, for the debug key */
void timer_run(void);                       /* WORK_TIMER: handlers that are due, then the next one-shot interrupt */

#endif
