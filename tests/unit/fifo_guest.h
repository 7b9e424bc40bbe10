/* SPDX-License-Identifier: MIT */
/* The guest's side of the FIFO ABI: control blocks, event words, and taking events off the queues. */
#ifndef FIFO_GUEST_H
#define FIFO_GUEST_H

#include "ipc_fixture.h"
#include <machine/fault.h>

#define W_PENDING (1u << EVTCHN_FIFO_PENDING)
#define W_MASKED  (1u << EVTCHN_FIFO_MASKED)
#define W_LINKED  (1u << EVTCHN_FIFO_LINKED)
#define W_BUSY    (1u << EVTCHN_FIFO_BUSY)
#define W_LINK    ((u32)EVTCHN_FIFO_LINK_MASK)
#define WORDS     1024u

static gfn_t word_pages[DOMAINS][128];
static u32 nr_word_pages[DOMAINS];
static u32 local_head[VCPUS][EVTCHN_FIFO_MAX_QUEUES];   /* domain 0's vcpus: where they are in each queue */

static inline u32 *word(u16 i, u32 port) { return (u32 *)guest_mem(word_pages[i][port / WORDS]) + port % WORDS; }
static inline struct evtchn_fifo_control_block *control(u32 vcpu) { return dom[0].vcpus[vcpu].control; }

static inline void give_words(u16 i)
{
    gfn_t g = guest_page(i);

    word_pages[i][nr_word_pages[i]++] = g;
    assert_int_equal(evtchn_expand_array(&dom[i].ev, g), 0);
}

/* Domain 0 changes to FIFO with this many vcpus and pages of words. */
static inline void fifo_up(u32 vcpus, u32 pages)
{
    nr_word_pages[0] = nr_word_pages[1] = 0;
    memset(local_head, 0, sizeof(local_head));
    for (u32 v = 0; v < vcpus; v++)
        assert_int_equal(evtchn_init_control(A, v, guest_page(0), 8 * v), 0);
    for (u32 i = 0; i < pages; i++)
        give_words(0);
}

/* Takes the first event of a queue off it; 0: none is left. The queue's ready bit has been taken by the caller. */
static inline u32 take_head(u32 vcpu, u32 priority, u32 *ready)
{
    u32 port = local_head[vcpu][priority], old, next;

    if (!port) {
        interleave_point();
        port = __atomic_load_n(&control(vcpu)->head[priority], __ATOMIC_SEQ_CST);
    }
    interleave_point();
    old = __atomic_fetch_and(word(0, port), ~(W_LINKED | W_LINK), __ATOMIC_SEQ_CST);
    next = old & W_LINK;
    local_head[vcpu][priority] = next;
    if (!next)
        *ready &= ~(1u << priority);
    return port;
}

/* One upcall: takes everything, highest priority first; calls got() for what is pending and not masked. */
static inline void take_all(u32 vcpu, void (*got)(u32 vcpu, u32 port, u32 priority))
{
    u32 ready;

    if (!dom[0].vcpus[vcpu].info->evtchn_upcall_pending)
        return;
    dom[0].vcpus[vcpu].info->evtchn_upcall_pending = 0;
    interleave_point();
    ready = __atomic_exchange_n(&control(vcpu)->ready, 0, __ATOMIC_SEQ_CST);
    while (ready) {
        u32 priority = (u32)__builtin_ctz(ready), port = take_head(vcpu, priority, &ready), *w = word(0, port);

        interleave_point();
        if ((READ_ONCE(*w) & (W_PENDING | W_MASKED)) == W_PENDING) {
            __atomic_fetch_and(w, ~W_PENDING, __ATOMIC_SEQ_CST);
            got(vcpu, port, priority);
        }
        ready |= __atomic_exchange_n(&control(vcpu)->ready, 0, __ATOMIC_SEQ_CST);
    }
}

/* What Linux does to unmask: by itself if nothing is pending, else by hypercall. */
static inline void guest_unmask(u32 port)
{
    u32 *w = word(0, port), old = READ_ONCE(*w);

    while ((old & W_MASKED) && !(old & W_PENDING)) {
        u32 expected = old & ~W_BUSY;

        interleave_point();
        if (__atomic_compare_exchange_n(w, &expected, expected & ~W_MASKED, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return;
        old = expected;
    }
    if (old & W_MASKED)
        assert_int_equal(evtchn_unmask(A, port), 0);
}

#endif
