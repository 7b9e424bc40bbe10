/* SPDX-License-Identifier: MIT */
/*
 * What must hold at any quiet moment, and the debug key that prints the ports. Each invariant is a row of a table:
 * its name is what a failing audit prints. Takes the domain's lock; the domains it is connected to must be quiet too.
 */
#include <ipc/evtchn_port.h>

static bool slot_identity(const struct evtchn_domain *d, const struct evtchn *c, u32 port)
{
    return c->domain == d && c->port == port && c->state <= EVTCHN_IPI && c->priority <= EVTCHN_FIFO_PRIORITY_MIN;
}

static bool port0_reserved(const struct evtchn_domain *d, const struct evtchn *c, u32 port)
{
    return port || c->state == EVTCHN_RESERVED;
}

static bool peers_mutual(const struct evtchn_domain *d, const struct evtchn *c, u32 port)
{
    if (c->state != EVTCHN_INTERDOMAIN)
        return !c->peer;
    return c->peer && c->peer->peer == c && c->peer->state == EVTCHN_INTERDOMAIN;
}

static bool virq_listed(const struct evtchn_domain *d, const struct evtchn *c, u32 port)
{
    u32 vcpu = c->state == EVTCHN_VIRQ && virq_is_global(c->bound) ? 0 : c->vcpu;

    return c->state != EVTCHN_VIRQ || (c->bound < NR_VIRQS && d->vcpus[vcpu] && d->vcpus[vcpu]->virq[c->bound] == c);
}

static bool vcpu_exists(const struct evtchn_domain *d, const struct evtchn *c, u32 port)
{
    return !c->vcpu || evtchn_vcpu(d, c->vcpu);
}

static bool free_hint_low(const struct evtchn_domain *d, const struct evtchn *c, u32 port)
{
    return c->state != EVTCHN_FREE || port >= d->free_hint;
}

static const struct {
    const char *name;
    bool (*holds)(const struct evtchn_domain *d, const struct evtchn *c, u32 port);
} port_rules[] = {
    { "evtchn-slot-identity", slot_identity },
    { "evtchn-port0-reserved", port0_reserved },
    { "evtchn-peers-mutual", peers_mutual },
    { "evtchn-virq-listed", virq_listed },
    { "evtchn-vcpu-exists", vcpu_exists },
    { "evtchn-free-hint", free_hint_low },
};

static bool virqs_bound(const struct evtchn_domain *d, const struct evtchn_vcpu *v)
{
    for (u32 i = 0; i < NR_VIRQS; i++)
        if (v->virq[i] && (v->virq[i]->domain != d || v->virq[i]->state != EVTCHN_VIRQ || v->virq[i]->bound != i))
            return false;
    return true;
}

static bool queues_consistent(const struct evtchn_domain *d, const struct evtchn_vcpu *v)
{
    for (u32 i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
        if (!evtchn_fifo_audit_queue(d, &v->queue[i], v->id * EVTCHN_FIFO_MAX_QUEUES + i))
            return false;
    return true;
}

static bool pages_held(const struct evtchn_domain *d, const struct evtchn_vcpu *v)
{
    return (!v->info_registered || evtchn_page_held(d, v->info)) && (!v->control || evtchn_page_held(d, v->control));
}

static const struct {
    const char *name;
    bool (*holds)(const struct evtchn_domain *d, const struct evtchn_vcpu *v);
} vcpu_rules[] = {
    { "evtchn-virqs-bound", virqs_bound },
    { "evtchn-fifo-tail", queues_consistent },
    { "evtchn-vcpu-pages-held", pages_held },
};

/* Prints one broken invariant; the first one is what the audit returns. */
static void broken(const char **first, const char *name, const struct evtchn_domain *d, const char *what, u32 n)
{
    pr_err("audit: %s: domain %u, %s %u\n", name, d->domid, what, n);
    if (!*first)
        *first = name;
}

static void audit_vcpu(struct evtchn_domain *d, u32 id, const char **first)
{
    const struct evtchn_vcpu *v = d->vcpus[id];

    for (unsigned i = 0; v && i < ARRAY_SIZE(vcpu_rules); i++)
        if (!vcpu_rules[i].holds(d, v))
            broken(first, vcpu_rules[i].name, d, "vcpu", id);
    if (!v && bit_test(d->poll_mask, id))
        broken(first, "evtchn-poll-mask", d, "vcpu", id);
}

const char *evtchn_audit(struct evtchn_domain *d)
{
    const char *first = NULL;
    u32 active = 0;

    spin_lock(&d->lock);
    for (u32 port = 0; port < d->nr_ports; port++) {
        const struct evtchn *c = evtchn_slot(d, port);

        active += port && c->state != EVTCHN_FREE;
        for (unsigned i = 0; i < ARRAY_SIZE(port_rules); i++)
            if (!port_rules[i].holds(d, c, port))
                broken(&first, port_rules[i].name, d, "port", port);
    }
    if (active != d->nr_active)
        broken(&first, "evtchn-active-count", d, "ports", active);
    if (!evtchn_fifo_pages_held(d))
        broken(&first, "evtchn-fifo-pages-held", d, "ports", d->nr_ports);
    for (u32 id = 0; id < d->max_vcpus; id++)
        audit_vcpu(d, id, &first);
    spin_unlock(&d->lock);
    return first;
}

static void show_port(const struct evtchn_domain *d, const struct evtchn *c)
{
    static const char *const names[] = { "free", "reserved", "unbound, for domain", "to domain", "pirq", "virq", "ipi" };
    bool fifo = evtchn_fifo(d);
    bool pending = fifo ? evtchn_fifo_is_pending(c) : evtchn_2l_is_pending(c);
    bool masked = fifo ? evtchn_fifo_is_masked(c) : evtchn_2l_is_masked(c);

    printk("  %5u %c%c vcpu %u: %s %u port %u\n", c->port, pending ? 'p' : '-', masked ? 'm' : '-', c->vcpu,
           names[c->state], c->peer ? c->peer->domain->domid : c->bound, c->peer ? c->peer->port : 0);
}

void evtchn_show(struct evtchn_domain *d)
{
    spin_lock(&d->lock);
    printk("Event channels of domain %u (%s): %u in use (p pending, m masked)\n", d->domid,
           d->fifo ? "FIFO" : "2-level", d->nr_active);
    for (u32 port = 1; port < d->nr_ports; port++)
        if (evtchn_slot(d, port)->state != EVTCHN_FREE)
            show_port(d, evtchn_slot(d, port));
    spin_unlock(&d->lock);
}
