/* SPDX-License-Identifier: MIT */
/*
 * many - 64 domains at once in 3 GiB, each woken by its own timer; children=N in the command line for another number
 */
#include <lib/builder.h>
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/operator.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

#define TICK (10 * MS)
#define TICKS 50        /* that each must have had */
#define MORE_EXTENTS 8  /* of 2 MiB: with what it is built of, 17 MiB */

static void tick(u32 port)
{
    (void)port;
    role_mailbox()[0]++;
    hypercall_set_timer_op((s64)(time_ns() + TICK));
}

/* Blocks between ticks. Each takes a time of its own to start, so that they do not all tick at once. */
ROLE(ticker)
{
    long port = event_bind_virq(VIRQ_TIMER, 0);

    if (!check(port > 0, "a timer"))
        return;
    event_set_handler((u32)port, tick);
    event_unmask((u32)port);
    hypercall_set_timer_op((s64)(time_ns() + TICK));
    for (;;)
        hypercall_sched_op(SCHEDOP_block, NULL); /* with upcalls enabled, for as long as nothing is pending */
}

static long more_memory(const struct child *c, u32 extents)
{
    static xen_pfn_t pfns[MORE_EXTENTS];
    struct xen_memory_reservation r = {.nr_extents = extents, .extent_order = 9, .domid = c->domid};
    struct xen_domctl op = {.u.max_mem.max_memkb = (extents * 512 + CHILD_PAGES + 16) * 4};
    long ret = domctl(&op, XEN_DOMCTL_max_mem, c->domid);

    for (u32 i = 0; i < extents; i++)
        pfns[i] = (i + 1) * 512;
    set_xen_guest_handle(r.extent_start, pfns);
    return ret != 0 ? ret : extents - hypercall_memory_op(XENMEM_populate_physmap, &r);
}

static struct child children[CHILD_SLOTS];

static u32 start_all(u32 wanted)
{
    u32 extents = wanted <= 64 ? MORE_EXTENTS : MORE_EXTENTS * 64 / wanted;

    for (u32 i = 0; i < wanted; i++)
        if (child_start(&children[i], "ticker") != 0 || more_memory(&children[i], extents) != 0) {
            check(false, "child %u of %u starts", i, wanted);
            child_end(&children[i]);
            return i;
        }
    return wanted;
}

/* From when all are there. */
static void check_ticks(u32 alive, u64 ns)
{
    static u64 before[CHILD_SLOTS];
    u64 start = time_ns(), took;

    for (u32 i = 0; i < alive; i++)
        before[i] = children[i].mailbox[0];
    for (u32 i = 0; i < alive; i++)
        while (children[i].mailbox[0] - before[i] < TICKS) {
            if (time_ns() - start > ns) {
                check(false, "child %u has ticked %lu times", i, children[i].mailbox[0] - before[i]);
                return;
            }
            time_sleep(5 * MS);
        }
    took = time_ns() - start;
    check(took >= (TICKS - 1) * TICK, "%u domains have ticked %u times each in %u ms", alive, TICKS, (u32)(took / MS));
}

TEST(many, "many domains at once, each with a timer")
{
    u32 wanted = (u32)guest_option("children", 64), alive;
    char before[REPORT_BYTES], full[REPORT_BYTES];

    counts_take(before);
    alive = start_all(wanted);
    counts_take(full);
    printf("  %s\n", full);
    check_ticks(alive, 20000 * MS);
    for (u32 i = 0; i < alive; i++)
        child_drain(&children[i]);
    for (u32 i = 0; i < alive; i++)
        if (child_kill(&children[i]) != 0)
            check(false, "child %u dies", i);
    for (u32 i = 0; i < alive; i++)
        if (!domain_gone(children[i].domid, 5000 * MS))
            check(false, "child %u is gone", i);
    counts_check(before, "left behind nothing");
}
