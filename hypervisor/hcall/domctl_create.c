/* SPDX-License-Identifier: MIT */
/* domctl: creation of domains and vcpus, and what can be said about a domain. */
#include <dom/run.h>
#include <hcall/domctl.h>
#include <lib/string.h>
#include <pv/exit.h>
#include <xen/xen.h>

#define MAX_PORTS (1u << 17)
#define GPADDR_BITS 52
#define FLAGS_KNOWN (XEN_DOMCTL_CDF_s3_integrity | XEN_DOMCTL_CDF_oos_off | XEN_DOMCTL_CDF_xs_domain)

/* Each answer is what libxl or its user can make sense of; the cause goes to the log. */
static int config_check(const struct xen_domctl_createdomain *c)
{
    u32 version = XEN_DOMCTL_GRANT_version(c->grant_opts);
    const char *why = NULL;
    int rc = -EINVAL;

    if (c->flags & ~(u32)FLAGS_KNOWN)
        why = c->flags & XEN_DOMCTL_CDF_hvm ? "hardware guests are not supported" : "unknown flags";
    else if (c->max_vcpus == 0 || c->max_vcpus > MAX_VCPUS)
        why = "number of vcpus out of range";
    else if (c->max_grant_frames == 0 || c->max_grant_frames > (int)grant_limit_frames)
        why = "number of grant frames out of range (gnttab_max_frames raises the limit)";
    else if (c->max_maptrack_frames > (int)grant_limit_maps)
        why = "too many maptrack frames (gnttab_max_maptrack_frames raises the limit)";
    else if (version < 1 || version > GRANT_MAX_VERSION || c->grant_opts & ~XEN_DOMCTL_GRANT_version_mask)
        why = "no such grant table version";
    else if (c->vmtrace_size || c->iommu_opts || c->cpupool_id || c->arch.misc_flags & ~XEN_X86_MSR_RELAXED)
        why = "trace buffers, IOMMU options, CPU pools and unknown flags are not supported";
    if (why == NULL && c->arch.emulation_flags) {
        why = "a paravirtual guest has no emulated devices";
        rc = -EOPNOTSUPP;
    }
    if (why)
        pr_warn("createdomain refused: %s\n", why);
    return why ? rc : 0;
}

int domctl_createdomain(struct xen_domctl *op)
{
    struct xen_domctl_createdomain *c = &op->u.createdomain;
    struct domain_config config = {
        .kind = DOMAIN_PV, .ops = &pv_guest_ops, .max_vcpus = c->max_vcpus,
        .max_evtchns = min(c->max_evtchn_port, MAX_PORTS - 1) + 1,
        .max_grant_frames = c->max_grant_frames < 0 ? grant_limit_frames : (u32)c->max_grant_frames,
        .max_maptrack_frames = c->max_maptrack_frames < 0 ? grant_limit_maps : (u32)c->max_maptrack_frames,
        .max_grant_version = XEN_DOMCTL_GRANT_version(c->grant_opts),
    };
    struct domain *d;
    int rc = config_check(c);

    if (rc == 0)
        rc = domid_take(op->domain < DOMID_FIRST_RESERVED ? op->domain : 0, &config.id);
    if (rc)
        return rc;
    rc = domain_create(&config, &d);
    if (rc) {
        domid_give_back(config.id);
        return rc;
    }
    memcpy(d->uuid, c->handle, sizeof(d->uuid));
    d->ssidref = c->ssidref;
    d->xenstore = c->flags & XEN_DOMCTL_CDF_xs_domain;
    d->rights = d->xenstore ? RIGHT_STORE : 0;
    d->pauses = 1;              /* until the toolstack has built it */
    domain_wallclock_update(d);
    rc = domain_publish(d);
    if (rc) {
        domain_free(d);
        domid_give_back(config.id);
        return rc;
    }
    op->domain = config.id;
    return 0;
}

int domctl_max_vcpus(struct domain *d, struct xen_domctl *op)
{
    int rc = op->u.max_vcpus.max == d->max_vcpus ? 0 : -EINVAL;
    u32 added = 0;

    for (u32 i = 0; rc == 0 && i < d->max_vcpus; i++)
        if (!domain_vcpu(d, i))
            rc = added++ && preempt_point() ? -ERESTART : vcpu_add(d, i, (d->id + i) % cpu_online_count);
    return rc;
}

/* ---- descriptions ---- */

static u32 state_flags(struct domain *d, u32 *online, u64 *cpu_ns, u32 *max_id)
{
    u32 flags = XEN_DOMINF_blocked;
    struct vcpu *v;

    *online = 0;
    *cpu_ns = 0;
    *max_id = XEN_INVALID_MAX_VCPU_ID;
    for_each_vcpu(d, v) {
        *max_id = v->id;
        *cpu_ns += sched_run_ns(&v->unit);
        if (READ_ONCE(v->down))
            continue;
        ++*online;
        if (!READ_ONCE(v->unit.blocked))
            flags &= ~(u32)XEN_DOMINF_blocked;
        if (sched_is_running(&v->unit))
            flags |= XEN_DOMINF_running;
    }
    return *online ? flags : 0;
}

void domain_describe(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->flags = state_flags(d, &info->nr_online_vcpus, &info->cpu_time, &info->max_vcpu_id);
    if (d->dying)
        info->flags |= XEN_DOMINF_dying;
    if (d->shutting_down)
        info->flags |= XEN_DOMINF_shutdown | (u32)d->shutdown_code << XEN_DOMINF_shutdownshift;
    if (d->pauses)
        info->flags |= XEN_DOMINF_paused;
    if (d->xenstore)
        info->flags |= XEN_DOMINF_xs_domain;
    info->tot_pages = d->mm.tot_pages;
    info->max_pages = d->mm.max_pages;
    info->outstanding_pages = d->mm.claimed;
    info->shared_info_frame = d->shared_mfn.n;
    memcpy(info->handle, d->uuid, sizeof(info->handle));
    info->gpaddr_bits = GPADDR_BITS;
}

/* The domain with the lowest id from the one that was asked for. */
int domctl_getdomaininfo(struct xen_domctl *op)
{
    struct domain *d = domain_next(op->domain);

    if (d == NULL)
        return -ESRCH;
    op->domain = d->id;
    domain_describe(d, &op->u.getdomaininfo);
    return 0;
}
