/* SPDX-License-Identifier: MIT */
/*
 * Life of event channels: domains, ports, and the operations that change what a port is bound to. All of it holds the
 * domain's lock; what touches an interdomain pair holds both, taken by address. Senders take no lock (evtchn_notify.c):
 * a port's fields are written before its state is, and its peer is unlinked before the other end changes.
 * Callers: hcall/event_channel.c; dom/ for the init, kill and fini functions.
 */
#include <core/work.h>
#include <ipc/evtchn_port.h>
#include <irq/pirq.h>
#include <lib/string.h>
#include <mm/heap.h>

/* ---- ports ---- */

/* Makes the next bucket of ports exist. A group that stays empty after -ENOMEM is found by the next attempt. */
static int bucket_add(struct evtchn_domain *d)
{
    u32 bucket = d->nr_ports / EVTCHN_BUCKET_PORTS;
    struct evtchn ***group = &d->groups[bucket / EVTCHN_GROUP_BUCKETS], *c;

    if (!*group)
        *group = mem_alloc(EVTCHN_GROUP_BUCKETS * sizeof(**group));
    if (!*group)
        return -ENOMEM;
    c = page_alloc();
    if (!c)
        return -ENOMEM;
    for (u32 i = 0; i < EVTCHN_BUCKET_PORTS; i++) {
        c[i].domain = d;
        c[i].port = d->nr_ports + i;
    }
    (*group)[bucket % EVTCHN_GROUP_BUCKETS] = c;
    __atomic_store_n(&d->nr_ports, d->nr_ports + EVTCHN_BUCKET_PORTS, __ATOMIC_RELEASE);
    return 0;
}

/* Takes the lowest free port; one that is still on a FIFO queue of the guest's is passed over. */
static int port_reserve(struct evtchn_domain *d, struct evtchn **out)
{
    u32 limit = min(d->max_ports, evtchn_port_limit(d)), first_busy = ~0u;

    if (d->dying)
        return -EINVAL;
    for (u32 port = d->free_hint; port < limit; port++) {
        struct evtchn *c;
        int rc = port < d->nr_ports ? 0 : bucket_add(d);

        if (rc)
            return rc;
        c = evtchn_slot(d, port);
        if (c->state != EVTCHN_FREE)
            continue;
        if (evtchn_fifo_is_linked(c)) {
            first_busy = min(first_busy, port);
            continue;
        }
        c->state = EVTCHN_RESERVED;
        d->nr_active++;
        d->free_hint = min(first_busy, port + 1);
        *out = c;
        return 0;
    }
    return -ENOSPC;
}

/* Gives a reserved port its use; from here on it can be sent to. */
static void port_open(struct evtchn *c, enum evtchn_state state, u32 bound, u32 vcpu)
{
    c->bound = bound;
    c->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    WRITE_ONCE(c->vcpu, (u16)vcpu);
    __atomic_store_n(&c->state, (u8)state, __ATOMIC_RELEASE);
}

static void port_free(struct evtchn *c)
{
    struct evtchn_domain *d = c->domain;

    /* A raise that is under way may still come after the clearing: the next user sees one event too many. */
    __atomic_store_n(&c->state, EVTCHN_FREE, __ATOMIC_SEQ_CST);
    if (evtchn_fifo(d))
        evtchn_fifo_clear_pending(c);
    else
        evtchn_2l_clear_pending(c);
    WRITE_ONCE(c->latched, false);
    WRITE_ONCE(c->vcpu, 0);
    d->nr_active--;
    d->free_hint = min(d->free_hint, c->port);
}

u32 evtchn_port_limit(const struct evtchn_domain *d)
{
    return evtchn_fifo(d) ? EVTCHN_FIFO_NR_CHANNELS : EVTCHN_2L_NR_CHANNELS;
}

/* ---- domains ---- */

int evtchn_domain_init(struct evtchn_domain *d, const struct evtchn_config *config)
{
    ASSERT(config->max_vcpus && config->max_vcpus <= EVTCHN_MAX_VCPUS && config->max_ports);
    memset(d, 0, sizeof(*d));
    spin_lock_init(&d->lock, RANK_EVTCHN);
    d->domid = config->domid;
    d->max_vcpus = config->max_vcpus;
    d->max_ports = config->max_ports;
    d->mm = config->mm;
    d->pirqs = config->pirqs;
    d->pending = (u64 *)config->shared->evtchn_pending;
    d->mask = (u64 *)config->shared->evtchn_mask;
    d->vcpus = mem_alloc(config->max_vcpus * sizeof(*d->vcpus));
    if (!d->vcpus)
        return -ENOMEM;
    if (bucket_add(d)) {
        evtchn_domain_fini(d);
        return -ENOMEM;
    }
    evtchn_slot(d, 0)->state = EVTCHN_RESERVED;
    d->free_hint = 1;
    return 0;
}

/* Closes every port; when it has to stop, reset_next remembers where the repeated call goes on. */
static int close_all(struct evtchn_domain *d)
{
    u32 work = 0;

    for (u32 port = max(READ_ONCE(d->reset_next), 1u); port < d->nr_ports; port++) {
        work += evtchn_close(d, port) == 0 ? 8 : 1;
        if (work >= 512 && preempt_point()) {
            WRITE_ONCE(d->reset_next, port + 1);
            return -ERESTART;
        }
    }
    WRITE_ONCE(d->reset_next, 0);
    return 0;
}

int evtchn_domain_kill(struct evtchn_domain *d)
{
    spin_lock(&d->lock);
    if (!d->dying)
        d->reset_next = 0;
    d->dying = true;
    spin_unlock(&d->lock);
    return close_all(d);
}

void evtchn_domain_fini(struct evtchn_domain *d)
{
    for (u32 i = 0; d->vcpus && i < d->max_vcpus; i++)
        if (d->vcpus[i] && d->vcpus[i]->info_registered)
            evtchn_page_unmap(d, d->vcpus[i]->info);
    evtchn_fifo_leave(d);
    for (u32 i = 0; i < d->nr_ports; i += EVTCHN_BUCKET_PORTS)
        page_free(evtchn_slot(d, i));
    for (u32 i = 0; i < EVTCHN_GROUPS; i++) {
        mem_free(d->groups[i]);
        d->groups[i] = NULL;
    }
    mem_free(d->vcpus);
    d->nr_ports = 0;
    d->vcpus = NULL;
}

int evtchn_reset(struct evtchn_domain *d)
{
    int rc = close_all(d);

    if (rc)
        return rc;
    spin_lock(&d->lock);
    if (d->nr_active)
        rc = -EAGAIN;
    else
        evtchn_fifo_leave(d);
    spin_unlock(&d->lock);
    return rc;
}

/* ---- binding ---- */

int evtchn_alloc_unbound(struct evtchn_domain *d, u16 remote_domid, u32 *port)
{
    struct evtchn *c;
    int rc;

    spin_lock(&d->lock);
    rc = port_reserve(d, &c);
    if (!rc) {
        port_open(c, EVTCHN_UNBOUND, remote_domid, 0);
        *port = c->port;
    }
    spin_unlock(&d->lock);
    return rc;
}

int evtchn_bind_interdomain(struct evtchn_domain *ld, struct evtchn_domain *rd, u32 rport, u32 *lport)
{
    struct evtchn *local, *remote = evtchn_lookup(rd, rport);
    int rc;

    spin_lock_pair(&ld->lock, &rd->lock);
    rc = port_reserve(ld, &local);
    if (!rc && (!remote || remote->state != EVTCHN_UNBOUND || remote->bound != ld->domid)) {
        port_free(local);
        rc = -EINVAL;
    }
    if (!rc) {
        __atomic_store_n(&local->peer, remote, __ATOMIC_RELEASE);
        __atomic_store_n(&remote->peer, local, __ATOMIC_RELEASE);
        port_open(local, EVTCHN_INTERDOMAIN, 0, 0);
        __atomic_store_n(&remote->state, EVTCHN_INTERDOMAIN, __ATOMIC_RELEASE);
        /* The other side may have sent already, while nobody was bound. */
        evtchn_set_pending(local);
        *lport = local->port;
    }
    spin_unlock_pair(&ld->lock, &rd->lock);
    return rc;
}

int evtchn_bind_virq(struct evtchn_domain *d, u32 virq, u32 vcpu, u32 *port)
{
    struct evtchn_vcpu *v;
    struct evtchn *c;
    int rc;

    if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu != 0))
        return -EINVAL;
    v = evtchn_vcpu(d, vcpu);
    if (!v)
        return -ENOENT;
    spin_lock(&d->lock);
    rc = v->virq[virq] ? -EEXIST : port_reserve(d, &c);
    if (!rc) {
        port_open(c, EVTCHN_VIRQ, virq, vcpu);
        __atomic_store_n(&v->virq[virq], c, __ATOMIC_RELEASE);
        *port = c->port;
    }
    spin_unlock(&d->lock);
    return rc;
}

int evtchn_bind_ipi(struct evtchn_domain *d, u32 vcpu, u32 *port)
{
    struct evtchn *c;
    int rc;

    if (!evtchn_vcpu(d, vcpu))
        return -ENOENT;
    spin_lock(&d->lock);
    rc = port_reserve(d, &c);
    if (!rc) {
        port_open(c, EVTCHN_IPI, 0, vcpu);
        *port = c->port;
    }
    spin_unlock(&d->lock);
    return rc;
}

int evtchn_bind_pirq(struct evtchn_domain *d, u32 pirq, bool share, u32 *port)
{
    struct evtchn_vcpu *v = evtchn_vcpu(d, 0);
    struct evtchn *c;
    int rc;

    if (!d->pirqs || !v)
        return -EINVAL;
    spin_lock(&d->lock);
    rc = port_reserve(d, &c);
    if (!rc) {
        port_open(c, EVTCHN_PIRQ, pirq, 0);
        rc = pirq_bind(d->pirqs, pirq, c->port, share, READ_ONCE(v->unit->cpu));
        if (rc)
            port_free(c);
        else
            *port = c->port;
    }
    spin_unlock(&d->lock);
    return rc;
}

int evtchn_bind_vcpu(struct evtchn_domain *d, u32 port, u32 vcpu)
{
    struct evtchn_vcpu *v = evtchn_vcpu(d, vcpu);
    struct evtchn *c = evtchn_lookup(d, port);
    int rc = 0;

    if (!v)
        return -ENOENT;
    if (!c)
        return -EINVAL;
    spin_lock(&d->lock);
    switch (evtchn_state(c)) {
    case EVTCHN_VIRQ:
        if (!virq_is_global(c->bound)) {
            rc = -EINVAL;
            break;
        }
        /* fallthrough */
    case EVTCHN_UNBOUND:
    case EVTCHN_INTERDOMAIN:
        WRITE_ONCE(c->vcpu, (u16)vcpu);
        break;
    case EVTCHN_PIRQ:
        WRITE_ONCE(c->vcpu, (u16)vcpu);
        pirq_set_affinity(d->pirqs, c->bound, READ_ONCE(v->unit->cpu));
        break;
    case EVTCHN_FREE:
    case EVTCHN_RESERVED:
    case EVTCHN_IPI:
        rc = -EINVAL;
        break;
    }
    spin_unlock(&d->lock);
    return rc;
}

/* ---- closing ---- */

/* Locks the port's domain and, when it is connected, the other end's; returns that one (or the first again). */
static struct evtchn_domain *lock_both_ends(struct evtchn *c)
{
    struct evtchn_domain *d = c->domain;

    for (;;) {
        struct evtchn_domain *other;

        spin_lock(&d->lock);
        if (!c->peer || c->peer->domain == d)
            return d;
        other = c->peer->domain;
        spin_unlock(&d->lock);
        spin_lock_pair(&d->lock, &other->lock);
        if (c->peer && c->peer->domain == other)
            return other;
        spin_unlock_pair(&d->lock, &other->lock);
    }
}

/* The other end waits for a new connection from this domain. */
static void disconnect(struct evtchn *c)
{
    struct evtchn *peer = c->peer;

    __atomic_store_n(&peer->peer, NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&c->peer, NULL, __ATOMIC_RELEASE);
    peer->bound = c->domain->domid;
    __atomic_store_n(&peer->state, EVTCHN_UNBOUND, __ATOMIC_RELEASE);
}

int evtchn_close(struct evtchn_domain *d, u32 port)
{
    struct evtchn *c = evtchn_lookup(d, port);
    struct evtchn_domain *other;
    int rc = 0;

    if (!c)
        return -EINVAL;
    other = lock_both_ends(c);
    switch (evtchn_state(c)) {
    case EVTCHN_FREE:
    case EVTCHN_RESERVED:
        rc = -EINVAL;
        break;
    case EVTCHN_PIRQ:
        pirq_unbind(d->pirqs, c->bound, port);
        break;
    case EVTCHN_VIRQ:
        __atomic_store_n(&d->vcpus[virq_is_global(c->bound) ? 0 : c->vcpu]->virq[c->bound], NULL, __ATOMIC_RELEASE);
        break;
    case EVTCHN_INTERDOMAIN:
        disconnect(c);
        break;
    case EVTCHN_UNBOUND:
    case EVTCHN_IPI:
        break;
    }
    if (!rc)
        port_free(c);
    spin_unlock_pair(&d->lock, &other->lock);
    return rc;
}

/* ---- looking ---- */

int evtchn_status(struct evtchn_domain *d, struct evtchn_status *st)
{
    static const u8 abi_status[] = {
        [EVTCHN_FREE] = EVTCHNSTAT_closed, [EVTCHN_RESERVED] = EVTCHNSTAT_closed,
        [EVTCHN_UNBOUND] = EVTCHNSTAT_unbound, [EVTCHN_INTERDOMAIN] = EVTCHNSTAT_interdomain,
        [EVTCHN_PIRQ] = EVTCHNSTAT_pirq, [EVTCHN_VIRQ] = EVTCHNSTAT_virq, [EVTCHN_IPI] = EVTCHNSTAT_ipi,
    };
    const struct evtchn *c = evtchn_lookup(d, st->port);

    if (!c)
        return -EINVAL;
    spin_lock(&d->lock);
    st->status = abi_status[c->state];
    st->vcpu = c->vcpu;
    switch (st->status) {
    case EVTCHNSTAT_unbound:
        st->u.unbound.dom = (domid_t)c->bound;
        break;
    case EVTCHNSTAT_interdomain:
        st->u.interdomain.dom = c->peer->domain->domid;
        st->u.interdomain.port = c->peer->port;
        break;
    case EVTCHNSTAT_pirq:
        st->u.pirq = c->bound;
        break;
    case EVTCHNSTAT_virq:
        st->u.virq = c->bound;
        break;
    }
    spin_unlock(&d->lock);
    return 0;
}
