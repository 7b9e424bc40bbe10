/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls by which a paravirtual guest sets up what a CPU has: trap table, callbacks, stack, segment tables and
 * bases, debug registers, TS, and the assists of its domain. All but vm_assist touch the calling vcpu only: no lock.
 */
#include <core/work.h>
#include <hcall/hcall.h>
#include <machine/cpu.h>
#include <mm/type.h>
#include <pv/descriptor.h>
#include <pv/privop.h>
#include <x86/desc.h>
#include <xen/xen.h>
#include <xen/callback.h>

#define RING3 3u

/* Where the hypervisor may make the guest go on. */
static bool entry_ok(u64 addr) { return va_is_canonical(addr) && !va_in_hole(addr); }

/* ---- traps and callbacks ---- */

long hcall_set_trap_table(struct hcall_args *args)
{
    struct pv_vcpu *pv = &current()->pv;
    guest_ptr_t p = hcall_ptr(args, 0);
    struct trap_info t;

    if (guest_null(p)) {
        for (unsigned i = 0; i < ARRAY_SIZE(pv->traps); i++)
            pv->traps[i] = (struct pv_trap){ 0 };
        return 0;
    }
    for (;;) {
        if (guest_read(&t, p, sizeof(t)))
            return -EFAULT;
        if (t.address == 0)
            return 0;
        if (!va_is_canonical(t.address))    /* in the hole it is harmless: the guest faults when it enters there */
            return -EINVAL;
        pv->traps[t.vector] = (struct pv_trap){ t.address, t.cs | RING3, t.flags & 3, (t.flags & 4) != 0 };
        p = guest_elem(p, 1, sizeof(t));
        args->a[0] = p.va;
        if (preempt_point())
            return -ERESTART;
    }
}

static struct pv_callback *callback_of(struct pv_vcpu *pv, u16 type)
{
    switch (type) {
    case CALLBACKTYPE_event: return &pv->event;
    case CALLBACKTYPE_failsafe: return &pv->failsafe;
    case CALLBACKTYPE_syscall: return &pv->syscall;
    case CALLBACKTYPE_sysenter_deprecated:
    case CALLBACKTYPE_sysenter: return &pv->sysenter;
    case CALLBACKTYPE_syscall32: return &pv->syscall32;
    default: return NULL;
    }
}

static long callback_register(guest_ptr_t arg)
{
    struct pv_vcpu *pv = &current()->pv;
    struct callback_register reg;
    struct pv_callback *cb;

    if (guest_read(&reg, arg, sizeof(reg)))
        return -EFAULT;
    if (!entry_ok(reg.address))
        return -EINVAL;
    if (reg.type == CALLBACKTYPE_nmi) {
        pv->traps[X86_NMI] = (struct pv_trap){ .addr = reg.address, .cs = FLAT_KERNEL_CS };
        return 0;
    }
    cb = callback_of(pv, reg.type);
    if (!cb)
        return -ENOSYS;
    /* An upcall always masks further ones: its handler could not tell where it was interrupted. */
    *cb = (struct pv_callback){ reg.address, reg.type == CALLBACKTYPE_event || reg.flags & CALLBACKF_mask_events };
    return 0;
}

static long callback_unregister(guest_ptr_t arg)
{
    struct pv_vcpu *pv = &current()->pv;
    struct callback_unregister reg;
    struct pv_callback *cb;

    if (guest_read(&reg, arg, sizeof(reg)))
        return -EFAULT;
    if (reg.type == CALLBACKTYPE_event || reg.type == CALLBACKTYPE_failsafe)
        return -EINVAL;
    if (reg.type == CALLBACKTYPE_nmi) {
        pv->traps[X86_NMI] = (struct pv_trap){ 0 };
        return 0;
    }
    cb = callback_of(pv, reg.type);
    if (!cb)
        return -ENOSYS;
    *cb = (struct pv_callback){ 0 };
    return 0;
}

long hcall_callback_op(struct hcall_args *args)
{
    switch ((u32)args->a[0]) {
    case CALLBACKOP_register: return callback_register(hcall_ptr(args, 1));
    case CALLBACKOP_unregister: return callback_unregister(hcall_ptr(args, 1));
    default: return -ENOSYS;
    }
}

/* ---- stack, segments ---- */

/* The stack pointer is checked whenever a frame is pushed: what it points at changes without us. */
long hcall_stack_switch(struct hcall_args *args)
{
    struct pv_vcpu *pv = &current()->pv;

    pv->kernel_ss = (u16)args->a[0] | RING3;
    pv->kernel_sp = args->a[1];
    return 0;
}

long hcall_set_gdt(struct hcall_args *args)
{
    u64 entries = (u32)args->a[1], frames[PV_GDT_FRAMES];
    u64 pages = (entries + DESCS_PER_PAGE - 1) / DESCS_PER_PAGE;

    if (pages > PV_GDT_FRAMES)
        return -EINVAL;
    if (guest_read(frames, hcall_ptr(args, 0), pages * sizeof(*frames)))
        return -EFAULT;
    return pv_gdt_set(current(), frames, entries);
}

long hcall_update_descriptor(struct hcall_args *args)
{
    struct mm_domain *mm = &current_domain()->mm;
    mfn_t m = maddr_to_mfn(args->a[0]);
    u64 desc = args->a[1], *page;
    enum page_type type;
    struct frame *f;

    if ((args->a[0] & 7) || !desc_fix(&desc) || frame_get(m, mm->domid))
        return -EINVAL;
    f = frame_entry(m);
    type = frame_type(f) == TYPE_SEGDESC ? TYPE_SEGDESC : TYPE_WRITABLE;
    if (type_get(mm, f, type)) {
        frame_put(f);
        return -EINVAL;
    }
    page = frame_map(m);
    WRITE_ONCE(page[(args->a[0] & ~PAGE_MASK) / sizeof(*page)], desc);
    frame_unmap(page);
    frame_dirty(m);
    frame_put_type(f);
    return 0;
}

long hcall_set_segment_base(struct hcall_args *args)
{
    u64 base = args->a[1];

    if ((u32)args->a[0] == SEGBASE_GS_USER_SEL) {
        /* A selector that does not load leaves 0 there; Linux takes an error as its own bug. */
        if (write_seg(SEG_GS, (u16)base))
            pr_guest("d%u: user GS selector 0x%x does not load\n", current_domain()->id, (u16)base);
        return 0;
    }
    if (!va_is_canonical(base))
        return -EINVAL;
    switch ((u32)args->a[0]) {
    case SEGBASE_FS: write_fs_base(base); return 0;
    case SEGBASE_GS_USER: write_gs_shadow(base); return 0;
    case SEGBASE_GS_KERNEL: write_gs_base(base); return 0;
    default: return -EINVAL;
    }
}

/* ---- FPU, debug registers ---- */

long hcall_fpu_taskswitch(struct hcall_args *args)
{
    pv_set_ts(current(), (u32)args->a[0] != 0);
    return 0;
}

long hcall_set_debugreg(struct hcall_args *args)
{
    return pv_debugreg_set(current(), (u32)args->a[0], args->a[1]);
}

long hcall_get_debugreg(struct hcall_args *args)
{
    u64 value;
    int rc = pv_debugreg_get(current(), (u32)args->a[0], &value);

    return rc ? rc : (long)value;
}

/* ---- assists of the domain ---- */

/*
 * The 4-GiB segment assists are for 32-bit guests and extended CR3 for PAE: they change nothing here. m2p_strict is
 * refused: every page table shows the M2P.
 */
#define ASSISTS (BIT(VMASST_TYPE_4gb_segments) | BIT(VMASST_TYPE_4gb_segments_notify) |       \
                 BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_pae_extended_cr3) |   \
                 BIT(VMASST_TYPE_architectural_iopl) | BIT(VMASST_TYPE_runstate_update_flag))

long hcall_vm_assist(struct hcall_args *args)
{
    struct domain *d = current_domain();
    u32 cmd = (u32)args->a[0], type = (u32)args->a[1];

    if (type >= 32 || !(ASSISTS & BIT(type)))
        return -EINVAL;
    if (cmd != VMASST_CMD_enable && cmd != VMASST_CMD_disable)
        return -ENOSYS;
    spin_lock(&d->lock);
    if (cmd == VMASST_CMD_enable)
        d->pv.vm_assist |= (u32)BIT(type);
    else
        d->pv.vm_assist &= ~(u32)BIT(type);
    d->pv.writable_pagetables = d->pv.vm_assist & BIT(VMASST_TYPE_writable_pagetables);
    spin_unlock(&d->lock);
    return 0;
}
