/* SPDX-License-Identifier: MIT */
/*
 * Event channels: numbered ports of a domain, each one bit of "something happened", bound to another domain's port,
 * a virtual interrupt, a physical interrupt or an IPI between the domain's own vcpus. Two ways to show pending ports
 * to the guest: the 2-level bitmaps in the shared-info page, and the FIFO of event words in guest pages.
 *
 * Ports live in buckets that never move, and the number of ports is published last, so looking one up and sending on
 * it takes no lock. What a port is bound to changes under the domain's lock (interdomain: both, by address). A send
 * that races with a close may leave one spurious event on the port: events are hints, guests look for the cause.
 * These files see neither struct domain nor struct vcpu: both embed the structs below.
 * Tags: (c) const after init, (l) lock, (a) atomic, (q) the queue's lock.
 */
#ifndef IPC_EVTCHN_H
#define IPC_EVTCHN_H

#include <core/lock.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <mm/domain.h>
#include <sched/sched.h>
#include <xen/event_channel.h>

#define EVTCHN_MAX_VCPUS 512            /* of one domain */
#define EVTCHN_BUCKET_PORTS 128         /* one page */
#define EVTCHN_GROUP_BUCKETS 32
#define EVTCHN_GROUPS (EVTCHN_FIFO_NR_CHANNELS / (EVTCHN_GROUP_BUCKETS * EVTCHN_BUCKET_PORTS))

struct evtchn;
struct evtchn_fifo;
struct pirq_domain;

/* Events of one priority that wait for one vcpu: a list through the link fields of the guest's event words. */
struct evtchn_queue {
    spinlock_t lock;                    /* RANK_EVTCHN_QUEUE */
    u32 tail;                           /* (q) port appended last; 0: none that may be linked to */
};

struct evtchn_vcpu {
    struct evtchn_domain *domain;       /* (c) */
    struct sched_unit *unit;            /* (c) */
    u16 id;                             /* (c) */
    bool info_registered;               /* (l) info lies in a page the guest chose; it is held for good */
    struct vcpu_info *info;             /* (a) hypervisor's mapping, never NULL */
    struct vcpu_info own_info;          /* used until the guest registers one, where shared_info has no slot (id >= 32) */
    struct evtchn *virq[NR_VIRQS];      /* (a, written under l) */
    u32 poll_port;                      /* (a) polls for this one; 0: several, any event wakes */
    struct evtchn_fifo_control_block *control;  /* (a) FIFO: in a held guest page, NULL before init_control */
    struct evtchn_queue queue[EVTCHN_FIFO_MAX_QUEUES];
};

struct evtchn_domain {
    spinlock_t lock;                    /* RANK_EVTCHN */
    u16 domid;                          /* (c) */
    bool dying;                         /* (l) no new ports */
    u32 max_vcpus;                      /* (c) */
    u32 max_ports;                      /* (c) configured limit: port numbers < max_ports */
    u32 nr_ports;                       /* (a) ports that exist: what is below may be looked up */
    u32 free_hint;                      /* (l) no free port below it */
    u32 nr_active;                      /* (l) ports that are not free, without port 0 */
    u32 reset_next;                     /* (a) where a preempted reset or kill goes on; 0: none */
    struct evtchn **groups[EVTCHN_GROUPS];
    struct evtchn_vcpu **vcpus;         /* (c) array of max_vcpus; entries appear once */
    u64 poll_mask[BITMAP_WORDS(EVTCHN_MAX_VCPUS)];  /* (a) vcpus in SCHEDOP_poll */
    struct mm_domain *mm;               /* (c) for the FIFO's pages */
    struct pirq_domain *pirqs;          /* (c) NULL: the domain cannot have physical interrupts */
    u64 *pending, *mask;                /* (c) 2-level bitmaps in the shared-info page */
    struct evtchn_fifo *fifo;           /* (a) NULL: 2-level */
};

/* Where the domain layer places a new domain's event channels. */
struct evtchn_config {
    u16 domid;
    u32 max_vcpus;                      /* 1..EVTCHN_MAX_VCPUS */
    u32 max_ports;                      /* 1..: cut to what the ABI in use allows */
    struct mm_domain *mm;
    struct pirq_domain *pirqs;
    struct shared_info *shared;         /* hypervisor's mapping */
};

/* -ENOMEM. Port 0 is reserved: guests read it as "none". */
int must_check evtchn_domain_init(struct evtchn_domain *d, const struct evtchn_config *config);
/* Closes every port for good; no new ones from now on. -ERESTART: call again. */
int must_check evtchn_domain_kill(struct evtchn_domain *d);
/* After evtchn_domain_kill() (or a failed creation), when no CPU can still be sending here: frees everything and lets
 * go of the guest's pages. The struct evtchn_vcpus are still there. */
void evtchn_domain_fini(struct evtchn_domain *d);
/* Publishes the vcpu: its ports can be bound from now on. Each id once, before the vcpu runs; cannot fail. */
void evtchn_vcpu_init(struct evtchn_vcpu *v, struct evtchn_domain *d, u16 id, struct sched_unit *unit,
                      struct shared_info *shared);
/*
 * VCPUOP_register_vcpu_info: moves the vcpu's info block, with its contents, into the guest's page, then marks every
 * selector bit and the upcall pending so that nothing is lost. The caller has made sure that the vcpu is the current
 * one or down. -ENXIO: crosses the page or not aligned; -EINVAL: registered before, or not a writable page.
 */
int must_check evtchn_vcpu_set_info(struct evtchn_vcpu *v, gfn_t g, u32 offset);

/* The operations of EVENT_CHANNEL_OP; errors are the ABI's. Domains and rights have been checked by the caller. */
int must_check evtchn_alloc_unbound(struct evtchn_domain *d, u16 remote_domid, u32 *port);
int must_check evtchn_bind_interdomain(struct evtchn_domain *ld, struct evtchn_domain *rd, u32 rport, u32 *lport);
int must_check evtchn_bind_virq(struct evtchn_domain *d, u32 virq, u32 vcpu, u32 *port);
int must_check evtchn_bind_pirq(struct evtchn_domain *d, u32 pirq, bool share, u32 *port);
int must_check evtchn_bind_ipi(struct evtchn_domain *d, u32 vcpu, u32 *port);
int must_check evtchn_bind_vcpu(struct evtchn_domain *d, u32 port, u32 vcpu);
int must_check evtchn_close(struct evtchn_domain *d, u32 port);
int must_check evtchn_send(struct evtchn_domain *d, u32 port);
int must_check evtchn_unmask(struct evtchn_domain *d, u32 port);
/* Fills status, vcpu and u; dom and port stay. */
int must_check evtchn_status(struct evtchn_domain *d, struct evtchn_status *st);
/* Closes every port and goes back to the 2-level ABI. -ERESTART: call again; -EAGAIN: a port is being bound. */
int must_check evtchn_reset(struct evtchn_domain *d);
int must_check evtchn_init_control(struct evtchn_domain *d, u32 vcpu, gfn_t g, u32 offset);
int must_check evtchn_expand_array(struct evtchn_domain *d, gfn_t g);
int must_check evtchn_set_priority(struct evtchn_domain *d, u32 port, u32 priority);

/* Raise from inside the hypervisor: any CPU, any context, no lock above RANK_SCHED held. Unbound: nothing happens. */
void evtchn_raise_virq(struct evtchn_vcpu *v, u32 virq);
void evtchn_raise_global_virq(struct evtchn_domain *d, u32 virq);
void evtchn_raise_pirq(struct evtchn_domain *d, u32 port);

/* Whether the port exists and is pending, masked or not. */
bool evtchn_port_is_pending(struct evtchn_domain *d, u32 port);
/* Ports the ABI in use can number: SCHEDOP_poll refuses others with -EINVAL. */
u32 evtchn_port_limit(const struct evtchn_domain *d);

/*
 * SCHEDOP_poll, for the current vcpu. In this order: sched_block(), evtchn_poll_begin(), look at the ports and at
 * evtchn_upcall_pending(); when something is there already: evtchn_poll_end(), sched_wake(). From begin on, an event
 * on port (0: on any port) wakes the unit and ends the poll; the time-out handler calls end and wakes.
 */
void evtchn_poll_begin(struct evtchn_vcpu *v, u32 port);
void evtchn_poll_end(struct evtchn_vcpu *v);

/* The guest's "interrupt flag" of a vcpu, and whether an upcall is due now. */
static inline struct vcpu_info *evtchn_info(const struct evtchn_vcpu *v)
{
    return __atomic_load_n(&v->info, __ATOMIC_ACQUIRE);
}
static inline bool evtchn_upcall_masked(const struct evtchn_vcpu *v)
{
    return READ_ONCE(evtchn_info(v)->evtchn_upcall_mask);
}
static inline void evtchn_upcall_set_mask(struct evtchn_vcpu *v, bool masked)
{
    WRITE_ONCE(evtchn_info(v)->evtchn_upcall_mask, masked);
}
static inline bool evtchn_upcall_pending(const struct evtchn_vcpu *v)
{
    const struct vcpu_info *info = evtchn_info(v);

    return READ_ONCE(info->evtchn_upcall_pending) && !READ_ONCE(info->evtchn_upcall_mask);
}
/* False: the vcpu has no info block the guest can see, so it cannot be started (id >= 32, nothing registered). */
static inline bool evtchn_vcpu_has_info(const struct evtchn_vcpu *v) { return evtchn_info(v) != &v->own_info; }

/* Debug key 'e': prints the domain's ports. */
void evtchn_show(struct evtchn_domain *d);
/* Checks every invariant (evtchn_audit.c lists them): NULL, or the name of the first broken one, each being printed.
 * The domain and those it is connected to must be quiet. */
const char *evtchn_audit(struct evtchn_domain *d);

#endif
