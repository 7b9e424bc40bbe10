/* SPDX-License-Identifier: MIT */
/*
 * Work bits: late effects. Anyone sets a bit for a CPU; that CPU runs the handler on its way out to a guest, in the
 * idle loop or at a preemption point's return. Order of handlers = bit order.
 */
#ifndef CORE_WORK_H
#define CORE_WORK_H

#include <machine/cpu.h>

enum work_bit { WORK_ALONE, WORK_TIMER, WORK_GRACE, WORK_DOMAINS, WORK_KEYS, WORK_CONSOLE, WORK_TIME, WORK_SCHED, WORK_COUNT };

void work_raise(enum work_bit bit);                     /* this CPU */
void work_raise_on(unsigned cpu, enum work_bit bit);    /* another: sends VECTOR_KICK if it was not yet set */
/* Runs every pending handler but WORK_SCHED (dom/run.c looks at that one itself with work_take()). */
void work_run(void);
bool work_take(enum work_bit bit);                      /* test and clear on this CPU */
static inline bool work_pending(void) { return READ_ONCE(cpu_info()->work) != 0; }
/* Boot: who does the work that belongs to an upper layer (WORK_DOMAINS, WORK_TIME); core's own are set. */
void work_set_handler(enum work_bit bit, void (*fn)(void));
/* Runs fn here while every other CPU waits on its way out to a guest or in its idle loop, inside no operation and
 * holding no lock. Itself called only from a work handler, with no lock held. */
void work_run_alone(void (*fn)(void));
extern bool preempt_always;                             /* preempt=1: stop at every preemption point */

/* Long operations call this between units: opens an interrupt window, then says whether to stop and restart later. */
bool preempt_point(void);

#endif
