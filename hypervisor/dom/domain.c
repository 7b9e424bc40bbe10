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

#define PER_PAGE (PAGE_SIZE / sizeof(struct domain *))
#define MAX_DOMAINS DOMID_FIRST_RESERVED

struct domain *domain0;
static struct domain **domain_pages[(MAX_DOMAINS + PER_PAGE - 1) / PER_PAGE];   /* pages stay once they are there */
static u64 domids_taken[BITMAP_WORDS(MAX_DOMAINS)];                             /* (l) */
static u16 domid_last;                                                          /* (l) the one given out last */
static spinlock_t domains_lock = SPINLOCK_INIT(RANK_DOMLIST);

void domains_init(void)
{
    memset(domain_pages, 0, sizeof(domain_pages));
    memset(domids_taken, 0, sizeof(domids_taken));
    domid_last = 0;
    work_set_handler(WORK_DOMAINS, domains_run);
}

struct domain *domain_lookup(u16 domid)
{
    struct domain **page;

    if (domid >= MAX_DOMAINS)
        return NULL;
    page = __atomic_load_n(&domain_pages[domid / PER_PAGE], __ATOMIC_ACQUIRE);
    return page ? __atomic_load_n(&page[domid % PER_PAGE], __ATOMIC_ACQUIRE) : NULL;
}

struct domain *domain_next(u32 domid)
{
    struct domain *d = NULL;

    while (!d && domid < MAX_DOMAINS) {
        if (READ_ONCE(domain_pages[domid / PER_PAGE]))
            d = domain_lookup((u16)domid++);
        else
            domid = (u32)((domid / PER_PAGE + 1) * PER_PAGE);
    }
    return d;
}

static int domid_find(u16 wanted)
{
    if (wanted)
        return wanted >= MAX_DOMAINS ? -EINVAL : bit_test(domids_taken, wanted) ? -EEXIST : wanted;
    for (u32 n = 0; n < MAX_DOMAINS; n++) {
        u32 id = (domid_last + 1 + n) % MAX_DOMAINS;

        if (id && !bit_test(domids_taken, id))
            return (int)id;
    }
    return -ENFILE;
}

/* Ids rise, so that a dead domain's is not reused soon. */
int domid_take(u16 wanted, u16 *id)
{
    int found;

    spin_lock(&domains_lock);
    found = domid_find(wanted);
    if (found >= 0) {
        bit_set(domids_taken, (unsigned)found);
        domid_last = wanted ? domid_last : (u16)found;
        *id = (u16)found;
    }
    spin_unlock(&domains_lock);
    return found < 0 ? found : 0;
}

void domid_give_back(u16 id)
{
    spin_lock(&domains_lock);
    bit_clear(domids_taken, id);
    spin_unlock(&domains_lock);
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

static void vcpu_free(struct vcpu *v)
{
    sched_unit_fini(&v->unit);
    if (v->domain->ops->vcpu_fini)
        v->domain->ops->vcpu_fini(v);
    mem_free(v);
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

void domain_free(struct domain *d)
{
    struct vcpu *v;

    pirq_domain_fini(&d->pirqs);
    evtchn_domain_fini(&d->evtchn);
    if (d->vcpus)
        for_each_vcpu(d, v)
            vcpu_free(v);
    sched_domain_fini(&d->sched);
    if (d->ops->domain_fini)
        d->ops->domain_fini(d);
    if (grant_table_fini(&d->grants) || (d->shared && !frame_unshare(d->shared_mfn)))
        BUG();      /* a domain that was listed has abandoned its pages, others were never seen */
    page_free(d->shared);
    mm_domain_fini(&d->mm);
    mem_free(d->memory_map);
    mem_free(d->vcpus);
    mem_free(d);
}

static int domain_init_parts(struct domain *d, const struct domain_config *config)
{
    struct evtchn_config ec = { .domid = d->id, .max_vcpus = config->max_vcpus, .max_ports = config->max_evtchns,
                                .mm = &d->mm };
    int rc = mm_domain_init(&d->mm, d->id, config->max_pages);

    d->vcpus = mem_alloc(config->max_vcpus * sizeof(d->vcpus[0]));
    if (rc == 0 && d->vcpus == NULL)
        rc = -ENOMEM;
    if (rc == 0)
        rc = shared_page_create(d);
    if (rc == 0) {
        ec.shared = d->shared;
        ec.pirqs = &d->pirqs;
        pirq_domain_init(&d->pirqs, &d->evtchn, &d->mm);
        rc = evtchn_domain_init(&d->evtchn, &ec);
    }
    if (rc == 0)
        rc = grant_table_init(&d->grants, &d->mm, d->id, config->max_grant_frames);
    d->grants.max_map_frames = config->max_maptrack_frames;
    if (config->max_grant_version)
        d->grants.max_version = config->max_grant_version;
    if (rc == 0 && d->ops->domain_init)
        rc = d->ops->domain_init(d);
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
    sched_domain_init(&d->sched, config->id % cpu_online_count);
    d->id = config->id;
    d->kind = config->kind;
    d->ops = config->ops;
    d->rights = config->rights;
    d->max_vcpus = config->max_vcpus;
    watchdogs_init(d);
    rc = domain_init_parts(d, config);
    if (rc) {
        domain_free(d);
        return rc;
    }
    d->mm.cache_attributes = d->rights & RIGHT_HARDWARE;
    *out = d;
    return 0;
}

int domain_publish(struct domain *d)
{
    struct domain ***slot = &domain_pages[d->id / PER_PAGE], **page = page_alloc();

    spin_lock(&domains_lock);
    if (*slot == NULL) {
        __atomic_store_n(slot, page, __ATOMIC_RELEASE);
        page = NULL;
    }
    if (*slot)
        __atomic_store_n(*slot + d->id % PER_PAGE, d, __ATOMIC_RELEASE);
    spin_unlock(&domains_lock);
    page_free(page);
    return *slot ? 0 : -ENOMEM;
}

u32 domain_list_pages(void)
{
    u32 pages = 0;

    for (u32 i = 0; i < ARRAY_SIZE(domain_pages); i++)
        pages += domain_pages[i] != NULL;
    return pages;
}

void domain_unpublish(struct domain *d)
{
    spin_lock(&domains_lock);
    __atomic_store_n(&domain_pages[d->id / PER_PAGE][d->id % PER_PAGE], NULL, __ATOMIC_RELEASE);
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
    sched_unit_join(&v->unit, &d->sched);
    timer_init(&v->singleshot_timer, singleshot_fired, v, cpu);
    timer_init(&v->periodic_timer, periodic_fired, v, cpu);
    timer_init(&v->poll_timer, poll_fired, v, cpu);
    if (d->ops->vcpu_init && d->ops->vcpu_init(v)) {
        mem_free(v);
        return -ENOMEM;
    }
    evtchn_vcpu_init(&v->ev, &d->evtchn, (u16)id, &v->unit, d->shared);
    *out = v;
    return 0;
}

void vcpu_publish(struct vcpu *v)
{
    spin_lock(&v->domain->lock);
    if (v->domain->pauses)
        sched_pause(&v->unit);
    __atomic_store_n(&v->domain->vcpus[v->id], v, __ATOMIC_RELEASE);
    spin_unlock(&v->domain->lock);
}

static int add_if_missing(struct domain *d, u32 id, unsigned cpu)
{
    struct vcpu *v;
    int rc;

    if (domain_vcpu(d, id))
        return 0;
    if (d->dying)
        return -EINVAL;
    rc = vcpu_create(d, id, cpu, &v);
    if (rc == 0)
        vcpu_publish(v);
    return rc;
}

int vcpu_add(struct domain *d, u32 id, unsigned cpu)
{
    int rc;

    if (!domain_busy_begin(d))
        return -ERESTART;
    rc = add_if_missing(d, id, cpu);
    domain_busy_end(d);
    return rc;
}

/* Says what happened and ends the machine, as the operator wants it: a reboot would hide the reason. */
static void noreturn machine_fail(const char *what)
{
    pr_err("Domain 0 %s: %s\n", what,
           panic_noreboot ? "'noreboot' was given: halting; reset the machine by hand" : "rebooting the machine");
    if (panic_noreboot) {
        cpus_stop_others();
        power_halt();
    }
    power_reset();
}

/* Domain 0's end is the machine's. */
static void noreturn machine_end(u8 reason)
{
    char unknown[48];

    switch (reason) {
    case SHUTDOWN_poweroff:
        pr_info("Domain 0 powered off: switching the machine off\n");
        power_off();
        pr_warn("The machine ignored the power-off; it is safe to switch it off by hand\n");
        power_halt();
    case SHUTDOWN_reboot:
        pr_info("Domain 0 asked for a reboot\n");
        power_reset();
    case SHUTDOWN_watchdog:
        pr_err("The watchdog of domain 0 expired: rebooting the machine\n");
        power_reset();
    case SHUTDOWN_soft_reset:
        pr_err("Domain 0 asked for a soft reset, which does not exist: rebooting the machine\n");
        power_reset();
    case SHUTDOWN_crash:
        machine_fail("crashed");
    case SHUTDOWN_suspend:
        machine_fail("suspended, and nothing can resume it");
    default:
        fmt_snprintf(unknown, sizeof(unknown), "ended for an unknown reason (%u)", reason);
        machine_fail(unknown);
    }
}

void domain_shutdown(struct domain *d, u8 reason)
{
    spin_lock(&d->lock);
    if (d->shutting_down) {
        spin_unlock(&d->lock);
        return;
    }
    d->shutting_down = true;
    if (!d->shutdown_decided)
        d->shutdown_code = reason;
    reason = d->shutdown_code;
    spin_unlock(&d->lock);
    if (d == domain0)
        machine_end(reason);
    domain_pause(d);
    evtchn_raise_global_virq(&domain0->evtchn, VIRQ_DOM_EXC);
}

void domain_decide_shutdown(struct domain *d, u8 reason)
{
    spin_lock(&d->lock);
    if (!d->shutdown_decided && !d->shutting_down)
        d->shutdown_code = reason;
    d->shutdown_decided = true;
    spin_unlock(&d->lock);
}

void domain_resume(struct domain *d)
{
    bool was_down;

    spin_lock(&d->lock);
    was_down = d->shutting_down && !d->dying;
    if (was_down)
        d->shutting_down = d->shutdown_decided = false;
    spin_unlock(&d->lock);
    if (was_down)
        domain_unpause(d);
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
