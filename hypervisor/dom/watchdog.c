/* SPDX-License-Identifier: MIT */
/*
 * Watchdogs that a domain sets for itself: one that is not set again in time shuts the domain down, which its toolstack
 * sees as the reason. A handler takes the domain's lock, so these timers have a lock of their own.
 */
#include <dom/domain.h>
#include <lib/errno.h>
#include <xen/sched.h>

static void expired(void *data)
{
    struct domain *d = data;

    if (READ_ONCE(d->dying) || READ_ONCE(d->shutting_down))
        return;
    pr_warn("Domain %u: its watchdog expired\n", d->id);
    domain_shutdown(d, SHUTDOWN_watchdog);
}

void watchdogs_init(struct domain *d)
{
    spin_lock_init(&d->watchdog_lock, RANK_DOMAIN);
    for (unsigned i = 0; i < DOMAIN_WATCHDOGS; i++)
        timer_init(&d->watchdogs[i], expired, d, cpu_id());
}

void watchdogs_stop(struct domain *d)
{
    for (unsigned i = 0; i < DOMAIN_WATCHDOGS; i++)
        timer_stop(&d->watchdogs[i]);
}

static void arm(struct timer *t, u32 seconds)
{
    timer_migrate(t, cpu_id());
    timer_set(t, time_now_ns() + (u64)seconds * 1000000000);
}

static long take(struct domain *d, u32 seconds)
{
    for (unsigned i = 0; i < DOMAIN_WATCHDOGS; i++)
        if (!(d->watchdogs_used & BIT(i))) {
            d->watchdogs_used |= BIT(i);
            arm(&d->watchdogs[i], seconds);
            return i + 1;
        }
    return -ENOSPC;
}

static long change(struct domain *d, unsigned i, u32 seconds)
{
    if (!(d->watchdogs_used & BIT(i)))
        return -EINVAL;
    if (seconds) {
        arm(&d->watchdogs[i], seconds);
    } else {
        timer_stop(&d->watchdogs[i]);
        d->watchdogs_used &= ~(u32)BIT(i);
    }
    return 0;
}

long domain_watchdog(struct domain *d, u32 id, u32 seconds)
{
    long rc;

    if (id > DOMAIN_WATCHDOGS)
        return -EINVAL;
    spin_lock(&d->watchdog_lock);
    rc = id ? change(d, id - 1, seconds) : take(d, seconds);
    spin_unlock(&d->watchdog_lock);
    return rc;
}
