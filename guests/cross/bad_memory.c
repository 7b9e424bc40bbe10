/* SPDX-License-Identifier: MIT */
/*
 * bad_memory - frames of others, extents that overlap or wrap around, maps and claims out of range: which error
 */
#include <lib/builder.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/operator.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

#define NOBODY 0x7000 /* a domain id that is not used */
#define AT (SCRATCH_VA + 0x600000)
#define NO_FRAME 0xfffffffful

ROLE(sleeper)
{
    role_mailbox()[1] = page_mfn(page_alloc());
    role_mailbox()[2] = root_mfn();
    role_mailbox()[0] = 1;
    for (;;)
        time_sleep(1000 * MS);
}

static void check_mappings(struct child *c)
{
    u64 frame = c->mailbox[1], root = c->mailbox[2], mine = page_mfn(page_alloc());

    check_equal(map_foreign(AT, frame, PTE_KERNEL_RW, c->domid), 0, "map a frame");
    check_equal(map_set((const void *)AT, 0), 0, "unmap it");
    check_equal(map_foreign(AT, frame, PTE_KERNEL_RW, NOBODY), -XEN_ESRCH, "as one of no domain");
    check_equal(map_foreign(AT, mine, PTE_KERNEL_RW, c->domid), -XEN_EBUSY, "one that is not that domain's");
    check_equal(map_foreign(AT, NO_FRAME, PTE_KERNEL_RW, c->domid), -XEN_EPERM, "one that there is not");
    check_equal(map_foreign(AT, root, PTE_KERNEL_RW, c->domid), -XEN_EBUSY, "a page table of the domain, writable");
    check_equal(map_foreign(AT, root, PTE_KERNEL_RO, c->domid), 0, "and read-only");
    check_equal(map_set((const void *)AT, 0), 0, "unmap it");
    check_equal(map_set((const void *)AT, frame * PAGE_SIZE | PTE_KERNEL_RW), -XEN_EBUSY, "one of another as one's own");
}

static void check_tables(struct child *c)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = page_mfn(page_alloc())};
    u64 frame = c->mailbox[1];

    check_equal(hypercall_mmuext_op(&op, 1, NULL, c->domid), -XEN_EINVAL, "pin a frame of ours for another");
    op.arg1.mfn = NO_FRAME;
    check_equal(hypercall_mmuext_op(&op, 1, NULL, c->domid), -XEN_EINVAL, "pin a frame that there is not");
    check_equal(hypercall_mmuext_op(&op, 1, NULL, NOBODY), -XEN_ESRCH, "pin for no domain");
    op = (struct mmuext_op){.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = frame};
    check_equal(hypercall_mmuext_op(&op, 1, NULL, c->domid), -XEN_EINVAL, "unpin what is not pinned");
    check_equal(mmuext(MMUEXT_NEW_BASEPTR, c->mailbox[2]), -XEN_EINVAL, "another's root table as one's own");
}

static xen_pfn_t list[4];

static long reservation(unsigned int op, u16 domid, u64 extents, u32 order)
{
    struct xen_memory_reservation r = {.nr_extents = extents, .extent_order = order, .domid = domid};

    set_xen_guest_handle(r.extent_start, list);
    return hypercall_memory_op(op, &r);
}

static void check_extents(struct child *c)
{
    u64 mine = page_mfn(page_alloc());

    list[0] = list[1] = 700;
    check_equal(reservation(XENMEM_populate_physmap, NOBODY, 1, 0), 0, "extents for no domain");
    check_equal(reservation(XENMEM_populate_physmap, c->domid, 1, 20), 0, "an extent of 4 GiB");
    check_equal(reservation(XENMEM_populate_physmap, c->domid, 1, 64), 0, "an extent of more than there can be");
    check_equal(reservation(XENMEM_populate_physmap, c->domid, ~0ul, 0), 0, "as many extents as cannot be");
    check_equal(reservation(XENMEM_populate_physmap, c->domid, 1ul << 61, 0), 0, "a list that wraps around");
    list[0] = mine;
    check_equal(reservation(XENMEM_decrease_reservation, c->domid, 1, 0), 0, "take a frame from who does not have it");
    list[0] = NO_FRAME;
    check_equal(reservation(XENMEM_decrease_reservation, c->domid, 1, 0), 0, "take one that there is not");
    list[0] = ~0ul;
    check_equal(reservation(XENMEM_decrease_reservation, c->domid, 1, 9), 0, "take frames that wrap around");
}

/* The same frame twice in one list: it is given back once. */
static void check_overlap(struct child *c)
{
    struct xen_domctl_getdomaininfo before, after;

    domain_info(c->domid, &before);
    list[0] = 800;
    if (!check_equal(reservation(XENMEM_populate_physmap, c->domid, 1, 0), 1, "one more page"))
        return;
    list[1] = list[0];
    check_equal(reservation(XENMEM_decrease_reservation, c->domid, 2, 0), 1, "give it back twice at once");
    domain_info(c->domid, &after);
    check(before.tot_pages == after.tot_pages, "and it has as many as before: %lu", (u64)after.tot_pages);
}

static void check_exchange(struct child *c)
{
    struct xen_memory_exchange x = {.in = {.nr_extents = 1, .domid = DOMID_SELF}, .out = {.nr_extents = 2, .domid = DOMID_SELF}};
    struct xen_memory_exchange bad;
    static xen_pfn_t out[2];

    list[0] = page_mfn(page_alloc());
    set_xen_guest_handle(x.in.extent_start, list);
    set_xen_guest_handle(x.out.extent_start, out);
    check_equal(hypercall_memory_op(XENMEM_exchange, &x), -XEN_EINVAL, "exchange one page for two");
    x.out.nr_extents = 1;
    bad = x;
    bad.out.domid = c->domid;
    check_equal(hypercall_memory_op(XENMEM_exchange, &bad), -XEN_EINVAL, "one of ours for one of another");
    bad = x;
    bad.in.extent_order = bad.out.extent_order = 64;
    check(hypercall_memory_op(XENMEM_exchange, &bad) < 0, "extents of more than there can be");
    bad = x;
    bad.nr_exchanged = 2;
    check_equal(hypercall_memory_op(XENMEM_exchange, &bad), -XEN_EINVAL, "with more done than there are");
    list[0] = c->mailbox[1];
    bad = x;
    check_equal(hypercall_memory_op(XENMEM_exchange, &bad), -XEN_EINVAL, "a frame of another");
}

static void check_tools(struct child *c)
{
    struct xen_memory_reservation claim = {.nr_extents = 1ul << 40, .domid = c->domid};
    struct xen_foreign_memory_map map = {.domid = c->domid, .map.nr_entries = 100000};
    struct xen_mem_acquire_resource r = {.domid = c->domid, .type = XENMEM_resource_grant_table, .nr_frames = 1};
    domid_t nobody = NOBODY;

    check_equal(hypercall_memory_op(XENMEM_claim_pages, &claim), -XEN_EINVAL, "claim more than it may have");
    claim.domid = NOBODY;
    check_equal(hypercall_memory_op(XENMEM_claim_pages, &claim), -XEN_EINVAL, "claim for no domain");
    check_equal(hypercall_memory_op(XENMEM_set_memory_map, &map), -XEN_EINVAL, "a map of 100000 entries");
    map = (struct xen_foreign_memory_map){.domid = NOBODY};
    check_equal(hypercall_memory_op(XENMEM_set_memory_map, &map), -XEN_ESRCH, "a map for no domain");
    set_xen_guest_handle(r.frame_list, list);
    r.frame = ~0ul;
    check_equal(hypercall_memory_op(XENMEM_acquire_resource, &r), -XEN_EINVAL, "frames of a resource that wrap around");
    r.frame = 100000;
    check_equal(hypercall_memory_op(XENMEM_acquire_resource, &r), -XEN_EINVAL, "that are out of range");
    r.frame = 0;
    r.type = 77;
    check_equal(hypercall_memory_op(XENMEM_acquire_resource, &r), -XEN_EOPNOTSUPP, "of no known kind");
    r.domid = NOBODY;
    check_equal(hypercall_memory_op(XENMEM_acquire_resource, &r), -XEN_ESRCH, "of no domain");
    check_equal(hypercall_memory_op(XENMEM_current_reservation, &nobody), -XEN_ESRCH, "the pages of no domain");
}

TEST(bad_memory, "frames of others, extents and maps out of range")
{
    char counts[REPORT_BYTES];
    struct child c;

    counts_take(counts);
    check_equal(child_start(&c, "sleeper"), 0, "start a child");
    if (!check(child_answers(&c, 0, 1, 5000 * MS), "it runs"))
        return;
    check_mappings(&c);
    check_tables(&c);
    check_extents(&c);
    check_overlap(&c);
    check_exchange(&c);
    check_tools(&c);
    child_end(&c);
    counts_check(counts, "left behind nothing");
}
