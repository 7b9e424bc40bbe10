/* SPDX-License-Identifier: MIT */
/* domctl: dispatch, and the operations that change one field of a domain or little more. */
#include <dom/run.h>
#include <hcall/domctl.h>
#include <lib/string.h>
#include <pv/hypercall_page.h>
#include <xen/xen.h>

#define ADDRESS_BITS 64
#define TSC_MODE_DEFAULT 0        /* the toolstack's numbers */
#define TSC_MODE_NEVER   2
#define OFFSET_SECONDS_MAX ((s64)(~0UL >> 1) / 1000000000)      /* what nanoseconds can say */

static int op_destroydomain(struct domain *d, struct xen_domctl *op) { return domain_kill(d); }
static int op_pausedomain(struct domain *d, struct xen_domctl *op)
{
    int rc = domain_pause_by_tools(d);

    if (rc == 0) {
        rc = domain_wait_stopped(d);
        if (rc && domain_unpause_by_tools(d))
            BUG();
    }
    return rc;
}

static int op_unpausedomain(struct domain *d, struct xen_domctl *op) { return domain_unpause_by_tools(d); }

static int op_resumedomain(struct domain *d, struct xen_domctl *op)
{
    domain_resume(d);
    return 0;
}

static int op_max_mem(struct domain *d, struct xen_domctl *op)
{
    mm_limit_set(&d->mm, (u32)min(op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10), 0xffffffffUL));
    return 0;
}

static int op_setdomainhandle(struct domain *d, struct xen_domctl *op)
{
    spin_lock(&d->lock);
    memcpy(d->uuid, op->u.setdomainhandle.handle, sizeof(d->uuid));
    spin_unlock(&d->lock);
    return 0;
}

static int op_settimeoffset(struct domain *d, struct xen_domctl *op)
{
    s64 seconds = op->u.settimeoffset.time_offset_seconds;

    if (seconds < -OFFSET_SECONDS_MAX || seconds > OFFSET_SECONDS_MAX)
        return -EINVAL;
    spin_lock(&d->lock);
    d->wall_offset_ns = seconds * 1000000000;
    domain_wallclock_update(d);
    spin_unlock(&d->lock);
    return 0;
}

/* The counter is never emulated: guests are told its rate, and a mode that asks for more is refused. */
static int op_settscinfo(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_tsc_info *t = &op->u.tsc_info;

    if (t->tsc_mode != TSC_MODE_DEFAULT && t->tsc_mode != TSC_MODE_NEVER)
        return -EOPNOTSUPP;
    d->tsc_mode = (u8)t->tsc_mode;
    return 0;
}

static int op_gettscinfo(struct domain *d, struct xen_domctl *op)
{
    op->u.tsc_info = (struct xen_domctl_tsc_info){ .tsc_mode = d->tsc_mode, .gtsc_khz = tsc_khz,
                                                   .elapsed_nsec = time_now_ns() };
    return 0;
}

static int op_set_address_size(struct domain *d, struct xen_domctl *op)
{
    return op->u.address_size.size == ADDRESS_BITS ? 0 : -EINVAL;
}

static int op_get_address_size(struct domain *d, struct xen_domctl *op)
{
    op->u.address_size.size = ADDRESS_BITS;
    return 0;
}

static int op_hypercall_init(struct domain *d, struct xen_domctl *op)
{
    struct gfn_held held;
    u8 *page;
    int rc = gfn_hold(&d->mm, gfn(op->u.hypercall_init.gmfn), HOLD_WRITE, &held);

    if (rc)
        return rc == -EINVAL ? -EINVAL : -EPERM;
    page = frame_map(gfn_held_mfn(&held));
    pv_hypercall_page_fill(page);
    frame_unmap(page);
    gfn_release(&held);
    return 0;
}

static int change_range(struct rangeset *set, spinlock_t *lock, u64 first, u64 last, bool allow)
{
    int rc;

    spin_lock(lock);
    rc = allow ? rangeset_add(set, first, last) : rangeset_remove(set, first, last);
    spin_unlock(lock);
    return rc;
}

/* Nobody gives away what he does not have. */
static int op_iomem_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_iomem_permission *p = &op->u.iomem_permission;
    u64 last = p->first_mfn + p->nr_mfns - 1;

    if (p->nr_mfns == 0 || last < p->first_mfn)
        return -EINVAL;
    if (!mm_may_map(&current_domain()->mm, p->first_mfn, last))
        return -EPERM;
    return change_range(&d->mm.iomem, &d->mm.lock, p->first_mfn, last, p->allow_access);
}

static int op_ioport_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_ioport_permission *p = &op->u.ioport_permission;
    u64 last = (u64)p->first_port + p->nr_ports - 1;

    if (p->nr_ports == 0 || last > 0xffff)
        return -EINVAL;
    if (!mm_may_use_ports(&current_domain()->mm, p->first_port, last))
        return -EPERM;
    return change_range(&d->mm.ioports, &d->mm.lock, p->first_port, last, p->allow_access);
}

/* The number is the caller's own for the interrupt. */
static int op_irq_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_irq_permission *p = &op->u.irq_permission;
    int irq = pirq_irq(&current_domain()->pirqs, p->pirq);

    if (irq < 0)
        return irq;
    if (!mm_may_bind(&current_domain()->mm, (u32)irq))
        return -EPERM;
    return change_range(&d->mm.irqs, &d->mm.lock, (u64)irq, (u64)irq, p->allow_access);
}

/* One node. */
static int op_setnodeaffinity(struct domain *d, struct xen_domctl *op)
{
    u64 nodes;
    int rc = bitmap_read(&op->u.nodeaffinity.nodemap, &nodes, 1);

    return rc ? rc : nodes ? 0 : -EINVAL;
}

static int op_getnodeaffinity(struct domain *d, struct xen_domctl *op)
{
    u64 nodes = 1;

    return bitmap_write(&op->u.nodeaffinity.nodemap, &nodes, 1);
}

static int op_scheduler_op(struct domain *d, struct xen_domctl *op) { return domctl_scheduler_op(d, &op->u.scheduler_op); }

#define SELF   1u       /* may be done by a domain to itself */
#define ANSWER 2u       /* the copy goes back */
static const struct {
    int (*perform)(struct domain *d, struct xen_domctl *op);
    u8 flags;
} rows[] = {
    [XEN_DOMCTL_destroydomain] = { op_destroydomain, 0 },
    [XEN_DOMCTL_pausedomain] = { op_pausedomain, 0 },
    [XEN_DOMCTL_unpausedomain] = { op_unpausedomain, SELF },
    [XEN_DOMCTL_setvcpuaffinity] = { domctl_setvcpuaffinity, SELF | ANSWER },
    [XEN_DOMCTL_max_mem] = { op_max_mem, SELF },
    [XEN_DOMCTL_setvcpucontext] = { domctl_setvcpucontext, 0 },
    [XEN_DOMCTL_getvcpucontext] = { domctl_getvcpucontext, ANSWER },
    [XEN_DOMCTL_getvcpuinfo] = { domctl_getvcpuinfo, SELF | ANSWER },
    [XEN_DOMCTL_max_vcpus] = { domctl_max_vcpus, 0 },
    [XEN_DOMCTL_scheduler_op] = { op_scheduler_op, SELF | ANSWER },
    [XEN_DOMCTL_setdomainhandle] = { op_setdomainhandle, SELF },
    [XEN_DOMCTL_irq_permission] = { op_irq_permission, SELF },
    [XEN_DOMCTL_iomem_permission] = { op_iomem_permission, SELF },
    [XEN_DOMCTL_ioport_permission] = { op_ioport_permission, SELF },
    [XEN_DOMCTL_hypercall_init] = { op_hypercall_init, 0 },
    [XEN_DOMCTL_settimeoffset] = { op_settimeoffset, SELF },
    [XEN_DOMCTL_getvcpuaffinity] = { domctl_getvcpuaffinity, SELF | ANSWER },
    [XEN_DOMCTL_resumedomain] = { op_resumedomain, 0 },
    [XEN_DOMCTL_sendtrigger] = { domctl_sendtrigger, SELF },
    [XEN_DOMCTL_set_address_size] = { op_set_address_size, 0 },
    [XEN_DOMCTL_get_address_size] = { op_get_address_size, SELF | ANSWER },
    [XEN_DOMCTL_gettscinfo] = { op_gettscinfo, SELF | ANSWER },
    [XEN_DOMCTL_settscinfo] = { op_settscinfo, 0 },
    [XEN_DOMCTL_setnodeaffinity] = { op_setnodeaffinity, SELF },
    [XEN_DOMCTL_getnodeaffinity] = { op_getnodeaffinity, SELF | ANSWER },
    [XEN_DOMCTL_get_cpu_policy] = { domctl_get_cpu_policy, SELF | ANSWER },
    [XEN_DOMCTL_set_cpu_policy] = { domctl_set_cpu_policy, ANSWER },
};

static int perform_on_target(struct xen_domctl *op, bool *answer)
{
    struct domain *d;
    int rc;

    if (op->cmd >= ARRAY_SIZE(rows) || rows[op->cmd].perform == NULL)
        return hcall_allowed(__HYPERVISOR_domctl, op->cmd, NULL) ? -EPERM : -ENOSYS;
    rc = hcall_target(__HYPERVISOR_domctl, op->cmd, op->domain, &d);
    if (rc)
        return rc;
    if (d == current_domain() && !(rows[op->cmd].flags & SELF))
        return -EINVAL;
    *answer = rows[op->cmd].flags & ANSWER;
    return rows[op->cmd].perform(d, op);
}

static int perform(struct xen_domctl *op, bool *answer)
{
    int rc;

    if (op->cmd != XEN_DOMCTL_createdomain && op->cmd != XEN_DOMCTL_getdomaininfo)
        return perform_on_target(op, answer);
    rc = hcall_allowed(__HYPERVISOR_domctl, op->cmd, NULL);
    if (rc)
        return rc;
    *answer = true;
    return op->cmd == XEN_DOMCTL_createdomain ? domctl_createdomain(op) : domctl_getdomaininfo(op);
}

long hcall_domctl(struct hcall_args *args)
{
    guest_ptr_t arg = hcall_ptr(args, 0);
    struct xen_domctl op;
    bool answer = false;
    int rc;

    if (guest_read(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    rc = perform(&op, &answer);
    if (answer && rc != -ERESTART && guest_write(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
