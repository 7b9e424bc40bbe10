/* SPDX-License-Identifier: MIT */
/*
 * The 2-level ABI: a pending and a mask bit per port in the shared-info page, and in each vcpu's info block a selector
 * with one bit per word of pending bits. A port's pending bit going from 0 to 1 while unmasked sets the selector bit,
 * that going from 0 to 1 sets the upcall flag. No lock; the order of the atomic operations is the protocol.
 * After a reset from the FIFO ABI ports beyond the bitmaps exist (free): every function ignores them.
 */
#include <ipc/evtchn_port.h>
#include <machine/map.h>

static bool in_bitmap(const struct evtchn *c) { return c->port < EVTCHN_2L_NR_CHANNELS; }

static void select_and_notify(struct evtchn_vcpu *v, u32 port)
{
    if (!bit_test_and_set_atomic(&evtchn_info(v)->evtchn_pending_sel, port / 64))
        evtchn_notify(v);
}

void evtchn_2l_set_pending(struct evtchn *c, struct evtchn_vcpu *v)
{
    struct evtchn_domain *d = c->domain;

    if (!in_bitmap(c) || bit_test_and_set_atomic(d->pending, c->port))
        return;
    frame_dirty(frame_of_ptr(d->pending));
    if (!bit_test(d->mask, c->port))
        select_and_notify(v, c->port);
    evtchn_wake_pollers(d, c->port);
}

void evtchn_2l_clear_pending(struct evtchn *c)
{
    if (in_bitmap(c))
        bit_clear_atomic(c->domain->pending, c->port);
}

void evtchn_2l_unmask(struct evtchn *c, struct evtchn_vcpu *v)
{
    struct evtchn_domain *d = c->domain;

    if (in_bitmap(c) && bit_test_and_clear_atomic(d->mask, c->port) && bit_test(d->pending, c->port))
        select_and_notify(v, c->port);
}

bool evtchn_2l_is_pending(const struct evtchn *c) { return in_bitmap(c) && bit_test(c->domain->pending, c->port); }
bool evtchn_2l_is_masked(const struct evtchn *c) { return !in_bitmap(c) || bit_test(c->domain->mask, c->port); }
