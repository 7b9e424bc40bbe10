/* SPDX-License-Identifier: MIT */
/* System time: nanoseconds since boot, from the TSC and the time record of vcpu 0. */
#pragma once

#include <lib/types.h>
#include <xen/xen.h>

#define MS 1000000ull

u64 time_ns(void);
/* Let others run for so long. */
void time_sleep(u64 ns);
/* The same from any time record, e.g. a registered secondary one. */
u64 time_from_record(const volatile struct vcpu_time_info *time);

static inline u64 rdtsc(void)
{
    u32 low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}
