/* SPDX-License-Identifier: MIT */
/* A fresh machine with core/ booted on it, and a console device that keeps what was shown. */
#ifndef TESTS_UNIT_CORE_FIXTURE_H
#define TESTS_UNIT_CORE_FIXTURE_H

#include <core/console.h>
#include <core/keys.h>
#include <core/lock.h>
#include <core/printk.h>
#include <core/timer.h>
#include <core/work.h>

#include "host.h"

#ifndef MACHINE_MIB
#define MACHINE_MIB 64                  /* a test that audits millions of times makes it small */
#endif

static char shown[1 << 18];
static size_t shown_bytes;

static void shown_write(const char *s, size_t n)
{
    assert_true(shown_bytes + n < sizeof(shown));
    memcpy(shown + shown_bytes, s, n);
    shown_bytes += n;
    shown[shown_bytes] = '\0';
}

static struct console_device shown_device = { .name = "test", .write = shown_write };

static inline void shown_clear(void)
{
    shown_bytes = 0;
    shown[0] = '\0';
}

static inline bool was_shown(const char *text) { return strstr(shown, text) != NULL; }

static inline int core_setup(void **state)
{
    char all[] = "all", none[] = "none/all";
    const char *why;

    (void)state;
    fake_start(4, MACHINE_MIB);
    for (unsigned cpu = 4; cpu-- > 0;) {
        fake_cpu_set(cpu);
        lock_reset_cpu();
    }
    timers_init();
    keys_init();
    console_set_hooks(NULL, NULL);
    console_force();
    console_unregister(&shown_device);
    console_ring_clear();
    console_register(&shown_device);
    console_timestamps = false;
    (void)printk_parse_loglvl(all, &why);
    (void)printk_parse_guest_loglvl(none, &why);
    shown_clear();
    return 0;
}

#endif
