/* SPDX-License-Identifier: MIT */
/*
 * What a paravirtual vcpu has loaded in the CPU: address space, GDT and LDT areas, segment registers and bases,
 * extended state, control and debug registers. Called by dom/run.c with interrupts off.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <machine/tlb.h>
#include <mm/flush.h>
#include <mm/heap.h>
#include <pv/cpu_policy.h>
#include <pv/descriptor.h>
#include <pv/privop.h>
#include <pv/pv.h>
#include <x86/cr.h>

#define VCPUS_PER_L1 (PTES_PER_PAGE / PV_VCPU_AREA_PAGES)

int pv_domain_init(struct domain *d)
{
    unsigned tables = (d->max_vcpus + VCPUS_PER_L1 - 1) / VCPUS_PER_L1;
    pte_t *l3 = page_alloc(), *l2 = page_alloc();

    for (unsigned i = 0; i < ARRAY_SIZE(d->pv.perdomain_l1); i++)
        d->pv.perdomain_l1[i] = MFN_INVALID;
    if (l3 == NULL || l2 == NULL || tables > ARRAY_SIZE(d->pv.perdomain_l1)) {
        page_free(l3);
        page_free(l2);
        return -ENOMEM;
    }
    l3[0] = pte_make(frame_of_ptr(l2), PTE_P | PTE_RW | PTE_A | PTE_D);
    d->mm.perdomain_l3 = frame_of_ptr(l3);
    for (unsigned i = 0; i < tables; i++) {
        pte_t *l1 = page_alloc();

        if (l1 == NULL) {
            pv_domain_fini(d);
            return -ENOMEM;
        }
        d->pv.perdomain_l1[i] = frame_of_ptr(l1);
        l2[i] = pte_make(frame_of_ptr(l1), PTE_P | PTE_RW | PTE_A | PTE_D);
    }
    cpu_policy_system(CPU_POLICY_PV_DEFAULT, &d->pv.cpu);
    return 0;
}

void pv_domain_fini(struct domain *d)
{
    pte_t *l3;

    if (mfn_is_invalid(d->mm.perdomain_l3))
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(d->pv.perdomain_l1); i++)
        if (!mfn_is_invalid(d->pv.perdomain_l1[i]))
            page_free(frame_map(d->pv.perdomain_l1[i]));
    l3 = frame_map(d->mm.perdomain_l3);
    page_free(frame_map(pte_mfn(l3[0])));
    page_free(l3);
    d->mm.perdomain_l3 = MFN_INVALID;
}

int pv_vcpu_init(struct vcpu *v)
{
    v->xstate = mem_alloc(xstate_size);
    if (v->xstate == NULL)
        return -ENOMEM;
    if (pv_descriptor_init(v)) {
        mem_free(v->xstate);
        return -ENOMEM;
    }
    xstate_init_area(v->xstate);
    v->pv.mmu.mm = &v->domain->mm;
    v->pv.root_kernel = v->pv.root_user = MFN_INVALID;
    v->pv.in_kernel = true;
    v->pv.dr6 = X86_DR6_FIXED;
    v->pv.dr7 = X86_DR7_FIXED;
    v->pv.xcr0 = 1;
    return 0;
}

void pv_vcpu_fini(struct vcpu *v) { mem_free(v->xstate); }

/* The slot is empty on entry, and on success again. */
static int drop_root(struct vcpu *v, mfn_t *root)
{
    mfn_t m = *root;

    if (mfn_is_invalid(m))
        return 0;
    *root = MFN_INVALID;
    table_put(&v->pv.mmu, frame_entry(m));
    return mmu_drain(&v->pv.mmu);
}

int pv_vcpu_release(struct vcpu *v)
{
    int rc = mmu_drain(&v->pv.mmu);

    if (rc == 0)
        rc = mmu_drain(&v->pv.foreign_mmu);
    if (rc)
        return rc;
    pv_descriptor_fini(v);
    rc = drop_root(v, &v->pv.root_user);
    return rc ? rc : drop_root(v, &v->pv.root_kernel);
}

int pv_relinquish(struct domain *d)
{
    d->pv.mmu.mm = &d->mm;
    return mm_relinquish(&d->pv.mmu);
}

static void load_root(struct vcpu *v)
{
    u32 begun = flush_begin();

    cpumask_set(&v->domain->mm.dirty_cpus, cpu_id());
    root_load(v->pv.in_kernel ? v->pv.root_kernel : v->pv.root_user);
    flush_end(begun);
}

static int replace_root(struct vcpu *v, mfn_t *slot, mfn_t root)
{
    struct mmu_ctx *ctx = &v->pv.mmu;
    mfn_t old = *slot;
    int rc = 0;

    if (!mfn_is_invalid(root))
        rc = table_get(ctx, root, TYPE_L4);
    if (rc)
        return rc;
    *slot = root;
    if (slot == &v->pv.root_kernel)
        load_root(v);
    if (!mfn_is_invalid(old))
        table_put(ctx, frame_entry(old));
    return 0;
}

int pv_set_kernel_root(struct vcpu *v, mfn_t root)
{
    if (mfn_is_invalid(root))
        return -EINVAL;
    return replace_root(v, &v->pv.root_kernel, root);
}

int pv_set_user_root(struct vcpu *v, mfn_t root)
{
    if (mfn_eq(root, v->pv.root_user))
        return 0;
    return replace_root(v, &v->pv.root_user, root);
}

void pv_toggle_mode(struct vcpu *v)
{
    v->pv.in_kernel = !v->pv.in_kernel;
    cpu_swapgs();
    root_toggle(v->pv.in_kernel ? v->pv.root_kernel : v->pv.root_user);
}

int pv_set_ldt(struct vcpu *v, u64 base, u64 entries)
{
    if (entries > 8192 || (base & ~PAGE_MASK) || !va_is_canonical(base) ||
        !guest_ok(guest_ptr(base), entries * 8))
        return -EINVAL;
    if (v->pv.ldt_base == base && v->pv.ldt_entries == entries)
        return 0;
    pv_ldt_unmap(v);
    v->pv.ldt_base = entries ? base : 0;
    v->pv.ldt_entries = (u16)entries;
    cpu_load_ldt(PV_LDT_VA(v->id), v->pv.ldt_entries);
    return 0;
}

void pv_save(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->pv;
    u64 gs = read_gs_base(), shadow = read_gs_shadow();

    /* The vcpu's tables are mapped in its domain's address spaces only, and one of those may be left next. */
    cpu_load_gdt((u64)frame_map(cpu_gdt_page(cpu_id())) - GDT_HV_OFFSET, 0xffff);
    cpu_load_ldt(0, 0);
    v->regs = cpu_info()->guest_regs;
    pv->ds = read_seg(SEG_DS);
    pv->es = read_seg(SEG_ES);
    pv->fs = read_seg(SEG_FS);
    pv->gs = read_seg(SEG_GS);
    pv->fs_base = read_fs_base();
    pv->gs_base_kernel = pv->in_kernel ? gs : shadow;
    pv->gs_base_user = pv->in_kernel ? shadow : gs;
    if (pv->cr0_ts)
        cpu_set_ts(false);
    xstate_save(v->xstate);
    if (pv->dr7 & 0xff)
        write_dr(7, 0x400);
}

/* A selector that no longer loads: the guest's failsafe callback sees registers it can repair. Null it, as the CPU did. */
static void load_segments(struct pv_vcpu *pv)
{
    if (write_seg(SEG_DS, pv->ds))
        pv->ds = 0;
    if (write_seg(SEG_ES, pv->es))
        pv->es = 0;
    if (write_seg(SEG_FS, pv->fs))
        pv->fs = 0;
    if (write_seg(SEG_GS, pv->gs))
        pv->gs = 0;
    write_fs_base(pv->fs_base);
    write_gs_base(pv->in_kernel ? pv->gs_base_kernel : pv->gs_base_user);
    write_gs_shadow(pv->in_kernel ? pv->gs_base_user : pv->gs_base_kernel);
}

static void load_debugregs(const struct vcpu *v)
{
    for (unsigned i = 0; i < 4; i++)
        write_dr(i, v->pv.dr[i]);
    write_dr(6, v->pv.dr6);
    write_dr(7, pv_dr7_hardware(v));
}

void pv_load(struct vcpu *v)
{
    struct pv_vcpu *pv = &v->pv;

    pv_area_map(v, GDT_HV_OFFSET / PAGE_SIZE, pte_make(cpu_gdt_page(cpu_id()), PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX));
    load_root(v);
    cpu_load_gdt(PV_GDT_VA(v->id), 0xffff);
    cpu_load_ldt(PV_LDT_VA(v->id), pv->ldt_entries);
    load_segments(pv);
    write_cr4(pv_cr4_hardware(v));
    xcr0_load(pv->xcr0);
    xstate_restore(v->xstate);
    if (pv->cr0_ts)
        cpu_set_ts(true);
    if (pv->dr7 & 0xff)
        load_debugregs(v);
    cpu_info()->guest_regs = v->regs;
}
