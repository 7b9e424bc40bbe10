/* SPDX-License-Identifier: MIT */
/*
 * The FIFO ABI: one event word per port in pages the guest gives us, and per vcpu 16 queues, one per priority, linked
 * through the words' link fields; the vcpu's control block holds the heads and a ready bit per queue.
 *
 * PENDING is set with one atomic operation that also shows whether more is to do: a MASKED word is left for the guest
 * to unmask, a LINKED one will be looked at when the guest gets there (it clears LINKED before it reads PENDING). Only
 * an unmasked, unlinked word needs the queue's lock to be appended. The guest may write anything at any time; all the
 * hypervisor trusts is its own tail. A tail whose word is no longer LINKED has been consumed: its queue is empty.
 *
 * A CPU announces in fifo_users[] which domain's pages it is writing to, so that leaving the ABI can wait for it.
 */
#include <ipc/evtchn_port.h>
#include <lib/string.h>
#include <machine/cpu.h>
#include <machine/fault.h>
#include <machine/map.h>
#include <mm/heap.h>

#define WORD_PENDING (1u << EVTCHN_FIFO_PENDING)
#define WORD_MASKED  (1u << EVTCHN_FIFO_MASKED)
#define WORD_LINKED  (1u << EVTCHN_FIFO_LINKED)
#define WORD_BUSY    (1u << EVTCHN_FIFO_BUSY)
#define WORD_LINK    ((u32)EVTCHN_FIFO_LINK_MASK)

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define WORD_PAGES     (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define LINK_ATTEMPTS  8            /* a guest that keeps changing the word meanwhile breaks the protocol */

struct evtchn_fifo {
    u32 nr_pages;                   /* (l) */
    u32 *pages[WORD_PAGES];         /* (a, written under l) mapped guest pages, held writable */
};

void *evtchn_page_map(struct evtchn_domain *d, gfn_t g)
{
    struct gfn_held held;

    return gfn_hold(d->mm, g, HOLD_WRITE, &held) ? NULL : frame_map(gfn_held_mfn(&held));
}

void evtchn_page_unmap(struct evtchn_domain *d, void *p)
{
    struct gfn_held held = { d->mm, frame_entry(frame_of_ptr(p)), HOLD_WRITE };

    frame_unmap(p);
    gfn_release(&held);
}

/* NULL: the guest uses the 2-level ABI or has not given the page for this port yet. */
static u32 *word_of(const struct evtchn_domain *d, u32 port)
{
    struct evtchn_fifo *f = evtchn_fifo(d);
    u32 *page = f ? __atomic_load_n(&f->pages[port / WORDS_PER_PAGE % WORD_PAGES], __ATOMIC_ACQUIRE) : NULL;

    return page ? page + port % WORDS_PER_PAGE : NULL;
}

static u32 word_or(u32 *word, u32 bits)
{
    interleave_point();
    return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static u32 word_clear(u32 *word, u32 bits)
{
    interleave_point();
    return __atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
}

static bool word_test(const u32 *word, u32 bits) { return word && (READ_ONCE(*word) & bits); }

/* ---- queues ---- */

static struct evtchn_queue *queue_of(const struct evtchn_domain *d, u16 id)
{
    return &d->vcpus[id / EVTCHN_FIFO_MAX_QUEUES]->queue[id % EVTCHN_FIFO_MAX_QUEUES];
}

/*
 * Makes the tail's word point at port. False: the tail is no longer linked. BUSY asks the guest to leave the word
 * alone, after a first attempt has failed; a guest that does not is given up on: it loses its own events.
 */
static bool set_link(u32 *tail, u32 port)
{
    u32 old = READ_ONCE(*tail);

    for (unsigned i = 0; i < LINK_ATTEMPTS && (old & WORD_LINKED); i++) {
        interleave_point();
        if (__atomic_compare_exchange_n(tail, &old, (old & ~(WORD_BUSY | WORD_LINK)) | port, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return true;
        old = word_or(tail, WORD_BUSY) | WORD_BUSY;
    }
    if (old & WORD_BUSY)
        word_clear(tail, WORD_BUSY);
    return old & WORD_LINKED;
}

/* Appends to queue q, of the vcpu with this control block. Both queues are locked. True: q was empty. */
static bool append(struct evtchn *c, struct evtchn_queue *old_q, struct evtchn_queue *q, u32 *head)
{
    u32 *tail;

    /* It was the tail somewhere and is not linked any more: that queue is empty. */
    if (old_q->tail == c->port)
        old_q->tail = 0;
    tail = q->tail ? word_of(c->domain, q->tail) : NULL;
    if (tail && set_link(tail, c->port)) {
        q->tail = c->port;
        return false;
    }
    q->tail = c->port;
    __atomic_store_n(head, c->port, __ATOMIC_RELEASE);
    return true;
}

static void link_event(struct evtchn *c, struct evtchn_vcpu *v, u32 *word)
{
    struct evtchn_fifo_control_block *control = __atomic_load_n(&v->control, __ATOMIC_ACQUIRE);
    u8 priority = READ_ONCE(c->priority);
    struct evtchn_queue *q = &v->queue[priority], *old_q;
    bool was_empty = false;
    u16 last;

    if (!control)       /* the vcpu takes no events yet; PENDING stays for when the guest unmasks it */
        return;
    for (;;) {
        last = READ_ONCE(c->last_queue);
        old_q = queue_of(c->domain, last);
        spin_lock_pair(&old_q->lock, &q->lock);
        if (last == READ_ONCE(c->last_queue))
            break;
        spin_unlock_pair(&old_q->lock, &q->lock);
    }
    if (!(word_or(word, WORD_LINKED) & WORD_LINKED)) {
        was_empty = append(c, old_q, q, &control->head[priority]);
        WRITE_ONCE(c->last_queue, (u16)(v->id * EVTCHN_FIFO_MAX_QUEUES + priority));
    }
    spin_unlock_pair(&old_q->lock, &q->lock);
    frame_dirty(frame_of_ptr(control));
    if (was_empty && !(word_or(&control->ready, 1u << priority) & (1u << priority)))
        evtchn_notify(v);
}

/* ---- one port ---- */

static struct { const struct evtchn_domain *domain; } aligned(64) fifo_users[NR_CPUS];

static void fifo_use_begin(const struct evtchn_domain *d)
{
    __atomic_store_n(&fifo_users[cpu_id()].domain, d, __ATOMIC_SEQ_CST);
}
static void fifo_use_end(void) { __atomic_store_n(&fifo_users[cpu_id()].domain, NULL, __ATOMIC_RELEASE); }

static void set_pending(struct evtchn *c, struct evtchn_vcpu *v)
{
    u32 *word = word_of(c->domain, c->port), old;

    if (!word) {
        /* evtchn_expand_array() publishes the page first and reads this after: one of the two sees the other. */
        interleave_point();
        __atomic_store_n(&c->latched, true, __ATOMIC_SEQ_CST);
        word = word_of(c->domain, c->port);
    }
    if (!word)
        return;
    old = word_or(word, WORD_PENDING);
    frame_dirty(frame_of_ptr(word));
    if (!(old & (WORD_MASKED | WORD_LINKED)))
        link_event(c, v, word);
    if (!(old & WORD_PENDING))
        evtchn_wake_pollers(c->domain, c->port);
}

void evtchn_fifo_set_pending(struct evtchn *c, struct evtchn_vcpu *v)
{
    fifo_use_begin(c->domain);
    set_pending(c, v);
    fifo_use_end();
}

void evtchn_fifo_clear_pending(struct evtchn *c)
{
    u32 *word = word_of(c->domain, c->port);

    WRITE_ONCE(c->latched, false);
    if (word)
        word_clear(word, WORD_PENDING);
}

void evtchn_fifo_unmask(struct evtchn *c, struct evtchn_vcpu *v)
{
    u32 *word;

    fifo_use_begin(c->domain);
    word = word_of(c->domain, c->port);
    if (word && (word_clear(word, WORD_MASKED) & WORD_PENDING))
        set_pending(c, v);
    fifo_use_end();
}

bool evtchn_fifo_is_pending(const struct evtchn *c)
{
    bool pending;

    fifo_use_begin(c->domain);
    pending = word_test(word_of(c->domain, c->port), WORD_PENDING);
    fifo_use_end();
    return pending;
}

bool evtchn_fifo_is_masked(const struct evtchn *c)
{
    const u32 *word = word_of(c->domain, c->port);

    return !word || word_test(word, WORD_MASKED);
}
bool evtchn_fifo_is_linked(const struct evtchn *c) { return word_test(word_of(c->domain, c->port), WORD_LINKED); }

/* ---- the guest's operations ---- */

/* First control block of the domain: events pending in the bitmaps are kept for the event words to come. */
static int fifo_enter(struct evtchn_domain *d)
{
    struct evtchn_fifo *f = mem_alloc(sizeof(*f));

    if (!f)
        return -ENOMEM;
    __atomic_store_n(&d->fifo, f, __ATOMIC_SEQ_CST);
    for (u32 port = 1; port < d->nr_ports; port++) {
        struct evtchn *c = evtchn_slot(d, port);

        if (c->state > EVTCHN_RESERVED && evtchn_2l_is_pending(c))
            __atomic_store_n(&c->latched, true, __ATOMIC_SEQ_CST);
    }
    return 0;
}

int evtchn_init_control(struct evtchn_domain *d, u32 vcpu, gfn_t g, u32 offset)
{
    struct evtchn_vcpu *v = evtchn_vcpu(d, vcpu);
    void *page = NULL;
    int rc = 0;

    if (!v)
        return -ENOENT;
    if (offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || offset % 8)
        return -EINVAL;
    spin_lock(&d->lock);
    if (!v->control)
        page = evtchn_page_map(d, g);
    if (!page)
        rc = -EINVAL;
    else if (!d->fifo)
        rc = fifo_enter(d);
    if (!rc)
        __atomic_store_n(&v->control, page + offset, __ATOMIC_RELEASE);
    else if (page)
        evtchn_page_unmap(d, page);
    spin_unlock(&d->lock);
    return rc;
}

/* Raises what was latched while the words of this page were missing. */
static void raise_latched(struct evtchn_domain *d, u32 first)
{
    for (u32 port = first; port < first + WORDS_PER_PAGE && port < d->nr_ports; port++) {
        struct evtchn *c = evtchn_slot(d, port);

        if (__atomic_exchange_n(&c->latched, false, __ATOMIC_SEQ_CST) && c->state > EVTCHN_RESERVED)
            evtchn_set_pending(c);
    }
}

int evtchn_expand_array(struct evtchn_domain *d, gfn_t g)
{
    struct evtchn_fifo *f;
    u32 *page;
    int rc = 0;

    spin_lock(&d->lock);
    f = d->fifo;
    if (!f) {
        rc = -EOPNOTSUPP;
    } else if (f->nr_pages == WORD_PAGES) {
        rc = -ENOSPC;
    } else if (!(page = evtchn_page_map(d, g))) {
        rc = -EINVAL;
    } else {
        __atomic_store_n(&f->pages[f->nr_pages++], page, __ATOMIC_SEQ_CST);
        raise_latched(d, (f->nr_pages - 1) * WORDS_PER_PAGE);
    }
    spin_unlock(&d->lock);
    return rc;
}

int evtchn_set_priority(struct evtchn_domain *d, u32 port, u32 priority)
{
    struct evtchn *c = evtchn_lookup(d, port);
    int rc = 0;

    if (!c)
        return -EINVAL;
    spin_lock(&d->lock);
    if (!d->fifo)
        rc = -ENOSYS;
    else if (priority > EVTCHN_FIFO_PRIORITY_MIN)
        rc = -EINVAL;
    else
        WRITE_ONCE(c->priority, (u8)priority);      /* where it is linked now it stays until consumed */
    spin_unlock(&d->lock);
    return rc;
}

/* ---- leaving ---- */

bool evtchn_fifo_audit_queue(const struct evtchn_domain *d, const struct evtchn_queue *q, u32 id)
{
    return !q->tail || (d->fifo && q->tail < d->fifo->nr_pages * WORDS_PER_PAGE && q->tail < d->nr_ports &&
                        evtchn_slot(d, q->tail)->last_queue == id);
}

bool evtchn_page_held(const struct evtchn_domain *d, const void *p)
{
    const struct frame *f = frame_entry(frame_of_ptr(p));

    return frame_owner(f) == d->domid && frame_refs(f) && frame_type(f) == TYPE_WRITABLE && type_count(f);
}

bool evtchn_fifo_pages_held(const struct evtchn_domain *d)
{
    for (u32 i = 0; d->fifo && i < d->fifo->nr_pages; i++)
        if (!evtchn_page_held(d, d->fifo->pages[i]))
            return false;
    return true;
}

void evtchn_fifo_leave(struct evtchn_domain *d)
{
    struct evtchn_fifo *f = d->fifo;

    if (!f)
        return;
    __atomic_store_n(&d->fifo, NULL, __ATOMIC_SEQ_CST);
    for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
        while (__atomic_load_n(&fifo_users[cpu].domain, __ATOMIC_SEQ_CST) == d)
            cpu_relax();
    for (u32 i = 0; i < d->max_vcpus; i++) {
        struct evtchn_vcpu *v = d->vcpus[i];

        if (!v || !v->control)
            continue;
        evtchn_page_unmap(d, v->control);
        v->control = NULL;
        for (unsigned q = 0; q < EVTCHN_FIFO_MAX_QUEUES; q++)
            v->queue[q].tail = 0;
    }
    for (u32 i = 0; i < f->nr_pages; i++)
        evtchn_page_unmap(d, f->pages[i]);
    mem_free(f);
}
