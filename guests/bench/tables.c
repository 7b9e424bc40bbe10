/* SPDX-License-Identifier: MIT */
/* Page tables: single entries by every way there is, batches, flushes, pins. */
#include <bench/bench.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>

#define BATCH 128

static u64 *page, *table;         /* a page of ours; an L1 that nothing uses */
static u64 page_pte, table_maddr; /* its writable entry; where the L1 is, once it is one */
static volatile u64 *page_l1e;    /* the entry that maps the page, where we see it */
static mmu_update_t updates[2 * BATCH];

static const char *prepare_page(void)
{
    u64 maddr;

    page = page_alloc();
    page_pte = page_mfn(page) * PAGE_SIZE | PTE_KERNEL_RW;
    maddr = pte_maddr(1, (unsigned long)page);
    page_l1e = (volatile u64 *)((u8 *)mfn_page(maddr / PAGE_SIZE) + maddr % PAGE_SIZE);
    page_pte = *page_l1e;
    updates[0] = (mmu_update_t){.ptr = maddr, .val = page_pte};
    return NULL;
}

BENCH(va_mapping_same, prepare_page, "update_va_mapping to the same entry, INVLPG")
{
    expect(map_set(page, page_pte), 0);
}

BENCH(va_mapping_flip, NULL, "update_va_mapping to read-only, and to writable")
{
    expect(map_set(page, page_pte & ~PTE_RW), 0);
    expect(map_set(page, page_pte), 0);
}

BENCH(mmu_update_1, NULL, "mmu_update of one entry to itself")
{
    expect(hypercall_mmu_update(updates, 1, NULL, DOMID_SELF), 0);
}

static const char *prepare_assist(void)
{
    expect(hypercall_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), 0);
    return NULL;
}

BENCH(pte_write_emulated, prepare_assist, "a direct write of the same value to an entry")
{
    *page_l1e = page_pte;
}

/* A table of BATCH entries for the page, and then twice as many updates: clear one, set it again. */
static const char *prepare_table(void)
{
    table = page_alloc();
    for (unsigned int i = 0; i < BATCH; i++)
        table[i] = page_pte;
    table_maddr = page_mfn(table) * PAGE_SIZE;
    expect(page_protect(table, false), 0);
    return NULL;
}

static const char *prepare_pinned(void)
{
    expect(mmuext(MMUEXT_PIN_L1_TABLE, table_maddr / PAGE_SIZE), 0);
    for (unsigned int i = 0; i < BATCH; i++)
        updates[i] = (mmu_update_t){.ptr = table_maddr + i * sizeof(u64), .val = table[i]};
    return NULL;
}

static const char *prepare_clear_set(void)
{
    for (unsigned int i = 0; i < BATCH; i++) {
        updates[2 * i] = (mmu_update_t){.ptr = table_maddr + i * sizeof(u64)};
        updates[2 * i + 1] = (mmu_update_t){.ptr = table_maddr + i * sizeof(u64), .val = page_pte};
    }
    return NULL;
}

static const char *prepare_empty(void)
{
    expect(mmuext(MMUEXT_UNPIN_TABLE, table_maddr / PAGE_SIZE), 0);
    expect(page_protect(table, true), 0);
    memset(table, 0, PAGE_SIZE);
    expect(page_protect(table, false), 0);
    return NULL;
}

static void pin_and_unpin(void)
{
    expect(mmuext(MMUEXT_PIN_L1_TABLE, table_maddr / PAGE_SIZE), 0);
    expect(mmuext(MMUEXT_UNPIN_TABLE, table_maddr / PAGE_SIZE), 0);
}

BENCH(pin_unpin_128, prepare_table, "pin and unpin an L1 with 128 entries")
{
    pin_and_unpin();
}

BENCH(mmu_update_128_same, prepare_pinned, "mmu_update of 128 entries to themselves")
{
    expect(hypercall_mmu_update(updates, BATCH, NULL, DOMID_SELF), 0);
}

BENCH(mmu_update_128_clear_set, prepare_clear_set, "mmu_update: 128 entries cleared and set again, 256 updates")
{
    expect(hypercall_mmu_update(updates, 2 * BATCH, NULL, DOMID_SELF), 0);
}

BENCH(pin_unpin_empty, prepare_empty, "pin and unpin an empty L1")
{
    pin_and_unpin();
}

BENCH(flush_local, NULL, "mmuext TLB_FLUSH_LOCAL")
{
    expect(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0), 0);
}

BENCH(invlpg_local, NULL, "mmuext INVLPG_LOCAL")
{
    expect(mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)page), 0);
}

BENCH(baseptr_same, NULL, "mmuext NEW_BASEPTR to the same root")
{
    expect(mmuext(MMUEXT_NEW_BASEPTR, root_mfn()), 0);
}
