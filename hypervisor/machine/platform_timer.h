/* SPDX-License-Identifier: MIT */
/* The platform timer: HPET, else ACPI PM timer, else PIT (calibration only, as it wraps too soon). time.c's alone. */
#ifndef MACHINE_PLATFORM_TIMER_H
#define MACHINE_PLATFORM_TIMER_H

#include <lib/types.h>

struct platform_timer {
    const char *name;
    u64 hz, mask;               /* the count wraps at mask + 1 */
    bool lasting;               /* may be read at any later time */
    bool (*start)(struct platform_timer *t);    /* false: not there or not running */
    u64 (*count)(void);         /* counts up */
};

/* The best one that works. */
struct platform_timer *platform_timer_find(void);

#endif
