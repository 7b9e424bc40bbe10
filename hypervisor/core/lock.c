/* SPDX-License-Identifier: MIT */
/*
 * Ticket locks. Owns, in debug builds, one word per CPU with the ranks it holds; only that CPU touches its word.
 * A waiting CPU keeps serving TLB flushes (an upward call): whoever holds the lock may be waiting for them.
 */
#include <core/lock.h>
#include <core/printk.h>
#include <machine/cpu.h>
#include <machine/fault.h>

_Static_assert(RANK_MAX <= 32, "one bit per rank");

#ifdef NDEBUG
static inline void rank_check(const spinlock_t *l) { (void)l; }
static inline void note_locked(spinlock_t *l) { (void)l; }
static inline void note_unlocked(spinlock_t *l) { (void)l; }
#else
static u32 ranks_held[NR_CPUS];

/* Before waiting, so that a wrong order is reported instead of hanging. */
static void rank_check(const spinlock_t *l)
{
    u32 held = ranks_held[cpu_id()];

    if (unlikely(held >> l->rank))
        panic("lock order: rank %u taken while holding ranks 0x%x", l->rank, held);
}

static void note_locked(spinlock_t *l)
{
    ranks_held[cpu_id()] |= 1u << l->rank;
    l->holder = (u16)(cpu_id() + 1);
}

static void note_unlocked(spinlock_t *l)
{
    ASSERT(spin_is_held(l));
    l->holder = 0;
    ranks_held[cpu_id()] &= ~(1u << l->rank);
}
#endif

void lock_poll(void)
{
    cpu_relax();
    flush_poll();
}

static void acquire(spinlock_t *l)
{
    u32 ticket;

    interleave_point();
    ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
        lock_poll();
}

static void release(spinlock_t *l) { __atomic_store_n(&l->owner, l->owner + 1, __ATOMIC_RELEASE); }

void spin_lock_init(spinlock_t *l, enum lock_rank rank) { *l = (spinlock_t)SPINLOCK_INIT(rank); }

void spin_lock(spinlock_t *l)
{
    rank_check(l);
    acquire(l);
    note_locked(l);
}

bool spin_trylock(spinlock_t *l)
{
    u32 free = READ_ONCE(l->owner);

    rank_check(l);
    interleave_point();
    if (!__atomic_compare_exchange_n(&l->next, &free, free + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    note_locked(l);
    return true;
}

void spin_unlock(spinlock_t *l)
{
    note_unlocked(l);
    release(l);
}

void spin_lock_pair(spinlock_t *a, spinlock_t *b)
{
    spinlock_t *first = a < b ? a : b, *second = a < b ? b : a;

    rank_check(first);
    acquire(first);
    if (first != second)
        acquire(second);
    note_locked(first);
    note_locked(second);
}

void spin_unlock_pair(spinlock_t *a, spinlock_t *b)
{
    note_unlocked(a);
    if (a != b) {
        note_unlocked(b);
        release(b);
    }
    release(a);
}

#ifdef NDEBUG
bool spin_is_held(const spinlock_t *l) { return l->next != l->owner; }
bool lock_none_held(void) { return true; }
void lock_reset_cpu(void) {}
#else
bool spin_is_held(const spinlock_t *l) { return READ_ONCE(l->holder) == cpu_id() + 1; }
bool lock_none_held(void) { return !ranks_held[cpu_id()]; }
void lock_reset_cpu(void) { ranks_held[cpu_id()] = 0; }
#endif
