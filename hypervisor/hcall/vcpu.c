/* SPDX-License-Identifier: MIT */
/* vcpu_op: a domain brings its vcpus up and down and says where their clocks and states are to be written. */
#include <core/work.h>
#include <dom/run.h>
#include <hcall/hcall.h>
#include <hcall/vcpu.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <pv/context.h>
#include <pv/exit.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

#define PERIOD_MIN_NS 1000000

/* One caller at a time may set the context of a vcpu that has none. */
static int initialise_begin(struct vcpu *v)
{
    int rc = 0;

    spin_lock(&v->domain->lock);
    if (v->initialised)
        rc = -EEXIST;
    else if (v->initialising)
        rc = -EBUSY;
    else
        v->initialising = true;
    spin_unlock(&v->domain->lock);
    return rc;
}

static void initialise_end(struct vcpu *v, bool done)
{
    spin_lock(&v->domain->lock);
    v->initialising = false;
    v->initialised = done;
    spin_unlock(&v->domain->lock);
}

int vcpu_context_set(struct vcpu *v, const struct vcpu_guest_context *ctx)
{
    int rc = initialise_begin(v);

    if (rc == 0) {
        rc = pv_context_set(v, ctx);
        initialise_end(v, rc == 0);
    }
    return rc;
}

static long initialise(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_guest_context *ctx = mem_alloc(sizeof(*ctx));   /* bigger than a stack frame should be */
    int rc;

    if (ctx == NULL)
        return -ENOMEM;
    rc = guest_read(ctx, arg, sizeof(*ctx)) ? -EFAULT : vcpu_context_set(v, ctx);
    mem_free(ctx);
    return rc;
}

void vcpu_up(struct vcpu *v)
{
    bool start = false;

    spin_lock(&v->domain->lock);
    if (v->down) {
        v->down = false;
        start = true;
    }
    spin_unlock(&v->domain->lock);
    if (start)
        sched_unpause(&v->unit);
}

static long up(struct vcpu *v, guest_ptr_t arg)
{
    if (!READ_ONCE(v->initialised) || !evtchn_vcpu_has_info(&v->ev))
        return -EINVAL;
    vcpu_up(v);
    return 0;
}

/* Takes effect on the way out; for another vcpu at its next exit from the hypervisor. */
static long down(struct vcpu *v, guest_ptr_t arg)
{
    bool stop = false;

    spin_lock(&v->domain->lock);
    if (!v->down) {
        v->down = true;
        stop = true;
    }
    spin_unlock(&v->domain->lock);
    if (stop)
        sched_pause(&v->unit);
    return 0;
}

static long is_up(struct vcpu *v, guest_ptr_t arg)
{
    return !v->down;
}

static long get_runstate(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_runstate_info info;

    runstate_get(v, &info);
    return guest_write(arg, &info, sizeof(info));
}

static long register_runstate(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_register_runstate_memory_area area;

    if (guest_read(&area, arg, sizeof(area)))
        return -EFAULT;
    if (!guest_ok(guest_ptr(area.addr.p), sizeof(struct vcpu_runstate_info)))
        return -EFAULT;
    v->runstate.area = guest_ptr(area.addr.p);
    v->areas_stale = true;
    if (v == current())
        v->domain->ops->update_areas(v);
    return 0;
}

static long register_time(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_register_time_memory_area area;

    if (guest_read(&area, arg, sizeof(area)))
        return -EFAULT;
    if (!guest_ok(guest_ptr(area.addr.p), sizeof(struct vcpu_time_info)))
        return -EFAULT;
    v->time_area = guest_ptr(area.addr.p);
    v->areas_stale = true;
    if (v == current())
        v->domain->ops->update_areas(v);
    return 0;
}

static long set_periodic(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_set_periodic_timer set;

    if (guest_read(&set, arg, sizeof(set)))
        return -EFAULT;
    if (set.period_ns < PERIOD_MIN_NS || set.period_ns > 1UL << 62)
        return -EINVAL;
    v->periodic_ns = set.period_ns;
    timer_set(&v->periodic_timer, time_now_ns() + set.period_ns);
    return 0;
}

static long stop_periodic(struct vcpu *v, guest_ptr_t arg)
{
    v->periodic_ns = 0;
    timer_stop(&v->periodic_timer);
    return 0;
}

static long set_singleshot(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_set_singleshot_timer set;

    if (v != current())
        return -EINVAL;
    if (guest_read(&set, arg, sizeof(set)))
        return -EFAULT;
    if ((set.flags & VCPU_SSHOTTMR_future) && set.timeout_abs_ns < time_now_ns())
        return -ETIME;
    timer_migrate(&v->singleshot_timer, cpu_id());
    timer_set(&v->singleshot_timer, set.timeout_abs_ns);
    return 0;
}

static long stop_singleshot(struct vcpu *v, guest_ptr_t arg)
{
    if (v != current())
        return -EINVAL;
    timer_stop(&v->singleshot_timer);
    return 0;
}

static long register_info(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_register_vcpu_info info;
    int rc;

    if (guest_read(&info, arg, sizeof(info)))
        return -EFAULT;
    if (v != current() && !v->down)
        return -EINVAL;
    rc = evtchn_vcpu_set_info(&v->ev, gfn(info.mfn), info.offset);
    if (rc == 0) {
        v->time_version = 0;
        evtchn_info(&v->ev)->time.version = 0;
        vcpu_time_update(v);
    }
    return rc;
}

void vcpu_send_nmi(struct vcpu *v)
{
    __atomic_fetch_or(&v->nmi_pending, 1, __ATOMIC_SEQ_CST);
    evtchn_poll_end(&v->ev);
    sched_wake(&v->unit);
    if (sched_is_running(&v->unit) && v != current())
        cpu_send_ipi(v->unit.cpu, VECTOR_KICK);
}

static long send_nmi(struct vcpu *v, guest_ptr_t arg)
{
    vcpu_send_nmi(v);
    return 0;
}

static long (*const vcpu_ops[])(struct vcpu *v, guest_ptr_t arg) = {
    [VCPUOP_initialise] = initialise,
    [VCPUOP_up] = up,
    [VCPUOP_down] = down,
    [VCPUOP_is_up] = is_up,
    [VCPUOP_get_runstate_info] = get_runstate,
    [VCPUOP_register_runstate_memory_area] = register_runstate,
    [VCPUOP_set_periodic_timer] = set_periodic,
    [VCPUOP_stop_periodic_timer] = stop_periodic,
    [VCPUOP_set_singleshot_timer] = set_singleshot,
    [VCPUOP_stop_singleshot_timer] = stop_singleshot,
    [VCPUOP_register_vcpu_info] = register_info,
    [VCPUOP_send_nmi] = send_nmi,
    [VCPUOP_register_vcpu_time_memory_area] = register_time,
};

/* (cmd, vcpu, argument) */
long hcall_vcpu_op(struct hcall_args *args)
{
    struct vcpu *v = domain_vcpu(current_domain(), (u32)args->a[1]);

    if (v == NULL)
        return -ENOENT;
    if (args->a[0] >= ARRAY_SIZE(vcpu_ops) || vcpu_ops[args->a[0]] == NULL)
        return -ENOSYS;
    return vcpu_ops[args->a[0]](v, hcall_ptr(args, 2));
}
