/* SPDX-License-Identifier: MIT */
/*
 * A vcpu's GDT and LDT: its slice of the per-domain tables, which the CPU reads descriptors through. Frames in it hold
 * a general reference and TYPE_SEGDESC, so the guest cannot write them; the mapping is writable for the CPU, which
 * sets Accessed bits. pv_descriptor.h says who calls, and why no lock is needed.
 */
#include <lib/errno.h>
#include <mm/flush.h>
#include <mm/heap.h>
#include <mm/table.h>
#include <pv/descriptor.h>
#include <pv/pv.h>
#include <x86/desc.h>

#define VCPUS_PER_L1 (PTES_PER_PAGE / PV_VCPU_AREA_PAGES)
#define LDT_FIRST_PAGE 16u
#define TABLE_FLAGS (PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX)
#define ZERO_FLAGS  (PTE_P | PTE_A | PTE_NX)

/* Stands for each page of a GDT that is not there. Made once, kept for ever. */
static void *zero_page;

static void *zero_page_get(void)
{
    void *none = NULL, *page;

    if (!__atomic_load_n(&zero_page, __ATOMIC_ACQUIRE)) {
        page = page_alloc();
        if (page && !__atomic_compare_exchange_n(&zero_page, &none, page, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            page_free(page);
    }
    return __atomic_load_n(&zero_page, __ATOMIC_ACQUIRE);
}

/* The entry of a page of the vcpu's area; end with frame_unmap(). */
static pte_t *area_entry(struct vcpu *v, unsigned page)
{
    pte_t *l1 = frame_map(v->domain->pv.perdomain_l1[v->id / VCPUS_PER_L1]);

    return &l1[v->id % VCPUS_PER_L1 * PV_VCPU_AREA_PAGES + page];
}

void pv_area_map(struct vcpu *v, unsigned page, u64 pte)
{
    pte_t *entry = area_entry(v, page);

    WRITE_ONCE(*entry, pte);
    frame_unmap(entry);
}

static pte_t area_get(struct vcpu *v, unsigned page)
{
    pte_t *entry = area_entry(v, page), e = READ_ONCE(*entry);

    frame_unmap(entry);
    return e;
}

/* CPUs that ran the vcpu may have its old entries cached, and it may come back to them with the same root loaded. */
static void area_flush(struct vcpu *v) { flush_mask(&v->domain->mm.dirty_cpus, 0, FLUSH_TLB); }

int pv_descriptor_init(struct vcpu *v)
{
    void *zero = zero_page_get();

    if (!zero)
        return -ENOMEM;
    for (unsigned i = 0; i < PV_GDT_FRAMES; i++) {
        v->pv.gdt_frames[i] = MFN_INVALID;
        pv_area_map(v, i, pte_make(frame_of_ptr(zero), ZERO_FLAGS));
    }
    return 0;
}

static void gdt_drop(struct vcpu *v)
{
    pte_t zero = pte_make(frame_of_ptr(zero_page), ZERO_FLAGS);

    for (unsigned i = 0; i < PV_GDT_FRAMES; i++) {
        if (mfn_is_invalid(v->pv.gdt_frames[i]))
            continue;
        pv_area_map(v, i, zero);
        frame_put_type(frame_entry(v->pv.gdt_frames[i]));
        v->pv.gdt_frames[i] = MFN_INVALID;
    }
    v->pv.gdt_entries = 0;
}

void pv_descriptor_fini(struct vcpu *v)
{
    pv_ldt_unmap(v);
    gdt_drop(v);
}

int pv_gdt_set(struct vcpu *v, const u64 *frames, u64 entries)
{
    unsigned pages = (unsigned)((entries + DESCS_PER_PAGE - 1) / DESCS_PER_PAGE), i;

    if (entries > PV_GDT_FRAMES * DESCS_PER_PAGE)
        return -EINVAL;
    for (i = 0; i < pages; i++)
        if (frame_get_type(&v->domain->mm, mfn(frames[i]), TYPE_SEGDESC))
            break;
    if (i < pages) {
        while (i--)
            frame_put_type(frame_entry(mfn(frames[i])));
        return -EINVAL;
    }
    gdt_drop(v);
    for (i = 0; i < pages; i++) {
        v->pv.gdt_frames[i] = mfn(frames[i]);
        pv_area_map(v, i, pte_make(mfn(frames[i]), TABLE_FLAGS));
    }
    v->pv.gdt_entries = (u16)entries;
    area_flush(v);
    return 0;
}

void pv_ldt_unmap(struct vcpu *v)
{
    if (!v->pv.ldt_mapped)
        return;
    for (unsigned i = 0; i < PV_LDT_FRAMES; i++) {
        pte_t e = area_get(v, LDT_FIRST_PAGE + i);

        if (!(v->pv.ldt_mapped & BIT(i)))
            continue;
        pv_area_map(v, LDT_FIRST_PAGE + i, 0);
        frame_put_type(frame_entry(pte_mfn(e)));
    }
    v->pv.ldt_mapped = 0;
    area_flush(v);
}

/* What the guest's kernel has mapped at va; the caller takes references and so checks it. */
static mfn_t guest_frame(struct vcpu *v, u64 va)
{
    mfn_t table = table_walk_l1(v->pv.root_kernel, va);
    pte_t *l1, e;

    if (mfn_is_invalid(table))
        return MFN_INVALID;
    l1 = frame_map(table);
    e = READ_ONCE(l1[pte_index(va, 1)]);
    frame_unmap(l1);
    return e & PTE_P ? pte_mfn(e) : MFN_INVALID;
}

bool pv_ldt_fault(struct vcpu *v, u64 offset)
{
    unsigned page = (unsigned)(offset >> PAGE_SHIFT);
    mfn_t m;

    if (offset >= v->pv.ldt_entries * 8u || v->pv.ldt_mapped & BIT(page))
        return false;
    m = guest_frame(v, v->pv.ldt_base + (offset & PAGE_MASK));
    if (mfn_is_invalid(m) || frame_get_type(&v->domain->mm, m, TYPE_SEGDESC))
        return false;
    pv_area_map(v, LDT_FIRST_PAGE + page, pte_make(m, TABLE_FLAGS));
    v->pv.ldt_mapped |= (u16)BIT(page);
    return true;
}

#define SELECTOR_LDT 4u

bool pv_descriptor_read(struct vcpu *v, u16 selector, u64 *desc)
{
    bool ldt = selector & SELECTOR_LDT;
    unsigned index = selector >> 3;
    const u64 *page;
    pte_t e;

    if (!(selector & ~3u) || (ldt && index >= v->pv.ldt_entries))
        return false;
    e = area_get(v, (ldt ? LDT_FIRST_PAGE : 0) + index / DESCS_PER_PAGE);
    if (!(e & PTE_P))
        return false;
    page = frame_map(pte_mfn(e));
    *desc = READ_ONCE(page[index % DESCS_PER_PAGE]);
    frame_unmap(page);
    return true;
}
