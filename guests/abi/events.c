/* SPDX-License-Identifier: MIT */
/*
 * events - event channels with the 2-level ABI
 *
 * An event sets the pending bit of its port; unless that is masked, an upcall follows as soon as the vcpu accepts it.
 */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/test.h>

static void check_send(u32 from, u32 to, const char *what)
{
    u32 count = event_count(to);

    check_equal(event_send(from), 0, what);
    check(event_is_pending(to), "the port is pending");
    check_equal(event_count(to), count, "no upcall while it is masked");
    check_equal(event_unmask(to), 0, "unmask");
    check_equal(event_count(to), count, "no upcall while the vcpu does not accept them");
    check(vcpu_info->evtchn_upcall_pending == 1, "an upcall is pending");
    upcalls_enable();
    check_equal(event_count(to), count + 1, "upcalls after accepting them");
    check(!event_is_pending(to), "the port is not pending any more");
    check_equal(event_send(from), 0, "send again");
    check_equal(event_count(to), count + 2, "upcalls after sending again");
    upcalls_disable();
    event_mask(to);
}

static void check_interdomain(void)
{
    long a = event_alloc_unbound(DOMID_SELF, DOMID_SELF), b;
    struct evtchn_status status = {.dom = DOMID_SELF, .port = (u32)a};

    check(a > 0, "an unbound port: %ld", a);
    check_equal(hypercall_event_channel_op(EVTCHNOP_status, &status), 0, "its status");
    check_equal(status.status, EVTCHNSTAT_unbound, "unbound");
    b = event_bind_interdomain(DOMID_SELF, (u32)a);
    check(b > 0 && b != a, "connect to it: %ld", b);
    check_equal(hypercall_event_channel_op(EVTCHNOP_status, &status), 0, "its status");
    check(status.status == EVTCHNSTAT_interdomain && status.u.interdomain.port == (u32)b, "interdomain");
    check(event_is_pending((u32)b), "a new connection is pending once");
    event_clear((u32)b);
    check_send((u32)a, (u32)b, "send one way");
    check_send((u32)b, (u32)a, "send the other way");
    check_equal(event_bind_interdomain(DOMID_SELF, (u32)a), -XEN_EINVAL, "connect to it twice");
    check_equal(event_close((u32)b), 0, "close one end");
    check_equal(hypercall_event_channel_op(EVTCHNOP_status, &status), 0, "status of the other");
    check_equal(status.status, EVTCHNSTAT_unbound, "unbound");
    check_equal(event_close((u32)a), 0, "close the other");
    check_equal(event_close((u32)a), -XEN_EINVAL, "close it twice");
    check_equal(event_send((u32)a), -XEN_EINVAL, "send on a closed port");
}

static void check_ipi_and_virq(void)
{
    long ipi = event_bind_ipi(0), debug = event_bind_virq(VIRQ_DEBUG, 0);
    struct evtchn_bind_vcpu bind = {.port = (u32)ipi, .vcpu = 0};

    check_send((u32)ipi, (u32)ipi, "send an IPI to oneself");
    check_equal(hypercall_event_channel_op(EVTCHNOP_bind_vcpu, &bind), -XEN_EINVAL, "an IPI cannot be moved");
    check_equal(event_bind_ipi(4000), -XEN_ENOENT, "an IPI to a vcpu that is not there");
    check(debug > 0, "bind VIRQ_DEBUG: %ld", debug);
    check_equal(event_bind_virq(VIRQ_DEBUG, 0), -XEN_EEXIST, "bind it twice");
    check_equal(event_bind_virq(VIRQ_CONSOLE, 1), -XEN_EINVAL, "a global VIRQ on another vcpu than 0");
    check_equal(event_bind_virq(1000, 0), -XEN_EINVAL, "a VIRQ that is not there");
    check_equal(event_send((u32)debug), -XEN_EINVAL, "send on a VIRQ's port");
    check_equal(event_close((u32)ipi) | event_close((u32)debug), 0, "close both");
}

TEST(events, "2-level event channels")
{
    struct evtchn_status status = {.dom = DOMID_SELF, .port = 0};

    check_interdomain();
    check_ipi_and_virq();
    check_equal(event_send(0), -XEN_EINVAL, "port 0");
    check_equal(event_send(EVENT_PORTS), -XEN_EINVAL, "a port beyond the last");
    check_equal(event_unmask(EVENT_PORTS), -XEN_EINVAL, "unmask a port beyond the last");
    status.port = 2000;
    check_equal(hypercall_event_channel_op(EVTCHNOP_status, &status), -XEN_EINVAL, "status of a port never allocated");
    check_equal(event_alloc_unbound(1234, DOMID_SELF), -XEN_ESRCH, "a port for a domain that is not there");
    check_equal(event_bind_interdomain(1234, 1), -XEN_ESRCH, "connect to a domain that is not there");
    check_equal(hypercall_event_channel_op(99, &status), -XEN_ENOSYS, "an unknown operation");
    check_equal(hypercall_event_channel_op(EVTCHNOP_send, (void *)8), -XEN_EFAULT, "a bad pointer");
}
