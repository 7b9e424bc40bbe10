/* SPDX-License-Identifier: MIT */
/*
 * Page tables that the CPU walks and that the guest may read but not write: mapping the shared-info page by hand, moving a
 * page, and making one more table. The library's page functions are not used, only its memory.
 */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>

#define ENTRIES 512

/* What a level (4..1) has for an address: the page where the table is mapped read-only, and the entry. */
static u64 *table_of(u32 level, unsigned long va)
{
    u64 *table = (u64 *)start_info->pt_base;

    for (u32 at = 4; at > level; at--)
        table = mfn_page((table[va >> (12 + 9 * (at - 1)) & (ENTRIES - 1)] & PTE_FRAME) / PAGE_SIZE);
    return table;
}

static u64 *entry_of(u32 level, unsigned long va)
{
    return &table_of(level, va)[va >> (12 + 9 * (level - 1)) & (ENTRIES - 1)];
}

static u64 frame_of(const void *page) { return *entry_of(1, (unsigned long)page) & PTE_FRAME; }

/* The machine address of an entry: the frame of its table, and the place in it. */
static u64 machine_address(const u64 *entry)
{
    return frame_of(entry) | ((unsigned long)entry & (PAGE_SIZE - 1));
}

static void walk(unsigned long va)
{
    printf("%lx:", va);
    for (u32 level = 4; level >= 1; level--)
        printf(" L%u[%lu]=%lx", level, va >> (12 + 9 * (level - 1)) & (ENTRIES - 1), *entry_of(level, va) & PTE_FRAME);
    printf("\n");
}

/* One call for the mapping of an address: the page table must be there. */
static void map_shared_info(void)
{
    static u8 window[PAGE_SIZE] PAGE_ALIGNED;
    const volatile shared_info_t *mine = (const void *)window;
    long ret = hypercall_update_va_mapping((unsigned long)window, start_info->shared_info | PTE_KERNEL_RW, UVMF_INVLPG);

    printf("Mapping the shared-info page: %ld. Its wall clock says %u.\n", ret, mine->wc_sec);
}

/* A page becomes a page table: first nobody may be able to write it. */
static void add_table(void)
{
    u64 *table = page_alloc(), *data = page_alloc();
    u64 table_frame = frame_of(table), slot = machine_address(entry_of(2, (unsigned long)table)) & ~(PAGE_SIZE - 1);
    unsigned long va = ((unsigned long)table & ~((2ul << 20) - 1)) + (64ul << 20); /* 64 MiB higher: an empty L2 entry */
    mmu_update_t link = {.ptr = slot | (va >> 21 & (ENTRIES - 1)) * sizeof(u64), .val = table_frame | PTE_TABLE};

    data[0] = 4711;
    table[0] = frame_of(data) | PTE_KERNEL_RW;
    printf("Linking a page that I can write as a page table: %ld\n", (long)hypercall_mmu_update(&link, 1, NULL, DOMID_SELF));
    hypercall_update_va_mapping((unsigned long)table, table_frame | PTE_KERNEL_RO, UVMF_INVLPG);
    printf("... and one that I can only read: %ld\n", (long)hypercall_mmu_update(&link, 1, NULL, DOMID_SELF));
    printf("Through the new table I read %lu.\n", *(volatile u64 *)va);
    printf("Mapping the table writable again: %ld\n",
           (long)hypercall_update_va_mapping((unsigned long)table, table_frame | PTE_KERNEL_RW, UVMF_INVLPG));
}

void guest_main(void)
{
    walk((unsigned long)&guest_main);
    map_shared_info();
    add_table();
}
