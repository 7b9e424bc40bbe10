/* SPDX-License-Identifier: MIT */
/* The vector tables. Contracts: vector.h. */
#include <irq/vector.h>
#include <lib/errno.h>
#include <lib/string.h>

/* Legacy gates of guests: never device interrupts, so that a trap on them is always the guest's. */
#define VECTOR_INT80 0x80
#define VECTOR_INT82 0x82

#define VECTORS (VECTOR_DYN_LAST - VECTOR_DYN_FIRST + 1)

static u16 owners[NR_CPUS][VECTORS];    /* (a) irq + 1; 0: free */
static u32 cursor;      /* where the last search ended: spreads over the numbers, so that moves can keep theirs */

static u16 *slot(unsigned cpu, u8 vector) { return &owners[cpu][vector - VECTOR_DYN_FIRST]; }

static bool vector_claim(unsigned cpu, u8 vector, u32 irq)
{
    u16 free_slot = 0;

    return vector > VECTOR_CLEANUP && vector <= VECTOR_DYN_LAST && vector != VECTOR_INT80 && vector != VECTOR_INT82 &&
           __atomic_compare_exchange_n(slot(cpu, vector), &free_slot, (u16)(irq + 1), false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

int vector_alloc(unsigned cpu, u32 irq, u8 prefer)
{
    if (vector_claim(cpu, prefer, irq))
        return prefer;
    for (unsigned i = 0; i < VECTORS; i++) {
        u8 vector = (u8)(VECTOR_DYN_FIRST + (READ_ONCE(cursor) + i) % VECTORS);

        if (vector_claim(cpu, vector, irq)) {
            WRITE_ONCE(cursor, vector - VECTOR_DYN_FIRST + 1u);
            return vector;
        }
    }
    return -ENOSPC;
}

void vector_init(void) { memset(owners, 0, sizeof(owners)); }

void vector_free(unsigned cpu, u8 vector) { __atomic_store_n(slot(cpu, vector), 0, __ATOMIC_RELEASE); }

u32 vector_irq(unsigned cpu, u8 vector)
{
    if (vector < VECTOR_DYN_FIRST || vector > VECTOR_DYN_LAST)
        return IRQ_NONE;
    return (u32)__atomic_load_n(slot(cpu, vector), __ATOMIC_ACQUIRE) - 1;
}

unsigned vector_count(unsigned cpu)
{
    unsigned count = 0;

    for (unsigned i = 0; i < VECTORS; i++)
        count += owners[cpu][i] != 0;
    return count;
}
