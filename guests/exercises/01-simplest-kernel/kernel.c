/* SPDX-License-Identifier: MIT */
/* A whole guest: it writes a line into the console's ring, waits until somebody has read it, and powers off. */
#include <lib/types.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/io/console.h>
#include <xen/sched.h>

#define VIRT_BASE 0xffffffff80000000ul
#define M2P       ((const u64 *)0xffff800000000000ul)

long hypercall2(u64 number, u64 a, const void *b);
__attribute__((noreturn)) void simplest_main(const start_info_t *info);

static void say(struct xencons_interface *ring, evtchn_port_t port, const char *text)
{
    struct evtchn_send notice = {.port = port};

    for (; *text != '\0'; text++)
        ring->out[MASK_XENCONS_IDX(ring->out_prod++, ring->out)] = *text;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &notice);
    while (*(volatile XENCONS_RING_IDX *)&ring->out_cons != ring->out_prod)
        hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
}

void simplest_main(const start_info_t *info)
{
    struct sched_shutdown end = {.reason = SHUTDOWN_poweroff};
    u64 pfn = M2P[info->console.domU.mfn];

    say((struct xencons_interface *)(VIRT_BASE + pfn * 4096), info->console.domU.evtchn, "Hello, world!\r\n");
    for (;;)
        hypercall2(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &end);
}
