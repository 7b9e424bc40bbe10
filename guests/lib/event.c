/* SPDX-License-Identifier: MIT */
/* Event channels: the calls, and the upcall with the 2-level scan. fifo.c has the other ABI. */
#include <lib/event.h>
#include <lib/fifo.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/smp.h>
#include <lib/string.h>
#include <lib/time.h>
#include <lib/trap.h>

struct vcpu_info *vcpu_info;
bool fifo_active;

static event_handler *handlers[EVENT_PORTS];
static volatile u32 counts[EVENT_PORTS];
static u8 owners[EVENT_PORTS]; /* the vcpu that each port is bound to; only that one may take its events */

static bool bit_test(const volatile unsigned long *words, u32 bit)
{
    return words[bit / 64] >> bit % 64 & 1;
}

static void bit_set(volatile unsigned long *words, u32 bit)
{
    __atomic_fetch_or(&words[bit / 64], 1ul << bit % 64, __ATOMIC_SEQ_CST);
}

static void bit_clear(volatile unsigned long *words, u32 bit)
{
    __atomic_fetch_and(&words[bit / 64], ~(1ul << bit % 64), __ATOMIC_SEQ_CST);
}

void event_set_handler(u32 port, event_handler *handler)
{
    handlers[port] = handler;
}

u32 event_count(u32 port)
{
    return counts[port];
}

void event_deliver(u32 port)
{
    if (port >= EVENT_PORTS)
        return;
    counts[port]++;
    if (handlers[port] != NULL)
        handlers[port](port);
}

struct vcpu_info *vcpu_info_self(void)
{
    u32 vcpu = vcpu_self();

    return vcpu == 0 ? vcpu_info : &shared_info->vcpu_info[vcpu];
}

static void scan_two_level(struct vcpu_info *info)
{
    unsigned long words = __atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    u32 vcpu = vcpu_self();

    for (; words != 0; words &= words - 1) {
        u32 word = (u32)__builtin_ctzl(words);
        unsigned long ready = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];

        for (; ready != 0; ready &= ready - 1) {
            u32 port = word * 64 + (u32)__builtin_ctzl(ready);

            if (owners[port] != vcpu)
                continue;
            bit_clear(shared_info->evtchn_pending, port);
            event_deliver(port);
        }
    }
}

static bool upcall(struct regs *regs)
{
    struct vcpu_info *info = vcpu_info_self();

    (void)regs;
    while (__atomic_exchange_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST) != 0)
        fifo_active ? fifo_scan(vcpu_self()) : scan_two_level(info);
    return true;
}

void event_init(void)
{
    vcpu_info = &shared_info->vcpu_info[0];
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
    trap_set_handler(TRAP_EVENT, upcall);
}

long event_alloc_unbound(u16 domain, u16 remote)
{
    struct evtchn_alloc_unbound alloc = {.dom = domain, .remote_dom = remote};
    long ret = hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

    return ret != 0 ? ret : (long)alloc.port;
}

long event_bind_interdomain(u16 remote, u32 remote_port)
{
    struct evtchn_bind_interdomain bind = {.remote_dom = remote, .remote_port = remote_port};
    long ret = hypercall_event_channel_op(EVTCHNOP_bind_interdomain, &bind);

    return ret != 0 ? ret : (long)bind.local_port;
}

long event_bind_virq(u32 virq, u32 vcpu)
{
    struct evtchn_bind_virq bind = {.virq = virq, .vcpu = vcpu};
    long ret = hypercall_event_channel_op(EVTCHNOP_bind_virq, &bind);

    if (ret != 0)
        return ret;
    owners[bind.port] = (u8)vcpu;
    return (long)bind.port;
}

long event_bind_ipi(u32 vcpu)
{
    struct evtchn_bind_ipi bind = {.vcpu = vcpu};
    long ret = hypercall_event_channel_op(EVTCHNOP_bind_ipi, &bind);

    if (ret != 0)
        return ret;
    owners[bind.port] = (u8)vcpu;
    return (long)bind.port;
}

long event_close(u32 port)
{
    struct evtchn_close op = {.port = port};

    if (port < EVENT_PORTS)
        owners[port] = 0;
    return hypercall_event_channel_op(EVTCHNOP_close, &op);
}

long event_send(u32 port)
{
    struct evtchn_send op = {.port = port};

    return hypercall_event_channel_op(EVTCHNOP_send, &op);
}

long event_unmask(u32 port)
{
    struct evtchn_unmask op = {.port = port};

    return hypercall_event_channel_op(EVTCHNOP_unmask, &op);
}

void event_mask(u32 port)
{
    if (fifo_active)
        fifo_mask(port);
    else
        bit_set(shared_info->evtchn_mask, port);
}

bool event_is_pending(u32 port)
{
    return fifo_active ? fifo_is_pending(port) : bit_test(shared_info->evtchn_pending, port);
}

bool event_is_masked(u32 port)
{
    return fifo_active ? fifo_is_masked(port) : bit_test(shared_info->evtchn_mask, port);
}

void event_clear(u32 port)
{
    if (fifo_active)
        fifo_clear(port);
    else
        bit_clear(shared_info->evtchn_pending, port);
}

void upcalls_disable(void)
{
    vcpu_info_self()->evtchn_upcall_mask = 1;
    BARRIER();
}

void upcalls_enable(void)
{
    struct vcpu_info *info = vcpu_info_self();

    BARRIER();
    info->evtchn_upcall_mask = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (info->evtchn_upcall_pending != 0)
        hypercall_xen_version(XENVER_version, NULL); /* any hypercall returns through the delivery of events */
}

/* Upcalls are masked between the look and the sleep: one in between would clear the pending bit that ends the sleep. */
bool event_wait(u32 port, u32 count, u64 ns)
{
    struct vcpu_info *info = vcpu_info_self();
    u8 masked = info->evtchn_upcall_mask;
    u64 end = time_ns() + ns;

    for (upcalls_disable(); counts[port] == count && time_ns() <= end; upcalls_disable()) {
        struct sched_poll poll = {.nr_ports = 1, .timeout = end};
        evtchn_port_t ports[1] = {port};

        set_xen_guest_handle(poll.ports, ports);
        hypercall_sched_op(SCHEDOP_poll, &poll);
        upcalls_enable();
    }
    if (masked == 0)
        upcalls_enable();
    return counts[port] != count;
}
