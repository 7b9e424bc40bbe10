/* SPDX-License-Identifier: MIT */
/* Stopping vcpus from outside. A pause is a count in the scheduling unit; here it is taken for whole domains. */
#include <core/work.h>
#include <dom/run.h>
#include <lib/errno.h>

#define PAUSES_MAX 255

void domain_pause(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu(d, v)
        sched_pause(&v->unit);
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu(d, v)
        sched_unpause(&v->unit);
}

int domain_pause_by_tools(struct domain *d)
{
    int rc = 0;

    spin_lock(&d->lock);
    if (d->pauses == PAUSES_MAX)
        rc = -EUSERS;
    else if (d->pauses++ == 0)
        domain_pause(d);
    spin_unlock(&d->lock);
    return rc;
}

int domain_unpause_by_tools(struct domain *d)
{
    int rc = 0;

    spin_lock(&d->lock);
    if (d->pauses == 0)
        rc = -EINVAL;
    else if (--d->pauses == 0) {
        d->started = true;
        domain_unpause(d);
    }
    spin_unlock(&d->lock);
    return rc;
}

/*
 * The vcpu's CPU may itself be waiting for this one to leave the hypervisor (core/work.h: work_run_alone()), so this
 * wait ends when there is work here.
 */
int vcpu_wait_stopped(struct vcpu *v)
{
    while (sched_is_running(&v->unit)) {
        if (work_pending())
            return -ERESTART;
        lock_poll();
    }
    vcpu_save(v);
    return 0;
}

int vcpu_pause_sync(struct vcpu *v)
{
    int rc;

    sched_pause(&v->unit);
    rc = vcpu_wait_stopped(v);
    if (rc)
        sched_unpause(&v->unit);
    return rc;
}

int domain_wait_stopped(struct domain *d)
{
    struct vcpu *v;
    int rc = 0;

    for_each_vcpu(d, v)
        if (rc == 0)
            rc = vcpu_wait_stopped(v);
    return rc;
}

bool domain_busy_begin(struct domain *d) { return !__atomic_exchange_n(&d->busy, true, __ATOMIC_ACQUIRE); }
void domain_busy_end(struct domain *d) { __atomic_store_n(&d->busy, false, __ATOMIC_RELEASE); }
