/* SPDX-License-Identifier: MIT */
/* watchdog - sched_op: the two watchdogs of a domain, given out and taken back; and where the operations look for words */
#include <lib/hypercall.h>
#include <lib/test.h>

static long watchdog(u32 id, u32 seconds)
{
    struct sched_watchdog op = {.id = id, .timeout = seconds};

    return hypercall_sched_op(SCHEDOP_watchdog, &op);
}

TEST(watchdog, "watchdogs of a domain")
{
    void *bad = (void *)0xffff820000000000ul;

    check_equal(watchdog(~0u, 600), -XEN_EINVAL, "how drivers ask whether there are any");
    check_equal(watchdog(3, 600), -XEN_EINVAL, "a third one");
    check_equal(watchdog(1, 600), -XEN_EINVAL, "one that was not given out");
    check_equal(watchdog(0, 600), 1, "the first");
    check_equal(watchdog(0, 600), 2, "the second");
    check_equal((int)watchdog(0, 600), -XEN_ENOSPC, "no more");     /* Xen's is right in its lower half only */
    check_equal(watchdog(1, 900), 0, "set again");
    check_equal(watchdog(1, 0), 0, "taken back");
    check_equal(watchdog(1, 0), -XEN_EINVAL, "taken back twice");
    check_equal(watchdog(1, 600), -XEN_EINVAL, "set when it is gone");
    check_equal(watchdog(0, 600), 1, "given out again");
    check_equal(watchdog(1, 0), 0, "the first goes");
    check_equal(watchdog(2, 0), 0, "the second goes");
    check_equal(hypercall_sched_op(SCHEDOP_watchdog, bad), -XEN_EFAULT, "words in the hypervisor's memory");
    check_equal(hypercall_sched_op(SCHEDOP_shutdown_code, bad), -XEN_EFAULT, "a reason in the hypervisor's memory");
}
