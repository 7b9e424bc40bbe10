/* SPDX-License-Identifier: MIT */
/*
 * ring_smp4_alone - four vcpus pass tokens in a ring, by IPI
 *
 * Whoever has no token sleeps: by SCHEDOP_poll on its masked port, by SCHEDOP_block until an upcall, or half of them
 * each. In the last rounds they also flush each other's TLBs. No wake-up may get lost, with either kind of event
 * channels. vcpu 0 has a timer and reports who sleeps on a token.
 */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/smp.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

#define VCPUS 4
#define TOKENS 3
#define ROUNDS 10000
#define FLUSHING_ROUNDS 400 /* waiting for another CPU's answer is slow in an emulator */
#define STALL (5000 * MS) /* no progress for that long is a lost wake-up */

enum { FLUSHING = 1u << VCPUS }; /* in `sleep_style`, whose lower bits say which vcpus block */

static u32 sleep_style, ports[VCPUS], timer_port;
static volatile u32 tokens[VCPUS], hops;
static volatile bool over, stalled;

static bool blocks(u32 vcpu)
{
    return sleep_style >> vcpu & 1;
}

static void stop(void)
{
    over = true;
    for (u32 i = 0; i < VCPUS; i++)
        event_send(ports[i]);
}

/* vcpu 0 wakes up when its timer says so, and notices that nobody has moved since the last time. */
static void watch(void)
{
    static u32 last_hops;
    static u64 last_change;
    u64 now = time_ns();

    if (hops != last_hops || last_change == 0) {
        last_hops = hops;
        last_change = now;
    } else if (now - last_change > STALL && !over) {
        stalled = true;
        for (u32 i = 0; i < VCPUS; i++) {
            struct vcpu_runstate_info state = {.state = -1};

            hypercall_vcpu_op(VCPUOP_get_runstate_info, i, &state);
            printf("  vcpu %u: %u tokens, %s, runstate %d, port %u pending %d, upcall pending %u mask %u\n", i,
                   tokens[i], blocks(i) ? "blocks" : "polls", state.state, ports[i], event_is_pending(ports[i]),
                   shared_info->vcpu_info[i].evtchn_upcall_pending, shared_info->vcpu_info[i].evtchn_upcall_mask);
        }
        stop();
    }
    hypercall_set_timer_op(now + 500 * MS);
}

static void sleep_in_poll(u32 vcpu)
{
    struct sched_poll poll = {.nr_ports = vcpu == 0 ? 2 : 1};
    evtchn_port_t own[2] = {ports[vcpu], timer_port};

    set_xen_guest_handle(poll.ports, own);
    hypercall_sched_op(SCHEDOP_poll, &poll);
    event_clear(ports[vcpu]);
    if (vcpu == 0)
        event_clear(timer_port);
}

static void sleep_in_block(void)
{
    hypercall_sched_op(SCHEDOP_block, NULL);
    upcalls_disable();
}

static void flush_everywhere(u32 hop)
{
    static const unsigned int kinds[] = {MMUEXT_TLB_FLUSH_ALL, MMUEXT_TLB_FLUSH_MULTI, MMUEXT_INVLPG_ALL,
                                         MMUEXT_INVLPG_MULTI};
    u64 mask = (1u << VCPUS) - 1;
    struct mmuext_op op = {.cmd = kinds[hop % ARRAY_SIZE(kinds)], .arg1.linear_addr = (unsigned long)tokens};

    set_xen_guest_handle(op.arg2.vcpumask, (void *)&mask);
    if (hypercall_mmuext_op(&op, 1, NULL, DOMID_SELF) != 0)
        guest_panic("a flush was refused");
}

static void pass(u32 vcpu)
{
    u32 mine = __atomic_exchange_n(&tokens[vcpu], 0, __ATOMIC_SEQ_CST), next = (vcpu + 1) % VCPUS;
    u32 hop;

    if (mine == 0)
        return;
    hop = __atomic_add_fetch(&hops, mine, __ATOMIC_SEQ_CST);
    if ((sleep_style & FLUSHING) && hop % 8 < mine)
        flush_everywhere(hop / 8);
    __atomic_fetch_add(&tokens[next], mine, __ATOMIC_SEQ_CST);
    event_send(ports[next]);
    if (hop >= (sleep_style & FLUSHING ? FLUSHING_ROUNDS : ROUNDS) * VCPUS && !over)
        stop();
}

static void run_ring(u32 vcpu)
{
    if (blocks(vcpu))
        event_unmask(ports[vcpu]);
    while (!over) {
        if (vcpu == 0)
            watch();
        pass(vcpu);
        if (over || tokens[vcpu] != 0)
            continue;
        if (blocks(vcpu))
            sleep_in_block();
        else
            sleep_in_poll(vcpu);
    }
    event_mask(ports[vcpu]);
}

static void ring(const char *what, u32 style)
{
    u32 sum = 0;
    u64 start = time_ns();

    sleep_style = style;
    hops = 0;
    over = false;
    for (u32 i = 0; i < VCPUS; i++)
        tokens[i] = i < TOKENS;
    if (blocks(0))
        event_unmask(timer_port);
    check(vcpus_run(run_ring, 120000 * MS), "%s: all vcpus come back", what);
    event_mask(timer_port);
    if (!check(!stalled, "%s: %u hops in %lu ms", what, hops, (unsigned long)((time_ns() - start) / MS)))
        guest_panic("a wake-up was lost");
    for (u32 i = 0; i < VCPUS; i++)
        sum += tokens[i];
    check_equal(sum, TOKENS, "no token is lost");
}

static void rings(void)
{
    ring("poll", 0);
    ring("block", 0xf);
    ring("poll and block", 0x5);
    ring("poll and flush", FLUSHING);
    ring("block and flush", FLUSHING | 0xf);
}

TEST(ring_smp4_alone, "four vcpus wake each other")
{
    if (!vcpus_start(VCPUS))
        return;
    for (u32 i = 0; i < VCPUS; i++)
        ports[i] = (u32)event_bind_ipi(i);
    timer_port = (u32)event_bind_virq(VIRQ_TIMER, 0);
    rings();
    check_equal(fifo_init(), 0, "change to FIFO");
    for (u32 i = 1; i < VCPUS; i++)
        check_equal(fifo_init_vcpu(i), 0, "and on another vcpu");
    rings();
}
