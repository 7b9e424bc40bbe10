/* SPDX-License-Identifier: MIT */
/*
 * mapped - a domain is killed while others have its memory mapped
 *
 * It stays listed as dying, with just those pages, whose contents do not change under who maps them, and refuses what
 * needs a living domain. When the last mapping goes, so does the domain, and whoever gets the frame next finds zeros.
 */
#include <lib/builder.h>
#include <lib/grant.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/operator.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

#define MAPPED_VA (SCRATCH_VA + 0x200000)
#define SECRET 0x5ec7e75ec7e7ul
#define GRANTED GRANT_FIRST /* reference of the granted page */

/* Shares a page of secrets: tells its frame number, grants it to domain 0 and to the domain it is told. */
ROLE(sharer)
{
    u64 *page = page_alloc();

    for (u32 i = 0; i < 512; i++)
        page[i] = SECRET + i;
    grant_give(GRANTED, 0, page_mfn(page), false);
    grant_give(GRANTED + 1, (u16)guest_option("user", 0), page_mfn(page), false);
    role_mailbox()[1] = page_pfn(page);
    role_mailbox()[0] = 1;
    for (;;)
        time_sleep(1000 * MS);
}

static bool is_secret(const u64 *page)
{
    for (u32 i = 0; i < 512; i++)
        if (page[i] != SECRET + i)
            return false;
    return true;
}

/* Maps what another child grants it, until it is told to let go. */
ROLE(user)
{
    u32 handle;

    while (role_mailbox()[0] == 0)
        time_sleep(MS);
    check_equal(grant_map((u16)role_mailbox()[0], GRANTED + 1, MAPPED_VA, GNTMAP_host_map, &handle), GNTST_okay, "map a grant");
    role_mailbox()[1] = 1;
    while (role_mailbox()[1] == 1)
        time_sleep(MS);
    check(is_secret((const u64 *)MAPPED_VA), "the page is as it was");
    check_equal(grant_unmap(MAPPED_VA, handle), GNTST_okay, "unmap it");
    role_mailbox()[1] = 3;
    for (;;)
        time_sleep(1000 * MS);
}

/* Dying, and only what is mapped is left. */
static void check_dying(struct child *c)
{
    struct xen_domctl_getdomaininfo info;
    struct xen_domctl op = {.cmd = 0};
    struct evtchn_alloc_unbound alloc = {.dom = c->domid, .remote_dom = 0};
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = c->domid};
    xen_pfn_t pfn = 600;

    check_equal(child_kill(c), 0, "kill it");
    time_sleep(20 * MS);
    check_equal(domain_info(c->domid, &info), 0, "it is still listed");
    check((info.flags & XEN_DOMINF_dying) != 0, "as dying");
    check_equal((long)info.tot_pages, 1, "pages");
    check_equal(domctl(&op, XEN_DOMCTL_destroydomain, c->domid), 0, "kill it again");
    check_equal(hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &alloc), -XEN_EINVAL, "alloc_unbound for it");
    set_xen_guest_handle(r.extent_start, &pfn);
    check_equal(hypercall_memory_op(XENMEM_populate_physmap, &r), 0, "extents it gets");
}

/* Pages for the probe, whose frames are then in its list: how many. */
static long give_some(struct child *probe)
{
    struct xen_memory_reservation r = {.nr_extents = CHILD_MAX_PAGES, .domid = probe->domid};

    for (u32 i = 0; i < CHILD_MAX_PAGES; i++)
        probe->frames[i] = CHILD_FIRST_PFN + i;
    set_xen_guest_handle(r.extent_start, probe->frames);
    return hypercall_memory_op(XENMEM_populate_physmap, &r);
}

/* Gives all free memory to a domain until the frame is among it; the domain is `probe`. */
static bool give_out(struct child *probe, u64 frame)
{
    struct xen_domctl op = {.u.max_mem.max_memkb = 1u << 30};
    long done;

    check_equal(domctl(&op, XEN_DOMCTL_max_mem, probe->domid), 0, "no limit for the probe");
    do {
        done = give_some(probe);
        for (long i = 0; i < done; i++)
            if (probe->frames[i] == frame)
                return true;
    } while (done == CHILD_MAX_PAGES);
    return false;
}

static void check_scrubbed(struct child *probe, u64 frame)
{
    const u64 *page = (const u64 *)MAPPED_VA;
    u64 bits = 0;

    if (!check(give_out(probe, frame), "another domain gets the frame"))
        return;
    check_equal(map_foreign(MAPPED_VA, frame, PTE_KERNEL_RO, probe->domid), 0, "map it");
    for (u32 i = 0; i < 512; i++)
        bits |= page[i];
    check(bits == 0, "it is all zeros");
    map_set(page, 0);
}

static u64 start_sharer(struct child *c, u16 user)
{
    char words[32];

    snprintf(words, sizeof(words), "sharer user=%u", user);
    check_equal(child_start(c, words), 0, "start a child");
    if (!check(child_answers(c, 0, 1, 5000 * MS), "it runs"))
        return 0;
    return child_frame(c, c->mailbox[1]);
}

static long map_as_toolstack(struct child *c, u64 frame, u32 *handle)
{
    *handle = 0;
    return map_foreign(MAPPED_VA, frame, PTE_KERNEL_RW, c->domid);
}

static long unmap_as_toolstack(u32 handle)
{
    (void)handle;
    return map_set((const void *)MAPPED_VA, 0);
}

static long map_as_backend(struct child *c, u64 frame, u32 *handle)
{
    (void)frame;
    return grant_map(c->domid, GRANTED, MAPPED_VA, GNTMAP_host_map, handle);
}

static long unmap_as_backend(u32 handle)
{
    return grant_unmap(MAPPED_VA, handle);
}

/* The probe is there before, so that what it consists of does not take the frame. */
static void kill_mapped(long (*map)(struct child *, u64, u32 *), long (*unmap)(u32 handle))
{
    struct child c, probe;
    u32 handle;
    u64 frame;

    check_equal(child_build(&probe, "", 0, 0, CHILD_CREATED), 0, "a domain for the frame");
    frame = start_sharer(&c, 0);
    check_equal(map(&c, frame, &handle), 0, "map its page");
    check_dying(&c);
    check(is_secret((const u64 *)MAPPED_VA), "the page is as it was");
    check_equal(unmap(handle), 0, "let go");
    check(domain_gone(c.domid, 5000 * MS), "it is gone");
    check_equal(domctl(&(struct xen_domctl){.cmd = 0}, XEN_DOMCTL_destroydomain, c.domid), -XEN_ESRCH, "kill nobody");
    check_scrubbed(&probe, frame);
    child_end(&probe);
}

TEST(foreign, "killed while domain 0 maps a frame as the toolstack does")
{
    char counts[REPORT_BYTES];

    counts_take(counts);
    kill_mapped(map_as_toolstack, unmap_as_toolstack);
    counts_check(counts, "left behind nothing");
}

TEST(granted, "killed while domain 0 maps a grant")
{
    char counts[REPORT_BYTES];

    kill_mapped(map_as_backend, unmap_as_backend); /* domain 0 has a table of what it maps from now on */
    counts_take(counts);
    kill_mapped(map_as_backend, unmap_as_backend);
    counts_check(counts, "left behind nothing");
}

TEST(peer_granted, "killed while another domain maps a grant; then that one, with a grant mapped")
{
    char counts[REPORT_BYTES];
    struct child c, user;

    counts_take(counts);
    check_equal(child_start(&user, "user"), 0, "start a user");
    for (u32 round = 0; round < 2; round++) {
        start_sharer(&c, user.domid);
        user.mailbox[0] = c.domid;
        check(child_answers(&user, 1, 1, 5000 * MS), "it maps the other's grant");
        check_dying(&c);
        if (round == 0) {
            user.mailbox[1] = 2;
            check(child_answers(&user, 1, 3, 5000 * MS), "the user lets go");
            check(domain_gone(c.domid, 5000 * MS), "it is gone");
            child_end(&user);
            check_equal(child_start(&user, "user"), 0, "start another user");
        }
    }
    child_end(&user);
    check(domain_gone(c.domid, 5000 * MS), "with the one that maps it, it is gone, too");
    counts_check(counts, "left behind nothing");
}

/* Whether all pages that the probe has got are zeros. */
static bool all_zeros(const struct child *probe, u32 pages)
{
    const u64 *page = (const u64 *)MAPPED_VA;
    u64 bits = 0;

    for (u32 i = 0; i < pages && bits == 0; i++) {
        if (map_foreign(MAPPED_VA, probe->frames[i], PTE_KERNEL_RO, probe->domid) != 0)
            return check(false, "map frame %lx", probe->frames[i]);
        for (u32 k = 0; k < 512; k++)
            bits |= page[k];
        if (bits != 0)
            printf("  frame %lx is not clean\n", probe->frames[i]);
    }
    map_set(page, 0);
    return bits == 0;
}

TEST(clean, "what a domain gets tells nothing of what was there, be it another domain's or the hypervisor's own")
{
    struct child probe, others[16];
    bool clean = true;

    check_equal(child_build(&probe, "", CHILD_MAX_PAGES, 0, CHILD_CREATED), 0, "a domain that gets memory");
    for (u32 i = 0; i < ARRAY_SIZE(others); i++)
        check_equal(child_start(&others[i], "sharer"), 0, "start another");
    for (u32 i = 0; i < ARRAY_SIZE(others); i++)
        child_answers(&others[i], 0, 1, 5000 * MS);
    for (u32 i = 0; i < ARRAY_SIZE(others); i++)
        child_end(&others[i]);
    check_equal(domctl(&(struct xen_domctl){.u.max_mem.max_memkb = 1u << 30}, XEN_DOMCTL_max_mem, probe.domid), 0, "no limit");
    for (u32 round = 0; round < 8 && clean; round++) { /* as much as the others had, and more */
        clean = give_some(&probe) == CHILD_MAX_PAGES && all_zeros(&probe, CHILD_MAX_PAGES);
    }
    check(clean, "all it gets is zeros");
    child_end(&probe);
}
