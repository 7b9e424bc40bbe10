/* SPDX-License-Identifier: MIT */
/*
 * The way out to a paravirtual guest: pending work, then what the guest must hear of first (NMI, events), and whether
 * SYSRET may be used. Called by machine/entry.S with the current vcpu's register block.
 */
#include <core/work.h>
#include <dom/run.h>
#include <lib/errno.h>
#include <machine/tlb.h>
#include <pv/exit.h>
#include <pv/pv.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

static void deliver_pending(struct vcpu *v, struct regs *regs)
{
    if (unlikely(READ_ONCE(v->nmi_pending) == 1))
        pv_bounce_nmi(v, regs);
    else if (evtchn_upcall_pending(&v->ev))
        pv_bounce_callback(v, regs, &v->pv.event);
}

/* SYSRET takes RIP from RCX and RFLAGS from R11, knows only the flat selectors, and must not see a non-canonical RIP. */
static bool sysret_possible(const struct regs *regs)
{
    return regs->vector == REGS_SYSCALL && regs->rcx == regs->rip && regs->r11 == regs->rflags &&
           regs->cs == SEL_GUEST_CS64 && regs->ss == SEL_GUEST_DS && va_is_canonical(regs->rip) &&
           !(regs->rflags & (X86_RFLAGS_RF | X86_RFLAGS_TF));
}

bool exit_path(struct regs *regs)
{
    while (unlikely(work_pending())) {
        run_work();
        deliver_pending(current(), regs);
    }
    deliver_pending(current(), regs);
    return sysret_possible(regs);
}

/* Runs fn's copies with the kernel's page tables: the areas are kernel addresses. */
static void write_areas(struct vcpu *v)
{
    struct vcpu_runstate_info rs;
    bool flag = v->domain->pv.vm_assist & BIT(VMASST_TYPE_runstate_update_flag);
    u64 when_off = offsetof(struct vcpu_runstate_info, state_entry_time);
    int rc = 0;

    if (!guest_null(v->runstate.area)) {
        guest_ptr_t when = guest_ptr(v->runstate.area.va + when_off);

        runstate_get(v, &rs);
        if (flag) {
            rs.state_entry_time |= XEN_RUNSTATE_UPDATE;
            rc = guest_write(when, &rs.state_entry_time, 8);
        }
        if (rc == 0)
            rc = guest_write(v->runstate.area, &rs, sizeof(rs));
        if (rc == 0 && flag) {
            rs.state_entry_time &= ~XEN_RUNSTATE_UPDATE;
            rc = guest_write(when, &rs.state_entry_time, 8);
        }
    }
    if (!guest_null(v->time_area)) {
        struct vcpu_time_info t = evtchn_info(&v->ev)->time;
        u32 odd = t.version | 1;

        rc |= guest_write(v->time_area, &odd, sizeof(odd));
        rc |= guest_write(guest_ptr(v->time_area.va + 8), &t.tsc_timestamp, sizeof(t) - 8);
        rc |= guest_write(v->time_area, &t.version, sizeof(t.version));
    }
    (void)rc;       /* the guest unmapped its own area: its loss */
}

static void update_areas(struct vcpu *v)
{
    bool user = !v->pv.in_kernel;

    if (!v->areas_stale || (guest_null(v->runstate.area) && guest_null(v->time_area)))
        return;
    v->areas_stale = false;
    if (user)
        root_toggle(v->pv.root_kernel);
    write_areas(v);
    if (user)
        root_toggle(v->pv.root_user);
}

const struct guest_ops pv_guest_ops = {
    .save = pv_save,
    .load = pv_load,
    .update_areas = update_areas,
    .domain_init = pv_domain_init,
    .domain_fini = pv_domain_fini,
    .vcpu_init = pv_vcpu_init,
    .vcpu_fini = pv_vcpu_fini,
    .vcpu_release = pv_vcpu_release,
    .relinquish = pv_relinquish,
};
