/* SPDX-License-Identifier: MIT */
/*
 * smp - a second virtual CPU: start it, wake it, put it down
 */
#include <lib/cpu.h>
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/smp.h>
#include <lib/test.h>
#include <lib/time.h>

#define PORT_PIT 0x61

static volatile u32 step, ipi;

static bool wait_step(u32 wanted)
{
    u64 end = time_ns() + 2000 * MS;

    while (step != wanted && time_ns() < end)
        hypercall_sched_op(SCHEDOP_yield, NULL);
    return step == wanted;
}

static void second_cpu(void)
{
    struct sched_poll poll = {.nr_ports = 1};
    evtchn_port_t ports[1] = {ipi};

    inb(PORT_PIT); /* its IOPL came with its context; without, there would be a fault that nobody handles */
    step = 1;
    set_xen_guest_handle(poll.ports, ports);
    hypercall_sched_op(SCHEDOP_poll, &poll);
    step = 2;
    hypercall_vcpu_op(VCPUOP_down, 1, NULL);
    step = 3;
    for (;;)
        hypercall_vcpu_op(VCPUOP_down, 1, NULL);
}

TEST(smp, "a second vcpu")
{
    struct vcpu_runstate_info runstate;
    u64 end = time_ns() + 5000 * MS;
    long up = hypercall_vcpu_op(VCPUOP_is_up, 1, NULL);

    if (up == -XEN_ENOENT) {
        test_skip("the domain has one vcpu only");
        return;
    }
    check_equal(up, 0, "vcpu 1 is down");
    check_equal(hypercall_vcpu_op(VCPUOP_up, 1, NULL), -XEN_EINVAL, "up before it is initialised");
    ipi = (u32)event_bind_ipi(1);
    check_equal(vcpu_start(1, second_cpu), 0, "start it");
    check(wait_step(1), "it runs");
    check_equal(hypercall_vcpu_op(VCPUOP_is_up, 1, NULL), 1, "it is up");
    check_equal(vcpu_start(1, second_cpu), -XEN_EEXIST, "initialise it twice");
    check_equal(event_send(ipi), 0, "wake it by an event");
    check(wait_step(2), "it went on");
    while (hypercall_vcpu_op(VCPUOP_is_up, 1, NULL) == 1)
        hypercall_sched_op(SCHEDOP_yield, NULL);
    check(step == 2, "it is down");
    do
        hypercall_sched_op(SCHEDOP_yield, NULL);
    while (hypercall_vcpu_op(VCPUOP_get_runstate_info, 1, &runstate) == 0 && runstate.state != RUNSTATE_offline &&
           time_ns() < end);
    check_equal(runstate.state, RUNSTATE_offline, "its runstate becomes offline");
    check_equal(hypercall_vcpu_op(VCPUOP_up, 1, NULL), 0, "up again");
    check(wait_step(3), "it goes on after its down");
}
