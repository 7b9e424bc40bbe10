/* SPDX-License-Identifier: MIT */
/* sched_op and set_timer_op: a vcpu gives up the CPU, waits, or ends its domain. */
#include <core/work.h>
#include <hcall/hcall.h>
#include <xen/sched.h>
#include <xen/xen.h>

#define POLL_MAX_PORTS 128

static long sched_block_current(void)
{
    struct vcpu *v = current();

    evtchn_upcall_set_mask(&v->ev, false);
    sched_block(&v->unit);
    /* An event that came before the block was visible must not be slept over. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (evtchn_upcall_pending(&v->ev) || READ_ONCE(v->nmi_pending) == 1)
        sched_wake(&v->unit);
    return 0;
}

/* now: else what is said is only kept for the time when it does. */
static long shutdown_op(guest_ptr_t arg, bool now)
{
    struct sched_shutdown s;

    if (guest_read(&s, arg, sizeof(s)))
        return -EFAULT;
    if (s.reason > SHUTDOWN_MAX)
        return -EINVAL;
    if (now)
        domain_shutdown(current_domain(), (u8)s.reason);
    else
        domain_decide_shutdown(current_domain(), (u8)s.reason);
    return 0;
}

/* Of another domain: one that cannot do it itself any more, or a guest whose emulator says so. */
static long remote_shutdown_op(guest_ptr_t arg)
{
    struct sched_remote_shutdown s;
    struct domain *d;
    int rc;

    if (guest_read(&s, arg, sizeof(s)))
        return -EFAULT;
    rc = hcall_target(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, s.domain_id, &d);
    if (rc)
        return rc;
    if (s.reason > SHUTDOWN_MAX || d == current_domain())
        return -EINVAL;
    domain_shutdown(d, (u8)s.reason);
    return 0;
}

static long watchdog_op(guest_ptr_t arg)
{
    struct sched_watchdog w;

    if (guest_read(&w, arg, sizeof(w)))
        return -EFAULT;
    return domain_watchdog(current_domain(), w.id, w.timeout);
}

/* Whether one of the ports is pending. -EINVAL: a port the domain cannot have; -EFAULT. */
static int any_port_pending(struct domain *d, guest_ptr_t ports, u32 n, u32 *only)
{
    bool pending = false;

    for (u32 i = 0; i < n; i++) {
        evtchn_port_t port;

        if (guest_read(&port, guest_elem(ports, i, sizeof(port)), sizeof(port)))
            return -EFAULT;
        if (port >= evtchn_port_limit(&d->evtchn))
            return -EINVAL;
        pending |= evtchn_port_is_pending(&d->evtchn, port);
        *only = n == 1 ? port : 0;
    }
    return pending;
}

static long poll_op(guest_ptr_t arg)
{
    struct vcpu *v = current();
    struct sched_poll p;
    u32 only = 0;
    int rc;

    if (guest_read(&p, arg, sizeof(p)))
        return -EFAULT;
    if (p.nr_ports > POLL_MAX_PORTS)
        return -EINVAL;
    rc = any_port_pending(v->domain, guest_ptr((u64)p.ports.p), p.nr_ports, &only);
    if (rc < 0)
        return rc;
    if (rc)
        return 0;
    sched_block(&v->unit);
    evtchn_poll_begin(&v->ev, only);
    rc = any_port_pending(v->domain, guest_ptr((u64)p.ports.p), p.nr_ports, &only);
    if (rc || evtchn_upcall_pending(&v->ev) || READ_ONCE(v->nmi_pending) == 1) {
        evtchn_poll_end(&v->ev);
        sched_wake(&v->unit);
        return rc < 0 ? rc : 0;
    }
    if (p.timeout) {
        timer_migrate(&v->poll_timer, cpu_id());
        timer_set(&v->poll_timer, p.timeout);
    }
    return 0;
}

long hcall_sched_op(struct hcall_args *args)
{
    guest_ptr_t arg = hcall_ptr(args, 1);

    switch (args->a[0]) {
    case SCHEDOP_yield:
        sched_yield_current();
        return 0;
    case SCHEDOP_block:
        return sched_block_current();
    case SCHEDOP_shutdown:
        return shutdown_op(arg, true);
    case SCHEDOP_shutdown_code:
        return shutdown_op(arg, false);
    case SCHEDOP_watchdog:
        return watchdog_op(arg);
    case SCHEDOP_poll:
        return poll_op(arg);
    case SCHEDOP_remote_shutdown:
        return remote_shutdown_op(arg);
    default:
        return -ENOSYS;
    }
}

/* One-shot timer of the calling vcpu, absolute system time; 0 stops it. */
long hcall_set_timer_op(struct hcall_args *args)
{
    struct vcpu *v = current();
    s64 when = (s64)args->a[0];

    if (when == 0) {
        timer_stop(&v->singleshot_timer);
        return 0;
    }
    timer_migrate(&v->singleshot_timer, cpu_id());
    timer_set(&v->singleshot_timer, when < 0 ? time_now_ns() : (u64)when);
    return 0;
}
