/* SPDX-License-Identifier: MIT */
/*
 * Owns the table of debug keys (written at boot only), the keys typed and not yet served, and core's own reports.
 * The register report runs on every CPU: each prints its own, in order of arrival.
 */
#include <core/counters.h>
#include <core/keys.h>
#include <core/panic.h>
#include <core/printk.h>
#include <core/timer.h>
#include <core/trace.h>
#include <core/work.h>
#include <lib/string.h>
#include <machine/power.h>

#define KEYS 128

static struct { const char *help; void (*fn)(void); } keys[KEYS];
static u64 pressed[KEYS / 64];      /* atomics */
static cpumask_t show_registers;    /* CPUs that are to print theirs; atomics */

void key_register(char key, const char *help, void (*fn)(void))
{
    BUG_ON((u8)key >= KEYS || keys[(u8)key].fn);
    keys[(u8)key].help = help;
    keys[(u8)key].fn = fn;
}

void keys_press(char c)
{
    if ((u8)c >= KEYS || !keys[(u8)c].fn)
        return;
    bit_set_atomic(pressed, (u8)c);
    work_raise(WORK_KEYS);
}

void keys_run(void)
{
    if (bit_test_and_clear_atomic(show_registers.w, cpu_id()))
        registers_show_guest();
    for (unsigned key = 0; (key = bit_find_next(pressed, KEYS, key, true)) < KEYS; key++)
        if (bit_test_and_clear_atomic(pressed, key)) {
            printk("'%c' pressed -> %s", key, keys[key].help);
            keys[key].fn();
        }
}

static void key_help(void)
{
    for (unsigned key = 0; key < KEYS; key++)
        if (keys[key].fn)
            printk(" key '%c' => %s", key, keys[key].help);
}

static void key_registers(void)
{
    unsigned cpu;

    for_each_cpu(cpu, &cpu_online_mask) {
        cpumask_set(&show_registers, cpu);
        work_raise_on(cpu, WORK_KEYS);
    }
}

static void key_timers(void)
{
    unsigned cpu;

    printk("system time %lu ns, clock %s, TSC %u kHz%s", (unsigned long)time_now_ns(), time_platform_name, tsc_khz,
           tsc_stable ? "" : ", not the same on all CPUs");
    printk("  scale: base tsc %lu, base %lu ns, mul 0x%x, shift %d", (unsigned long)time_scale.base_tsc,
           (unsigned long)time_scale.base_ns, time_scale.mul, time_scale.shift);
    for_each_cpu(cpu, &cpu_online_mask)
        printk("  CPU %u: %u timers", cpu, timer_count(cpu));
}

void keys_init(void)
{
    static const struct { char key; const char *help; void (*fn)(void); } own[] = {
        { 'h', "this help", key_help },
        { 'd', "registers of every CPU's guest", key_registers },
        { 't', "time and timers", key_timers },
        { 'c', "counters", counters_show },
        { 'T', "last trace records (decode with scripts/trace-decode.py)", trace_show },
        { 'R', "reboot", power_reset },
    };

    memset(keys, 0, sizeof(keys));
    for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
        key_register(own[i].key, own[i].help, own[i].fn);
}
