/* SPDX-License-Identifier: MIT */
/*
 * gates - descriptors that lead to privilege level 0
 *
 * Attack: call gates, interrupt gates, task state segments, local tables and code segments of level 0, one at a time
 * and in a whole table.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

#define CODE_DPL0 0x00af9b000000fffful
#define PRESENT_SYSTEM(type) ((u64)(0x80 | (type)) << 40)

static u64 descriptor_after_update(u64 *page, u64 descriptor, long *ret)
{
    page[8] = 0;
    *ret = hypercall_update_descriptor(page_mfn(page) * PAGE_SIZE + 64, descriptor);
    return ((volatile u64 *)page)[8];
}

TEST(gates, "descriptors of gates and of level 0")
{
    static const u8 system_types[] = {1, 2, 3, 5, 6, 7, 9, 11, 14, 15};
    u64 *page = page_alloc(), *table = page_alloc(), result;
    xen_pfn_t frame = page_mfn(table);
    long ret;

    for (unsigned int i = 0; i < ARRAY_SIZE(system_types); i++) {
        result = descriptor_after_update(page, PRESENT_SYSTEM(system_types[i]), &ret);
        check(ret == -XEN_EINVAL && result == 0, "a system descriptor of type %u: %ld", system_types[i], ret);
    }
    result = descriptor_after_update(page, CODE_DPL0, &ret);
    check(ret == 0 && (result >> 45 & 3) == 3, "a code segment of level 0 gets level 3: %ld, %lx", ret, result);
    result = descriptor_after_update(page, PRESENT_SYSTEM(12) | 0xe008ul << 16, &ret);
    check(ret != 0 || (result & 0xf0000) == 0 || (result >> 47 & 1) == 0, "a call gate into level 0: %ld, %lx", ret,
          result);
    table[3] = PRESENT_SYSTEM(14);
    page_protect(table, false);
    check_equal(hypercall_set_gdt(&frame, 512), -XEN_EINVAL, "a table with an interrupt gate");
    page_protect(table, true);
    page_free(table);
    page_free(page);
}
