/* SPDX-License-Identifier: MIT */
/*
 * page_tables - the life of a page table
 *
 * A page of entries becomes a table when it is pinned or referred to, stays one as long as that lasts, and can be
 * written again afterwards. Four new tables make an address space, to which the CPU can switch.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <lib/string.h>
#include <lib/test.h>

/* Make a page read-only and pin it as a table of a level. */
static long pin(void *page, unsigned int level)
{
    long ret = page_protect(page, false);

    return ret != 0 ? ret : mmuext(MMUEXT_PIN_L1_TABLE + level - 1, page_mfn(page));
}

static u64 *new_table(u64 first_entry)
{
    u64 *table = page_alloc();

    table[0] = first_entry;
    return table;
}

static void check_pins(void)
{
    u64 *data = page_alloc(), *l1 = new_table(page_mfn(data) * PAGE_SIZE | PTE_KERNEL_RW);
    u64 *l2 = new_table(page_mfn(l1) * PAGE_SIZE | PTE_TABLE);

    check_equal(pin(l1, 1), 0, "pin an L1");
    check_equal(page_protect(l1, true), -XEN_EBUSY, "it cannot be mapped writable");
    check_equal(pin(l2, 2), 0, "pin an L2 that refers to it");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, page_mfn(l1)), 0, "unpin the L1");
    check_equal(page_protect(l1, true), -XEN_EBUSY, "the L2 keeps it a table");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, page_mfn(l1)), -XEN_EINVAL, "unpin it twice");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, page_mfn(l2)), 0, "unpin the L2");
    check_equal(page_protect(l2, true), 0, "the L2 is writable again");
    check_equal(page_protect(l1, true), 0, "and so is the L1");
    check_equal(pin(data, 1), 0, "the page that was mapped can be a table now");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, page_mfn(data)), 0, "and stop being one");
    check_equal(page_protect(data, true), 0, "and be written");
    page_free(data);
    page_free(l1);
    page_free(l2);
}

static void check_new_root(void)
{
    u64 *data = page_alloc(), *root = page_alloc(), *table, entry = page_mfn(data) * PAGE_SIZE | PTE_KERNEL_RW;
    void *tables[3];

    for (unsigned int level = 1; level <= 3; level++) {
        tables[level - 1] = table = new_table(entry);
        check_equal(page_protect(table, false), 0, "make a table read-only");
        entry = page_mfn(table) * PAGE_SIZE | PTE_TABLE;
    }
    memcpy(root, mfn_page(root_mfn()), PAGE_SIZE);
    memset(root + 256, 0, 16 * sizeof(u64)); /* the hypervisor fills in its own slots */
    root[SCRATCH_VA >> 39] = entry;
    check_equal(pin(root, 4), 0, "pin a new root");
    check_fault(fault_of((void)*(volatile u64 *)SCRATCH_VA), VECTOR_PF, 0, "the new mapping is not there yet");
    check_equal(mmuext(MMUEXT_NEW_BASEPTR, page_mfn(root)), 0, "switch to the new root");
    check(M2P[page_mfn(data)] == page_pfn(data), "the machine-to-frame table is there");
    *data = 0x4711;
    check_equal((long)*(volatile u64 *)SCRATCH_VA, 0x4711, "the new mapping is there");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, page_mfn(root)), 0, "unpin the root in use");
    check_equal(page_protect(root, true), -XEN_EBUSY, "its use keeps it a table");
    check_equal(mmuext(MMUEXT_NEW_BASEPTR, root_mfn()), 0, "switch back");
    check_fault(fault_of((void)*(volatile u64 *)SCRATCH_VA), VECTOR_PF, 0, "the new mapping is gone");
    for (unsigned int level = 1; level <= 3; level++)
        check_equal(page_protect(tables[level - 1], true), 0, "a table is writable again");
    check_equal(page_protect(root, true), 0, "the root is writable again");
}

TEST(page_tables, "pin, unpin, new_baseptr")
{
    check_pins();
    check_new_root();
}
