/* SPDX-License-Identifier: MIT */
/*
 * clock - system time never steps back, whichever vcpu reads it: in domain 0, and in a domain with as many vcpus
 */
#include <lib/builder.h>
#include <lib/event.h>
#include <lib/hypercall.h>
#include <lib/operator.h>
#include <lib/role.h>
#include <lib/smp.h>
#include <lib/test.h>
#include <lib/time.h>

#define VCPUS 4
#define LENGTH (1000 * MS)

static u64 latest;              /* that any vcpu has read */
static u64 reads[GUEST_VCPUS], backward[GUEST_VCPUS], worst[GUEST_VCPUS];

/* What somebody read before this read began is not later than it. */
static void watch(u32 vcpu)
{
    u64 end = time_ns() + LENGTH, now;

    do {
        u64 before = __atomic_load_n(&latest, __ATOMIC_ACQUIRE);

        now = time_ns();
        reads[vcpu]++;
        if (now < before) {
            backward[vcpu]++;
            worst[vcpu] = before - now > worst[vcpu] ? before - now : worst[vcpu];
        }
        while (before < now &&
               !__atomic_compare_exchange_n(&latest, &before, now, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
            ;
    } while (now < end);
}

/* A clock that does not claim to be one for all vcpus may differ between them; ours claims it. */
static bool claims_to_be_one(bool ours)
{
    if (vcpu_info->time.flags & XEN_PVCLOCK_TSC_STABLE_BIT)
        return true;
    if (ours)
        check(false, "the clock says that it is the same on all vcpus");
    else
        test_skip("the clock does not say that it is the same on all vcpus");
    return false;
}

static void check_clock(bool ours)
{
    u64 all = 0, steps = 0, most = 0;

    if (!claims_to_be_one(ours) || !vcpus_start(VCPUS))
        return;
    check(vcpus_run(watch, 20 * LENGTH), "all vcpus are done");
    for (u32 vcpu = 0; vcpu < VCPUS; vcpu++) {
        all += reads[vcpu];
        steps += backward[vcpu];
        most = worst[vcpu] > most ? worst[vcpu] : most;
        check(reads[vcpu] > 1000, "vcpu %u has read it %lu times", vcpu, reads[vcpu]);
    }
    check(steps == 0, "%lu reads on %u vcpus, %lu steps back, by %lu ns", all, VCPUS, steps, most);
}

ROLE(clock)
{
    check_clock(guest_option("ours", 0) != 0);
    role_mailbox()[0] = 1;
}

TEST(clock, "system time does not step back across vcpus")
{
    struct child c;

    check_clock(have_counts());
    check_equal(child_build(&c, have_counts() ? "clock ours=1" : "clock", 0, VCPUS, CHILD_READY), 0, "build a child");
    check_equal(domctl(&(struct xen_domctl){.cmd = 0}, XEN_DOMCTL_unpausedomain, c.domid), 0, "let it run");
    check_equal(child_wait(&c, 60 * LENGTH), SHUTDOWN_poweroff, "it powers off");
    check_equal((long)c.mailbox[0], 1, "having looked at its clock");
    child_end(&c);
}
