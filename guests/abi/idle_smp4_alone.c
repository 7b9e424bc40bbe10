/* SPDX-License-Identifier: MIT */
/*
 * idle_smp4_alone - four vcpus that mostly sleep
 *
 * Each sets its timer, a moment away or in the past, and blocks until the timer's event; then vcpus go down and are
 * brought up again. No timer and no "up" may get lost.
 */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/smp.h>
#include <lib/test.h>
#include <lib/time.h>

#define VCPUS 4
#define NAPS 150
#define RISES 100 /* of each vcpu */

static u32 timers[VCPUS];
static volatile u32 naps[VCPUS], early[VCPUS], rises[VCPUS];
static volatile bool over;

static void nap(u32 vcpu)
{
    event_unmask(timers[vcpu]);
    for (u32 i = 0; i < NAPS; i++) {
        u32 before = event_count(timers[vcpu]);
        u64 when = time_ns() + (i % 8) * 40000;

        hypercall_set_timer_op(when);
        while (event_count(timers[vcpu]) == before) {
            hypercall_sched_op(SCHEDOP_block, NULL);
            upcalls_disable();
        }
        if (time_ns() < when)
            early[vcpu]++;
        naps[vcpu]++;
    }
    event_mask(timers[vcpu]);
}

/* vcpu 0 watches instead of napping: a vcpu that misses its timer sleeps for ever. */
static void nap_or_watch(u32 vcpu)
{
    if (vcpu != 0)
        nap(vcpu);
}

static void check_timers(void)
{
    if (!check(vcpus_run(nap_or_watch, 60000 * MS), "no timer is lost"))
        guest_panic("a timer was lost: %u, %u and %u naps of %u", naps[1], naps[2], naps[3], NAPS);
    check_equal(early[1] + early[2] + early[3], 0, "naps that ended early");
    nap(0);
    check_equal(naps[0], NAPS, "naps of vcpu 0");
}

static bool wait_for(bool (*condition)(u32 vcpu, u32 value), u32 vcpu, u32 value)
{
    u64 end = time_ns() + 5000 * MS;

    while (!condition(vcpu, value))
        if (time_ns() > end)
            return false;
    return true;
}

static bool is_offline(u32 vcpu, u32 value)
{
    (void)value;
    return hypercall_vcpu_op(VCPUOP_is_up, vcpu, NULL) == 0;
}

static bool has_risen(u32 vcpu, u32 value)
{
    return rises[vcpu] != value;
}

/* Wait until it is down, bring it up, and see it run. */
static const char *raise(u32 vcpu)
{
    u32 before;

    if (!wait_for(is_offline, vcpu, 0))
        return "a vcpu does not go down";
    before = rises[vcpu];
    if (hypercall_vcpu_op(VCPUOP_up, vcpu, NULL) != 0)
        return "up is refused";
    return wait_for(has_risen, vcpu, before) ? NULL : "a vcpu does not come up";
}

static void raise_all(void)
{
    const char *wrong = NULL;

    for (u32 i = 0; i < RISES * (VCPUS - 1) && wrong == NULL; i++)
        wrong = raise(1 + i % (VCPUS - 1));
    over = true;
    for (u32 i = 1; i < VCPUS && wrong == NULL; i++)
        wrong = raise(i);
    check(wrong == NULL, "down and up: %s", wrong == NULL ? "all come up" : wrong);
}

static void fall_or_raise(u32 vcpu)
{
    if (vcpu == 0)
        raise_all();
    else
        do {
            hypercall_vcpu_op(VCPUOP_down, vcpu, NULL);
            rises[vcpu]++;
        } while (!over);
}

TEST(idle_smp4_alone, "four vcpus that sleep")
{
    if (!vcpus_start(VCPUS))
        return;
    for (u32 i = 0; i < VCPUS; i++)
        timers[i] = (u32)event_bind_virq(VIRQ_TIMER, i);
    check_timers();
    if (!check(vcpus_run(fall_or_raise, 60000 * MS), "all vcpus come back"))
        guest_panic("a vcpu is locked up");
}
