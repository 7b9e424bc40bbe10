/* SPDX-License-Identifier: MIT */
/*
 * FIFO event channels: 16 queues of linked event words, highest priority (0) first. One array page.
 */
#include <lib/event.h>
#include <lib/fifo.h>
#include <lib/hypercall.h>
#include <lib/memory.h>

#define WORD_PENDING (1u << EVTCHN_FIFO_PENDING)
#define WORD_MASKED (1u << EVTCHN_FIFO_MASKED)
#define WORD_LINKED (1u << EVTCHN_FIFO_LINKED)
#define WORD_LINK ((1u << EVTCHN_FIFO_LINK_BITS) - 1)

volatile event_word_t fifo_words[FIFO_PORTS] PAGE_ALIGNED;
volatile union fifo_control fifo_controls[GUEST_VCPUS] PAGE_ALIGNED;

/* Of each vcpu: where the consumer is in each queue; 0: take the control block's head */
static u32 all_heads[GUEST_VCPUS][EVTCHN_FIFO_MAX_QUEUES];

long fifo_init_vcpu(u32 vcpu)
{
    struct evtchn_init_control init = {.control_gfn = page_mfn((const void *)&fifo_controls[vcpu]), .vcpu = vcpu};

    return hypercall_event_channel_op(EVTCHNOP_init_control, &init);
}

long fifo_init(void)
{
    struct evtchn_expand_array expand = {.array_gfn = page_mfn((const void *)fifo_words)};
    long ret;

    for (u32 port = 0; port < FIFO_PORTS; port++)
        fifo_words[port] = WORD_MASKED;
    ret = fifo_init_vcpu(0);
    if (ret == 0) {
        fifo_active = true;
        ret = hypercall_event_channel_op(EVTCHNOP_expand_array, &expand);
    }
    return ret;
}

/* Take an event out of its queue: returns the next one, 0 at the end. Clears LINKED and LINK in one step. */
static u32 unlink_word(volatile event_word_t *word)
{
    event_word_t old = *word;

    while (!__atomic_compare_exchange_n(word, &old, old & ~(WORD_LINKED | WORD_LINK), false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
        ;
    return old & WORD_LINK;
}

/* Deliver one event of a queue; when that was the last, the queue is no longer ready. */
static void consume(u32 vcpu, u32 queue, u32 *ready)
{
    u32 *heads = all_heads[vcpu], port = heads[queue];

    if (port == 0) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        port = fifo_controls[vcpu].block.head[queue];
    }
    heads[queue] = unlink_word(&fifo_words[port]);
    if (heads[queue] == 0)
        *ready &= ~(1u << queue);
    if ((fifo_words[port] & (WORD_PENDING | WORD_MASKED)) == WORD_PENDING) {
        fifo_clear(port);
        event_deliver(port);
    }
}

void fifo_scan(u32 vcpu)
{
    volatile u32 *control_ready = &fifo_controls[vcpu].block.ready;
    u32 ready = __atomic_exchange_n(control_ready, 0, __ATOMIC_SEQ_CST);

    while (ready != 0) {
        consume(vcpu, (u32)__builtin_ctz(ready), &ready);
        ready |= __atomic_exchange_n(control_ready, 0, __ATOMIC_SEQ_CST);
    }
}

void fifo_mask(u32 port)
{
    __atomic_fetch_or(&fifo_words[port], WORD_MASKED, __ATOMIC_SEQ_CST);
}

void fifo_clear(u32 port)
{
    __atomic_fetch_and(&fifo_words[port], ~WORD_PENDING, __ATOMIC_SEQ_CST);
}

bool fifo_is_pending(u32 port)
{
    return (fifo_words[port] & WORD_PENDING) != 0;
}

bool fifo_is_masked(u32 port)
{
    return (fifo_words[port] & WORD_MASKED) != 0;
}
