/* SPDX-License-Identifier: MIT */
/*
 * descriptors - set_gdt, update_descriptor, the local descriptor table
 *
 * The guest's table is a list of read-only pages, checked once; single entries change by update_descriptor. The
 * hypervisor's own segments stay above. Privilege level 0 becomes 3.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

#define DATA_32 0x00cff3000000ffffull /* flat data, privilege level 3 */
#define DATA_64K 0x0000f3000000ffffull
#define SELECTOR(index) (((index) << 3) | 3)

static u16 load_fs(u16 selector)
{
    u16 loaded;

    __asm__ volatile("mov %1, %%fs; mov %%fs, %0" : "=r"(loaded) : "r"(selector));
    return loaded;
}

static u32 segment_limit(u16 selector)
{
    u32 limit = 0;

    __asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"((u32)selector) : "cc");
    return limit;
}

static void check_gdt(u64 *table, xen_pfn_t frame)
{
    u64 maddr = page_mfn(table) * PAGE_SIZE;

    table[5] = DATA_32;
    table[6] = DATA_32 & ~(3ull << 45);
    check_equal(hypercall_set_gdt(&frame, 512), -XEN_EINVAL, "a table that is mapped writable");
    check_equal(page_protect(table, false), 0, "map it read-only");
    check_equal(hypercall_set_gdt(&frame, 512), 0, "set it");
    check_fault(fault_of(load_fs(SELECTOR(5))), NO_FAULT, 0, "load a segment of it");
    check_equal(segment_limit(SELECTOR(5)), 0xffffffff, "its limit");
    check_equal((long)(table[6] >> 45 & 3), 3, "privilege level 0 has become 3");
    check_fault(fault_of(load_fs(SELECTOR(7))), VECTOR_GP, 7 << 3, "load an empty segment");
    check_equal(hypercall_update_descriptor(maddr + 7 * 8, DATA_64K), 0, "update_descriptor");
    check_fault(fault_of(load_fs(SELECTOR(7))), NO_FAULT, 0, "load the segment");
    check_equal(segment_limit(SELECTOR(7)), 0xffff, "its limit");
    check_equal(segment_limit(0xe02b), 0xffffffff, "the hypervisor's flat segment is still there");
    check_equal(hypercall_update_descriptor(maddr + 7 * 8, 0), 0, "clear it");
    load_fs(0);
    check_fault(fault_of(load_fs(SELECTOR(7))), VECTOR_GP, 7 << 3, "it cannot be loaded");
    check_equal(page_protect(table, true), -XEN_EBUSY, "the table cannot be mapped writable");
    check_equal(hypercall_set_gdt(NULL, 0), 0, "no table");
    check_fault(fault_of(load_fs(SELECTOR(5))), VECTOR_GP, 5 << 3, "the segment is gone");
    check_equal(page_protect(table, true), 0, "the table can be mapped writable");
}

static long set_ldt(const void *table, unsigned int entries)
{
    struct mmuext_op op = {.cmd = MMUEXT_SET_LDT, .arg1.linear_addr = (unsigned long)table, .arg2.nr_ents = entries};

    return hypercall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void check_ldt(u64 *table)
{
    table[3] = DATA_64K;
    check_equal(page_protect(table, false), 0, "map a table read-only");
    check_equal(set_ldt(table, 16), 0, "set it as the local table");
    check_fault(fault_of(load_fs(SELECTOR(3) | 4)), NO_FAULT, 0, "load a local segment");
    check_equal(segment_limit(SELECTOR(3) | 4), 0xffff, "its limit");
    check_equal(page_protect(table, true), -XEN_EBUSY, "the table cannot be mapped writable");
    check_equal(set_ldt((u8 *)table + 8, 16), -XEN_EINVAL, "a table that is not on a page boundary");
    check_equal(set_ldt(table, 8193), -XEN_EINVAL, "too many entries");
    load_fs(0);
    check_equal(set_ldt(NULL, 0), 0, "no local table");
    check_fault(fault_of(load_fs(SELECTOR(3) | 4)), VECTOR_GP, (3 << 3) | 4, "the segment is gone");
    check_equal(page_protect(table, true), 0, "the table can be mapped writable");
}

TEST(descriptors, "global and local descriptor tables")
{
    u64 *table = page_alloc();

    check_gdt(table, page_mfn(table));
    check_ldt(table);
    page_free(table);
}
