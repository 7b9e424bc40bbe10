/* SPDX-License-Identifier: MIT */
/*
 * nmi_smp4_alone - non-maskable interrupts to other vcpus
 *
 * They arrive whatever the other vcpu does: it runs, it blocks, or it polls a port that never becomes pending, with
 * upcalls masked but for the blocking one.
 */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/smp.h>
#include <lib/test.h>
#include <lib/time.h>

#define VCPUS 4
#define NMIS 150 /* for each vcpu, in each state */

static volatile u32 nmis[VCPUS];
static volatile bool over;
static void (*wait)(u32 vcpu);
static u32 ports[VCPUS];
static const char *lost;

static bool on_nmi(struct regs *regs)
{
    (void)regs;
    nmis[vcpu_self()]++;
    return true;
}

static void wait_running(u32 vcpu)
{
    (void)vcpu;
    for (u32 i = 0; i < 50; i++)
        __asm__ volatile("pause");
}

static void wait_blocked(u32 vcpu)
{
    (void)vcpu;
    hypercall_sched_op(SCHEDOP_block, NULL);
    upcalls_disable();
}

static void wait_polling(u32 vcpu)
{
    struct sched_poll poll = {.nr_ports = 1};
    evtchn_port_t port[1] = {ports[vcpu]};

    set_xen_guest_handle(poll.ports, port);
    hypercall_sched_op(SCHEDOP_poll, &poll);
}

/* One NMI; the next only when it has come, for two may become one. */
static bool send_one(u32 vcpu)
{
    u64 end = time_ns() + 3000 * MS;
    u32 before = nmis[vcpu];

    if (hypercall_vcpu_op(VCPUOP_send_nmi, vcpu, NULL) != 0)
        lost = "refused";
    while (nmis[vcpu] == before && lost == NULL)
        if (time_ns() > end)
            lost = "lost";
    return lost == NULL;
}

static void send_or_wait(u32 vcpu)
{
    if (vcpu == 0) {
        for (u32 i = 0; i < NMIS * (VCPUS - 1) && send_one(1 + i % (VCPUS - 1)); i++)
            ;
        over = true;
        for (u32 i = 1; i < VCPUS; i++) /* the ones that sleep */
            event_send(ports[i]);
    } else {
        event_unmask(ports[vcpu]);
        while (!over)
            wait(vcpu);
        event_mask(ports[vcpu]);
        event_clear(ports[vcpu]);
    }
}

static void nmis_while(void (*waiting)(u32 vcpu), const char *what)
{
    wait = waiting;
    over = false;
    if (!check(vcpus_run(send_or_wait, 60000 * MS), "%s: all vcpus come back", what))
        guest_panic("a vcpu is locked up");
    check(lost == NULL, "%s: NMI %s", what, lost == NULL ? "never lost" : lost);
}

TEST(nmi_smp4_alone, "NMIs to other vcpus")
{
    if (!vcpus_start(VCPUS))
        return;
    trap_set_handler(VECTOR_NMI, on_nmi);
    for (u32 i = 0; i < VCPUS; i++)
        ports[i] = (u32)event_bind_ipi(i);
    nmis_while(wait_running, "running");
    nmis_while(wait_blocked, "blocked");
    nmis_while(wait_polling, "polling");
}
