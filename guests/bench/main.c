/* SPDX-License-Identifier: MIT */
/*
 * Runs the benchmarks, one line each: "Bench NAME: TICKS" or "Bench NAME: none, REASON"; at last "Bench end".
 *
 * An operation is repeated, and the best of several rounds counts: in some of them a timer of the hypervisor expires.
 * What the loop itself costs, with an operation that does nothing, is subtracted.
 */
#include <bench/bench.h>
#include <lib/guest.h>
#include <lib/string.h>
#include <lib/time.h>

#define ROUNDS 9
#define REPEATS 32

extern const struct bench benches_start[], benches_end[];

static const struct bench *running;

void expect(long got, long want)
{
    if (got != want)
        guest_panic("bench %s: got %ld, want %ld", running->name, got, want);
}

static void nothing(void) { }

static u64 ticks_of(void (*run)(void))
{
    u64 best = ~0ul;

    run(); /* what only the first call does is not the question */
    for (unsigned int round = 0; round < ROUNDS; round++) {
        u64 start = rdtsc(), ticks;

        for (unsigned int i = 0; i < REPEATS; i++)
            run();
        ticks = rdtsc() - start;
        if (ticks < best)
            best = ticks;
    }
    return best;
}

void guest_main(void)
{
    u64 loop = ticks_of(nothing);

    for (running = benches_start; running < benches_end; running++) {
        const char *problem = running->prepare == NULL ? NULL : running->prepare();

        if (problem == NULL)
            printf("Bench %s: %lu\n", running->name, (ticks_of(running->run) - loop + REPEATS / 2) / REPEATS);
        else
            printf("Bench %s: none, %s\n", running->name, problem);
    }
    printf("Bench end\n");
}
