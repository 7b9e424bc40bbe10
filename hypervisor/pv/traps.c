/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts: where entry.S arrives. From a guest: emulate, or hand the exception to the guest's
 * handler. From the hypervisor: a fault at an address with a fix-up, an interrupt in a window, or a panic.
 */
#include <core/counters.h>
#include <core/panic.h>
#include <core/trace.h>
#include <core/work.h>
#include <irq/irq.h>
#include <machine/extable.h>
#include <machine/power.h>
#include <machine/tlb.h>
#include <mm/flush.h>
#include <pv/descriptor.h>
#include <pv/emulate.h>
#include <pv/privop.h>
#include <pv/pv.h>
#include <pv/traps.h>
#include <x86/cr.h>

static void deliver(struct vcpu *v, struct regs *regs, enum emul_result result, const struct pv_event *event)
{
    switch (result) {
    case EMUL_REFUSED:
        pv_bounce_exception(v, regs, (u8)regs->vector, regs->error_code);
        break;
    case EMUL_DONE:
        break;
    case EMUL_EXCEPTION:
        if (event->vector == X86_PF) {
            v->pv.cr2 = event->cr2;
            evtchn_info(&v->ev)->arch.cr2 = event->cr2;
        }
        pv_bounce_exception(v, regs, event->vector, event->error_code);
        break;
    case EMUL_SOFT_INT:
        pv_bounce_exception(v, regs, event->vector, 0);
        break;
    }
}

static void trap_gp(struct vcpu *v, struct regs *regs)
{
    struct pv_event event;

    deliver(v, regs, pv_emulate_gp(v, regs, &event), &event);
}

static void trap_ud(struct vcpu *v, struct regs *regs)
{
    struct pv_event event;

    deliver(v, regs, pv_emulate_ud(v, regs, &event), &event);
}

static void trap_pf(struct vcpu *v, struct regs *regs)
{
    pv_page_fault(v, regs, read_cr2());
}

/* Only a virtual TS makes the FPU fault. The guest's handler finds it clear, as Xen's interface has it. */
static void trap_nm(struct vcpu *v, struct regs *regs)
{
    pv_set_ts(v, false);
    pv_bounce_exception(v, regs, X86_NM, 0);
}

static void trap_db(struct vcpu *v, struct regs *regs)
{
    v->pv.dr6 = read_dr6();
    pv_bounce_exception(v, regs, X86_DB, 0);
}

/* Only ours: another CPU panics and stops this one. A stray one from hardware is reported. */
static void nmi_handle(void)
{
    if (cpus_stopping)
        power_halt();
    pr_warn("CPU %u: NMI from hardware, ignored\n", cpu_id());
}

static void trap_nmi(struct vcpu *v, struct regs *regs)
{
    nmi_handle();
}

static void trap_mc(struct vcpu *v, struct regs *regs)
{
    panic("machine check on CPU %u: faulty hardware; see the machine's own event log", cpu_id());
}

static void trap_bounce(struct vcpu *v, struct regs *regs)
{
    pv_bounce_exception(v, regs, (u8)regs->vector, regs->error_code);
}

static void (*const exceptions[32])(struct vcpu *, struct regs *) = {
    [X86_DB] = trap_db, [X86_NMI] = trap_nmi, [X86_UD] = trap_ud, [X86_NM] = trap_nm,
    [X86_GP] = trap_gp, [X86_PF] = trap_pf, [X86_MC] = trap_mc,
};

static void interrupt(u8 vector)
{
    trace(TRACE_IRQ, vector, 0, 0);
    switch (vector) {
    case VECTOR_TIMER:
        work_raise(WORK_TIMER);
        lapic_eoi();
        break;
    case VECTOR_FLUSH:
        lapic_eoi();
        flush_poll();
        break;
    case VECTOR_KICK:
        lapic_eoi();
        break;
    case VECTOR_SPURIOUS:
        break;
    case VECTOR_ERROR:
        lapic_eoi();
        pr_warn("CPU %u: local APIC error interrupt\n", cpu_id());
        break;
    default:
        irq_handle(vector);
    }
}

static inline void trap_handle(struct regs *regs)
{
    struct vcpu *v = current();

    count_vector((u8)regs->vector);
    if (regs->vector >= 32)
        interrupt((u8)regs->vector);
    else if (exceptions[regs->vector])
        exceptions[regs->vector](v, regs);
    else
        trap_bounce(v, regs);
}

/* Apart, so that a trace that is off costs one test. */
static cold __attribute__((noinline)) void trap_traced(struct regs *regs)
{
    if (regs->vector < 32)
        trace_write(TRACE_TRAP, regs->vector, regs->rip, read_cr2());
    trap_handle(regs);
}

void entry_trap(struct regs *regs)
{
    if (unlikely(trace_on))
        trap_traced(regs);
    else
        trap_handle(regs);
}

void entry_trap_hypervisor(struct regs *regs)
{
    u64 fixup;

    if (regs->vector >= 32) {
        interrupt((u8)regs->vector);
        return;
    }
    if (regs->vector == X86_NMI) {
        nmi_handle();
        return;
    }
    if (regs->vector == X86_DB) {               /* a watchpoint of the guest's hit by our access: not ours to see */
        write_dr(7, X86_DR7_FIXED);
        regs->rflags &= ~X86_RFLAGS_TF;
        return;
    }
    fixup = extable_find(regs->rip);
    if (regs->vector == X86_PF && !fixup && current() && va_in_hole(read_cr2()) &&
        read_cr2() >= PERDOMAIN_START && read_cr2() < HV_START && pv_area_fault(current(), read_cr2()))
        return;
    if (fixup) {
        regs->rip = fixup;
        return;
    }
    panic_at(regs, "unexpected exception %u (error %x, address %lx) in the hypervisor at %lx", regs->vector, regs->error_code,
               (unsigned long)read_cr2(), (unsigned long)regs->rip);
}

struct regs *ist_main_stack(void)
{
    return &cpu_info_of(cpu_id())->guest_regs;
}

/* SYSCALL from the guest's user mode; its kernel's are hypercalls (entry_syscall in hcall/dispatch.c). */
void pv_user_syscall(struct vcpu *v, struct regs *regs)
{
    regs->rflags &= ~X86_RFLAGS_DF;
    if (v->pv.syscall.addr == 0) {
        regs->rip -= 2;
        pv_bounce_exception(v, regs, X86_UD, 0);
        return;
    }
    pv_bounce_callback(v, regs, &v->pv.syscall);
}

void entry_syscall32(struct regs *regs)
{
    struct vcpu *v = current();

    if (v->pv.syscall32.addr == 0) {
        regs->rip -= 2;
        pv_bounce_exception(v, regs, X86_UD, 0);
    } else {
        pv_bounce_callback(v, regs, &v->pv.syscall32);
    }
}

void entry_sysenter(struct regs *regs)
{
    struct vcpu *v = current();

    regs->rflags = (regs->rflags & ~X86_RFLAGS_NT) | X86_RFLAGS_IF;
    if (v->pv.sysenter.addr == 0)
        pv_bounce_exception(v, regs, X86_GP, 0);
    else
        pv_bounce_callback(v, regs, &v->pv.sysenter);
}
