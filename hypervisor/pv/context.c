/* SPDX-License-Identifier: MIT */
/*
 * VCPUOP_initialise (and the toolstack's setvcpucontext later): registers, traps, descriptor tables, callbacks and page
 * tables of a new vcpu. Selectors get RPL 3, flags lose what a guest must not hold, addresses stay out of the hole.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <pv/context.h>
#include <pv/descriptor.h>
#include <pv/privop.h>
#include <pv/pv.h>
#include <x86/cr.h>
#include <xen/xen.h>

static bool address_ok(u64 va) { return va_is_canonical(va) && !va_in_hole(va); }

static int context_check(const struct vcpu_guest_context *c)
{
    for (unsigned i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++)
        if (!address_ok(c->trap_ctxt[i].address))
            return -EINVAL;
    if (!address_ok(c->event_callback_eip) || !address_ok(c->failsafe_callback_eip) ||
        !address_ok(c->syscall_callback_eip) || !address_ok(c->user_regs.rip) || c->ldt_ents > 8192 ||
        (c->ldt_base & ~PAGE_MASK) || !guest_ok(guest_ptr(c->ldt_base), c->ldt_ents * 8) ||
        !va_is_canonical(c->fs_base) || !va_is_canonical(c->gs_base_kernel) || !va_is_canonical(c->gs_base_user))
        return -EINVAL;
    return 0;
}

static void set_registers(struct vcpu *v, const struct vcpu_guest_context *c)
{
    const struct cpu_user_regs *u = &c->user_regs;

    v->regs = (struct regs){
        .r15 = u->r15, .r14 = u->r14, .r13 = u->r13, .r12 = u->r12, .rbp = u->rbp, .rbx = u->rbx,
        .r11 = u->r11, .r10 = u->r10, .r9 = u->r9, .r8 = u->r8, .rax = u->rax, .rcx = u->rcx, .rdx = u->rdx,
        .rsi = u->rsi, .rdi = u->rdi, .rip = u->rip, .cs = u->cs | 3u, .rsp = u->rsp, .ss = u->ss | 3u,
        .rflags = (u->rflags & ~(X86_RFLAGS_IOPL | X86_RFLAGS_VM | X86_RFLAGS_VIF | X86_RFLAGS_VIP)) |
                  X86_RFLAGS_IF | X86_RFLAGS_MBS,
    };
    v->pv.ds = u->ds;
    v->pv.es = u->es;
    v->pv.fs = u->fs;
    v->pv.gs = u->gs;
    v->pv.fs_base = c->fs_base;
    v->pv.gs_base_kernel = c->gs_base_kernel;
    v->pv.gs_base_user = c->gs_base_user;
    v->pv.kernel_ss = c->kernel_ss | 3;
    v->pv.kernel_sp = c->kernel_sp;
    v->pv.in_kernel = c->flags & VGCF_in_kernel;
    v->pv.cr4 = pv_cr4_sanitise(v, c->ctrlreg[4]);
    v->pv.cr0_ts = c->ctrlreg[0] & X86_CR0_TS;
    v->pv.iopl = (u->rflags >> 12) & 3;
}

static void set_callbacks(struct vcpu *v, const struct vcpu_guest_context *c)
{
    for (unsigned i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++)
        v->pv.traps[i] = (struct pv_trap){ .addr = c->trap_ctxt[i].address, .cs = c->trap_ctxt[i].cs,
                                           .dpl = TI_GET_DPL(&c->trap_ctxt[i]), .mask = TI_GET_IF(&c->trap_ctxt[i]) };
    v->pv.event = (struct pv_callback){ c->event_callback_eip, true };
    v->pv.failsafe = (struct pv_callback){ c->failsafe_callback_eip, c->flags & VGCF_failsafe_disables_events };
    v->pv.syscall = (struct pv_callback){ c->syscall_callback_eip, c->flags & VGCF_syscall_disables_events };
    v->pv.ldt_base = c->ldt_base;
    v->pv.ldt_entries = (u16)c->ldt_ents;
}

static int set_roots(struct vcpu *v, const struct vcpu_guest_context *c)
{
    mfn_t kernel = mfn(xen_cr3_to_pfn(c->ctrlreg[3])), user = mfn(xen_cr3_to_pfn(c->ctrlreg[1]));
    int rc = mmu_drain(&v->pv.mmu);

    if (rc == 0)
        rc = table_get(&v->pv.mmu, kernel, TYPE_L4);
    if (rc)
        return rc;
    if (c->ctrlreg[1]) {
        rc = table_get(&v->pv.mmu, user, TYPE_L4);
        if (rc) {
            table_put(&v->pv.mmu, frame_entry(kernel));
            return rc;
        }
        v->pv.root_user = user;
    }
    v->pv.root_kernel = kernel;
    return 0;
}

static void drop_roots(struct vcpu *v)
{
    table_put(&v->pv.mmu, frame_entry(v->pv.root_kernel));
    if (!mfn_is_invalid(v->pv.root_user))
        table_put(&v->pv.mmu, frame_entry(v->pv.root_user));
    v->pv.root_kernel = v->pv.root_user = MFN_INVALID;
}

int pv_context_set(struct vcpu *v, const struct vcpu_guest_context *c)
{
    u64 frames[PV_GDT_FRAMES];
    int rc = context_check(c);

    if (rc)
        return rc;
    if (c->gdt_ents > PV_GDT_FRAMES * 512)
        return -EINVAL;
    rc = set_roots(v, c);
    if (rc)
        return rc;
    for (unsigned i = 0; i < PV_GDT_FRAMES; i++)
        frames[i] = c->gdt_frames[i];
    rc = pv_gdt_set(v, frames, c->gdt_ents);
    if (rc) {
        drop_roots(v);
        return rc;
    }
    set_registers(v, c);
    set_callbacks(v, c);
    for (unsigned i = 0; i < 8 && rc == 0; i++)
        if (i != 4 && i != 5)
            rc = pv_debugreg_set(v, i, c->debugreg[i]);
    if (rc) {
        BUG_ON(pv_gdt_set(v, NULL, 0));
        drop_roots(v);
        return -EINVAL;
    }
    return 0;
}

/* ---- reading ---- */

static void get_registers(const struct vcpu *v, struct vcpu_guest_context *c)
{
    const struct regs *r = &v->regs;

    c->user_regs = (struct cpu_user_regs){
        .r15 = r->r15, .r14 = r->r14, .r13 = r->r13, .r12 = r->r12, .rbp = r->rbp, .rbx = r->rbx,
        .r11 = r->r11, .r10 = r->r10, .r9 = r->r9, .r8 = r->r8, .rax = r->rax, .rcx = r->rcx, .rdx = r->rdx,
        .rsi = r->rsi, .rdi = r->rdi, .rip = r->rip, .cs = (u16)r->cs, .rsp = r->rsp, .ss = (u16)r->ss,
        .rflags = (r->rflags & ~(u64)X86_RFLAGS_IOPL) | (u64)v->pv.iopl << 12,
        .ds = v->pv.ds, .es = v->pv.es, .fs = v->pv.fs, .gs = v->pv.gs,
    };
    c->fs_base = v->pv.fs_base;
    c->gs_base_kernel = v->pv.gs_base_kernel;
    c->gs_base_user = v->pv.gs_base_user;
    c->kernel_ss = v->pv.kernel_ss;
    c->kernel_sp = v->pv.kernel_sp;
}

static void get_callbacks(const struct vcpu *v, struct vcpu_guest_context *c)
{
    for (unsigned i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++) {
        const struct pv_trap *t = &v->pv.traps[i];

        c->trap_ctxt[i] = (struct trap_info){ .vector = (u8)i, .flags = t->dpl, .cs = t->cs, .address = t->addr };
        TI_SET_IF(&c->trap_ctxt[i], t->mask);
    }
    c->event_callback_eip = v->pv.event.addr;
    c->failsafe_callback_eip = v->pv.failsafe.addr;
    c->syscall_callback_eip = v->pv.syscall.addr;
    c->ldt_base = v->pv.ldt_base;
    c->ldt_ents = v->pv.ldt_entries;
    c->gdt_ents = v->pv.gdt_entries;
    for (unsigned i = 0; i < PV_GDT_FRAMES; i++)
        c->gdt_frames[i] = mfn_is_invalid(v->pv.gdt_frames[i]) ? 0 : v->pv.gdt_frames[i].n;
}

void pv_context_get(struct vcpu *v, struct vcpu_guest_context *c)
{
    memset(c, 0, sizeof(*c));
    c->flags = VGCF_i387_valid | (v->pv.in_kernel ? VGCF_in_kernel : 0) | (READ_ONCE(v->down) ? 0 : VGCF_online) |
               (v->pv.failsafe.mask ? VGCF_failsafe_disables_events : 0) |
               (v->pv.syscall.mask ? VGCF_syscall_disables_events : 0);
    memcpy(&c->fpu_ctxt, v->xstate, sizeof(c->fpu_ctxt));
    get_registers(v, c);
    get_callbacks(v, c);
    c->ctrlreg[0] = X86_CR0_PE | X86_CR0_PG | v->pv.cr0_ts;
    c->ctrlreg[1] = mfn_is_invalid(v->pv.root_user) ? 0 : xen_pfn_to_cr3(v->pv.root_user.n);
    c->ctrlreg[3] = mfn_is_invalid(v->pv.root_kernel) ? 0 : xen_pfn_to_cr3(v->pv.root_kernel.n);
    c->ctrlreg[4] = v->pv.cr4;
    for (unsigned i = 0; i < 4; i++)
        c->debugreg[i] = v->pv.dr[i];
    c->debugreg[6] = v->pv.dr6;
    c->debugreg[7] = v->pv.dr7;
}
