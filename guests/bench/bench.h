/* SPDX-License-Identifier: MIT */
/*
 * Benchmarks: each file says
 *
 *     BENCH(name, prepare, "what one operation is") { one operation }
 *
 * and main.c calls them all. The unit is a tick of the TSC, which under QEMU's -icount is one executed instruction.
 * `prepare` may be NULL; it returns NULL, or why this cannot be measured here.
 */
#pragma once

#include <lib/types.h>

struct bench {
    const char *name, *what;
    const char *(*prepare)(void);
    void (*run)(void);
};

#define BENCH(name_, prepare_, what_)                                                                                  \
    static void bench_##name_(void);                                                                                   \
    static const struct bench entry_##name_                                                                            \
        __attribute__((used, section(".benches"), aligned(8))) = {#name_, what_, prepare_, bench_##name_};             \
    static void bench_##name_(void)

/* What a call must answer; any other answer ends the guest, as it would make the number meaningless. */
void expect(long got, long want);
