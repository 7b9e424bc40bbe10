/* SPDX-License-Identifier: MIT */
/*
 * Domains and vcpus. Each lower layer's state is embedded by value, so that those layers never see these structs;
 * only dom/ and above go up with container_of.
 *
 * Look-up takes no lock and no reference: a hypercall is a read-side section, and a domain is freed only after every
 * CPU has left the hypervisor or idled since it was unlisted (dom/domain.c).
 */
#ifndef DOM_DOMAIN_H
#define DOM_DOMAIN_H

#include <core/grace.h>
#include <core/lock.h>
#include <dom/policy.h>
#include <dom/pv_state.h>
#include <ipc/evtchn.h>
#include <ipc/grant.h>
#include <irq/pirq.h>
#include <machine/cpu.h>
#include <mm/domain.h>
#include <sched/sched.h>

#define DOMAIN_WATCHDOGS 2
#define MAX_VCPUS 512           /* per domain; beyond 32 a vcpu needs VCPUOP_register_vcpu_info to be usable */

struct domain;
struct e820;

struct vcpu_runstate {
    u32 state;                  /* RUNSTATE_* */
    u64 entry_ns;
    u64 time_ns[4];
    guest_ptr_t area;           /* where the guest wants a copy; null: nowhere */
};

struct vcpu {
    struct domain *domain;      /* (c) */
    u16 id;                     /* (c) */
    u16 loaded_cpu;             /* CPU whose registers hold this vcpu's state lazily; NO_CPU when saved (dom/run.c) */
    bool initialised;           /* (d: domain lock) context was set */
    bool initialising;          /* (d) somebody is setting it */
    bool down;                  /* (d) VCPUOP_down or never up: holds one pause */
    u64 nmi_pending, mce_pending;   /* (a) one-deep latches, bits: pending 1, masked 2 */
    struct regs regs;           /* valid while not loaded */
    struct pv_vcpu pv;
    void *xstate;               /* extended state area, xstate_size bytes */
    struct sched_unit unit;
    struct evtchn_vcpu ev;
    struct timer periodic_timer, singleshot_timer, poll_timer;
    u64 periodic_ns;
    struct vcpu_runstate runstate;
    guest_ptr_t time_area;      /* secondary vcpu_time_info copy */
    u32 time_version;           /* of the scale last written to the guest */
    bool areas_stale;           /* runstate changed since the guest's copies were written */
};
#define NO_CPU 0xffff

enum domain_kind { DOMAIN_PV };

/* What differs between kinds of guests. */
struct guest_ops {
    void (*save)(struct vcpu *v);           /* out of this CPU, into the vcpu */
    void (*load)(struct vcpu *v);
    void (*update_areas)(struct vcpu *v);   /* loaded vcpu: copies runstate and time to where the guest wants them */
    int (*domain_init)(struct domain *d);   /* -ENOMEM */
    void (*domain_fini)(struct domain *d);
    int (*vcpu_init)(struct vcpu *v);       /* -ENOMEM */
    void (*vcpu_fini)(struct vcpu *v);
    int (*vcpu_release)(struct vcpu *v);    /* lets go of the guest memory that the saved vcpu holds. -ERESTART */
    int (*relinquish)(struct domain *d);    /* takes a dying domain's memory away. -ERESTART */
};

/* How far the end of a domain has come (dom/kill.c). */
enum domain_stage { STAGE_ALIVE, STAGE_STOP, STAGE_VCPUS, STAGE_EVENTS, STAGE_GRANTS, STAGE_MEMORY, STAGE_GRACE,
                    STAGE_PAGES, STAGE_FREE };

struct domain {
    u16 id;                     /* (c) */
    enum domain_kind kind;      /* (c) */
    const struct guest_ops *ops;    /* (c) */
    u8 uuid[16];                /* (d) xen_domain_handle_t */
    u32 rights;                 /* (c) RIGHT_* bits, dom/policy.h */
    u32 ssidref;                /* (d) security label, from the first day */
    spinlock_t lock;            /* (d) RANK_DOMAIN */
    u32 max_vcpus;              /* (c) */
    struct vcpu **vcpus;        /* (c) array of max_vcpus; entries appear once, published with release order */
    bool dying, shutting_down;  /* (d) */
    bool shutdown_decided;      /* (d) the reason is known before it shuts down */
    u8 shutdown_code;           /* (d) valid once decided or shutting_down */
    bool xenstore;              /* (c) runs the XenStore */
    u32 pauses;                 /* (d) by the toolstack; from 1 on every vcpu holds one pause for it */
    bool started;               /* (d) the toolstack has let it run; what its CPUs are is fixed */
    u16 stage;                  /* enum domain_stage; changed by whoever made it busy, then by work handlers */
    bool busy;                  /* (a) a CPU is in domain_kill() or vcpu_add() */
    u8 tsc_mode;                /* as the toolstack set it */
    struct grace grace;
    struct mm_domain mm;
    struct sched_domain sched;
    struct evtchn_domain evtchn;
    struct grant_table grants;
    struct pirq_domain pirqs;
    struct pv_domain pv;
    struct shared_info *shared; /* (c) hypervisor's mapping of the shared-info page */
    mfn_t shared_mfn;           /* (c) */
    struct e820 *memory_map;    /* (d) what XENMEM_memory_map tells it; NULL: nothing was set */
    u32 nr_memory_map;          /* (d) */
    s64 wall_offset_ns;         /* (d) settime: wall clock at system time 0 = boot wall + this */
    spinlock_t watchdog_lock;   /* RANK_DOMAIN; never with the domain's own */
    u32 watchdogs_used;         /* (watchdog_lock) bits */
    struct timer watchdogs[DOMAIN_WATCHDOGS];   /* (watchdog_lock) */
};

/* Borrowed: valid until the caller leaves the hypervisor. NULL when there is none. */
struct domain *domain_lookup(u16 domid);
/* DOMID_SELF resolves to the current one. */
struct domain *domain_lookup_self(u16 domid);
static inline struct vcpu *domain_vcpu(struct domain *d, u32 id)
{
    return id < d->max_vcpus ? __atomic_load_n(&d->vcpus[id], __ATOMIC_ACQUIRE) : NULL;
}
#define for_each_vcpu(d, v)                                                        \
    for (u32 i_##v = 0; i_##v < (d)->max_vcpus; i_##v++)                           \
        if (((v) = domain_vcpu((d), i_##v)) != NULL)

static inline struct domain *current_domain(void) { return current()->domain; }

/* The listed domain with the lowest id >= domid; NULL when there is none. */
struct domain *domain_next(u32 domid);
#define for_each_domain(d) for ((d) = domain_next(0); (d); (d) = domain_next((d)->id + 1u))

/* The guest broke a rule mid-way: the domain is shut down with reason crash, the message goes to the log. */
void domain_crash(struct domain *d, const char *fmt, ...) format_printf(2, 3);
void domain_shutdown(struct domain *d, u8 reason);
/* When it shuts down next, this will be the reason, whatever is given then. The first one counts. */
void domain_decide_shutdown(struct domain *d, u8 reason);
/* Undoes a shutdown: the vcpus go on. Nothing when it is not shut down. */
void domain_resume(struct domain *d);

extern struct domain *domain0;

struct domain_config {
    u16 id;
    enum domain_kind kind;
    const struct guest_ops *ops;
    u32 rights;
    u32 max_vcpus, max_pages, max_evtchns, max_grant_frames;
    u32 max_maptrack_frames;    /* 0: maps no grants */
    u8 max_grant_version;       /* 0: all that there are */
};
void domains_init(void);        /* boot: no domains */
/* A free domid, taken: wanted, or for 0 the next one. -EEXIST, -EINVAL (no domid), -ENFILE (none left). */
int must_check domid_take(u16 wanted, u16 *id);
void domid_give_back(u16 id);
/* A domain without memory and vcpus, not yet listed. Its id has been taken. -ENOMEM, -EINVAL. */
int must_check domain_create(const struct domain_config *config, struct domain **out);
/* A domain that was never listed. */
void domain_free(struct domain *d);
/* A vcpu that is down, not yet found by look-ups. -ENOMEM, -EEXIST, -EINVAL. */
int must_check vcpu_create(struct domain *d, u32 id, unsigned cpu, struct vcpu **out);
/* From here on look-ups find the vcpu; if the domain is paused, so is it. */
void vcpu_publish(struct vcpu *v);
/* Both, unless the vcpu exists. -ENOMEM, -EINVAL (also when the domain is dying), -ERESTART: another CPU is at it. */
int must_check vcpu_add(struct domain *d, u32 id, unsigned cpu);
/* From here on look-ups find it. -ENOMEM. */
int must_check domain_publish(struct domain *d);
/* Pages of the list, which stay: one for all ids that have a quotient by 512 in common. */
u32 domain_list_pages(void);
/* And from here on not any more. */
void domain_unpublish(struct domain *d);

/* ---- dom/pause.c ---- */
/* One pause more or less for every vcpu, nested; returns at once. The toolstack's: -EINVAL when there is none to undo. */
void domain_pause(struct domain *d);
void domain_unpause(struct domain *d);
int must_check domain_pause_by_tools(struct domain *d);
int must_check domain_unpause_by_tools(struct domain *d);
/* Waits until a vcpu (all of a domain) that is paused, and not current, runs nowhere and its state is in memory.
 * -ERESTART: this CPU has work to do first. */
int must_check vcpu_wait_stopped(struct vcpu *v);
int must_check domain_wait_stopped(struct domain *d);
/* Pauses and waits; undo with sched_unpause(). -ERESTART: nothing was paused. */
int must_check vcpu_pause_sync(struct vcpu *v);
/* One caller at a time changes what a domain consists of; false: another one is at it. */
bool must_check domain_busy_begin(struct domain *d);
void domain_busy_end(struct domain *d);

/* ---- dom/watchdog.c ---- */
void watchdogs_init(struct domain *d);
void watchdogs_stop(struct domain *d);          /* none of its vcpus runs any more */
/* id 0: a new one, whose id is returned. Seconds 0: that one goes. -EINVAL: no such id; -ENOSPC: all are in use. */
long must_check domain_watchdog(struct domain *d, u32 id, u32 seconds);

/* ---- dom/kill.c ---- */
/* Takes a domain apart, by one caller at a time: 0 when it holds nothing any more and is only listed until the last
 * mapping of its memory goes, -ERESTART: call again. Not for the current one. */
int must_check domain_kill(struct domain *d);
void domains_run(void);         /* WORK_DOMAINS */

#endif
