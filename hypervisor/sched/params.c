/* SPDX-License-Identifier: MIT */
/*
 * What can be set: weight and cap of a domain, slice lengths of the machine. Owns struct sched_domain. A cap is a budget
 * for each period of CAP_PERIOD_NS; who runs it over owes the rest, so that the average is exact. It is refilled when
 * somebody looks; the timer runs only while a unit waits for it.
 */
#include <lib/errno.h>
#include <sched/ops.h>
#include <xen/sysctl.h>

#define CAP_PERIOD_NS 30000000UL
#define CAP_SLICE_NS 10000000UL     /* so long units of such domains run before they are charged */
#define CAP_SAVED_PERIODS 4
#define DEBT_PERIODS_MAX 1000UL     /* as many vcpus can owe no more, each having run for one slice too long */

struct sched_params sched_params = { .slice_ms = 30, .ratelimit_us = 1000, .migration_delay_us = 0 };

static s64 quota(const struct sched_domain *d) { return (s64)(CAP_PERIOD_NS / 100 * d->cap); }

/* Who had to wait for a CPU makes up for it; what others have run and not been charged for is not forgiven. */
static s64 most(const struct sched_domain *d) { return CAP_SAVED_PERIODS * quota(d) + (s64)(d->units * CAP_SLICE_NS); }

static void refilled(void *data) { sched_kick(); }

void sched_domain_init(struct sched_domain *d, unsigned cpu)
{
    *d = (struct sched_domain){ .weight = SCHED_WEIGHT_DEFAULT, .pace = 1UL << 32 };
    spin_lock_init(&d->lock, RANK_SCHED_CAP);
    timer_init(&d->refill, refilled, d, cpu);
}

void sched_domain_fini(struct sched_domain *d)
{
    if (d->refill.fn)
        timer_stop(&d->refill);
}

void sched_unit_join(struct sched_unit *u, struct sched_domain *d)
{
    spin_lock(&d->lock);
    d->units++;
    spin_unlock(&d->lock);
    u->domain = d;
}

int sched_domain_set(struct sched_domain *d, u32 weight, u32 cap)
{
    if (weight == 0 || weight > SCHED_WEIGHT_MAX || cap > 0xffff)
        return -EINVAL;
    spin_lock(&d->lock);
    d->weight = weight;
    WRITE_ONCE(d->pace, ((u64)SCHED_WEIGHT_DEFAULT << 32) / weight);
    WRITE_ONCE(d->cap, cap);
    d->budget_ns = quota(d);
    d->refill_ns = time_now_ns() + CAP_PERIOD_NS;
    spin_unlock(&d->lock);
    sched_kick_all();           /* also those that run one of its units, which may have no limit yet */
    return 0;
}

void sched_domain_get(struct sched_domain *d, u32 *weight, u32 *cap)
{
    spin_lock(&d->lock);
    *weight = d->weight;
    *cap = d->cap;
    spin_unlock(&d->lock);
}

u64 sched_cap_left(struct sched_domain *d, u64 now)
{
    s64 left;

    if (!READ_ONCE(d->cap))
        return ~0UL;
    spin_lock(&d->lock);
    if (now >= d->refill_ns) {
        u64 periods = (now - d->refill_ns) / CAP_PERIOD_NS + 1;
        s64 refill = (s64)min(periods, DEBT_PERIODS_MAX) * quota(d);

        d->budget_ns = min(d->budget_ns + refill, most(d));
        d->refill_ns += periods * CAP_PERIOD_NS;
    }
    left = d->budget_ns;
    if (left <= 0 && !d->refill.armed)
        timer_set(&d->refill, d->refill_ns);
    spin_unlock(&d->lock);
    return left <= 0 ? 0 : min((u64)left, CAP_SLICE_NS);
}

void sched_cap_charge(struct sched_domain *d, u64 ran_ns)
{
    if (!READ_ONCE(d->cap))
        return;
    spin_lock(&d->lock);
    d->budget_ns -= (s64)ran_ns;
    spin_unlock(&d->lock);
}

int sched_params_set(const struct sched_params *p)
{
    if (p->slice_ms < XEN_SYSCTL_CSCHED_TSLICE_MIN || p->slice_ms > XEN_SYSCTL_CSCHED_TSLICE_MAX ||
        p->ratelimit_us > XEN_SYSCTL_SCHED_RATELIMIT_MAX || p->ratelimit_us > p->slice_ms * 1000 ||
        (p->ratelimit_us && p->ratelimit_us < XEN_SYSCTL_SCHED_RATELIMIT_MIN) ||
        p->migration_delay_us > XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US)
        return -EINVAL;
    sched_params = *p;
    return 0;
}

struct sched_params sched_params_get(void) { return sched_params; }
