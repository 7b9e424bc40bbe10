/* SPDX-License-Identifier: MIT */
/*
 * Domain and vcpu objects: creation, look-up, end. The table of domains is an array indexed by domid, written under
 * the list lock with release order, read without a lock.
 */
#include <dom/domain.h>
#include <dom/run.h>
#include <core/panic.h>
#include <core/work.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <machine/power.h>
#include <mm/heap.h>
#include <stdarg.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

#define MAX_DOMAINS 1024        /* domids 0..; the ABI's reserved ones start at 0x7ff0 */

struct domain *domain0;
static struct domain *domains[MAX_DOMAINS];
static spinlock_t domains_lock = SPINLOCK_INIT(RANK_DOMLIST);

struct domain *domain_lookup(u16 domid)
{
    return domid < MAX_DOMAINS ? __atomic_load_n(&domains[domid], __ATOMIC_ACQUIRE) : NULL;
}

struct domain *domain_lookup_self(u16 domid)
{
    return domid == DOMID_SELF ? current_domain() : domain_lookup(domid);
}

struct mm_domain *mm_domain_of(u16 domid)
{
    struct domain *d = domain_lookup(domid);

    return d ? &d->mm : NULL;
}

int policy_check(const struct domain *subject, u32 rights)
{
    return (subject->rights & rights) == rights ? 0 : -EPERM;
}

static int shared_page_create(struct domain *d)
{
    d->shared = page_alloc();
    if (d->shared == NULL)
        return -ENOMEM;
    d->shared_mfn = frame_of_ptr(d->shared);
    for (unsigned i = 0; i < ARRAY_SIZE(d->shared->vcpu_info); i++)
        d->shared->vcpu_info[i].evtchn_upcall_mask = 1;
    frame_share(d->shared_mfn, d->id, true);
    return 0;
}

static void domain_free(struct domain *d)
{
    pirq_domain_fini(&d->pirqs);
    grant_table_fini(&d->grants);
    evtchn_domain_fini(&d->evtchn);
    if (d->shared && frame_unshare(d->shared_mfn))
        page_free(d->shared);
    mm_domain_fini(&d->mm);
    mem_free(d->vcpus);
    mem_free(d);
}

static int domain_init_parts(struct domain *d, const struct domain_config *config)
{
    struct evtchn_config ec = { .domid = d->id, .max_vcpus = config->max_vcpus, .max_ports = config->max_evtchns,
                                .mm = &d->mm };
    int rc = mm_domain_init(&d->mm, d->id, config->max_pages);

    if (rc == 0)
        rc = shared_page_create(d);
    if (rc == 0) {
        ec.shared = d->shared;
        ec.pirqs = config->rights & RIGHT_HARDWARE ? &d->pirqs : NULL;
        pirq_domain_init(&d->pirqs, &d->evtchn, &d->mm);
        rc = evtchn_domain_init(&d->evtchn, &ec);
    }
    if (rc == 0)
        rc = grant_table_init(&d->grants, &d->mm, d->id, config->max_grant_frames);
    return rc;
}

int domain_create(const struct domain_config *config, struct domain **out)
{
    struct domain *d;
    int rc;

    if (config->id >= MAX_DOMAINS || config->max_vcpus == 0 || config->max_vcpus > MAX_VCPUS)
        return -EINVAL;
    d = mem_alloc(sizeof(*d));
    if (d == NULL)
        return -ENOMEM;
    spin_lock_init(&d->lock, RANK_DOMAIN);
    d->id = config->id;
    d->kind = config->kind;
    d->ops = config->ops;
    d->rights = config->rights;
    d->max_vcpus = config->max_vcpus;
    d->vcpus = mem_alloc(config->max_vcpus * sizeof(d->vcpus[0]));
    rc = d->vcpus ? domain_init_parts(d, config) : -ENOMEM;
    if (rc) {
        domain_free(d);
        return rc;
    }
    d->mm.cache_attributes = d->rights & RIGHT_HARDWARE;
    *out = d;
    return 0;
}

void domain_publish(struct domain *d)
{
    spin_lock(&domains_lock);
    __atomic_store_n(&domains[d->id], d, __ATOMIC_RELEASE);
    spin_unlock(&domains_lock);
}

static void singleshot_fired(void *data)
{
    struct vcpu *v = data;

    evtchn_raise_virq(&v->ev, VIRQ_TIMER);
}

static void periodic_fired(void *data)
{
    struct vcpu *v = data;

    evtchn_raise_virq(&v->ev, VIRQ_TIMER);
    if (v->periodic_ns)
        timer_set(&v->periodic_timer, v->periodic_timer.expires_ns + v->periodic_ns);
}

static void poll_fired(void *data)
{
    struct vcpu *v = data;

    evtchn_poll_end(&v->ev);
    sched_wake(&v->unit);
}

int vcpu_create(struct domain *d, u32 id, unsigned cpu, struct vcpu **out)
{
    struct vcpu *v;

    if (id >= d->max_vcpus)
        return -EINVAL;
    if (d->vcpus[id])
        return -EEXIST;
    v = mem_alloc(sizeof(*v));
    if (v == NULL)
        return -ENOMEM;
    v->domain = d;
    v->id = (u16)id;
    v->loaded_cpu = NO_CPU;
    v->down = true;
    v->runstate.state = RUNSTATE_offline;
    v->runstate.entry_ns = time_now_ns();
    sched_unit_init(&v->unit, d->id, (u16)id, cpu);
    timer_init(&v->singleshot_timer, singleshot_fired, v, cpu);
    timer_init(&v->periodic_timer, periodic_fired, v, cpu);
    timer_init(&v->poll_timer, poll_fired, v, cpu);
    evtchn_vcpu_init(&v->ev, &d->evtchn, (u16)id, &v->unit, d->shared);
    *out = v;
    return 0;
}

void vcpu_publish(struct vcpu *v)
{
    __atomic_store_n(&v->domain->vcpus[v->id], v, __ATOMIC_RELEASE);
}

/* Domain 0's end is the machine's. */
static void noreturn machine_end(u8 reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        pr_info("Domain 0 powered off: switching the machine off\n");
        power_off();
        pr_warn("The machine ignored the power-off; it is safe to switch it off by hand\n");
        power_halt();
    case SHUTDOWN_reboot:
        pr_info("Domain 0 asked for a reboot\n");
        power_reset();
    default:
        pr_err("Domain 0 crashed (reason %u): %s\n", reason,
               panic_noreboot ? "'noreboot' was given: halting; reset the machine by hand" : "rebooting the machine");
        if (panic_noreboot) {
            cpus_stop_others();
            power_halt();
        }
        power_reset();
    }
}

void domain_shutdown(struct domain *d, u8 reason)
{
    struct vcpu *v;

    spin_lock(&d->lock);
    if (d->shutting_down) {
        spin_unlock(&d->lock);
        return;
    }
    d->shutting_down = true;
    d->shutdown_code = reason;
    spin_unlock(&d->lock);
    if (d == domain0)
        machine_end(reason);
    for_each_vcpu(d, v)
        sched_pause(&v->unit);
    evtchn_raise_global_virq(&domain0->evtchn, VIRQ_DOM_EXC);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    char why[160];
    va_list args;

    va_start(args, fmt);
    fmt_vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    pr_err("Domain %u crashed: %s\n", d->id, why);
    domain_shutdown(d, SHUTDOWN_crash);
}
