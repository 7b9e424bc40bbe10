/* SPDX-License-Identifier: MIT */
/*
 * Spin locks with ranks. A CPU may take only locks of a higher rank than those it holds (checked in debug builds;
 * two of one rank only through spin_lock_pair(), by address). Interrupts are off everywhere, so there is one kind.
 * A waiting CPU serves flush requests (lock_poll()), because the holder may be waiting for this CPU to flush.
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include <lib/types.h>

/* The order of taking: lower first. Kept here, in one place. */
enum lock_rank {
    RANK_DOMLIST, RANK_DOMAIN, RANK_PIRQ, RANK_PCI_DEVICE, RANK_EVTCHN, RANK_GRANT, RANK_PAGE_ALLOC, RANK_MM_DOMAIN,
    RANK_IRQ, RANK_IOAPIC, RANK_SCHED, RANK_SCHED_CAP, RANK_EVTCHN_QUEUE, RANK_POLL, RANK_TIMER, RANK_HEAP,
    RANK_FLUSH, RANK_GRACE, RANK_PCI, RANK_TIME, RANK_CONSOLE, RANK_UART, RANK_MAX
};

typedef struct {
    u32 next, owner;        /* ticket lock */
    u16 rank;
    u16 holder;             /* cpu + 1, debug */
} spinlock_t;

#define SPINLOCK_INIT(r) { 0, 0, (r), 0 }
void spin_lock_init(spinlock_t *l, enum lock_rank rank);
void spin_lock(spinlock_t *l);
bool must_check spin_trylock(spinlock_t *l);             /* obeys the ranks, too */
void spin_unlock(spinlock_t *l);
void spin_lock_pair(spinlock_t *a, spinlock_t *b);      /* same rank, may be the same lock */
void spin_unlock_pair(spinlock_t *a, spinlock_t *b);
bool spin_is_held(const spinlock_t *l);                 /* by this CPU (debug builds), by anyone (else) */
bool lock_none_held(void);                              /* by this CPU (debug builds; else true) */
void lock_poll(void);                                   /* one turn of any busy wait on another CPU */
/* Upward, mm/flush.c: serves a flush that another CPU waits for. A CPU that waits must, or both would wait for ever. */
void flush_poll(void);
void lock_reset_cpu(void);                              /* panic path: forget ranks */

#endif
