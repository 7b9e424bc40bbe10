/* SPDX-License-Identifier: MIT */
/* Fake time stands still until the test moves it; the TSC runs at 1 GHz, so one tick is one nanosecond. */
#include <stdio.h>

#include <machine/entry.h>
#include <machine/power.h>
#include <machine/time.h>

#include "fake.h"

struct time_scale time_scale;
u32 tsc_khz = 1000000;
bool tsc_stable = true;
const char *time_platform_name = "fake";
u64 fake_time_step_ns;
enum fake_end fake_ended;
unsigned fake_others_stopped;
jmp_buf fake_end_env;
bool fake_end_expected;

/* core/console.c, if the test has it: so that an unexpected panic tells why. */
__attribute__((weak)) u32 console_ring_read(u32 *index, char *buf, u32 size);

static u64 now_ns;

void fake_time_reset(void)
{
    now_ns = 0;
    fake_time_step_ns = 0;
    time_scale = (struct time_scale){ .mul = 1u << 31, .shift = 1 };
    tsc_stable = true;
    fake_ended = FAKE_RUNNING;
    fake_others_stopped = 0;
    fake_end_expected = false;
}

static void timers_check(void)
{
    for (unsigned cpu = 0; cpu < cpu_online_count; cpu++)
        if (fake_cpus[cpu].timer_ns <= now_ns) {
            fake_cpus[cpu].timer_ns = ~0UL;
            bit_set(fake_cpus[cpu].pending, VECTOR_TIMER);
        }
}

void fake_time_set(u64 ns)
{
    now_ns = max(now_ns, ns);
    timers_check();
}

void fake_time_advance(u64 ns) { fake_time_set(now_ns + ns); }

void lapic_timer_set(u64 deadline_ns)
{
    fake_cpus[cpu_id()].timer_ns = deadline_ns;
    timers_check();
}

u64 time_now_ns(void)
{
    if (fake_time_step_ns)
        fake_time_advance(fake_time_step_ns);
    return now_ns;
}

u64 rdtsc(void) { return now_ns; }
u64 tsc_to_ns(u64 tsc) { return tsc; }
u64 ns_to_tsc(u64 ns) { return ns; }
void time_delay_us(unsigned us) { fake_time_advance(us * 1000UL); }
u64 time_rtc_seconds(void) { return 1700000000; }

/* ---- ends of the machine ---- */

static void ended(enum fake_end how)
{
    fake_ended = how;
    if (fake_end_expected) {
        fake_end_expected = false;
        longjmp(fake_end_env, 1);
    }
}

static void noreturn ended_unexpectedly(const char *how)
{
    static char text[65536];
    u32 index = 0;

    if (console_ring_read)
        fwrite(text, 1, console_ring_read(&index, text, sizeof(text)), stderr);
    fake_die("the machine was %s", how);
}

/* A machine that ignores it, unless the test waits for the end. */
void power_off(void) { ended(FAKE_OFF); }

void power_reset(void)
{
    ended(FAKE_RESET);
    ended_unexpectedly("reset");
}

void power_halt(void)
{
    ended(FAKE_HALT);
    ended_unexpectedly("halted");
}

/* The first entry into a guest ends a test's run_first(): there is no guest code here. */
void exit_to_guest_on(struct regs *regs)
{
    (void)regs;
    ended(FAKE_GUEST);
    ended_unexpectedly("running a guest");
}

void cpus_stop_others(void) { fake_others_stopped++; }

void power_set_sleep(u16 pm1a_val, u16 pm1b_val)
{
    (void)pm1a_val;
    (void)pm1b_val;
}
