/* SPDX-License-Identifier: MIT */
/*
 * bad_events - ports that are out of range, of others or in use, and domains that are not there: which error
 */
#include <lib/builder.h>
#include <lib/event.h>
#include <lib/hypercall.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

#define NOBODY 0x7000 /* a domain id that is not used */

/* Offers a port to domain 0 and one to somebody else; keeps a VIRQ. Waits to be killed. */
ROLE(offerer)
{
    role_mailbox()[1] = (u64)event_alloc_unbound(DOMID_SELF, 0);
    role_mailbox()[2] = (u64)event_alloc_unbound(DOMID_SELF, (u16)guest_option("friend", NOBODY));
    role_mailbox()[3] = (u64)event_bind_virq(VIRQ_TIMER, 0);
    role_mailbox()[0] = 1;
    for (;;)
        time_sleep(1000 * MS);
}

static long status_of(u16 domid, u32 port, struct evtchn_status *status)
{
    *status = (struct evtchn_status){.dom = domid, .port = port};
    return hypercall_event_channel_op(EVTCHNOP_status, status);
}

static void check_binding(const struct child *c)
{
    u32 mine = (u32)c->mailbox[1], others = (u32)c->mailbox[2], virq = (u32)c->mailbox[3];
    struct evtchn_status status;
    long port;

    check_equal(event_bind_interdomain(NOBODY, 1), -XEN_ESRCH, "bind to a domain that is not there");
    check_equal(event_bind_interdomain(DOMID_IO, 1), -XEN_ESRCH, "bind to one that never is");
    check_equal(event_bind_interdomain(c->domid, 0), -XEN_EINVAL, "bind to port 0");
    check_equal(event_bind_interdomain(c->domid, 1000), -XEN_EINVAL, "bind to a port that was never made");
    check_equal(event_bind_interdomain(c->domid, ~0u), -XEN_EINVAL, "bind to a port that cannot be");
    check_equal(event_bind_interdomain(c->domid, others), -XEN_EINVAL, "bind to a port for another domain");
    check_equal(event_bind_interdomain(c->domid, virq), -XEN_EINVAL, "bind to a port of a VIRQ");
    port = event_bind_interdomain(c->domid, mine);
    check(port > 0, "bind to the port that is offered: %ld", port);
    check_equal(event_bind_interdomain(c->domid, mine), -XEN_EINVAL, "bind to it again");
    check_equal(status_of(c->domid, mine, &status), 0, "its status");
    check(status.status == EVTCHNSTAT_interdomain && status.u.interdomain.dom == 0 &&
              status.u.interdomain.port == (u32)port, "is bound to this port");
    check_equal(event_close((u32)port), 0, "close it");
    check_equal(status_of(c->domid, mine, &status), 0, "the other end");
    check_equal(status.status, EVTCHNSTAT_unbound, "is for domain 0 again");
    check_equal(status.u.unbound.dom, 0, "is for domain");
}

static void check_ports(const struct child *c)
{
    struct evtchn_bind_vcpu bind = {.port = 0, .vcpu = 0};
    struct evtchn_status status;
    long port = event_alloc_unbound(DOMID_SELF, c->domid);

    check_equal(event_alloc_unbound(NOBODY, 0), -XEN_ESRCH, "a port for a domain that is not there");
    check_equal(status_of(NOBODY, 1, &status), -XEN_ESRCH, "status of its port");
    check_equal(status_of(c->domid, 100000, &status), -XEN_EINVAL, "status of a port out of range");
    check_equal(event_send(100000), -XEN_EINVAL, "send on a port out of range");
    check_equal(event_send(0), -XEN_EINVAL, "send on port 0");
    check_equal(event_send((u32)port), 0, "send on a port that nobody has bound");
    check_equal(event_close(100000), -XEN_EINVAL, "close a port out of range");
    check_equal(event_unmask(100000), -XEN_EINVAL, "unmask a port out of range");
    check_equal(event_bind_virq(24, 0), -XEN_EINVAL, "a VIRQ that cannot be");
    check_equal(event_bind_virq(VIRQ_TIMER, 500), -XEN_ENOENT, "a VIRQ of a vcpu that is not there");
    check_equal(event_bind_ipi(500), -XEN_ENOENT, "an IPI to one");
    check_equal(hypercall_event_channel_op(EVTCHNOP_bind_vcpu, &bind), -XEN_EINVAL, "move port 0");
    bind = (struct evtchn_bind_vcpu){.port = (u32)port, .vcpu = 500};
    check_equal(hypercall_event_channel_op(EVTCHNOP_bind_vcpu, &bind), -XEN_ENOENT, "move a port to no vcpu");
    check_equal(event_close((u32)port), 0, "close it");
    check_equal(event_close((u32)port), -XEN_EINVAL, "close it again");
}

/* The other end's death makes a port unbound; what is offered to a dead domain's successor is not for it. */
static void check_death(struct child *c)
{
    long port = event_bind_interdomain(c->domid, (u32)c->mailbox[1]);
    struct evtchn_status status;

    check(port > 0, "bind to the port that is offered: %ld", port);
    child_end(c);
    check_equal(status_of(DOMID_SELF, (u32)port, &status), 0, "the status of this end");
    check_equal(status.status, EVTCHNSTAT_unbound, "is unbound");
    check_equal(event_send((u32)port), 0, "send on it");
    check_equal(event_bind_interdomain(c->domid, (u32)c->domid), -XEN_ESRCH, "bind to the dead");
    check_equal(event_close((u32)port), 0, "close it");
}

TEST(bad_events, "event channels of others, out of range and of nobody")
{
    struct child c;

    check_equal(child_start(&c, "offerer"), 0, "start a child");
    if (!check(child_answers(&c, 0, 1, 5000 * MS), "it runs"))
        return;
    check_binding(&c);
    check_ports(&c);
    check_death(&c);
}
