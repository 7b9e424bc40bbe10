/* SPDX-License-Identifier: MIT */
/*
 * churn - domains that use each other's memory and ports as fast as they can are killed at any moment and replaced
 *
 * Pairs of children map, copy and pass on grants of each other's, connect ports, exchange memory and pin tables; what
 * fails because the other one has just died, fails. Domain 0 maps a grant, too, and kills one child after the other, at
 * times that depend on seed=N. rounds=N (40) deaths later, nothing is left.
 */
#include <lib/builder.h>
#include <lib/event.h>
#include <lib/grant.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/operator.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

#define CHILDREN 4
#define AT (SCRATCH_VA + 0xc00000)
#define GRANTS 4

enum { PARTNER, PORT, LOOPS }; /* words of the mailbox: the other's id, a port for it, rounds done */

static u64 random_state;

static u32 random_below(u32 limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (u32)(random_state >> 32) % limit;
}

/* ---- a child ---- */

static u64 *given[GRANTS];

static void use_grants(u16 partner)
{
    struct gnttab_copy copy = {.source = {.u.ref = GRANT_FIRST, .domid = partner}, .len = 4096,
                               .flags = GNTCOPY_source_gref};
    u32 handles[GRANTS];
    long status[GRANTS];

    for (u32 i = 0; i < GRANTS; i++)
        status[i] = grant_map(partner, GRANT_FIRST + i, AT + i * PAGE_SIZE, GNTMAP_host_map, &handles[i]);
    for (u32 i = 0; i < GRANTS; i++)
        if (status[i] == GNTST_okay)
            ((volatile u64 *)(AT + i * PAGE_SIZE))[random_below(512)]++;
    copy.dest.domid = DOMID_SELF;
    copy.dest.u.gmfn = page_mfn(given[0]);
    hypercall_grant_table_op(GNTTABOP_copy, &copy, 1);
    for (u32 i = 0; i < GRANTS; i++)
        if (status[i] == GNTST_okay)
            check_equal(grant_unmap(AT + i * PAGE_SIZE, handles[i]), GNTST_okay, "unmap what was mapped");
}

static void use_ports(u16 partner)
{
    long mine = event_alloc_unbound(DOMID_SELF, partner), its;

    if (mine > 0) {
        role_mailbox()[PORT] = (u64)mine;
        event_send((u32)mine);
    }
    its = event_bind_interdomain(partner, 1 + random_below(8));
    if (its > 0) {
        event_send((u32)its);
        event_close((u32)its);
    }
    if (mine > 0)
        event_close((u32)mine);
}

/* A page that becomes a table and is one no more; a frame that is given back for another one. */
static void use_memory(void)
{
    void *table = page_alloc(), *page = page_alloc();
    xen_pfn_t frame = page_mfn(page);
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};
    u64 pfn = page_pfn(page);

    page_protect(table, false);
    if (check_equal(mmuext(MMUEXT_PIN_L1_TABLE, page_mfn(table)), 0, "pin a table"))
        mmuext(MMUEXT_UNPIN_TABLE, page_mfn(table));
    page_protect(table, true);
    set_xen_guest_handle(r.extent_start, &frame);
    map_set(page, 0);
    check_equal(hypercall_memory_op(XENMEM_decrease_reservation, &r), 1, "give a page back");
    frame = pfn;
    check_equal(hypercall_memory_op(XENMEM_populate_physmap, &r), 1, "get another");
    *p2m_slot(pfn) = frame;
    check_equal(map_set(page, frame * PAGE_SIZE | PTE_KERNEL_RW), 0, "map it");
    page_free(page);
    page_free(table);
}

ROLE(busy)
{
    random_state = (u64)guest_option("seed", 1) * 0x9e3779b97f4a7c15;
    for (u32 i = 0; i < GRANTS; i++)
        given[i] = page_alloc();
    for (;;) {
        u16 partner = (u16)role_mailbox()[PARTNER];

        for (u32 i = 0; i < GRANTS; i++)
            grant_give(GRANT_FIRST + i, i == GRANTS - 1 ? 0 : partner, page_mfn(given[i]), false);
        for (u32 i = 0; i < 20 && partner == role_mailbox()[PARTNER]; i++) {
            use_grants(partner);
            use_ports(partner);
            use_memory();
            role_mailbox()[LOOPS]++;
        }
        for (u32 i = 0; i < GRANTS; i++)
            grant_take_back(GRANT_FIRST + i);
    }
}

/* ---- domain 0 ---- */

static struct child children[CHILDREN];

static void introduce(u32 i)
{
    children[i].mailbox[PARTNER] = children[i ^ 1].domid;
    children[i ^ 1].mailbox[PARTNER] = children[i].domid;
}

static bool start(u32 i, u32 seed)
{
    static char words[CHILDREN][32];
    struct xen_domctl op = {.cmd = 0};

    snprintf(words[i], sizeof(words[i]), "busy seed=%u", seed);
    return check_equal(child_build(&children[i], words[i], 0, 0, CHILD_READY), 0, "start a child") &&
           check_equal(domctl(&op, XEN_DOMCTL_unpausedomain, children[i].domid), 0, "it runs");
}

/* One child dies, while domain 0 may have a page of it, and another takes its place. */
static bool replace(u32 i, u32 seed)
{
    struct xen_domctl op = {.cmd = 0};
    struct sched_remote_shutdown crash = {.domain_id = children[i].domid, .reason = SHUTDOWN_crash};
    u16 domid = children[i].domid;
    u32 handle, way = random_below(4);
    long mapped = grant_map(domid, GRANT_FIRST + GRANTS - 1, AT, GNTMAP_host_map, &handle);
    bool good = true;

    if (way == 0)
        hypercall_sched_op(SCHEDOP_remote_shutdown, &crash);
    if (way == 1)
        domctl(&op, XEN_DOMCTL_pausedomain, domid);
    good = child_kill(&children[i]) == 0;
    if (mapped == GNTST_okay)
        good = grant_unmap(AT, handle) == GNTST_okay && good;
    return check(good, "a child dies") && start(i, seed);
}

/* What domain 0 has for mappings is there from now on. */
static void map_something(void)
{
    void *page = page_alloc();
    u32 handle;

    grant_give(GRANT_FIRST, 0, page_mfn(page), false);
    check_equal(grant_map(0, GRANT_FIRST, AT, GNTMAP_host_map, &handle), GNTST_okay, "map a grant of its own");
    check_equal(grant_unmap(AT, handle), GNTST_okay, "unmap it");
    grant_take_back(GRANT_FIRST);
    page_free(page);
}

TEST(churn, "domains that use each other die at any moment")
{
    u32 rounds = (u32)guest_option("rounds", 40), seed = (u32)guest_option("seed", (long)(rdtsc() & 0xffff));
    char counts[REPORT_BYTES];
    u16 last_domid = 0;
    u64 loops = 0;

    printf("  seed=%u\n", seed);
    random_state = (seed + 1) * 0x9e3779b97f4a7c15;
    map_something();
    counts_take(counts);
    for (u32 i = 0; i < CHILDREN; i++)
        if (!start(i, seed + i))
            return;
    introduce(0);
    introduce(2);
    for (u32 round = 0; round < rounds; round++) {
        u32 i = random_below(CHILDREN);

        time_sleep(random_below(4000) * (MS / 1000));
        for (u32 k = 0; k < CHILDREN; k++)
            child_drain(&children[k]);
        loops += children[i].mailbox[LOOPS];
        if (!replace(i, seed + round))
            return;
        introduce(i);
        last_domid = children[i].domid;
    }
    check(loops > rounds, "they had done %lu loops when they died", loops);
    for (u32 i = 0; i < CHILDREN; i++)
        check_equal(child_kill(&children[i]), 0, "kill the last");
    check(domain_gone(last_domid, 5000 * MS), "they are gone");
    map_something(); /* a mapping that failed has let go of it, if it was the only one */
    counts_check(counts, "left behind nothing");
}
