/* SPDX-License-Identifier: MIT */
/*
 * System time: nanoseconds since boot, one TSC scale for the whole machine, calibrated against the platform timer
 * (HPET, else ACPI PM timer, else PIT), which stays the master. Same on every CPU when tsc_stable.
 */
#ifndef MACHINE_TIME_H
#define MACHINE_TIME_H

#include <lib/types.h>

/* The pvclock form: ns = base_ns + ((tsc - base_tsc) shifted by shift) * mul >> 32. Read under its version. */
struct time_scale {
    u32 version;        /* odd while being written */
    u32 mul;
    s8 shift;
    u64 base_tsc, base_ns;
};
extern struct time_scale time_scale;
extern u32 tsc_khz;
extern bool tsc_stable;                 /* no warp between CPUs was seen: guests may use the vdso clock */
extern const char *time_platform_name;

u64 time_now_ns(void);
u64 tsc_to_ns(u64 tsc);
u64 ns_to_tsc(u64 ns);
/* Once a second on the boot CPU: compares with the platform timer and bends the scale a little when it drifts, never
 * backwards. True when the scale has changed (guests' copies are then out of date). */
bool time_resync(void);
/* Busy wait, for boot and panic only. */
void time_delay_us(unsigned us);
/* Wall clock in seconds since 1970 from the RTC (boot). */
u64 time_rtc_seconds(void);

#endif
