/* SPDX-License-Identifier: MIT */
/* turns - under sched=rr all domains get the same share of a CPU, whatever weight somebody sets */
#include <lib/hogs.h>
#include <lib/operator.h>
#include <lib/test.h>
#include <lib/time.h>

#define LENGTH (5000 * MS)

TEST(turns, "equal shares by turns")
{
    static struct hog hogs[4] = {{.weight = 1024}, {.weight = 256}, {.weight = 64}, {.weight = 0}};
    struct measured m;

    if (!have_counts()) {
        test_skip("this hypervisor has no such scheduler");
        return;
    }
    check_equal(scheduler_id(), XEN_SCHEDULER_NULL, "what it calls itself");
    if (!hogs_start(hogs, 4))
        return;
    m = hogs_measure(hogs, 4, LENGTH, false);
    for (u32 i = 0; i < 4; i++) {
        check_share(hogs[i].ran, m.ns, 1, 4, 2, "CPU time");
        check_share(hogs[i].work, m.work, 1, 4, 2, "work");
    }
    check_share(m.ran + m.own, m.ns, 1, 1, 1, "all that there is");
    m = hogs_measure(hogs, 4, LENGTH, true);
    check_share(m.own, m.ns, 1, 5, 2, "CPU time of domain 0");
    for (u32 i = 0; i < 4; i++)
        check_share(hogs[i].ran, m.ns, 1, 5, 2, "CPU time");
    hogs_end(hogs, 4);
}
