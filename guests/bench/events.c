/* SPDX-License-Identifier: MIT */
/* Event channels of a vcpu to itself. */
#include <bench/bench.h>
#include <lib/event.h>
#include <lib/hypercall.h>

static u32 port;

static const char *prepare_ipi(void)
{
    long ret = event_bind_ipi(0);

    if (ret < 0)
        return "no port";
    port = (u32)ret;
    return NULL;
}

static const char *prepare_upcall(void)
{
    expect(event_unmask(port), 0);
    event_clear(port);
    upcalls_enable();
    return NULL;
}

static const char *prepare_status(void)
{
    upcalls_disable();
    return NULL;
}

BENCH(event_send_masked, prepare_ipi, "send to a masked port, and clear it")
{
    expect(event_send(port), 0);
    event_clear(port);
}

BENCH(event_send_upcall, prepare_upcall, "send to itself, upcall, iret")
{
    u32 before = event_count(port);

    expect(event_send(port), 0);
    expect(event_count(port), before + 1);
}

BENCH(event_status, prepare_status, "evtchn status")
{
    evtchn_status_t status = {.dom = DOMID_SELF, .port = port};

    expect(hypercall_event_channel_op(EVTCHNOP_status, &status), 0);
}
