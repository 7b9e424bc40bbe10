/* SPDX-License-Identifier: MIT */
/*
 * The loader's information and the memory it describes: RAM ranges, what of them is free, and the allocator of boot.
 * Invariant: free is a subset of ram, and ram contains no page that any map entry calls something else.
 * Boot CPU only, no lock.
 */
#include <lib/rangeset.h>
#include <lib/string.h>
#include <machine/boot.h>
#include <machine/internal.h>
#include <machine/map.h>
#include <machine/report.h>

#define LOW_MIB_PAGES    256            /* firmware's, device memory, AP trampoline */
#define MAX_PAGE_RANGES  (2 * BOOT_MAX_RANGES + BOOT_MAX_MODULES + 8)
#define EARLY_REACH      (4UL << 30)    /* what boot.S maps */

struct boot_info boot_info;

static struct range ram_array[MAX_PAGE_RANGES], free_array[MAX_PAGE_RANGES];
static struct rangeset ram_pages, free_pages;   /* frame numbers */
static u64 boot_reach = EARLY_REACH;            /* frame_map() works below */
static bool boot_alloc_closed;

static void edit(int err)
{
    if (err)
        machine_fatal("The firmware's memory map has too many ranges; update the firmware.");
}

/* Removes all pages that [start, end) touches. */
static void reserve(struct rangeset *set, u64 start, u64 end)
{
    if (end > start)
        edit(rangeset_remove(set, start >> PAGE_SHIFT, (end - 1) >> PAGE_SHIFT));
}

/* RAM counts in whole pages that no other range touches. */
static void build_ram(void)
{
    u64 limit = DIRECTMAP_END - DIRECTMAP_START;

    rangeset_init_fixed(&ram_pages, ram_array, ARRAY_SIZE(ram_array));
    for (unsigned i = 0; i < boot_info.nr_ranges; i++) {
        const struct memory_range *r = &boot_info.ranges[i];
        u64 start = round_up(r->start, PAGE_SIZE), end = round_down(r->start + r->bytes, PAGE_SIZE);

        if (r->type == MEMORY_RAM && end > limit)
            machine_warn("Memory above %lu TiB is not used.", limit >> 40);
        end = min(end, limit);
        if (r->type == MEMORY_RAM && start < end)
            edit(rangeset_add(&ram_pages, start >> PAGE_SHIFT, (end >> PAGE_SHIFT) - 1));
    }
    for (unsigned i = 0; i < boot_info.nr_ranges; i++)
        if (boot_info.ranges[i].type != MEMORY_RAM)
            reserve(&ram_pages, boot_info.ranges[i].start, boot_info.ranges[i].start + boot_info.ranges[i].bytes);
}

static void build_free(void)
{
    const struct range *r;

    rangeset_init_fixed(&free_pages, free_array, ARRAY_SIZE(free_array));
    rangeset_for_each(r, &ram_pages)
        edit(rangeset_add(&free_pages, r->first, r->last));
    reserve(&free_pages, 0, LOW_MIB_PAGES << PAGE_SHIFT);
    reserve(&free_pages, image_to_maddr(image_start), image_to_maddr(image_end));
    reserve(&free_pages, boot_info.info_start, boot_info.info_end);
    for (unsigned i = 0; i < boot_info.nr_modules; i++)
        reserve(&free_pages, boot_info.modules[i].start, boot_info.modules[i].end);
}

static const void *reach(void *context, u64 maddr, u64 bytes)
{
    if (maddr >= EARLY_REACH || bytes > EARLY_REACH - maddr)
        return NULL;
    return (const u8 *)frame_map(maddr_to_mfn(maddr)) + (maddr & ~PAGE_MASK);
}

void bootmem_init(u32 magic, u64 info_maddr)
{
    const char *why;

    if (multiboot_parse(&boot_info, magic, info_maddr, reach, NULL, &why))
        machine_fatal("Hospes cannot start: %s.", why);
    build_ram();
    build_free();
}

void bootmem_all_reachable(void)
{
    boot_reach = ~0UL;
}

/* Highest aligned block in r whose end is not above limit_mfn, or ~0. */
static u64 fit(const struct range *r, u64 pages, u64 align, u64 limit_mfn)
{
    u64 end = min(r->last + 1, limit_mfn), first;

    if (end < r->first + pages || end < pages)
        return ~0UL;
    first = round_down(end - pages, align);
    return first >= r->first ? first : ~0UL;
}

mfn_t boot_alloc_pages(u64 pages, u64 align_pages, u64 limit_maddr)
{
    u64 limit = min(limit_maddr ? limit_maddr : ~0UL, boot_reach) >> PAGE_SHIFT;

    for (unsigned i = free_pages.nr; i-- > 0 && !boot_alloc_closed;) {
        u64 first = fit(&free_pages.ranges[i], pages, max(align_pages, 1UL), limit);

        if (first == ~0UL)
            continue;
        edit(rangeset_remove(&free_pages, first, first + pages - 1));
        for (u64 n = 0; n < pages; n++)
            page_clear(frame_map(mfn(first + n)));
        return mfn(first);
    }
    machine_fatal("Out of memory while booting (%lu KiB more wanted); give the machine more memory.",
                  pages << (PAGE_SHIFT - 10));
}

/* Does the loader's information or a module lie in the page? */
static bool loader_uses(u64 n)
{
    u64 start = n << PAGE_SHIFT, end = start + PAGE_SIZE;
    bool used = boot_info.info_start < end && boot_info.info_end > start;

    for (unsigned i = 0; i < boot_info.nr_modules; i++)
        used |= boot_info.modules[i].start < end && boot_info.modules[i].end > start;
    return used;
}

mfn_t bootmem_low_page(void)
{
    for (u64 n = (640UL << 10 >> PAGE_SHIFT) - 1; n; n--)
        if (rangeset_contains(&ram_pages, n, n) && !loader_uses(n))
            return mfn(n);
    machine_fatal("No usable memory below 640 KiB, which starting the other CPUs needs. Boot with maxcpus=1.");
}

static void for_each(const struct rangeset *set, void (*fn)(mfn_t first, u64 pages))
{
    const struct range *r;

    rangeset_for_each(r, set)
        fn(mfn(r->first), r->last - r->first + 1);
}

void boot_for_each_free(void (*fn)(mfn_t first, u64 pages))
{
    boot_alloc_closed = true;
    for_each(&free_pages, fn);
}

void boot_for_each_ram(void (*fn)(mfn_t first, u64 pages))
{
    for_each(&ram_pages, fn);
}

u64 boot_max_mfn(void)
{
    return ram_pages.nr ? ram_pages.ranges[ram_pages.nr - 1].last + 1 : 0;
}
