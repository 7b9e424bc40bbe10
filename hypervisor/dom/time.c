/* SPDX-License-Identifier: MIT */
/* Time as guests see it: the clock in each vcpu's info page, runstate times, the wall clock in the shared page. */
#include <dom/run.h>
#include <lib/string.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

u64 wall_base_ns;

void runstate_change(struct vcpu *v, u32 state, u64 now_ns)
{
    struct vcpu_runstate *r = &v->runstate;

    if (now_ns > r->entry_ns)
        r->time_ns[r->state] += now_ns - r->entry_ns;
    r->entry_ns = now_ns;
    r->state = state;
    v->areas_stale = true;
}

void runstate_get(struct vcpu *v, struct vcpu_runstate_info *info)
{
    u64 now = time_now_ns();

    memset(info, 0, sizeof(*info));
    info->state = (int)v->runstate.state;
    info->state_entry_time = v->runstate.entry_ns;
    for (unsigned i = 0; i < ARRAY_SIZE(info->time); i++)
        info->time[i] = v->runstate.time_ns[i];
    if (now > v->runstate.entry_ns)
        info->time[v->runstate.state] += now - v->runstate.entry_ns;
}

void vcpu_time_update(struct vcpu *v)
{
    struct vcpu_time_info *t = &evtchn_info(&v->ev)->time;
    u32 version = READ_ONCE(time_scale.version);

    if (v->time_version == version && t->version)
        return;
    v->time_version = version;
    v->areas_stale = true;
    WRITE_ONCE(t->version, (t->version + 1) | 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    t->tsc_timestamp = time_scale.base_tsc;
    t->system_time = time_scale.base_ns;
    t->tsc_to_system_mul = time_scale.mul;
    t->tsc_shift = time_scale.shift;
    t->flags = tsc_stable ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    WRITE_ONCE(t->version, t->version + 1);
}

void domain_wallclock_update(struct domain *d)
{
    struct shared_info *s = d->shared;
    u64 ns = wall_base_ns + (u64)d->wall_offset_ns;

    if (s == NULL)              /* dying */
        return;
    WRITE_ONCE(s->wc_version, (s->wc_version + 1) | 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    s->wc_sec = (u32)(ns / 1000000000);
    s->wc_sec_hi = (u32)((ns / 1000000000) >> 32);
    s->wc_nsec = (u32)(ns % 1000000000);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    WRITE_ONCE(s->wc_version, s->wc_version + 1);
}
