/* SPDX-License-Identifier: MIT */
/*
 * Builds domain 0: memory, page tables, start info, first vcpu. Its page tables are written as a guest would write
 * them and then validated like any others. Runs once, on the boot CPU, before any guest.
 */
#include <init/dom0.h>
#include <init/dom0_layout.h>
#include <irq/irq.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <machine/boot.h>
#include <machine/cpu.h>
#include <machine/uart.h>
#include <machine/vga.h>
#include <mm/heap.h>
#include <mm/entry.h>
#include <pv/exit.h>
#include <pv/hypercall_page.h>
#include <pv/pv.h>
#include <xen/elfnote.h>
#include <xen/xen.h>

#define POPULATE_ORDER    9
#define DOM0_MAX_EVTCHNS  (1u << 17)
#define TABLE_FLAGS       (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define PAGE_FLAGS        (PTE_P | PTE_RW | PTE_A | PTE_D)

struct build {
    struct domain *d;
    struct dom0_kernel kernel;
    struct dom0_layout l;
    u64 nr_pages;
    mfn_t *p2m_frames;              /* of the p2m list, in order */
};

static boot_text mfn_t page_of(struct build *b, u64 pfn)
{
    u64 *list = frame_map(b->p2m_frames[pfn / PTES_PER_PAGE]);
    u64 m = list[pfn % PTES_PER_PAGE];

    frame_unmap(list);
    return mfn(m);
}

static boot_text void set_page(struct build *b, u64 pfn, mfn_t m)
{
    u64 *list = frame_map(b->p2m_frames[pfn / PTES_PER_PAGE]);

    list[pfn % PTES_PER_PAGE] = m.n;
    frame_unmap(list);
    m2p_set(m, pfn);
}

/* Domain 0 gets memory as it is: who starts first and owns the machine may see what was there before. */
static boot_text mfn_t populate(struct build *b, unsigned order)
{
    mfn_t m = heap_alloc(order, HEAP_ANY_WIDTH);

    if (!mfn_is_invalid(m) && mm_assign(&b->d->mm, m, 1UL << order)) {
        heap_free(m, order);
        m = MFN_INVALID;
    }
    return m;
}

/* Page tables, zero-filled parts of the kernel and what is only partly written must not hold what was there before. */
static boot_text void clear_range(struct build *b, u64 pfn, u64 end)
{
    for (; pfn < end; pfn++) {
        void *page = frame_map(page_of(b, pfn));

        page_clear(page);
        frame_unmap(page);
    }
}

static boot_text void populate_range(struct build *b, u64 pfn, u64 end)
{
    unsigned order = POPULATE_ORDER;

    while (pfn < end) {
        mfn_t m;

        while (order && (end - pfn < BIT(order)))
            order--;
        m = populate(b, order);
        if (mfn_is_invalid(m) && order-- == 0)
            panic("domain 0: memory ran out at %lu of %lu MiB: give less with dom0_mem=", (unsigned long)pfn >> 8,
                  (unsigned long)b->nr_pages >> 8);
        if (mfn_is_invalid(m))
            continue;
        for (u64 i = 0; i < BIT(order); i++)
            set_page(b, pfn + i, mfn_add(m, i));
        pfn += BIT(order);
    }
}

/* Does something with the pages [pfn, end) but those of the list. */
static boot_text void around_list(struct build *b, u64 pfn, u64 end, void (*range)(struct build *b, u64 pfn, u64 end))
{
    u64 list = b->l.p2m_pfn, behind = list + b->l.p2m_pages;

    if (pfn <= list && behind <= end) {
        range(b, pfn, list);
        range(b, behind, end);
    } else {
        range(b, pfn, end);
    }
}

/* The list's own frames come first, because it takes down where the others are. */
static boot_text void populate_list(struct build *b)
{
    b->p2m_frames = mem_alloc(b->l.p2m_pages * sizeof(mfn_t));
    if (b->p2m_frames == NULL)
        panic("domain 0: no memory for its list of frames: give less with dom0_mem=");
    for (u64 i = 0; i < b->l.p2m_pages; i++) {
        b->p2m_frames[i] = populate(b, 0);
        if (mfn_is_invalid(b->p2m_frames[i]))
            panic("domain 0: no memory for its list of frames: give less with dom0_mem=");
        memset(frame_map(b->p2m_frames[i]), 0xff, PAGE_SIZE);
    }
    for (u64 i = 0; i < b->l.p2m_pages; i++)
        set_page(b, b->l.p2m_pfn + i, b->p2m_frames[i]);
}

/* Copies into the pages that start at an address of the initial mapping. */
static boot_text void copy_to_pfn(struct build *b, u64 pfn, u64 offset, const void *data, u64 bytes)
{
    const u8 *from = data;

    while (bytes) {
        u64 n = min(bytes, PAGE_SIZE - offset);
        u8 *page = frame_map(page_of(b, pfn));

        memcpy(page + offset, from, n);
        frame_unmap(page);
        from += n;
        bytes -= n;
        offset = 0;
        pfn++;
    }
}

static boot_text u64 va_to_pfn(const struct build *b, u64 va) { return (va - b->l.v_start) >> PAGE_SHIFT; }

static boot_text void copy_kernel(struct build *b)
{
    struct elf_segment seg;
    unsigned i = 0;

    while (elf_next_load(&b->kernel.elf, &i, &seg)) {
        u64 va = elf_xen_vaddr(&b->kernel.xen, seg.paddr);

        copy_to_pfn(b, va_to_pfn(b, va), va & ~PAGE_MASK, seg.data, seg.filesz);
    }
    if (elf_xen_has(&b->kernel.xen, XEN_ELFNOTE_HYPERCALL_PAGE))
        pv_hypercall_page_fill(frame_map(page_of(b, va_to_pfn(b, b->kernel.xen.hypercall_page))));
}

static boot_text void write_pte(mfn_t table, unsigned index, pte_t e)
{
    pte_t *t = frame_map(table);

    t[index] = e;
    frame_unmap(t);
}

/* Hands out table frames, whose pfns are contiguous, as a mapping grows. */
struct table_source {
    u64 next_pfn;
    mfn_t current[4];       /* [level - 1] of the table in use at levels 1..3 */
    u64 covers[4];          /* va >> shift of what it covers, + 1; 0: none yet */
};

static boot_text void map_page(struct build *b, struct table_source *src, mfn_t l4, u64 va, pte_t e)
{
    mfn_t parent = l4;

    for (unsigned level = 3; level >= 1; level--) {
        u64 covers = (va >> (PAGE_SHIFT + 9 * level)) + 1;

        if (src->covers[level] != covers) {
            src->covers[level] = covers;
            src->current[level] = page_of(b, src->next_pfn++);
            write_pte(parent, pte_index(va, level + 1), pte_make(src->current[level], TABLE_FLAGS));
        }
        parent = src->current[level];
    }
    write_pte(parent, pte_index(va, 1), e);
}

static boot_text mfn_t build_tables(struct build *b)
{
    struct table_source initial = { .next_pfn = va_to_pfn(b, b->l.v_tables) };
    struct table_source list = { .next_pfn = b->l.p2m_tables_pfn };
    u64 tables = va_to_pfn(b, b->l.v_tables), pages = va_to_pfn(b, b->l.v_end);
    mfn_t l4 = page_of(b, initial.next_pfn++);

    for (u64 pfn = 0; pfn < pages; pfn++) {
        bool table = pfn >= tables && pfn < tables + b->l.nr_tables;

        map_page(b, &initial, l4, b->l.v_start + (pfn << PAGE_SHIFT),
                 pte_make(page_of(b, pfn), table ? PAGE_FLAGS & ~PTE_RW : PAGE_FLAGS));
    }
    for (u64 i = 0; b->l.p2m_tables && i < b->l.p2m_pages; i++)
        map_page(b, &list, l4, b->l.v_p2m + (i << PAGE_SHIFT), pte_make(b->p2m_frames[i], PAGE_FLAGS));
    return l4;
}

static boot_text void write_start_info(struct build *b)
{
    const struct boot_module *initrd = boot_info.nr_modules > 1 ? &boot_info.modules[1] : NULL;
    start_info_t *si = frame_map(page_of(b, va_to_pfn(b, b->l.v_start_info)));

    strlcpy(si->magic, "xen-3.0-x86_64", sizeof(si->magic));
    if (elf_xen_has(&b->kernel.xen, XEN_ELFNOTE_PAE_MODE))
        strlcpy(si->magic, "xen-3.0-x86_64p", sizeof(si->magic));
    si->nr_pages = b->nr_pages;
    si->shared_info = mfn_to_maddr(b->d->shared_mfn).a;
    si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
    si->pt_base = b->l.v_tables;
    si->nr_pt_frames = b->l.nr_tables;
    si->mfn_list = b->l.v_p2m;
    if (b->l.p2m_tables) {
        si->first_p2m_pfn = b->l.p2m_pfn;
        si->nr_p2m_frames = b->l.p2m_pages + b->l.p2m_tables;
    }
    if (initrd && b->l.initrd_pages) {
        bool by_pfn = b->kernel.xen.mod_start_pfn;

        si->flags |= by_pfn ? SIF_MOD_START_PFN : 0;
        si->mod_start = by_pfn ? b->l.initrd_pfn : b->l.v_start + (b->l.initrd_pfn << PAGE_SHIFT);
        si->mod_len = initrd->end - initrd->start;
    }
    si->console.dom0.info_off = sizeof(*si);
    si->console.dom0.info_size = (u32)vga_describe((void *)(si + 1));
    strlcpy((char *)si->cmd_line, boot_info.modules[0].cmdline, sizeof(si->cmd_line));
    frame_unmap(si);
}

static boot_text void plan(struct build *b, const struct dom0_options *o, u64 *max_pages)
{
    u64 initrd = boot_info.nr_modules > 1 ? boot_info.modules[1].end - boot_info.modules[1].start : 0;
    u64 free = heap_free_pages() + dom0_kernel_pages(&b->kernel);
    struct dom0_sizes s = {
        .virt_base = b->kernel.xen.virt_base, .kernel_end = b->kernel.xen.virt_kend, .initrd_bytes = initrd,
        .init_p2m = elf_xen_has(&b->kernel.xen, XEN_ELFNOTE_INIT_P2M) ? b->kernel.xen.init_p2m : 0,
    };

    b->nr_pages = s.nr_pages = dom0_pages(o, free, heap_reserve_pages(), max_pages);
    if (b->nr_pages > free - min(free, heap_reserve_pages()))
        panic("dom0_mem: %lu MiB asked for, %lu MiB are free: ask for less, or give the machine more memory",
              (unsigned long)b->nr_pages >> 8, (unsigned long)free >> 8);
    switch (dom0_layout(&b->l, &s)) {
    case 0:
        return;
    case -ENOSPC:
        panic("domain 0 needs at least %lu MiB for its kernel and initrd (%lu MiB) and would get %lu MiB: raise dom0_mem= "
              "or the machine's memory", (unsigned long)(b->l.first_free_pfn >> 8) + 1, (unsigned long)initrd >> 20,
              (unsigned long)b->nr_pages >> 8);
    default:
        panic("domain 0 kernel: its VIRT_BASE or INIT_P2M note overlaps the hypervisor or the kernel: use another kernel");
    }
}

static boot_text unsigned machine_address_bits(void)
{
    return cpuid(0x80000000, 0).a >= 0x80000008 ? cpuid(0x80000008, 0).a & 0xff : 36;
}

static boot_text void give_rights(struct domain *d)
{
    static const struct { u16 first, last; } kept_ports[] = {
        { 0x20, 0x21 }, { 0xa0, 0xa1 },     /* interrupt controllers */
        { 0x40, 0x43 }, { 0x61, 0x61 },     /* timer; channel 2 is emulated */
        { 0xcf8, 0xcff },                   /* PCI configuration: emulated */
        { 0x70, 0x71 },                     /* CMOS: emulated */
    };
    int rc = rangeset_add(&d->mm.ioports, 0, 0xffff);

    for (unsigned i = 0; rc == 0 && i < ARRAY_SIZE(kept_ports); i++)
        rc = rangeset_remove(&d->mm.ioports, kept_ports[i].first, kept_ports[i].last);
    for (unsigned port = 0; rc == 0 && port < UART_PORTS; port++)
        if (uart_io_base(port))
            rc = rangeset_remove(&d->mm.ioports, uart_io_base(port), uart_io_base(port) + UART_IO_PORTS - 1);
    if (rc == 0)
        rc = rangeset_add(&d->mm.iomem, 0, (BIT(machine_address_bits()) >> PAGE_SHIFT) - 1);
    if (rc == 0)
        rc = rangeset_remove(&d->mm.iomem, acpi_info.lapic_maddr >> PAGE_SHIFT, acpi_info.lapic_maddr >> PAGE_SHIFT);
    if (rc == 0)
        rc = rangeset_remove(&d->mm.iomem, 0xfee00, 0xfeeff);
    if (rc == 0)
        rc = rangeset_add(&d->mm.irqs, 0, NR_IRQS - 1);
    if (rc == 0 && acpi_info.hpet_maddr)
        rc = rangeset_add(&mmio_ro_ranges, acpi_info.hpet_maddr >> PAGE_SHIFT, acpi_info.hpet_maddr >> PAGE_SHIFT);
    BUG_ON(rc);
}

static boot_text void start_vcpu(struct build *b, mfn_t l4)
{
    struct vcpu *v = b->d->vcpus[0];
    int rc;

    do {
        rc = mmu_drain(&v->pv.mmu);
        if (rc == 0)
            rc = table_pin(&v->pv.mmu, l4, TYPE_L4);
    } while (rc == -ERESTART);
    if (rc == 0)
        rc = table_get(&v->pv.mmu, l4, TYPE_L4);
    if (rc)
        panic("domain 0: its first page tables do not validate (error %d): this is a bug in the hypervisor", rc);
    v->pv.root_kernel = l4;
    v->regs = (struct regs){
        .rip = b->kernel.xen.entry, .rsi = b->l.v_start_info, .rsp = b->l.v_stack + PAGE_SIZE, .cs = SEL_GUEST_CS64,
        .ss = SEL_GUEST_DS, .rflags = X86_RFLAGS_IF | X86_RFLAGS_MBS,
    };
    v->initialised = true;
    v->down = false;
}

static boot_text void create(struct build *b, const struct dom0_options *o, u64 max_pages)
{
    struct domain_config config = {
        .id = 0, .kind = DOMAIN_PV, .ops = &pv_guest_ops, .rights = RIGHT_HARDWARE | RIGHT_CONTROL | RIGHT_STORE,
        .max_vcpus = o->max_vcpus ? o->max_vcpus : cpu_online_count, .max_pages = (u32)min(max_pages, 0xffffffffUL),
        .max_evtchns = DOM0_MAX_EVTCHNS, .max_grant_frames = grant_limit_frames,
        .max_maptrack_frames = grant_limit_maps,
    };
    struct vcpu *v;

    config.max_vcpus = min(config.max_vcpus, (u32)MAX_VCPUS);
    if (domain_create(&config, &b->d))
        panic("domain 0: no memory for the hypervisor's own structures: give less with dom0_mem=");
    for (u32 i = 0; i < config.max_vcpus; i++) {
        if (vcpu_create(b->d, i, i % cpu_online_count, &v))
            panic("domain 0: no memory for vcpu %u: give fewer with dom0_max_vcpus=", i);
        vcpu_publish(v);
    }
    domain0 = b->d;
    if (domain_publish(b->d))
        panic("domain 0: no memory for the list of domains: give less with dom0_mem=");
}

boot_text void dom0_build(const struct dom0_options *o)
{
    struct build b = { .d = NULL };
    u64 max_pages;
    mfn_t l4;

    dom0_load_kernel(&b.kernel);
    plan(&b, o, &max_pages);
    create(&b, o, max_pages);
    pr_info("Domain 0: %lu MiB, %u vcpus, kernel entry %lx\n", (unsigned long)b.nr_pages >> 8, b.d->max_vcpus,
            (unsigned long)b.kernel.xen.entry);
    give_rights(b.d);
    populate_list(&b);
    around_list(&b, 0, b.l.initrd_pfn, populate_range);
    around_list(&b, 0, b.l.initrd_pfn, clear_range);
    copy_kernel(&b);
    dom0_free_kernel(&b.kernel);            /* its memory may be needed for what follows */
    around_list(&b, b.l.initrd_pfn, b.nr_pages, populate_range);
    clear_range(&b, b.l.p2m_tables_pfn, b.l.p2m_tables_pfn + b.l.p2m_tables);
    if (b.l.initrd_pages)
        copy_to_pfn(&b, b.l.initrd_pfn, 0, frame_map(maddr_to_mfn(boot_info.modules[1].start)),
                    boot_info.modules[1].end - boot_info.modules[1].start);
    write_start_info(&b);
    l4 = build_tables(&b);
    mem_free(b.p2m_frames);
    start_vcpu(&b, l4);
}
