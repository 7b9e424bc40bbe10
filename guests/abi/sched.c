/* SPDX-License-Identifier: MIT */
/*
 * sched - sched_op: yield, block, poll
 *
 * Block accepts upcalls and sleeps until there is one; poll sleeps until a port is pending, masked or not, or until a
 * time.
 */
#include <lib/event.h>
#include <lib/hypercall.h>
#include <lib/test.h>
#include <lib/time.h>

static long poll(evtchn_port_t *ports, unsigned int count, u64 timeout)
{
    struct sched_poll op = {.nr_ports = count, .timeout = timeout};

    set_xen_guest_handle(op.ports, ports);
    return hypercall_sched_op(SCHEDOP_poll, &op);
}

TEST(sched, "yield, block, poll")
{
    static evtchn_port_t ports[129];
    u32 ipi = (u32)event_bind_ipi(0);
    u32 count = event_count(ipi);
    u64 start = time_ns();

    check_equal(hypercall_sched_op(SCHEDOP_yield, NULL), 0, "yield");
    ports[0] = ipi;
    check_equal(poll(ports, 1, start + 10 * MS), 0, "poll a quiet port");
    check(time_ns() >= start + 10 * MS, "until the time is up");
    event_send(ipi);
    check_equal(poll(ports, 1, 0), 0, "poll a pending port");
    check(event_is_pending(ipi) && event_count(ipi) == count, "it stays pending");
    check_equal(poll(ports, 129, 0), -XEN_EINVAL, "129 ports");
    ports[0] = 100000;
    check_equal(poll(ports, 1, 0), -XEN_EINVAL, "a port that is not there");
    check_equal(poll((evtchn_port_t *)0xffff820000000000ul, 1, 0), -XEN_EFAULT, "ports in the hypervisor's memory");
    event_unmask(ipi);
    check_equal(hypercall_sched_op(SCHEDOP_block, NULL), 0, "block with an upcall pending");
    check_equal(vcpu_info->evtchn_upcall_mask, 0, "upcalls are accepted");
    check_equal(event_count(ipi), count + 1, "the upcall came");
    upcalls_disable();
    check_equal(hypercall_sched_op(99, NULL), -XEN_ENOSYS, "an unknown operation");
    event_close(ipi);
}
