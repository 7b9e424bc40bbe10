/* SPDX-License-Identifier: MIT */
/*
 * leaks - whatever becomes of a domain, in the end the hypervisor holds what it held before, to the frame and object
 *
 * cycles=N in the command line says how many of each end; 10 otherwise.
 */
#include <lib/builder.h>
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/operator.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

ROLE(leaver)
{
    event_alloc_unbound(DOMID_SELF, 0);
    event_bind_virq(VIRQ_TIMER, 0);
    role_mailbox()[0] = 1;
}

ROLE(failing)
{
    hypercall_set_trap_table(NULL);
    __asm__ volatile("ud2");
}

/* It never gives the CPU away and hears nothing. */
ROLE(deaf)
{
    upcalls_disable();
    role_mailbox()[0] = 1;
    for (;;)
        ;
}

/* Ports, a grant table of more frames, FIFO pages, areas: what a guest makes the hypervisor hold. */
ROLE(hoarder)
{
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 4};
    struct gnttab_set_version version = {.version = 2};
    static xen_pfn_t frames[4];
    static struct vcpu_runstate_info runstate;
    struct vcpu_register_runstate_memory_area area;

    for (u32 i = 0; i < 500; i++)
        event_alloc_unbound(DOMID_SELF, 0);
    set_xen_guest_handle(setup.frame_list, frames);
    check_equal(hypercall_grant_table_op(GNTTABOP_set_version, &version, 1), 0, "version 2");
    check_equal(hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1), 0, "setup_table");
    set_xen_guest_handle(area.addr.h, &runstate);
    check_equal(hypercall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area), 0, "runstate area");
    check_equal(hypercall_set_timer_op((s64)(time_ns() + 3600000 * MS)), 0, "a timer in an hour");
    role_mailbox()[0] = 1;
    for (;;)
        time_sleep(1000 * MS);
}

static void normal(u32 round)
{
    struct child c;

    if (child_start(&c, "leaver") != 0 || child_wait(&c, 5000 * MS) != SHUTDOWN_poweroff)
        check(false, "round %u: a child powers off", round);
    child_end(&c);
}

static void crashed(u32 round)
{
    struct child c;

    if (child_start(&c, "failing") != 0 || child_wait(&c, 5000 * MS) != SHUTDOWN_crash)
        check(false, "round %u: a child crashes", round);
    child_end(&c);
}

/* Killed at each step of its building. */
static void half_built(u32 round)
{
    struct child c;

    if (child_build(&c, "leaver", 0, 1 + round % 3, CHILD_CREATED + round % CHILD_READY) != 0)
        check(false, "round %u: half a child is built", round);
    child_end(&c);
}

/* Killed as soon as it runs, wherever it then is. */
static void booting(u32 round)
{
    struct child c;

    if (child_start(&c, "hoarder") != 0)
        check(false, "round %u: a child starts", round);
    time_sleep(round * 37 % 10 * MS / 10);
    child_end(&c);
}

static void killed(const char *role, u32 round)
{
    struct child c;

    if (child_start(&c, role) != 0 || !child_answers(&c, 0, 1, 5000 * MS))
        check(false, "round %u: %s runs", round, role);
    child_end(&c);
}

static void unanswering(u32 round)
{
    killed("deaf", round);
}

static void hoarding(u32 round)
{
    killed("hoarder", round);
}

static const struct {
    void (*end)(u32 round);
    const char *what;
} ends[] = {
    {normal, "children that power off"},      {crashed, "children that crash"},
    {half_built, "children killed half built"}, {booting, "children killed while they boot"},
    {unanswering, "children that never answer"}, {hoarding, "children that hold what they can"},
};

TEST(leaks, "domains leave nothing behind, however they end")
{
    u32 cycles = (u32)guest_option("cycles", 10);
    char before[REPORT_BYTES];

    for (u32 i = 0; i < ARRAY_SIZE(ends); i++)
        ends[i].end(0); /* what is made once for good is there after it */
    for (u32 i = 0; i < ARRAY_SIZE(ends); i++) {
        counts_take(before);
        for (u32 round = 0; round < cycles; round++)
            ends[i].end(round);
        check(true, "%u %s", cycles, ends[i].what);
        counts_check(before, "left behind nothing");
    }
}
