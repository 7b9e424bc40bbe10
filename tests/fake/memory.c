/* SPDX-License-Identifier: MIT */
/*
 * Physical memory: an arena of host address space in which the RAM ranges are accessible, with frame table and M2P
 * beside it, and the boot allocator's twin. Resetting gives all touched pages back to the host.
 */
#include <string.h>
#include <sys/mman.h>

#include <machine/boot.h>

#include "asan.h"
#include "fake.h"

#define MAX_RANGES 8
#define FRAME_BYTES 16

u8 *fake_arena;
void *fake_frame_table;
u64 *fake_m2p;
mfn_t boot_root;
struct boot_info boot_info;
struct acpi_info acpi_info;

static struct fake_ram ranges[MAX_RANGES];
static u64 boot_taken[MAX_RANGES];      /* frames that boot_alloc_pages() took from the end of each range */
static unsigned nr_ranges;

#ifdef WITH_ASAN
/* What pools have poisoned since the last start lies between these two. */
static const u8 *poison_first, *poison_end;

void memory_poison(const void *p, size_t bytes)
{
    const u8 *first = p;

    poison_first = poison_first ? min(poison_first, first) : first;
    poison_end = max(poison_end, first + bytes);
    __asan_poison_memory_region(p, bytes);
}

void memory_unpoison(const void *p, size_t bytes) { __asan_unpoison_memory_region(p, bytes); }

static void unpoison_all(void)
{
    if (poison_first)
        __asan_unpoison_memory_region(poison_first, (size_t)(poison_end - poison_first));
    poison_first = poison_end = NULL;
}
#else
void memory_poison(const void *p, size_t bytes) { (void)p, (void)bytes; }
void memory_unpoison(const void *p, size_t bytes) { (void)p, (void)bytes; }
static void unpoison_all(void) {}
#endif

static void *reserve(size_t bytes, int prot)
{
    void *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        fake_die("no address space for %zu bytes of fake memory", bytes);
    return p;
}

static void memory_reset(const struct fake_ram *ram, unsigned nr)
{
    unpoison_all();
    if (!fake_arena) {
        fake_arena = reserve(FAKE_MAX_MFN << PAGE_SHIFT, PROT_NONE);
        fake_frame_table = reserve(FAKE_MAX_MFN * FRAME_BYTES, PROT_READ | PROT_WRITE);
        fake_m2p = reserve(FAKE_MAX_MFN * sizeof(u64), PROT_READ | PROT_WRITE);
    }
    for (unsigned i = 0; i < nr_ranges; i++) {
        void *start = frame_map(mfn(ranges[i].first_mfn));

        madvise(start, ranges[i].pages << PAGE_SHIFT, MADV_DONTNEED);
        mprotect(start, ranges[i].pages << PAGE_SHIFT, PROT_NONE);
    }
    madvise(fake_frame_table, FAKE_MAX_MFN * FRAME_BYTES, MADV_DONTNEED);
    madvise(fake_m2p, FAKE_MAX_MFN * sizeof(u64), MADV_DONTNEED);
    if (nr > MAX_RANGES)
        fake_die("too many RAM ranges");
    nr_ranges = nr;
    for (unsigned i = 0; i < nr; i++) {
        ranges[i] = ram[i];
        boot_taken[i] = 0;
        if (ram[i].first_mfn + ram[i].pages > FAKE_MAX_MFN)
            fake_die("RAM beyond FAKE_MAX_MFN");
        if (mprotect(frame_map(mfn(ram[i].first_mfn)), ram[i].pages << PAGE_SHIFT, PROT_READ | PROT_WRITE))
            fake_die("the host gives no memory for the arena");
    }
    memset(&boot_info, 0, sizeof(boot_info));
    memset(&acpi_info, 0, sizeof(acpi_info));
}

void fake_start_ram(unsigned cpus, const struct fake_ram *ram, unsigned nr)
{
    fake_run_reset();
    memory_reset(ram, nr);
    fake_cpu_reset(cpus);
    fake_time_reset();
    fake_tlb_reset();
    fake_io_reset();
    boot_root = boot_alloc_pages(1, 1, 0);
    for (unsigned cpu = 0; cpu < cpus; cpu++)
        fake_cpus[cpu].gdt_page = boot_alloc_pages(1, 1, 0);
}

void fake_start(unsigned cpus, u64 mib) { fake_start_ram(cpus, &(struct fake_ram){ 0, mib << (20 - PAGE_SHIFT) }, 1); }

bool fake_is_ram(mfn_t m)
{
    for (unsigned i = 0; i < nr_ranges; i++)
        if (m.n >= ranges[i].first_mfn && m.n - ranges[i].first_mfn < ranges[i].pages)
            return true;
    return false;
}

/* ---- machine/boot.h, the part about memory ---- */

mfn_t boot_alloc_pages(u64 pages, u64 align_pages, u64 limit_maddr)
{
    u64 limit = limit_maddr ? limit_maddr >> PAGE_SHIFT : ~0UL;

    for (unsigned i = nr_ranges; i-- > 0;) {
        u64 first = ranges[i].first_mfn, end = first + ranges[i].pages - boot_taken[i];
        u64 start = min(end, limit) >= pages ? round_down(min(end, limit) - pages, align_pages) : 0;

        if (start < max(first, 1UL) || start + pages > end)
            continue;
        boot_taken[i] = first + ranges[i].pages - start;
        memset(frame_map(mfn(start)), 0, pages << PAGE_SHIFT);
        return mfn(start);
    }
    fake_die("boot_alloc_pages(%lu): no memory left", (unsigned long)pages);
}

void boot_for_each_ram(void (*fn)(mfn_t first, u64 pages))
{
    for (unsigned i = 0; i < nr_ranges; i++)
        fn(mfn(ranges[i].first_mfn), ranges[i].pages);
}

/* Frame 0 is never free, as on a machine. */
void boot_for_each_free(void (*fn)(mfn_t first, u64 pages))
{
    for (unsigned i = 0; i < nr_ranges; i++) {
        u64 first = max(ranges[i].first_mfn, 1UL), end = ranges[i].first_mfn + ranges[i].pages - boot_taken[i];

        if (end > first)
            fn(mfn(first), end - first);
    }
}

u64 boot_max_mfn(void) { return nr_ranges ? ranges[nr_ranges - 1].first_mfn + ranges[nr_ranges - 1].pages : 0; }

/* Everything is mapped already. */
void boot_map_same(u64 va, mfn_t frame, u64 pages, u64 flags)
{
    (void)va;
    (void)frame;
    (void)pages;
    (void)flags;
}

void boot_map(u64 va, mfn_t first, u64 pages, u64 flags)
{
    (void)va;
    (void)first;
    (void)pages;
    (void)flags;
}
