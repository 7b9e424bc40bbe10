/* SPDX-License-Identifier: MIT */
/*
 * EVENT_CHANNEL_OP: decodes the argument of each operation, finds the domains it names, asks for rights, calls ipc/.
 * One row per operation; what is not in the table is -ENOSYS. Results go back only when the operation succeeded.
 */
#include <hcall/hcall.h>
#include <xen/xen.h>

union evtchn_arg {
    struct evtchn_alloc_unbound alloc_unbound;
    struct evtchn_bind_interdomain bind_interdomain;
    struct evtchn_bind_virq bind_virq;
    struct evtchn_bind_pirq bind_pirq;
    struct evtchn_bind_ipi bind_ipi;
    struct evtchn_bind_vcpu bind_vcpu;
    struct evtchn_close close;
    struct evtchn_send send;
    struct evtchn_status status;
    struct evtchn_unmask unmask;
    struct evtchn_reset reset;
    struct evtchn_init_control init_control;
    struct evtchn_expand_array expand_array;
    struct evtchn_set_priority set_priority;
};

static int op_alloc_unbound(struct evtchn_domain *self, union evtchn_arg *arg)
{
    struct evtchn_alloc_unbound *a = &arg->alloc_unbound;
    struct domain *d;
    int rc = hcall_target(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, a->dom, &d);

    return rc ? rc : evtchn_alloc_unbound(&d->evtchn, a->remote_dom == DOMID_SELF ? self->domid : a->remote_dom, &a->port);
}

static int op_bind_interdomain(struct evtchn_domain *self, union evtchn_arg *arg)
{
    struct evtchn_bind_interdomain *a = &arg->bind_interdomain;
    struct domain *remote = domain_lookup_self(a->remote_dom);

    return remote ? evtchn_bind_interdomain(self, &remote->evtchn, a->remote_port, &a->local_port) : -ESRCH;
}

static int op_bind_virq(struct evtchn_domain *self, union evtchn_arg *arg)
{
    return evtchn_bind_virq(self, arg->bind_virq.virq, arg->bind_virq.vcpu, &arg->bind_virq.port);
}

static int op_bind_pirq(struct evtchn_domain *self, union evtchn_arg *arg)
{
    struct evtchn_bind_pirq *a = &arg->bind_pirq;

    return evtchn_bind_pirq(self, a->pirq, a->flags & BIND_PIRQ__WILL_SHARE, &a->port);
}

static int op_bind_ipi(struct evtchn_domain *self, union evtchn_arg *arg)
{
    return evtchn_bind_ipi(self, arg->bind_ipi.vcpu, &arg->bind_ipi.port);
}

static int op_bind_vcpu(struct evtchn_domain *self, union evtchn_arg *arg)
{
    return evtchn_bind_vcpu(self, arg->bind_vcpu.port, arg->bind_vcpu.vcpu);
}

static int op_close(struct evtchn_domain *self, union evtchn_arg *arg) { return evtchn_close(self, arg->close.port); }
static int op_send(struct evtchn_domain *self, union evtchn_arg *arg) { return evtchn_send(self, arg->send.port); }
static int op_unmask(struct evtchn_domain *self, union evtchn_arg *arg) { return evtchn_unmask(self, arg->unmask.port); }

static int op_status(struct evtchn_domain *self, union evtchn_arg *arg)
{
    struct domain *d;
    int rc = hcall_target(__HYPERVISOR_event_channel_op, EVTCHNOP_status, arg->status.dom, &d);

    return rc ? rc : evtchn_status(&d->evtchn, &arg->status);
}

static int op_reset(struct evtchn_domain *self, union evtchn_arg *arg)
{
    struct domain *d;
    int rc = hcall_target(__HYPERVISOR_event_channel_op, EVTCHNOP_reset, arg->reset.dom, &d);

    return rc ? rc : evtchn_reset(&d->evtchn);
}

static int op_init_control(struct evtchn_domain *self, union evtchn_arg *arg)
{
    struct evtchn_init_control *a = &arg->init_control;

    a->link_bits = EVTCHN_FIFO_LINK_BITS;
    return evtchn_init_control(self, a->vcpu, gfn(a->control_gfn), a->offset);
}

static int op_expand_array(struct evtchn_domain *self, union evtchn_arg *arg)
{
    return evtchn_expand_array(self, gfn(arg->expand_array.array_gfn));
}

static int op_set_priority(struct evtchn_domain *self, union evtchn_arg *arg)
{
    return evtchn_set_priority(self, arg->set_priority.port, arg->set_priority.priority);
}

#define ROW(name, back) [EVTCHNOP_##name] = { sizeof(struct evtchn_##name), back, op_##name }
static const struct {
    u8 size;
    bool copy_back;
    int (*perform)(struct evtchn_domain *self, union evtchn_arg *arg);
} rows[] = {
    ROW(bind_interdomain, true), ROW(bind_virq, true), ROW(bind_pirq, true), ROW(close, false), ROW(send, false),
    ROW(status, true), ROW(alloc_unbound, true), ROW(bind_ipi, true), ROW(bind_vcpu, false), ROW(unmask, false),
    ROW(reset, false), ROW(init_control, true), ROW(expand_array, false), ROW(set_priority, false),
};

long hcall_event_channel_op(struct hcall_args *args)
{
    u32 op = (u32)args->a[0];
    guest_ptr_t p = hcall_ptr(args, 1);
    union evtchn_arg arg;
    int rc;

    if (op >= ARRAY_SIZE(rows) || !rows[op].perform)
        return -ENOSYS;
    if (guest_read(&arg, p, rows[op].size))
        return -EFAULT;
    rc = rows[op].perform(&current_domain()->evtchn, &arg);
    if (!rc && rows[op].copy_back && guest_write(p, &arg, rows[op].size))
        rc = -EFAULT;
    return rc;
}
