/* SPDX-License-Identifier: MIT */
/*
 * fifo_alone - event channels with the FIFO ABI
 *
 * A guest of its own, because a domain cannot go back to the 2-level ABI. Pending events survive the change; events are
 * delivered by priority, and in order within one.
 */
#include <lib/event.h>
#include <lib/fifo.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

static u32 order[8], ordered;

static void on_event(u32 port)
{
    if (ordered < ARRAY_SIZE(order))
        order[ordered++] = port;
}

static u32 new_port(void)
{
    u32 port = (u32)event_bind_ipi(0);

    event_set_handler(port, on_event);
    return port;
}

static long set_priority(u32 port, u32 priority)
{
    struct evtchn_set_priority op = {.port = port, .priority = priority};

    return hypercall_event_channel_op(EVTCHNOP_set_priority, &op);
}

static void check_arguments(void)
{
    struct evtchn_init_control init = {.control_gfn = page_mfn((const void *)&fifo_controls[0]), .vcpu = 0};
    struct evtchn_expand_array expand = {.array_gfn = page_mfn((const void *)fifo_words)};

    init.offset = PAGE_SIZE - 8;
    check_equal(hypercall_event_channel_op(EVTCHNOP_init_control, &init), -XEN_EINVAL, "control block across pages");
    init.offset = 4;
    check_equal(hypercall_event_channel_op(EVTCHNOP_init_control, &init), -XEN_EINVAL, "control block not aligned");
    init = (struct evtchn_init_control){.control_gfn = init.control_gfn, .vcpu = 4000};
    check_equal(hypercall_event_channel_op(EVTCHNOP_init_control, &init), -XEN_ENOENT, "a vcpu that is not there");
    init = (struct evtchn_init_control){.control_gfn = root_mfn(), .vcpu = 0};
    check_equal(hypercall_event_channel_op(EVTCHNOP_init_control, &init), -XEN_EINVAL, "control block in a page table");
    check_equal(hypercall_event_channel_op(EVTCHNOP_expand_array, &expand), -XEN_EOPNOTSUPP,
                "array before control block");
}

static void check_order(u32 low, u32 middle1, u32 middle2, u32 high)
{
    ordered = 0;
    check_equal(set_priority(low, EVTCHN_FIFO_PRIORITY_MIN), 0, "lowest priority");
    check_equal(set_priority(high, EVTCHN_FIFO_PRIORITY_MAX), 0, "highest priority");
    check_equal(set_priority(high, EVTCHN_FIFO_PRIORITY_MIN + 1), -XEN_EINVAL, "beyond the lowest");
    event_send(low);
    event_send(middle1);
    event_send(middle2);
    event_send(middle1);
    event_send(high);
    check(vcpu_info->evtchn_upcall_pending == 1, "an upcall is pending");
    upcalls_enable();
    check_equal(ordered, 4, "events delivered");
    check(order[0] == high && order[1] == middle1 && order[2] == middle2 && order[3] == low,
          "by priority, then in order");
    upcalls_disable();
}

static void check_mask(u32 port)
{
    u32 count = event_count(port);

    event_mask(port);
    event_send(port);
    upcalls_enable();
    check(event_is_pending(port) && event_count(port) == count, "a masked event stays pending");
    check_equal(event_unmask(port), 0, "unmask");
    check_equal(event_count(port), count + 1, "it is delivered");
    upcalls_disable();
}

TEST(fifo_alone, "FIFO event channels")
{
    u32 early = new_port(), low = new_port(), middle1 = new_port(), middle2 = new_port(), high = new_port();
    u32 ports[] = {low, middle1, middle2, high};

    check_arguments();
    event_send(early);
    if (!check_equal(fifo_init(), 0, "change to FIFO"))
        return;
    check(event_is_pending(early), "an event sent before is still pending");
    for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++)
        event_unmask(ports[i]);
    check_order(low, middle1, middle2, high);
    check_mask(low);
    event_close(low);
    check_equal(event_send(low), -XEN_EINVAL, "send on a closed port");
    event_unmask(early);
    upcalls_enable();
    check_equal(event_count(early), 1, "the early event is delivered when unmasked");
}
