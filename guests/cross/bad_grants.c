/* SPDX-License-Identifier: MIT */
/*
 * bad_grants - references and handles that are out of range, of others or not as asked, and domains that are not there
 */
#include <lib/builder.h>
#include <lib/grant.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

#define NOBODY 0x7000 /* a domain id that is not used */
#define AT (SCRATCH_VA + 0x400000)

enum { WRITABLE = GRANT_FIRST, READONLY, FOR_ANOTHER, NO_FRAME, UNUSED };

ROLE(granter)
{
    u64 mfn = page_mfn(page_alloc());

    grant_give(WRITABLE, 0, mfn, false);
    grant_give(READONLY, 0, mfn, true);
    grant_give(FOR_ANOTHER, NOBODY, mfn, false);
    grant_give(NO_FRAME, 0, 0xfffffff, false);
    role_mailbox()[0] = 1;
    for (;;)
        time_sleep(1000 * MS);
}

static void check_maps(u16 from)
{
    u32 handle, second;
    struct fault fault;

    check_equal(grant_map(NOBODY, WRITABLE, AT, GNTMAP_host_map, &handle), GNTST_bad_domain, "of no domain");
    check_equal(grant_map(from, 100000, AT, GNTMAP_host_map, &handle), GNTST_bad_gntref, "reference out of range");
    check_equal(grant_map(from, ~0u, AT, GNTMAP_host_map, &handle), GNTST_bad_gntref, "the last reference");
    check_equal(grant_map(from, UNUSED, AT, GNTMAP_host_map, &handle), GNTST_general_error, "not granted");
    check_equal(grant_map(from, FOR_ANOTHER, AT, GNTMAP_host_map, &handle), GNTST_general_error, "for another");
    check_equal(grant_map(from, READONLY, AT, GNTMAP_host_map, &handle), GNTST_general_error, "writable if it is not");
    check_equal(grant_map(from, WRITABLE, AT, 0, &handle), GNTST_bad_gntref, "nowhere");
    check_equal(grant_map(from, WRITABLE, AT, GNTMAP_host_map, &handle), GNTST_okay, "as granted");
    check_equal(grant_map(from, READONLY, AT + PAGE_SIZE, GNTMAP_host_map | GNTMAP_readonly, &second), GNTST_okay,
                "another, read-only");
    fault = fault_of(*(volatile u64 *)(AT + PAGE_SIZE) = 1);
    check(fault.vector == VECTOR_PF, "which cannot be written");
    check_equal(grant_unmap(AT, 100000), GNTST_bad_handle, "unmap a handle out of range");
    check_equal(grant_unmap(AT, ~0u), GNTST_bad_handle, "unmap the last handle");
    check_equal(grant_unmap(AT, second), GNTST_general_error, "unmap one at another's address");
    check_equal(grant_unmap(AT, handle), GNTST_okay, "unmap");
    check_equal(grant_unmap(AT, handle), GNTST_bad_handle, "unmap again");
    check_equal(grant_unmap(AT + PAGE_SIZE, second), GNTST_okay, "unmap the other");
}

static long copy(struct gnttab_copy op)
{
    long ret = hypercall_grant_table_op(GNTTABOP_copy, &op, 1);

    return ret != 0 ? ret : op.status;
}

static void check_copies(u16 from)
{
    u64 mine = page_mfn(page_alloc());
    struct gnttab_copy op = {.source = {.u.ref = WRITABLE, .domid = from}, .dest = {.u.gmfn = mine, .domid = DOMID_SELF},
                             .len = 16, .flags = GNTCOPY_source_gref};
    struct gnttab_copy bad;

    check_equal(copy(op), GNTST_okay, "copy from a grant");
    bad = op;
    bad.len = 4097;
    check_equal(copy(bad), GNTST_bad_copy_arg, "more than a page");
    bad = op;
    bad.source.offset = 4090;
    check_equal(copy(bad), GNTST_bad_copy_arg, "across the end of the source");
    bad = op;
    bad.dest.offset = 0xfff8;
    check_equal(copy(bad), GNTST_bad_copy_arg, "to an offset that wraps");
    bad = op;
    bad.source.u.ref = UNUSED;
    check_equal(copy(bad), GNTST_general_error, "from what is not granted");
    bad = op;
    bad.source.domid = NOBODY;
    check_equal(copy(bad), GNTST_bad_domain, "from no domain");
    bad = op;
    bad.dest.u.gmfn = 0xfffffff;
    check(copy(bad) < 0, "to a frame that there is not");
    bad = op;
    bad.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
    bad.dest.u.ref = READONLY;
    bad.dest.domid = from;
    check_equal(copy(bad), GNTST_general_error, "to a read-only grant");
    bad = op;
    bad.flags = 0;
    bad.source.u.gmfn = mine;
    check_equal(copy(bad), GNTST_permission_denied, "from another's frame by number");
}

static void check_tables(u16 other)
{
    struct gnttab_query_size size = {.dom = NOBODY};
    struct gnttab_setup_table setup = {.dom = NOBODY, .nr_frames = 1};
    struct gnttab_transfer transfer = {.mfn = 0xfffffff, .domid = other, .ref = UNUSED};
    static xen_pfn_t frames[2];

    set_xen_guest_handle(setup.frame_list, frames);
    check_equal(hypercall_grant_table_op(GNTTABOP_query_size, &size, 1), 0, "query_size");
    check_equal(size.status, GNTST_bad_domain, "of no domain");
    check_equal(hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1), 0, "setup_table");
    check_equal(setup.status, GNTST_bad_domain, "of no domain");
    check_equal(hypercall_grant_table_op(GNTTABOP_transfer, &transfer, 1), 0, "transfer");
    check_equal(transfer.status, GNTST_bad_page, "a frame that there is not");
    transfer.mfn = page_mfn(page_alloc());
    transfer.domid = NOBODY;
    check_equal(hypercall_grant_table_op(GNTTABOP_transfer, &transfer, 1), 0, "transfer");
    check(transfer.status < 0, "to no domain: %d", transfer.status);
}

TEST(bad_grants, "grants of others, out of range and of nobody")
{
    struct child c;

    check_equal(child_start(&c, "granter"), 0, "start a child");
    if (!check(child_answers(&c, 0, 1, 5000 * MS), "it runs"))
        return;
    check_maps(c.domid);
    check_copies(c.domid);
    check_tables(c.domid);
    child_end(&c);
}
