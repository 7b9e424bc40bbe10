/* SPDX-License-Identifier: MIT */
/* owners - under sched=null a vcpu has a CPU for itself; who finds none waits until one is free */
#include <lib/hogs.h>
#include <lib/operator.h>
#include <lib/test.h>
#include <lib/time.h>

#define HOGS 4          /* and CPUs: domain 0 has one of them */
#define LENGTH (1000 * MS)

static struct hog hogs[HOGS];

static void order(u32 command, u32 hog)
{
    check_equal(domctl(&(struct xen_domctl){.cmd = 0}, command, hogs[hog].c.domid), 0, "pause or unpause one");
    time_sleep(10 * MS);
}

/* Which of them run, from the first that is alive on, one bit for each: those all the time, the others not at all. */
static void check_running(u32 alive, u32 wanted, const char *when)
{
    struct measured m = hogs_measure(hogs + alive, HOGS - alive, LENGTH, false);

    for (u32 i = alive; i < HOGS; i++)
        if (wanted >> i & 1)
            check_share(hogs[i].ran, m.ns, 1, 1, 1, when);
        else
            check(hogs[i].ran == 0 && hogs[i].work == 0, "%s: %u waits", when, i);
}

TEST(owners, "a CPU for each, and no more")
{
    if (!have_counts()) {
        test_skip("only what ours does with too many is known");
        return;
    }
    check_equal(scheduler_id(), XEN_SCHEDULER_NULL, "what it calls itself");
    if (!hogs_start(hogs, HOGS))
        return;
    check_running(0, 1 | 2 | 4, "one too many");
    order(XEN_DOMCTL_pausedomain, 1);
    check_running(0, 1 | 4 | 8, "one paused");
    order(XEN_DOMCTL_unpausedomain, 1);
    check_running(0, 1 | 4 | 8, "back, and its CPU taken");
    child_end(&hogs[0].c);
    time_sleep(10 * MS);
    check_running(1, 2 | 4 | 8, "one dead");
    hogs_end(hogs + 1, HOGS - 1);
}
