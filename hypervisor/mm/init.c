/* SPDX-License-Identifier: MIT */
/*
 * Boot: lays out the frame table and the M2P for the RAM that exists, in pieces of 2 MiB of RAM (512 descriptors are
 * 8 KiB, so the tables are mapped by the page), and hands free RAM to the heap.
 */
#include <lib/string.h>
#include <machine/boot.h>
#include <mm/entry.h>
#include <mm/heap.h>
#include <mm/table.h>
#include <xen/xen.h>

#define LOW_MIB_FRAMES   256
#define CHUNKS_PER_GIB   512UL
#define HOLE_MAX_CHUNKS  (64 * CHUNKS_PER_GIB)

static boot_text void chunk_mark(mfn_t first, u64 pages)
{
    for (u64 c = first.n / PTES_PER_PAGE; c <= (first.n + pages - 1) / PTES_PER_PAGE; c++)
        bit_set(frame_chunks, (unsigned)c);
}

/* The descriptors of one run of chunks: 2 pages for each chunk. Until told otherwise they are device memory. */
static boot_text void frame_table_map(u64 first_chunk, u64 chunks)
{
    u64 first = first_chunk * PTES_PER_PAGE, count = chunks * PTES_PER_PAGE;
    u64 pages = count * sizeof(struct frame) / PAGE_SIZE;
    mfn_t at = boot_alloc_pages(pages, 1, 0);

    boot_map((u64)frame_entry(mfn(first)), at, pages, PTE_RW | PTE_NX);
    for (u64 i = first; i < first + count; i++) {
        struct frame *f = frame_entry(mfn(i));

        f->owner = DOMID_IO;
        f->refs = FRAME_ALLOCATED | FRAME_HEAP | 1;
    }
}

/* 8 bytes for each frame of the run, mapped twice: writable for us, read-only for guests; ends at page granularity. */
static boot_text void m2p_map(u64 first_chunk, u64 chunks)
{
    u64 first = first_chunk * PTES_PER_PAGE, pages = chunks * PTES_PER_PAGE * sizeof(u64) / PAGE_SIZE;
    mfn_t at = boot_alloc_pages(pages, 1, 0);

    boot_map((u64)(machine_m2p() + first), at, pages, PTE_RW | PTE_NX);
    boot_map(M2P_START + first * sizeof(u64), at, pages, PTE_US | PTE_NX);
    memset(machine_m2p() + first, 0xff, pages * PAGE_SIZE);
}

/*
 * Guests look up device memory too, in great numbers while they map it. Where no RAM is, one page that says "nobody's"
 * serves; without it each look-up is a fault that the guest has to handle. Beyond 64 GiB without RAM it may fault.
 */
static boot_text void m2p_map_hole(u64 first_chunk, u64 chunks)
{
    static mfn_t nobody;
    u64 pages = min(chunks, HOLE_MAX_CHUNKS) * PTES_PER_PAGE * sizeof(u64) / PAGE_SIZE;

    if (nobody.n == 0) {
        nobody = boot_alloc_pages(1, 1, 0);
        memset(frame_map(nobody), 0xff, PAGE_SIZE);
    }
    boot_map_same(M2P_START + first_chunk * PTES_PER_PAGE * sizeof(u64), nobody, pages, PTE_US | PTE_NX);
}

static boot_text void mark_ram(mfn_t first, u64 pages)
{
    for (u64 i = 0; i < pages; i++)
        if (first.n + i >= LOW_MIB_FRAMES)
            frame_entry(mfn_add(first, i))->owner = DOMID_XEN;
}

static boot_text bool chunk_has_ram(u64 chunk)
{
    return chunk <= frame_max / PTES_PER_PAGE && bit_test(frame_chunks, (unsigned)chunk);
}

boot_text void frame_table_init(void)
{
    u64 words, chunks, chunk, run;

    frame_max = boot_max_mfn();
    words = BITMAP_WORDS(frame_max / PTES_PER_PAGE + 1);
    frame_chunks = frame_map(boot_alloc_pages(words * 8 / PAGE_SIZE + 1, 1, 0));
    boot_for_each_ram(chunk_mark);
    chunks = max(frame_max / PTES_PER_PAGE + 1, 4 * CHUNKS_PER_GIB);
    for (chunk = 0; chunk < chunks; chunk += run) {
        bool ram = chunk_has_ram(chunk);

        for (run = 1; chunk + run < chunks && chunk_has_ram(chunk + run) == ram;)
            run++;
        if (ram) {
            frame_table_map(chunk, run);
            m2p_map(chunk, run);
        } else {
            m2p_map_hole(chunk, run);
        }
    }
    boot_for_each_ram(mark_ram);
    boot_for_each_free(heap_add);
}

boot_text void table_hole_init(void)
{
    pte_t *root = frame_map(boot_root);

    for (unsigned i = 0; i < ARRAY_SIZE(table_hole_entries); i++)
        table_hole_entries[i] = root[HOLE_FIRST_SLOT + i];
}
