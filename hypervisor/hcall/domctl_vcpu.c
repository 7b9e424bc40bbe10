/* SPDX-License-Identifier: MIT */
/* domctl: the vcpus of a domain: their registers, where they run, what they have used. */
#include <dom/run.h>
#include <hcall/domctl.h>
#include <hcall/vcpu.h>
#include <mm/heap.h>
#include <pv/context.h>
#include <xen/xen.h>

static int context_change(struct vcpu *v, const struct vcpu_guest_context *ctx)
{
    int rc = vcpu_pause_sync(v);

    if (rc)
        return rc;
    rc = vcpu_context_set(v, ctx);
    if (rc == 0 && v->id == 0)
        domain_wallclock_update(v->domain);         /* toolstacks clear the shared page after the creation */
    sched_unpause(&v->unit);
    if (rc == 0 && ctx->flags & VGCF_online)
        vcpu_up(v);
    return rc;
}

int domctl_setvcpucontext(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domain_vcpu(d, op->u.vcpucontext.vcpu);
    struct vcpu_guest_context *ctx;
    int rc;

    if (v == NULL)
        return -EINVAL;
    ctx = mem_alloc(sizeof(*ctx));
    if (ctx == NULL)
        return -ENOMEM;
    rc = guest_read(ctx, guest_ptr((u64)op->u.vcpucontext.ctxt.p), sizeof(*ctx)) ? -EFAULT : context_change(v, ctx);
    mem_free(ctx);
    return rc;
}

int domctl_getvcpucontext(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domain_vcpu(d, op->u.vcpucontext.vcpu);
    struct vcpu_guest_context *ctx;
    int rc;

    if (v == NULL)
        return -EINVAL;
    if (!READ_ONCE(v->initialised))
        return -ENODATA;
    ctx = mem_alloc(sizeof(*ctx));
    if (ctx == NULL)
        return -ENOMEM;
    rc = vcpu_pause_sync(v);
    if (rc == 0) {
        pv_context_get(v, ctx);
        sched_unpause(&v->unit);
        rc = guest_write(guest_ptr((u64)op->u.vcpucontext.ctxt.p), ctx, sizeof(*ctx));
    }
    mem_free(ctx);
    return rc;
}

int domctl_getvcpuinfo(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_getvcpuinfo *info = &op->u.getvcpuinfo;
    struct vcpu *v = domain_vcpu(d, info->vcpu);

    if (v == NULL)
        return info->vcpu < d->max_vcpus ? -ESRCH : -EINVAL;
    info->online = !READ_ONCE(v->down);
    info->blocked = READ_ONCE(v->unit.blocked);
    info->running = sched_is_running(&v->unit);
    info->cpu_time = sched_run_ns(&v->unit);
    info->cpu = v->unit.cpu;
    return 0;
}

/* ---- affinity ---- */

static int affinity_set(struct vcpu *v, const struct xenctl_bitmap *map, int (*set)(struct sched_unit *, const cpumask_t *))
{
    cpumask_t mask;
    int rc = bitmap_read(map, mask.w, NR_CPUS);

    if (rc == 0)
        rc = set(&v->unit, &mask);
    for (unsigned i = 0; i < ARRAY_SIZE(mask.w); i++)
        mask.w[i] &= cpu_online_mask.w[i];
    return rc ? rc : bitmap_write(map, mask.w, NR_CPUS);
}

int domctl_setvcpuaffinity(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    struct vcpu *v = domain_vcpu(d, a->vcpu);
    int rc = 0;

    if (a->flags == 0 || a->flags & ~(u32)(XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT | XEN_VCPUAFFINITY_FORCE))
        return -EINVAL;
    if (v == NULL)
        return -ESRCH;
    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = affinity_set(v, &a->cpumap_hard, sched_set_affinity);
    if (rc == 0 && a->flags & XEN_VCPUAFFINITY_SOFT)
        rc = affinity_set(v, &a->cpumap_soft, sched_set_soft_affinity);
    return rc;
}

int domctl_getvcpuaffinity(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    struct vcpu *v = domain_vcpu(d, a->vcpu);
    int rc = 0;

    if (v == NULL)
        return -ESRCH;
    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = bitmap_write(&a->cpumap_hard, v->unit.affinity.w, NR_CPUS);
    if (rc == 0 && a->flags & XEN_VCPUAFFINITY_SOFT)
        rc = bitmap_write(&a->cpumap_soft, v->unit.soft_affinity.w, NR_CPUS);
    return rc;
}

/* Power and reset buttons are emulated devices, which a paravirtual guest has not. */
int domctl_sendtrigger(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domain_vcpu(d, op->u.sendtrigger.vcpu);

    if (v == NULL)
        return op->u.sendtrigger.vcpu < MAX_VCPUS ? -ESRCH : -EINVAL;
    if (op->u.sendtrigger.trigger != XEN_DOMCTL_SENDTRIGGER_NMI)
        return -ENOSYS;
    vcpu_send_nmi(v);
    return 0;
}
