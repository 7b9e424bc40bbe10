/* SPDX-License-Identifier: MIT */
/*
 * One port, and what the files of the event-channel code share; nobody outside ipc/ includes this.
 *   evtchn.c        life of ports and domains, the binding operations (lock held)
 *   evtchn_notify.c sending, raising, polling, the vcpu's info block (no lock)
 *   evtchn_2l.c     pending and mask bits, 2-level ABI      evtchn_fifo.c  ditto, FIFO ABI
 *   evtchn_audit.c  invariants and the debug key
 */
#ifndef IPC_EVTCHN_PORT_H
#define IPC_EVTCHN_PORT_H

#include <ipc/evtchn.h>

/* From UNBOUND on the port is usable by the guest. RESERVED: being bound or closed, and port 0. */
enum evtchn_state {
    EVTCHN_FREE, EVTCHN_RESERVED, EVTCHN_UNBOUND, EVTCHN_INTERDOMAIN, EVTCHN_PIRQ, EVTCHN_VIRQ, EVTCHN_IPI,
};

struct evtchn {
    struct evtchn_domain *domain;       /* (c) */
    struct evtchn *peer;                /* (a, written under l) INTERDOMAIN: the other end; else NULL */
    u32 port;                           /* (c) */
    u32 bound;                          /* (l) UNBOUND: domid that may connect; PIRQ, VIRQ: its number */
    u16 vcpu;                           /* (a, written under l) to notify */
    u16 last_queue;                     /* (q of that queue) FIFO: where it was linked last: vcpu << 4 | priority */
    u8 state;                           /* (a, written under l) enum evtchn_state */
    u8 priority;                        /* (a) FIFO: for the next time it is linked */
    bool latched;                       /* (a) FIFO: raised while the guest had no event word for it */
};
_Static_assert(sizeof(struct evtchn) <= PAGE_SIZE / EVTCHN_BUCKET_PORTS, "a bucket is one page");

/* The slot of a port below nr_ports. The indices are masked, so that a mispredicted bounds check reads inside. */
static inline struct evtchn *evtchn_slot(const struct evtchn_domain *d, u32 port)
{
    u32 bucket = port / EVTCHN_BUCKET_PORTS;

    return d->groups[bucket / EVTCHN_GROUP_BUCKETS % EVTCHN_GROUPS][bucket % EVTCHN_GROUP_BUCKETS] +
           port % EVTCHN_BUCKET_PORTS;
}

/* NULL when there is no such port. No lock. */
static inline struct evtchn *evtchn_lookup(const struct evtchn_domain *d, u32 port)
{
    return port < __atomic_load_n(&d->nr_ports, __ATOMIC_ACQUIRE) ? evtchn_slot(d, port) : NULL;
}

static inline enum evtchn_state evtchn_state(const struct evtchn *c)
{
    return (enum evtchn_state)__atomic_load_n(&c->state, __ATOMIC_ACQUIRE);
}

static inline struct evtchn_vcpu *evtchn_vcpu(const struct evtchn_domain *d, u32 id)
{
    return id < d->max_vcpus ? __atomic_load_n(&d->vcpus[id], __ATOMIC_ACQUIRE) : NULL;
}

static inline struct evtchn_fifo *evtchn_fifo(const struct evtchn_domain *d)
{
    return __atomic_load_n(&d->fifo, __ATOMIC_ACQUIRE);
}

/* Timer, debug, profiling and PMU interrupts exist per vcpu; all others once per domain, bound through vcpu 0. */
static inline bool virq_is_global(u32 virq)
{
    return !((BIT(VIRQ_TIMER) | BIT(VIRQ_DEBUG) | BIT(VIRQ_XENOPROF) | BIT(VIRQ_XENPMU)) >> virq & 1);
}

/* evtchn_notify.c */
void evtchn_set_pending(struct evtchn *c);
/* Sets the upcall flag; if it was clear, wakes or kicks the vcpu. */
void evtchn_notify(struct evtchn_vcpu *v);
/* The port has become pending: ends the polls that wait for it. */
void evtchn_wake_pollers(struct evtchn_domain *d, u32 port);

/* Pending and mask bits, one set of functions per ABI. */
void evtchn_2l_set_pending(struct evtchn *c, struct evtchn_vcpu *v);
void evtchn_2l_clear_pending(struct evtchn *c);
void evtchn_2l_unmask(struct evtchn *c, struct evtchn_vcpu *v);
bool evtchn_2l_is_pending(const struct evtchn *c);
bool evtchn_2l_is_masked(const struct evtchn *c);
void evtchn_fifo_set_pending(struct evtchn *c, struct evtchn_vcpu *v);
void evtchn_fifo_clear_pending(struct evtchn *c);
void evtchn_fifo_unmask(struct evtchn *c, struct evtchn_vcpu *v);
bool evtchn_fifo_is_pending(const struct evtchn *c);
bool evtchn_fifo_is_masked(const struct evtchn *c);
/* The guest has not yet taken it off a queue: the port must not get a new use. */
bool evtchn_fifo_is_linked(const struct evtchn *c);
/* Leaves the FIFO ABI (lock held): waits until no CPU is writing to the guest's pages and lets them go. */
void evtchn_fifo_leave(struct evtchn_domain *d);

/* A page of the guest's that the hypervisor writes for long: held writable and mapped. NULL: not such a page. */
void *evtchn_page_map(struct evtchn_domain *d, gfn_t g);
void evtchn_page_unmap(struct evtchn_domain *d, void *p);      /* any address in the page */

/* For the audit: is the tail a port that was linked to this queue last; are the pages still the domain's and writable. */
bool evtchn_fifo_audit_queue(const struct evtchn_domain *d, const struct evtchn_queue *q, u32 id);
bool evtchn_fifo_pages_held(const struct evtchn_domain *d);
bool evtchn_page_held(const struct evtchn_domain *d, const void *p);

#endif
