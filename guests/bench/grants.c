/* SPDX-License-Identifier: MIT */
/* Grants of pages to ourselves. */
#include <bench/bench.h>
#include <lib/hypercall.h>
#include <lib/memory.h>

#define TABLE_VA SCRATCH_VA
#define FIRST_REF 8 /* the ones before are reserved */

static void *from, *to;

static const char *prepare_grants(void)
{
    static xen_pfn_t frame;
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1};
    grant_entry_v1_t *entries = (void *)TABLE_VA;

    set_xen_guest_handle(setup.frame_list, &frame);
    expect(hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1), 0);
    if (setup.status != GNTST_okay)
        return "no grant table";
    expect(map_page(TABLE_VA, frame, PTE_KERNEL_RW), 0);
    from = page_alloc();
    to = page_alloc();
    entries[FIRST_REF] = (grant_entry_v1_t){.flags = GTF_permit_access, .frame = (u32)page_mfn(from)};
    entries[FIRST_REF + 1] = (grant_entry_v1_t){.flags = GTF_permit_access, .frame = (u32)page_mfn(to)};
    return NULL;
}

static void copy(u16 bytes)
{
    struct gnttab_copy op = {.source = {.u.ref = FIRST_REF, .domid = DOMID_SELF},
                             .dest = {.u.ref = FIRST_REF + 1, .domid = DOMID_SELF}, .len = bytes,
                             .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref};

    expect(hypercall_grant_table_op(GNTTABOP_copy, &op, 1), 0);
    expect(op.status, GNTST_okay);
}

BENCH(grant_copy_64, prepare_grants, "copy of 64 bytes from grant to grant")
{
    copy(64);
}

BENCH(grant_copy_4096, NULL, "copy of a page from grant to grant")
{
    copy(PAGE_SIZE);
}

static long map(struct gnttab_map_grant_ref *op)
{
    *op = (struct gnttab_map_grant_ref){.flags = GNTMAP_host_map, .ref = FIRST_REF, .dom = 0,
                                        .host_addr = TABLE_VA + PAGE_SIZE};
    return hypercall_grant_table_op(GNTTABOP_map_grant_ref, op, 1);
}

static void unmap(const struct gnttab_map_grant_ref *mapped)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = mapped->host_addr, .handle = mapped->handle};

    expect(hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1), 0);
    expect(op.status, GNTST_okay);
}

static const char *prepare_map(void)
{
    struct gnttab_map_grant_ref op;

    if (map(&op) != 0)
        return "grants cannot be mapped yet";
    expect(op.status, GNTST_okay);
    unmap(&op);
    return NULL;
}

BENCH(grant_map_unmap, prepare_map, "map and unmap a grant of our own")
{
    struct gnttab_map_grant_ref op;

    expect(map(&op), 0);
    expect(op.status, GNTST_okay);
    unmap(&op);
}
