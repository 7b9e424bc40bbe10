/* SPDX-License-Identifier: MIT */
/*
 * The end of a domain, in stages. domain_kill() runs those that a caller can repeat: stop the vcpus, let go of what
 * they hold, close every event channel, end the use of others' grants, take the memory away. Then, on their own: after
 * a grace period nobody is inside that could still touch the domain's pages, and the hypervisor lets go of those that
 * it shares with it or was told to write to; when the last mapping that others have of its memory is gone, the domain
 * is unlisted, and freed after another grace period.
 * A domain that dies keeps its id and stays listed until then.
 */
#include <core/work.h>
#include <dom/run.h>
#include <lib/errno.h>
#include <mm/heap.h>
#include <xen/xen.h>

static void announce(void) { evtchn_raise_global_virq(&domain0->evtchn, VIRQ_DOM_EXC); }

static int begin(struct domain *d)
{
    spin_lock(&d->lock);
    d->dying = true;
    domain_pause(d);            /* for good */
    spin_unlock(&d->lock);
    mm_domain_close(&d->mm);
    return 0;
}

static int stop(struct domain *d)
{
    struct vcpu *v;
    int rc = domain_wait_stopped(d);

    if (rc)
        return rc;
    for_each_vcpu(d, v) {
        timer_stop(&v->singleshot_timer);
        timer_stop(&v->periodic_timer);
        timer_stop(&v->poll_timer);
    }
    watchdogs_stop(d);
    return 0;
}

static int release_vcpus(struct domain *d)
{
    struct vcpu *v;
    int rc = 0;

    for_each_vcpu(d, v)
        if (rc == 0)
            rc = d->ops->vcpu_release(v);
    return rc;
}

static int close_events(struct domain *d) { return evtchn_domain_kill(&d->evtchn); }
static int unmap_grants(struct domain *d) { return grant_mappings_release(&d->grants); }
static int take_memory(struct domain *d) { return d->ops->relinquish(d); }

/* No CPU can be raising an event, updating a clock or looking at a grant any more. */
static void let_go(struct grace *g)
{
    struct domain *d = container_of(g, struct domain, grace);

    pirq_domain_fini(&d->pirqs);
    evtchn_domain_fini(&d->evtchn);
    grant_frames_abandon(&d->grants);
    mm_abandon_shared(&d->mm, d->shared_mfn);
    d->shared = NULL;
    __atomic_store_n(&d->stage, STAGE_PAGES, __ATOMIC_RELEASE);
    work_raise(WORK_DOMAINS);
}

static int wait_for_users(struct domain *d)
{
    announce();
    grace_call(&d->grace, let_go);
    return 0;
}

static int (*const stages[])(struct domain *d) = {
    [STAGE_ALIVE] = begin,          [STAGE_STOP] = stop,           [STAGE_VCPUS] = release_vcpus,
    [STAGE_EVENTS] = close_events,  [STAGE_GRANTS] = unmap_grants, [STAGE_MEMORY] = take_memory,
    [STAGE_GRACE] = wait_for_users,
};

int domain_kill(struct domain *d)
{
    int rc = 0;

    if (!domain_busy_begin(d))
        return -ERESTART;
    while (rc == 0 && d->stage < STAGE_GRACE) {
        rc = stages[d->stage](d);
        if (rc == 0 && ++d->stage == STAGE_GRACE)
            rc = stages[STAGE_GRACE](d);
    }
    domain_busy_end(d);
    return rc;
}

void domain_memory_gone(void) { work_raise(WORK_DOMAINS); }

static void bury(struct grace *g)
{
    struct domain *d = container_of(g, struct domain, grace);
    u16 id = d->id;

    domain_free(d);
    domid_give_back(id);
    announce();
}

static bool stage_swap(struct domain *d, u16 from, u16 to)
{
    return __atomic_compare_exchange_n(&d->stage, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Dead domains whose memory has all come back. */
void domains_run(void)
{
    struct domain *d;

    for_each_domain(d)
        if (READ_ONCE(d->stage) == STAGE_PAGES && !READ_ONCE(d->mm.tot_pages) && stage_swap(d, STAGE_PAGES, STAGE_FREE)) {
            domain_unpublish(d);
            grace_call(&d->grace, bury);
        }
}
