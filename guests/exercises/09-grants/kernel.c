/* SPDX-License-Identifier: MIT */
/*
 * Both sides of a grant in one domain, which is also its own client: a page is offered, mapped at another address, copied
 * from, and taken back.
 */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/store.h>
#include <lib/string.h>
#include <xen/grant_table.h>

#define REF      8 /* the first entries are for console and store */
#define TABLE_VA SCRATCH_VA
#define MAP_VA   (SCRATCH_VA + 0x200000)

static grant_entry_v1_t *table;

/* The table is the hypervisor's page until we map it. */
static void get_table(void)
{
    static xen_pfn_t frame;
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1};

    set_xen_guest_handle(setup.frame_list, &frame);
    hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1);
    if (setup.status != GNTST_okay || map_page(TABLE_VA, frame, PTE_KERNEL_RW) != 0)
        guest_panic("no grant table");
    table = (grant_entry_v1_t *)TABLE_VA;
}

/* What the entry permits must be written before the flags say that it does. */
static void offer(u16 domid, const void *page, u16 flags)
{
    table[REF].domid = domid;
    table[REF].frame = (u32)page_mfn(page);
    __atomic_store_n(&table[REF].flags, GTF_permit_access | flags, __ATOMIC_RELEASE);
}

/* Only while nobody uses it. */
static bool take_back(void)
{
    u16 flags = table[REF].flags;

    if (flags & (GTF_reading | GTF_writing))
        return false;
    return __atomic_compare_exchange_n(&table[REF].flags, &flags, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static int16_t map(u16 domid, u32 flags, u32 *handle)
{
    struct gnttab_map_grant_ref op = {.host_addr = MAP_VA, .flags = flags, .ref = REF, .dom = domid};

    map_tables(MAP_VA);
    hypercall_grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    *handle = op.handle;
    return op.status;
}

static int16_t unmap(u32 handle)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = MAP_VA, .handle = handle};

    hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1);
    return op.status;
}

static int16_t copy_from(u16 domid, void *to)
{
    struct gnttab_copy op = {.source = {.u.ref = REF, .domid = domid}, .dest = {.u.gmfn = page_mfn(to), .domid = DOMID_SELF},
                             .len = 64, .flags = GNTCOPY_source_gref};

    hypercall_grant_table_op(GNTTABOP_copy, &op, 1);
    return op.status;
}

void guest_main(void)
{
    char *page = page_alloc(), *other = page_alloc();
    u32 handle;
    u16 self;

    upcalls_enable();
    self = store_domid();
    get_table();
    snprintf(page, 64, "what is in the page");
    offer(self, page, GTF_readonly);
    printf("Mapping what may only be read for writing: status %d\n", map(self, GNTMAP_host_map, &handle));
    offer(self, page, 0);
    printf("Mapping it: status %d\n", map(self, GNTMAP_host_map, &handle));
    printf("Through the mapping I read: %s\n", (const char *)MAP_VA);
    snprintf((char *)MAP_VA, 64, "what came through the mapping");
    printf("In the page is now: %s\n", page);
    printf("Taking it back while it is mapped: %s\n", take_back() ? "done" : "no");
    printf("Unmapping: status %d\n", unmap(handle));
    printf("Copying without a mapping: status %d, %s\n", copy_from(self, other), other);
    printf("Taking it back: %s\n", take_back() ? "done" : "no");
    printf("Copying now: status %d\n", copy_from(self, other));
}
