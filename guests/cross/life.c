/* SPDX-License-Identifier: MIT */
/*
 * life - a domain that domain 0 built runs, talks, and ends as it wants to
 */
#include <lib/builder.h>
#include <lib/cpu.h>
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

ROLE(talker)
{
    char line[128];

    for (u32 i = 0; i < 100; i++)
        printf("  ok   line %u of more than fit the ring\n", i);
    snprintf(line, sizeof(line), "%ld", guest_option("answer", 0));
    check(strcmp(line, "42") == 0, "the command line arrives");
    check(!is_domain0(), "it is not domain 0");
    check(rdtsc() != 0 && time_ns() != 0, "it has a clock");
    role_mailbox()[3] = 0x600d;
}

ROLE(crasher)
{
    hypercall_set_trap_table(NULL); /* it has none: the next trap ends the domain */
    __asm__ volatile("ud2");
}

TEST(life, "a child boots, answers and powers off; another one crashes")
{
    struct xen_domctl_getdomaininfo info;
    struct child c;

    check_equal(child_build(&c, "talker answer=42", 0, 0, CHILD_READY), 0, "build a child");
    check_equal(domain_info(c.domid, &info), 0, "it is listed");
    check_equal(info.flags & (XEN_DOMINF_paused | XEN_DOMINF_dying | XEN_DOMINF_shutdown), XEN_DOMINF_paused, "paused");
    check(info.tot_pages >= c.pages, "with %lu pages", (u64)info.tot_pages);
    check_equal(domctl(&(struct xen_domctl){.cmd = 0}, XEN_DOMCTL_unpausedomain, c.domid), 0, "let it run");
    check_equal(child_wait(&c, 5000 * MS), SHUTDOWN_poweroff, "it powers off");
    check_equal((long)c.mailbox[3], 0x600d, "and has left a word");
    child_end(&c);
    check_equal(child_start(&c, "crasher"), 0, "start another");
    check_equal(child_wait(&c, 5000 * MS), SHUTDOWN_crash, "it crashes");
    child_end(&c);
}

/* What xl list shows of a domain whose toolstack died while it built it. */
TEST(unfinished, "a domain that has no vcpu up yet is paused, and neither runs nor blocks")
{
    struct xen_domctl_getdomaininfo info;
    struct child c;

    check_equal(child_build(&c, "", 0, 0, CHILD_CREATED), 0, "create a child");
    check_equal(domain_info(c.domid, &info), 0, "it is listed");
    check_equal(info.nr_online_vcpus, 0, "vcpus up");
    check_equal(info.flags & ((1u << XEN_DOMINF_shutdownshift) - 1), XEN_DOMINF_paused, "flags");
    child_end(&c);
}
