/* SPDX-License-Identifier: MIT */
/*
 * Runs the guest that is its module as a domain without rights, and prints what that prints: guests/run --domu. The
 * domain has as many vcpus as domain 0 could have, and is killed at the end, or after a minute.
 */
#include <lib/builder.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/string.h>
#include <lib/time.h>

static void pass_on(const struct child *c)
{
    printf("%s\n", c->line);
}

void guest_main(void)
{
    struct xen_domctl op = {.cmd = 0};
    struct child c;
    long ret = child_build(&c, "", CHILD_MAX_PAGES, 4, CHILD_READY), reason;

    if (ret != 0)
        guest_panic("the domain cannot be built: %ld", ret);
    c.on_line = pass_on;
    ret = domctl(&op, XEN_DOMCTL_unpausedomain, c.domid);
    if (ret != 0)
        guest_panic("it cannot run: %ld", ret);
    reason = child_wait(&c, 60000 * MS);
    if (reason != SHUTDOWN_poweroff)
        printf("Domain %u ended with %ld\n", c.domid, reason);
    ret = child_kill(&c);
    if (ret != 0 || !domain_gone(c.domid, 5000 * MS))
        guest_panic("it does not die: %ld", ret);
}
