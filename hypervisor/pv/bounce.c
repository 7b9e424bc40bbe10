/* SPDX-License-Identifier: MIT */
/*
 * Delivery to a paravirtual guest: builds the frame its handler expects on its kernel stack and makes it continue
 * there; and the way back, HYPERVISOR_iret. The frame: rcx, r11, [error code], rip, cs with the saved event mask in
 * bits 39:32, rflags with IF showing that mask, rsp, ss. Runs on the current vcpu only.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/guest.h>
#include <pv/pv.h>
#include <xen/xen.h>

#define FRAME_MAX 11
#define CS_MASK_SHIFT 32

/* The four last words of every frame, and what they say about event delivery. */
static unsigned frame_tail(struct vcpu *v, const struct regs *regs, bool from_kernel, u64 *frame, unsigned n)
{
    bool masked = evtchn_upcall_masked(&v->ev);

    frame[n++] = regs->rip;
    frame[n++] = (regs->cs & 0xfffc) | (from_kernel ? 0 : 3) | (u64)masked << CS_MASK_SHIFT;
    frame[n++] = (regs->rflags & ~(X86_RFLAGS_IF | X86_RFLAGS_IOPL)) | (masked ? 0 : X86_RFLAGS_IF);
    frame[n++] = regs->rsp;
    frame[n++] = regs->ss & 0xffff;
    return n;
}

/* Copies the frame to the kernel stack and enters the handler. from_kernel: mode before the stack was chosen. */
static void frame_push(struct vcpu *v, struct regs *regs, u64 sp, const u64 *frame, unsigned n,
                       const struct pv_callback *handler)
{
    sp = (sp & ~15UL) - n * sizeof(u64);
    if (!va_is_canonical(sp) || guest_write(guest_ptr(sp), frame, n * sizeof(u64))) {
        domain_crash(v->domain, "vcpu %u: no room for a trap frame at its kernel stack %lx (rip %lx)", v->id,
                     (unsigned long)sp, (unsigned long)regs->rip);
        return;
    }
    regs->rsp = sp;
    regs->ss = SEL_GUEST_DS;
    regs->rip = handler->addr;
    regs->cs = SEL_GUEST_CS64;
    regs->rflags = (regs->rflags & ~(X86_RFLAGS_TF | X86_RFLAGS_NT | X86_RFLAGS_RF | X86_RFLAGS_VM | X86_RFLAGS_AC)) |
                   X86_RFLAGS_IF;
    regs->rcx = regs->rip;              /* saved in the frame; so that SYSRET can be the way there */
    regs->r11 = regs->rflags;
    regs->vector = REGS_SYSCALL;
    if (handler->mask)
        evtchn_upcall_set_mask(&v->ev, true);
}

static void bounce(struct vcpu *v, struct regs *regs, const struct pv_callback *handler, const u32 *error_code)
{
    bool from_kernel = v->pv.in_kernel;
    u64 frame[FRAME_MAX];
    unsigned n = 0;

    frame[n++] = regs->rcx;
    frame[n++] = regs->r11;
    if (error_code)
        frame[n++] = *error_code;
    n = frame_tail(v, regs, from_kernel, frame, n);
    if (!from_kernel)
        pv_toggle_mode(v);
    frame_push(v, regs, from_kernel ? regs->rsp : v->pv.kernel_sp, frame, n, handler);
}

void pv_bounce_exception(struct vcpu *v, struct regs *regs, u8 vector, u32 error_code)
{
    const struct pv_trap *trap = &v->pv.traps[vector];
    struct pv_callback handler = { trap->addr, trap->mask };
    bool has_error = vector < 32 && (X86_ERROR_CODE_VECTORS & BIT(vector));

    if (trap->addr == 0) {
        domain_crash(v->domain, "vcpu %u: no handler for vector %u (error %x, rip %lx, cr2 %lx)", v->id, vector, error_code,
                     (unsigned long)regs->rip, (unsigned long)v->pv.cr2);
        return;
    }
    bounce(v, regs, &handler, has_error ? &error_code : NULL);
}

void pv_bounce_callback(struct vcpu *v, struct regs *regs, const struct pv_callback *cb)
{
    if (cb->addr == 0)
        domain_crash(v->domain, "vcpu %u: an event or system call came before its callback was registered", v->id);
    else
        bounce(v, regs, cb, NULL);
}

void pv_bounce_nmi(struct vcpu *v, struct regs *regs)
{
    struct pv_callback handler = { v->pv.traps[X86_NMI].addr, true };

    /* Masked until iret; one that comes now is this one, for the handler has not started. */
    __atomic_store_n(&v->nmi_pending, 2, __ATOMIC_SEQ_CST);
    if (handler.addr)
        bounce(v, regs, &handler, NULL);
}

/* A selector or RIP of the guest's could not be loaded on the way out: it learns all of it through one callback. */
void pv_iret_fault(struct regs *regs);
void pv_iret_fault(struct regs *regs)
{
    struct vcpu *v = current();
    bool from_kernel = v->pv.in_kernel;
    u64 frame[FRAME_MAX] = { regs->rcx, regs->r11, read_seg(SEG_DS), read_seg(SEG_ES), read_seg(SEG_FS), read_seg(SEG_GS) };

    if (v->pv.failsafe.addr == 0) {
        domain_crash(v->domain, "vcpu %u: cannot return to rip %lx cs %lx ss %lx and there is no failsafe callback", v->id,
                     (unsigned long)regs->rip, (unsigned long)regs->cs, (unsigned long)regs->ss);
        return;
    }
    frame_tail(v, regs, from_kernel, frame, 6);
    if (!from_kernel)
        pv_toggle_mode(v);
    frame_push(v, regs, from_kernel ? regs->rsp : v->pv.kernel_sp, frame, FRAME_MAX, &v->pv.failsafe);
}

void pv_iret(struct vcpu *v, struct regs *regs)
{
    struct { u64 rax, r11, rcx, flags, rip, cs, rflags, rsp, ss; } f;

    if (guest_read(&f, guest_ptr(regs->rsp), sizeof(f))) {
        domain_crash(v->domain, "vcpu %u: HYPERVISOR_iret with an unreadable stack at %lx", v->id, (unsigned long)regs->rsp);
        return;
    }
    if ((f.cs & 3) == 3) {
        if (mfn_is_invalid(v->pv.root_user)) {
            domain_crash(v->domain, "vcpu %u: HYPERVISOR_iret to user mode without user page tables", v->id);
            return;
        }
        pv_toggle_mode(v);
    }
    regs->rip = f.rip;
    regs->cs = (f.cs & 0xffff) | 3;
    regs->rsp = f.rsp;
    regs->ss = (f.ss & 0xffff) | 3;
    regs->rflags = (f.rflags & ~(X86_RFLAGS_IOPL | X86_RFLAGS_VM | X86_RFLAGS_VIF | X86_RFLAGS_VIP)) | X86_RFLAGS_IF |
                   X86_RFLAGS_MBS;
    regs->rax = f.rax;
    if (f.flags & VGCF_in_syscall) {
        regs->rcx = regs->rip;
        regs->r11 = regs->rflags;
    } else {
        regs->rcx = f.rcx;
        regs->r11 = f.r11;
        regs->vector = 0;
    }
    evtchn_upcall_set_mask(&v->ev, !(f.rflags & X86_RFLAGS_IF));
    __atomic_fetch_and(&v->nmi_pending, ~2UL, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&v->mce_pending, ~2UL, __ATOMIC_SEQ_CST);
}
