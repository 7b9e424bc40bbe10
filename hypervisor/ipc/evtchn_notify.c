/* SPDX-License-Identifier: MIT */
/*
 * The hot half of event channels, without locks: sending and raising, telling the vcpu, polling, the info block.
 * A port that was looked up stays valid memory until the domain is freed, so the worst a racing close can do is to
 * leave a pending bit on a port that has just got another use. Callers: everybody.
 */
#include <core/trace.h>
#include <ipc/evtchn_port.h>
#include <irq/pirq.h>
#include <machine/cpu.h>
#include <machine/fault.h>
#include <machine/map.h>

/* ---- raising ---- */

void evtchn_set_pending(struct evtchn *c)
{
    struct evtchn_vcpu *v = evtchn_vcpu(c->domain, READ_ONCE(c->vcpu));

    interleave_point();
    if (!v)     /* no vcpu 0 yet: nobody to tell */
        return;
    trace(TRACE_EVENT, (u32)c->domain->domid << 16 | READ_ONCE(c->vcpu), c->port, 0);
    if (evtchn_fifo(c->domain))
        evtchn_fifo_set_pending(c, v);
    else
        evtchn_2l_set_pending(c, v);
}

int evtchn_send(struct evtchn_domain *d, u32 port)
{
    struct evtchn *c = evtchn_lookup(d, port), *peer;

    if (!c)
        return -EINVAL;
    switch (evtchn_state(c)) {
    case EVTCHN_INTERDOMAIN:
        interleave_point();
        peer = __atomic_load_n(&c->peer, __ATOMIC_ACQUIRE);
        if (peer)       /* else: being closed just now */
            evtchn_set_pending(peer);
        return 0;
    case EVTCHN_IPI:
        evtchn_set_pending(c);
        return 0;
    case EVTCHN_UNBOUND:
        return 0;
    case EVTCHN_FREE:
    case EVTCHN_RESERVED:
    case EVTCHN_PIRQ:
    case EVTCHN_VIRQ:
        break;
    }
    return -EINVAL;
}

void evtchn_raise_virq(struct evtchn_vcpu *v, u32 virq)
{
    struct evtchn *c = __atomic_load_n(&v->virq[virq], __ATOMIC_ACQUIRE);

    if (c)
        evtchn_set_pending(c);
}

void evtchn_raise_global_virq(struct evtchn_domain *d, u32 virq)
{
    struct evtchn_vcpu *v = evtchn_vcpu(d, 0);

    if (v)
        evtchn_raise_virq(v, virq);
}

void evtchn_raise_pirq(struct evtchn_domain *d, u32 port)
{
    struct evtchn *c = evtchn_lookup(d, port);

    if (c && evtchn_state(c) == EVTCHN_PIRQ)
        evtchn_set_pending(c);
}

int evtchn_unmask(struct evtchn_domain *d, u32 port)
{
    struct evtchn *c = evtchn_lookup(d, port);
    struct evtchn_vcpu *v;

    if (!c)
        return -EINVAL;
    v = evtchn_vcpu(d, READ_ONCE(c->vcpu));
    if (evtchn_state(c) <= EVTCHN_RESERVED || !v)
        return 0;
    if (evtchn_fifo(d))
        evtchn_fifo_unmask(c, v);
    else
        evtchn_2l_unmask(c, v);
    return 0;
}

bool evtchn_port_is_pending(struct evtchn_domain *d, u32 port)
{
    const struct evtchn *c = evtchn_lookup(d, port);

    if (!c || evtchn_state(c) <= EVTCHN_RESERVED)
        return false;
    return evtchn_fifo(d) ? evtchn_fifo_is_pending(c) : evtchn_2l_is_pending(c);
}

/* ---- telling the vcpu ---- */

/*
 * A running vcpu is interrupted even while it masks upcalls: guests unmask with a plain store followed by a plain load
 * of the pending flag, which the CPU may swap, so the mask read here proves nothing.
 */
void evtchn_notify(struct evtchn_vcpu *v)
{
    struct vcpu_info *info = evtchn_info(v);
    unsigned cpu;

    if (__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        return;
    interleave_point();
    frame_dirty(frame_of_ptr(info));
    evtchn_poll_end(v);
    sched_wake(v->unit);
    cpu = READ_ONCE(v->unit->cpu);
    if (cpu != cpu_id() && sched_is_running(v->unit))
        cpu_send_ipi(cpu, VECTOR_KICK);
}

/* ---- polling ---- */

/* The bit is set after poll_port and before the caller looks at the ports; raisers set the port's bit, then look here. */
void evtchn_poll_begin(struct evtchn_vcpu *v, u32 port)
{
    WRITE_ONCE(v->poll_port, port);
    bit_set_atomic(v->domain->poll_mask, v->id);
}

void evtchn_poll_end(struct evtchn_vcpu *v)
{
    if (bit_test(v->domain->poll_mask, v->id))
        bit_clear_atomic(v->domain->poll_mask, v->id);
}

void evtchn_wake_pollers(struct evtchn_domain *d, u32 port)
{
    for (u32 id = bit_find_next(d->poll_mask, d->max_vcpus, 0, true); id < d->max_vcpus;
         id = bit_find_next(d->poll_mask, d->max_vcpus, id + 1, true)) {
        struct evtchn_vcpu *v = d->vcpus[id];
        u32 wanted = READ_ONCE(v->poll_port);

        if ((!wanted || wanted == port) && bit_test_and_clear_atomic(d->poll_mask, id))
            sched_wake(v->unit);
    }
}

/* ---- the vcpu and its info block ---- */

void evtchn_vcpu_init(struct evtchn_vcpu *v, struct evtchn_domain *d, u16 id, struct sched_unit *unit,
                      struct shared_info *shared)
{
    ASSERT(id < d->max_vcpus && !d->vcpus[id]);
    v->domain = d;
    v->unit = unit;
    v->id = id;
    v->info = id < XEN_LEGACY_MAX_VCPUS ? &shared->vcpu_info[id] : &v->own_info;
    v->info->evtchn_upcall_mask = 1;
    for (unsigned i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
        spin_lock_init(&v->queue[i].lock, RANK_EVTCHN_QUEUE);
    __atomic_store_n(&d->vcpus[id], v, __ATOMIC_RELEASE);
}

int evtchn_vcpu_set_info(struct evtchn_vcpu *v, gfn_t g, u32 offset)
{
    struct evtchn_domain *d = v->domain;
    struct vcpu_info *new = NULL;
    void *page = NULL;

    if (offset > PAGE_SIZE - sizeof(*new) || offset % __alignof__(*new))
        return -ENXIO;
    spin_lock(&d->lock);
    if (!v->info_registered)
        page = evtchn_page_map(d, g);
    if (page) {
        new = page + offset;
        *new = *v->info;
        __atomic_store_n(&v->info, new, __ATOMIC_SEQ_CST);
        v->info_registered = true;
    }
    spin_unlock(&d->lock);
    if (!page)
        return -EINVAL;
    /* What was raised into the old block during the copy is lost there: make the guest look at everything. */
    __atomic_store_n(&new->evtchn_pending_sel, ~0UL, __ATOMIC_SEQ_CST);
    evtchn_notify(v);
    return 0;
}
