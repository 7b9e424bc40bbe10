/* SPDX-License-Identifier: MIT */
/* Domains that compete for the CPUs, and what each gets: see hogs.h. */
#include <lib/guest.h>
#include <lib/hogs.h>
#include <lib/hypercall.h>
#include <lib/role.h>
#include <lib/test.h>
#include <lib/time.h>
#include <xen/sysctl.h>

#define WARM_UP (500 * MS)

ROLE(hog)
{
    volatile u64 *done = role_mailbox();

    for (;;) {
        for (u32 i = 0; i < 1000; i++)
            BARRIER();
        ++*done;
    }
}

u32 scheduler_id(void)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_sched_id, .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    if (hypercall_sysctl(&op) != 0)
        guest_panic("which scheduler it is, is not known");
    return op.u.sched_id.sched_id;
}

long scheduler_set(u16 domid, u32 weight, u32 cap)
{
    struct xen_domctl op = {.u.scheduler_op = {.sched_id = scheduler_id(), .cmd = XEN_DOMCTL_SCHEDOP_putinfo}};

    op.u.scheduler_op.u.credit.weight = (u16)weight; /* credit2 has them at the same places */
    op.u.scheduler_op.u.credit.cap = (u16)cap;
    return domctl(&op, XEN_DOMCTL_scheduler_op, domid);
}

u64 domain_ran(u16 domid)
{
    struct xen_domctl_getdomaininfo info;

    return domain_info(domid, &info) == 0 ? info.cpu_time : 0;
}

static u64 vcpu_ran(u16 domid)
{
    struct xen_domctl op = {.u.getvcpuinfo.vcpu = 0};

    return domctl(&op, XEN_DOMCTL_getvcpuinfo, domid) == 0 ? op.u.getvcpuinfo.cpu_time : 0;
}

bool hogs_start(struct hog *hogs, u32 count)
{
    long ret = 0;

    for (u32 i = 0; i < count; i++) {
        ret = child_build(&hogs[i].c, "hog", 0, 0, CHILD_READY);
        if (ret == 0 && hogs[i].weight != 0)
            ret = scheduler_set(hogs[i].c.domid, hogs[i].weight, hogs[i].cap);
        if (ret != 0) {
            check_equal(ret, 0, "build a hog");
            hogs_end(hogs, i + 1);
            return false;
        }
    }
    for (u32 i = 0; i < count; i++)
        ret |= domctl(&(struct xen_domctl){.cmd = 0}, XEN_DOMCTL_unpausedomain, hogs[i].c.domid);
    time_sleep(WARM_UP);
    return check_equal(ret, 0, "let them run");
}

/* The two accounts agree: one is read between two readings of the other. */
static u64 account(const struct hog *h)
{
    u64 before = domain_ran(h->c.domid), ran = vcpu_ran(h->c.domid), after = domain_ran(h->c.domid);

    if (ran < before || ran > after)
        check(false, "a vcpu ran for %lu ns, its domain for %lu before and %lu after", ran, before, after);
    return ran;
}

static void pass_time(u64 ns, bool busy)
{
    u64 end = time_ns() + ns;

    while (time_ns() < end)
        if (!busy)
            time_sleep(end - time_ns());
}

struct measured hogs_measure(struct hog *hogs, u32 count, u64 ns, bool busy)
{
    struct measured m = {.ns = time_ns(), .own = domain_ran(0)};

    for (u32 i = 0; i < count; i++) {
        hogs[i].ran = account(&hogs[i]);
        hogs[i].work = hogs[i].c.mailbox[0];
    }
    pass_time(ns, busy);
    for (u32 i = 0; i < count; i++) {
        hogs[i].ran = account(&hogs[i]) - hogs[i].ran;
        hogs[i].work = hogs[i].c.mailbox[0] - hogs[i].work;
        m.ran += hogs[i].ran;
        m.work += hogs[i].work;
    }
    m.ns = time_ns() - m.ns;
    m.own = domain_ran(0) - m.own;
    return m;
}

void hogs_end(struct hog *hogs, u32 count)
{
    for (u32 i = 0; i < count; i++)
        child_end(&hogs[i].c);
}

void check_share(u64 got, u64 all, u64 part, u64 of, u32 percent, const char *what)
{
    u64 wanted = all * part / of, off = got > wanted ? got - wanted : wanted - got;

    check(off * 100 <= wanted * percent, "%s: %lu of %lu, wanted %lu: %lu.%02lu %% off, at most %u", what, got, all, wanted,
          off * 100 / wanted, off * 10000 / wanted % 100, percent);
}

void check_work(const struct hog *hogs, u32 count, const struct measured *m, u32 percent)
{
    for (u32 i = 0; i < count; i++)
        check_share(hogs[i].work, m->work, hogs[i].ran, m->ran, percent, "work in its time");
}
