/* SPDX-License-Identifier: MIT */
/*
 * shares - domains on one CPU get shares of it by their weights, no more than their caps, and all of it together
 *
 * The machine counts instructions, so that a run repeats exactly.
 */
#include <lib/hogs.h>
#include <lib/test.h>
#include <lib/time.h>

#define LENGTH (10000 * MS)
#define WITHIN 4     /* percent, of a share */
#define CAP_WITHIN 2 /* of a cap */

static struct hog hogs[3];

static bool has_weights(void)
{
    u32 id = scheduler_id();

    if (id != XEN_SCHEDULER_CREDIT && id != XEN_SCHEDULER_CREDIT2)
        test_skip("scheduler %u has no weights", id);
    return id == XEN_SCHEDULER_CREDIT || id == XEN_SCHEDULER_CREDIT2;
}

static bool start(u32 count, const u32 weights[], const u32 caps[])
{
    for (u32 i = 0; i < count; i++)
        hogs[i] = (struct hog){.weight = weights[i], .cap = caps[i]};
    return has_weights() && hogs_start(hogs, count);
}

static void check_shares(const struct measured *m, u32 count, u32 others)
{
    u32 sum = 0;

    for (u32 i = 0; i < count; i++)
        sum += hogs[i].weight;
    for (u32 i = 0; i < count; i++) {
        check_share(hogs[i].ran, m->ran + m->own, hogs[i].weight, sum + others, WITHIN, "CPU time");
        check_share(hogs[i].work, m->work, hogs[i].weight, sum, WITHIN, "work");
    }
    check_share(m->ran + m->own, m->ns, 1, 1, 1, "all that there is");
    check_work(hogs, count, m, 2);
}

TEST(weights, "shares of one CPU are 1:2:4 as the weights are")
{
    struct measured m;

    if (!start(3, (const u32[]){128, 256, 512}, (const u32[]){0, 0, 0}))
        return;
    m = hogs_measure(hogs, 3, LENGTH, false);
    check_shares(&m, 3, 0);
    hogs_end(hogs, 3);
}

TEST(weights_of_all, "domain 0 is one among others")
{
    struct measured m;

    if (!start(3, (const u32[]){128, 256, 512}, (const u32[]){0, 0, 0}))
        return;
    check_equal(scheduler_set(0, WEIGHT_DEFAULT, 0), 0, "weight of domain 0");
    time_sleep(0);
    m = hogs_measure(hogs, 3, LENGTH, true);
    check_shares(&m, 3, WEIGHT_DEFAULT);
    check_share(m.own, m.ns, WEIGHT_DEFAULT, 128 + 256 + 512 + WEIGHT_DEFAULT, WITHIN, "CPU time of domain 0");
    hogs_end(hogs, 3);
}

TEST(weights_change, "weights of who runs can be changed")
{
    struct measured m;

    if (!start(2, (const u32[]){128, 512}, (const u32[]){0, 0}))
        return;
    for (u32 i = 0; i < 2; i++) {
        hogs[i].weight = i == 0 ? 768 : 256;
        check_equal(scheduler_set(hogs[i].c.domid, hogs[i].weight, 0), 0, "change a weight");
    }
    m = hogs_measure(hogs, 2, LENGTH, false);
    check_shares(&m, 2, 0);
    hogs_end(hogs, 2);
}

/* With more than enough weight: the cap is what limits. Nobody idles for it while others can run. */
static void check_cap(u32 cap, u32 others)
{
    struct measured m;

    if (!start(1 + others, (const u32[]){32768, 256, 256}, (const u32[]){cap, 0, 0}))
        return;
    m = hogs_measure(hogs, 1 + others, LENGTH, false);
    check_share(hogs[0].ran, m.ns, cap, 100, CAP_WITHIN, "CPU time with a cap");
    if (others != 0) {
        check_share(hogs[0].work, m.work, cap, 100, CAP_WITHIN, "work with a cap");
        check_share(m.ran + m.own, m.ns, 1, 1, 1, "all that there is");
        check_share(hogs[1].ran, hogs[1].ran + hogs[2].ran, 1, 2, WITHIN, "what others share");
    }
    hogs_end(hogs, 1 + others);
}

TEST(caps, "nobody gets more than its cap, nor less when it wants it")
{
    check_cap(30, 0);
    check_cap(30, 2);
    check_cap(5, 0);
}
