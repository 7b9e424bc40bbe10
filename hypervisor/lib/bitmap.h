/* SPDX-License-Identifier: MIT */
/* Bit operations on arrays of u64. The atomic forms are full barriers; the plain ones want the caller's lock. */
#ifndef LIB_BITMAP_H
#define LIB_BITMAP_H

#include <lib/types.h>

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline bool bit_test(const u64 *map, unsigned n) { return (READ_ONCE(map[n / 64]) >> (n % 64)) & 1; }
static inline void bit_set(u64 *map, unsigned n) { map[n / 64] |= 1UL << (n % 64); }
static inline void bit_clear(u64 *map, unsigned n) { map[n / 64] &= ~(1UL << (n % 64)); }

static inline bool bit_test_and_set_atomic(u64 *map, unsigned n)
{
    u64 bit = 1UL << (n % 64);

    return __atomic_fetch_or(&map[n / 64], bit, __ATOMIC_SEQ_CST) & bit;
}

static inline bool bit_test_and_clear_atomic(u64 *map, unsigned n)
{
    u64 bit = 1UL << (n % 64);

    return __atomic_fetch_and(&map[n / 64], ~bit, __ATOMIC_SEQ_CST) & bit;
}

static inline void bit_set_atomic(u64 *map, unsigned n) { (void)bit_test_and_set_atomic(map, n); }
static inline void bit_clear_atomic(u64 *map, unsigned n) { (void)bit_test_and_clear_atomic(map, n); }

/* First bit >= from that is set (or clear), or nr when there is none. */
static inline unsigned bit_find_next(const u64 *map, unsigned nr, unsigned from, bool set)
{
    while (from < nr) {
        u64 word = (set ? map[from / 64] : ~map[from / 64]) >> (from % 64);

        if (word) {
            from += (unsigned)__builtin_ctzl(word);
            return from < nr ? from : nr;
        }
        from = (from / 64 + 1) * 64;
    }
    return nr;
}

/* A set of CPUs. */
#define NR_CPUS 128

typedef struct { u64 w[BITMAP_WORDS(NR_CPUS)]; } cpumask_t;

static inline bool cpumask_test(const cpumask_t *m, unsigned cpu) { return bit_test(m->w, cpu); }
static inline void cpumask_set(cpumask_t *m, unsigned cpu) { bit_set_atomic(m->w, cpu); }
static inline void cpumask_clear(cpumask_t *m, unsigned cpu) { bit_clear_atomic(m->w, cpu); }
static inline unsigned cpumask_next(const cpumask_t *m, unsigned from) { return bit_find_next(m->w, NR_CPUS, from, true); }
static inline bool cpumask_empty(const cpumask_t *m) { return cpumask_next(m, 0) == NR_CPUS; }
#define for_each_cpu(cpu, m) \
    for ((cpu) = cpumask_next((m), 0); (cpu) < NR_CPUS; (cpu) = cpumask_next((m), (cpu) + 1))

#endif
