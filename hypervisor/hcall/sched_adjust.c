/* SPDX-License-Identifier: MIT */
/*
 * What a toolstack sets and asks of the scheduler: domctl for a domain, sysctl for the machine. The caller names the
 * scheduler that it means, which must be the one in use. Those without parameters accept everything and change nothing.
 */
#include <hcall/domctl.h>
#include <xen/sysctl.h>

#define KEEP_WEIGHT 0           /* values that leave what there is */
#define KEEP_CAP    0xffff

static int domain_put(struct domain *d, const struct xen_domctl_sched_credit *c)
{
    u32 weight, cap;

    sched_domain_get(&d->sched, &weight, &cap);
    if (c->weight != KEEP_WEIGHT)
        weight = c->weight;
    if (c->cap != KEEP_CAP)
        cap = c->cap;
    return sched_domain_set(&d->sched, weight, cap);
}

static int domain_get(struct domain *d, struct xen_domctl_sched_credit *c)
{
    u32 weight, cap;

    sched_domain_get(&d->sched, &weight, &cap);
    c->weight = (u16)weight;
    c->cap = (u16)cap;
    return 0;
}

int domctl_scheduler_op(struct domain *d, struct xen_domctl_scheduler_op *op)
{
    if (op->sched_id != sched_abi_id() || op->cmd > XEN_DOMCTL_SCHEDOP_getvcpuinfo)
        return -EINVAL;
    if (op->sched_id != XEN_SCHEDULER_CREDIT)
        return 0;
    switch (op->cmd) {
    case XEN_DOMCTL_SCHEDOP_putinfo:
        return domain_put(d, &op->u.credit);
    case XEN_DOMCTL_SCHEDOP_getinfo:
        return domain_get(d, &op->u.credit);
    default:
        return -EINVAL;         /* vcpus have nothing of their own */
    }
}

int sysctl_scheduler_op(struct xen_sysctl_scheduler_op *op)
{
    struct xen_sysctl_credit_schedule *c = &op->u.sched_credit;
    struct sched_params p = { c->tslice_ms, c->ratelimit_us, c->vcpu_migr_delay_us };
    int rc;

    if (op->cmd != XEN_SYSCTL_SCHEDOP_putinfo && op->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
        return -EINVAL;
    if (op->cpupool_id != 0)
        return -ESRCH;
    if (op->sched_id != sched_abi_id())
        return -EINVAL;
    if (op->sched_id != XEN_SCHEDULER_CREDIT)
        return 0;
    if (op->cmd == XEN_SYSCTL_SCHEDOP_putinfo) {
        rc = sched_params_set(&p);
        if (rc)
            return rc;
    }
    p = sched_params_get();
    c->tslice_ms = p.slice_ms;
    c->ratelimit_us = p.ratelimit_us;
    c->vcpu_migr_delay_us = p.migration_delay_us;
    return 0;
}
