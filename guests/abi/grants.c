/* SPDX-License-Identifier: MIT */
/*
 * grants - size, setup and version of the grant table
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/test.h>

TEST(grants, "query_size, setup_table, versions")
{
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    struct gnttab_get_version get = {.dom = DOMID_SELF};
    struct gnttab_set_version set = {.version = 1};
    static xen_pfn_t frames[64];
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 2};
    const grant_entry_v1_t *entries = (const void *)SCRATCH_VA;

    check_equal(hypercall_grant_table_op(GNTTABOP_set_version, &set, 1), 0, "choose version 1");
    check_equal(set.version, 1, "version");
    check_equal(hypercall_grant_table_op(GNTTABOP_get_version, &get, 1), 0, "get_version");
    check_equal(get.version, 1, "version");
    check_equal(hypercall_grant_table_op(GNTTABOP_query_size, &size, 1), 0, "query_size");
    check(size.status == GNTST_okay && size.max_nr_frames >= 4, "at most %u frames", size.max_nr_frames);
    set_xen_guest_handle(setup.frame_list, frames);
    check_equal(hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1), 0, "setup_table");
    check_equal(setup.status, GNTST_okay, "status");
    check(frames[0] != 0 && frames[1] != 0 && frames[0] != frames[1], "frames %lx and %lx", frames[0], frames[1]);
    check_equal(map_page(SCRATCH_VA, frames[0], PTE_KERNEL_RW), 0, "map the first");
    check_equal(entries[8].flags, 0, "its entries are free");
    check_fault(fault_of(((volatile grant_entry_v1_t *)entries)[8].frame = 1), NO_FAULT, 0, "it can be written");
    check_equal(map_page(SCRATCH_VA, 0, 0), 0, "unmap it");
    hypercall_grant_table_op(GNTTABOP_query_size, &size, 1);
    check(size.nr_frames >= 2, "%u frames", size.nr_frames);
    setup.nr_frames = size.max_nr_frames + 1;
    check_equal(hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1), 0, "setup_table with too many frames");
    check_equal(setup.status, GNTST_general_error, "status");
    size.dom = 1234;
    check_equal(hypercall_grant_table_op(GNTTABOP_query_size, &size, 1), 0, "query_size of a domain that is not there");
    check_equal(size.status, GNTST_bad_domain, "status");
    set.version = 3;
    check_equal(hypercall_grant_table_op(GNTTABOP_set_version, &set, 1), -XEN_EINVAL, "version 3");
    check_equal(hypercall_grant_table_op(99, &set, 1), -XEN_ENOSYS, "an unknown operation");
    check_equal(hypercall_grant_table_op(GNTTABOP_query_size, (void *)8, 1), -XEN_EFAULT, "a bad pointer");
}
