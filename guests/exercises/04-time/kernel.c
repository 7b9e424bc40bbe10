/* SPDX-License-Identifier: MIT */
/* The time of day, read from memory: no hypercall, no trap. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/string.h>

#define NS_PER_SECOND 1000000000ull

static u64 ticks(void)
{
    u32 low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

/* Nanoseconds since the machine started. The hypervisor may change the record at any moment, and then its version. */
static u64 system_time(const volatile struct vcpu_time_info *t)
{
    u32 version;
    u64 ns;

    do {
        u64 passed;

        while ((version = t->version) & 1)
            ;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        passed = ticks() - t->tsc_timestamp;
        passed = t->tsc_shift < 0 ? passed >> -t->tsc_shift : passed << t->tsc_shift;
        ns = t->system_time + (u64)((unsigned __int128)passed * t->tsc_to_system_mul >> 32);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (version != t->version);
    return ns;
}

/* Seconds since 1970: where the clock stood when system time was 0, and the time since. */
static u64 seconds_since_1970(void)
{
    volatile shared_info_t *s = shared_info;
    u64 base_seconds, base_ns;
    u32 version;

    do {
        while ((version = s->wc_version) & 1)
            ;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        base_seconds = s->wc_sec | (u64)s->wc_sec_hi << 32;
        base_ns = s->wc_nsec;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (version != s->wc_version);
    return base_seconds + (base_ns + system_time(&s->vcpu_info[0].time)) / NS_PER_SECOND;
}

static bool is_leap(u32 year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

static void print_date(u64 seconds)
{
    static const u8 lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    u64 days = seconds / 86400, rest = seconds % 86400;
    u32 year = 1970, month = 0;

    for (; days >= 365u + is_leap(year); year++)
        days -= 365u + is_leap(year);
    for (; days >= lengths[month] + (u32)(month == 1 && is_leap(year)); month++)
        days -= lengths[month] + (u32)(month == 1 && is_leap(year));
    printf("It is %u-%02u-%02lu %02lu:%02lu:%02lu, second %lu.\n", year, month + 1, days + 1, rest / 3600, rest / 60 % 60,
           rest % 60, seconds);
}

void guest_main(void)
{
    u64 before, after;

    upcalls_enable();
    print_date(seconds_since_1970());
    before = system_time(&shared_info->vcpu_info[0].time);
    hypercall_set_timer_op((s64)(before + NS_PER_SECOND / 2));
    do
        after = system_time(&shared_info->vcpu_info[0].time);
    while (after < before + NS_PER_SECOND / 2);
    printf("Half a second later it is later, and never was earlier.\n");
}
