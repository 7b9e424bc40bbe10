/* SPDX-License-Identifier: MIT */
/*
 * Page faults of the guest: the LDT mapped on first use, writes to its own L1 tables (vm_assist writable_pagetables),
 * writes to device pages it may only read; everything else is the guest's to handle.
 */
#include <lib/errno.h>
#include <mm/entry.h>
#include <mm/table.h>
#include <pv/descriptor.h>
#include <pv/emulate.h>
#include <pv/pv.h>
#include <pv/traps.h>

static void bounce_pf(struct vcpu *v, struct regs *regs, u64 cr2, u32 error_code)
{
    error_code &= ~(u32)PFEC_USER;
    if (!v->pv.in_kernel)
        error_code |= PFEC_USER;
    v->pv.cr2 = cr2;
    evtchn_info(&v->ev)->arch.cr2 = cr2;
    pv_bounce_exception(v, regs, X86_PF, error_code);
}

bool pv_area_fault(struct vcpu *v, u64 va)
{
    u64 ldt = PV_LDT_VA(v->id);

    return va >= ldt && va < ldt + PV_LDT_FRAMES * PAGE_SIZE && pv_ldt_fault(v, va - ldt);
}

/* A selector pointed into the GDT or LDT area where nothing is mapped. */
static void area_fault(struct vcpu *v, struct regs *regs, u64 cr2)
{
    u64 gdt = PV_GDT_VA(v->id), ldt = PV_LDT_VA(v->id);

    if (pv_area_fault(v, cr2))
        return;
    if (cr2 >= ldt && cr2 < ldt + PV_LDT_FRAMES * PAGE_SIZE)
        bounce_pf(v, regs, v->pv.ldt_base + (cr2 - ldt), regs->error_code);
    else if (cr2 >= gdt && cr2 < ldt)
        pv_bounce_exception(v, regs, X86_GP, (u32)(cr2 - gdt) & 0xfff8);
    else
        bounce_pf(v, regs, cr2, regs->error_code);
}

/* What maps va: the L1 table (references taken by nobody) and its entry. 0 when nothing does. */
static pte_t l1e_of(struct vcpu *v, u64 va)
{
    mfn_t m = table_walk_l1(v->pv.root_kernel, va);
    pte_t *l1, e;

    if (mfn_is_invalid(m))
        return 0;
    l1 = frame_map(m);
    e = READ_ONCE(l1[pte_index(va, 1)]);
    frame_unmap(l1);
    return e & PTE_P ? e : 0;
}

static int write_l1_entry(struct vcpu *v, mfn_t table, const struct pv_pt_write *w)
{
    struct mmu_ctx *ctx = &v->pv.mmu;
    struct table_write tw = { .index = (w->va & ~PAGE_MASK) / sizeof(pte_t), .new = w->new, .subject = ctx->mm,
                              .expect = w->conditional ? &w->old : NULL, .table = table_hold_l1(ctx->mm, table) };
    int rc;

    if (tw.table == NULL)
        return -EINVAL;
    rc = table_write(ctx, &tw);
    table_put(ctx, tw.table);
    return rc;
}

/* True when the fault is dealt with (written, or to be tried again). */
static bool emulate_pt_write(struct vcpu *v, struct regs *regs, u64 cr2)
{
    pte_t e = l1e_of(v, cr2);
    struct pv_event event;
    struct pv_pt_write w;
    int rc = 0;

    if (!e || (e & PTE_RW) || frame_is_device(pte_mfn(e)) || frame_type(frame_entry(pte_mfn(e))) != TYPE_L1)
        return false;
    if (mmu_drain(&v->pv.mmu))
        return true;
    if (!pv_decode_pt_write(v, regs, &w) || w.va != (cr2 & ~7UL))
        return false;
    if (w.write)
        rc = write_l1_entry(v, pte_mfn(e), &w);
    if (rc == -EAGAIN)
        return true;
    if (rc)
        return false;
    if (pv_pt_write_commit(v, regs, &w, &event) == EMUL_EXCEPTION)
        pv_bounce_exception(v, regs, event.vector, event.error_code);
    return true;
}

/* Writes to device pages that are read-only to their owner (MSI-X tables) are dropped. */
static bool discard_mmio_write(struct vcpu *v, struct regs *regs, u64 cr2)
{
    pte_t e = l1e_of(v, cr2);
    struct pv_event event;
    struct pv_pt_write w;

    if (!e || !frame_is_device(pte_mfn(e)) || !rangeset_contains(&mmio_ro_ranges, pte_mfn(e).n, pte_mfn(e).n))
        return false;
    if (!pv_decode_pt_write(v, regs, &w))
        return false;
    if (pv_pt_write_commit(v, regs, &w, &event) == EMUL_EXCEPTION)
        pv_bounce_exception(v, regs, event.vector, event.error_code);
    return true;
}

void pv_page_fault(struct vcpu *v, struct regs *regs, u64 cr2)
{
    bool write_to_readonly = (regs->error_code & (PFEC_PRESENT | PFEC_WRITE | PFEC_RSVD)) == (PFEC_PRESENT | PFEC_WRITE);

    if (va_in_hole(cr2)) {
        if (cr2 >= PERDOMAIN_START && cr2 < HV_START && !(regs->error_code & PFEC_USER))
            area_fault(v, regs, cr2);
        else
            bounce_pf(v, regs, cr2, regs->error_code);
        return;
    }
    if (write_to_readonly && v->pv.in_kernel) {
        if (v->domain->pv.writable_pagetables && emulate_pt_write(v, regs, cr2))
            return;
        if (!rangeset_empty(&mmio_ro_ranges) && discard_mmio_write(v, regs, cr2))
            return;
    }
    bounce_pf(v, regs, cr2, regs->error_code);
}
