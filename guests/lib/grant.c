/* SPDX-License-Identifier: MIT */
/* Grants: see grant.h. */
#include <lib/grant.h>
#include <lib/hypercall.h>
#include <lib/memory.h>

#define TABLE_VA 0x200c0000000ul

volatile grant_entry_v1_t *grant_table(void)
{
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1};
    static xen_pfn_t frame;

    if (frame != 0)
        return (void *)TABLE_VA;
    set_xen_guest_handle(setup.frame_list, &frame);
    if (hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1) != 0 || setup.status != GNTST_okay ||
        map_page(TABLE_VA, frame, PTE_KERNEL_RW) != 0)
        return NULL;
    return (void *)TABLE_VA;
}

void grant_give(u32 ref, u16 domid, u64 mfn, bool readonly)
{
    volatile grant_entry_v1_t *entry = grant_table() + ref;

    entry->domid = domid;
    entry->frame = (u32)mfn;
    __atomic_store_n(&entry->flags, GTF_permit_access | (readonly ? GTF_readonly : 0), __ATOMIC_RELEASE);
}

void grant_take_back(u32 ref)
{
    __atomic_store_n(&grant_table()[ref].flags, 0, __ATOMIC_RELEASE);
}

long grant_map(u16 domid, u32 ref, unsigned long va, u32 flags, u32 *handle)
{
    struct gnttab_map_grant_ref map = {.host_addr = va, .flags = flags, .ref = ref, .dom = domid};
    long ret = map_tables(va);

    if (ret == 0)
        ret = hypercall_grant_table_op(GNTTABOP_map_grant_ref, &map, 1);
    *handle = map.handle;
    return ret != 0 ? ret : map.status;
}

long grant_unmap(unsigned long va, u32 handle)
{
    struct gnttab_unmap_grant_ref unmap = {.host_addr = va, .handle = handle};
    long ret = hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1);

    return ret != 0 ? ret : unmap.status;
}
