/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own page tables: direct map, image, stacks, device window. Invariant: nothing is both writable and
 * executable, under any of its addresses; every leaf is global. Built on the boot CPU; afterwards only mmio_map()
 * writes here, into tables that exist, under mmio_lock.
 */
#include <lib/string.h>
#include <machine/boot.h>
#include <machine/internal.h>
#include <machine/map.h>
#include <machine/msr.h>
#include <machine/report.h>
#include <machine/tlb.h>

_Static_assert(ASM_IMAGE_START == IMAGE_START && ASM_STACKS_START == STACKS_START && ASM_STACK_SIZE == STACK_SIZE &&
               ASM_DIRECTMAP_START == DIRECTMAP_START,
               "asm.h repeats pte.h");

#define PTE_TABLE (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define PTE_LEAF  (PTE_P | PTE_A | PTE_D | PTE_G)
#define PTE_UC    (PTE_PCD | PTE_PWT)
#define MMIO_WINDOW_PAGES 4096          /* 16 MiB: its tables are made at boot, so that mapping never allocates */

extern u8 boot_stack_main[];            /* boot.S: the boot CPU's stack pages */

mfn_t boot_root;
static u64 mmio_used_pages;
static u8 mmio_lock;

/* The image's parts and what may be done there; execution only through this mapping, not the direct map. */
static const struct image_part {
    const u8 *start, *end;
    u64 flags;
} image_parts[] = {
    { image_start, init_data_start, 0 },
    { init_data_start, init_end, PTE_RW | PTE_NX },
    { text_start, text_end, 0 },
    { rodata_start, rodata_end, PTE_NX },
    { data_start, image_end, PTE_RW | PTE_NX },
};

static u64 level_pages(unsigned level) { return 1UL << (9 * (level - 1)); }

/* The entry for va at level; makes the tables above it. */
static pte_t *entry_of(u64 va, unsigned level)
{
    pte_t *table = frame_map(boot_root);

    for (unsigned l = 4; l > level; l--) {
        pte_t *e = &table[pte_index(va, l)];

        if (!(*e & PTE_P))
            *e = pte_make(boot_alloc_pages(1, 1, 0), PTE_TABLE);
        else if (l < 4 && (*e & PTE_PS))
            machine_fatal("Boot mapped %lx twice: a defect of Hospes, please report it.", va);
        table = frame_map(pte_mfn(*e));
    }
    return &table[pte_index(va, level)];
}

/* The largest page size, at most of level top, that fits here. */
static unsigned leaf_level(u64 va, mfn_t first, u64 pages, unsigned top)
{
    unsigned level = top;

    while (level > 1 && (pages < level_pages(level) || (((va >> PAGE_SHIFT) | first.n) & (level_pages(level) - 1))))
        level--;
    return level;
}

static void map_range(u64 va, mfn_t first, u64 pages, u64 flags, unsigned top)
{
    while (pages) {
        unsigned level = leaf_level(va, first, pages, top);

        *entry_of(va, level) = pte_make(first, flags | PTE_LEAF | (level > 1 ? PTE_PS : 0));
        va += level_pages(level) << PAGE_SHIFT;
        first = mfn_add(first, level_pages(level));
        pages -= level_pages(level);
    }
}

void boot_map(u64 va, mfn_t first, u64 pages, u64 flags)
{
    map_range(va, first, pages, flags, 2);
}

void boot_map_same(u64 va, mfn_t frame, u64 pages, u64 flags)
{
    for (; pages; pages--, va += PAGE_SIZE)
        map_range(va, frame, 1, flags, 1);
}

static void direct_map_range(mfn_t first, u64 pages)
{
    map_range(DIRECTMAP_START + (first.n << PAGE_SHIFT), first, pages, PTE_RW | PTE_NX,
              cpu_features.page_1g ? 3 : 2);
}

/* RAM with the image cut out (its pages get their own rights) and the low 1 MiB once, whole. */
static void direct_map_ram(mfn_t first, u64 pages)
{
    u64 image_first = ASM_IMAGE_PHYS >> PAGE_SHIFT, image_last = (image_to_maddr(image_end) >> PAGE_SHIFT) - 1;
    u64 start = max(first.n, 256UL), end = first.n + pages;

    if (start < min(end, image_first))
        direct_map_range(mfn(start), min(end, image_first) - start);
    start = max(start, image_last + 1);
    if (start < end)
        direct_map_range(mfn(start), end - start);
}

static void map_image(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(image_parts); i++) {
        const struct image_part *p = &image_parts[i];
        mfn_t first = maddr_to_mfn(image_to_maddr(p->start));
        u64 pages = (u64)(p->end - p->start) >> PAGE_SHIFT;

        map_range((u64)p->start, first, pages, p->flags, 1);
        map_range(DIRECTMAP_START + (first.n << PAGE_SHIFT), first, pages, p->flags | PTE_NX, 1);
    }
}

/* Pages [from, from + pages) of the CPU's block; the others stay unmapped as guards. */
static void map_stack(unsigned cpu, unsigned from, unsigned pages)
{
    map_range(cpu_block(cpu) + from * PAGE_SIZE, boot_alloc_pages(pages, 1, 0), pages, PTE_RW | PTE_NX, 1);
}

void paging_map_stacks(unsigned cpu)
{
    for (unsigned ist = 1; ist < ARRAY_SIZE(ist_stacks); ist++)
        map_stack(cpu, ist_stacks[ist].first, ist_stacks[ist].pages);
    if (cpu)
        map_stack(cpu, STACK_MAIN_FIRST_PAGE, STACK_MAIN_PAGES);
    else
        map_range(cpu_block(0) + STACK_MAIN_FIRST_PAGE * PAGE_SIZE, maddr_to_mfn(image_to_maddr(boot_stack_main)),
                  STACK_MAIN_PAGES, PTE_RW | PTE_NX, 1);
}

void paging_init(void)
{
    boot_root = boot_alloc_pages(1, 1, 1UL << 32);      /* APs load it in 32-bit mode */
    entry_of(M2P_START, 3);
    entry_of(HV_START, 3);
    for (u64 n = 0; n < MMIO_WINDOW_PAGES; n += PTES_PER_PAGE)
        entry_of(MMIO_START + (n << PAGE_SHIFT), 1);
    direct_map_range(mfn(0), 256);
    boot_for_each_ram(direct_map_ram);
    map_image();
    paging_map_stacks(0);
    root_load(boot_root);
    bootmem_all_reachable();
}

static void *window_map(u64 maddr, size_t bytes, u64 flags)
{
    u64 first = maddr >> PAGE_SHIFT, pages, va = 0;

    if (!bytes || maddr + bytes - 1 < maddr)
        return NULL;
    pages = ((maddr + bytes - 1) >> PAGE_SHIFT) - first + 1;
    byte_lock(&mmio_lock);
    if (pages <= MMIO_WINDOW_PAGES - mmio_used_pages) {
        va = MMIO_START + (mmio_used_pages << PAGE_SHIFT);
        mmio_used_pages += pages;
        map_range(va, mfn(first), pages, flags | PTE_RW | PTE_NX, 1);
    }
    byte_unlock(&mmio_lock);
    return va ? (void *)(va + (maddr & ~PAGE_MASK)) : NULL;
}

void *mmio_map(u64 maddr, size_t bytes)
{
    return window_map(maddr, bytes, PTE_UC);
}

void *firmware_map(u64 maddr, size_t bytes)
{
    return window_map(maddr, bytes, 0);
}

void map_trampoline(mfn_t page, bool on)
{
    u64 va = page.n << PAGE_SHIFT;

    *entry_of(va, 1) = on ? pte_make(page, PTE_P | PTE_A | PTE_D) : 0;
    tlb_flush_page_local(va);
    if (!on)
        *entry_of(va, 4) = 0;
}

struct boot_range boot_init_range(void)
{
    return (struct boot_range){ maddr_to_mfn(ASM_IMAGE_PHYS), (u64)(init_end - image_start) >> PAGE_SHIFT };
}

void machine_seal(void)
{
    struct boot_range init = boot_init_range();

    for (u64 n = 0; n < init.pages; n++) {
        mfn_t m = mfn_add(init.first, n);

        *entry_of((u64)image_start + (n << PAGE_SHIFT), 1) = 0;
        *entry_of(DIRECTMAP_START + (m.n << PAGE_SHIFT), 1) = pte_make(m, PTE_LEAF | PTE_RW | PTE_NX);
    }
    tlb_flush_local();
}
