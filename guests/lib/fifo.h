/* SPDX-License-Identifier: MIT */
/* The FIFO ABI of event channels, on behalf of event.c; guests use event.h. */
#pragma once

#include <lib/smp.h>
#include <lib/types.h>
#include <xen/xen.h>
#include <xen/event_channel.h>

/* Event words of the first array page, 0..1023; the first 1024 ports are all a test needs. */
#define FIFO_PORTS 1024

extern volatile event_word_t fifo_words[FIFO_PORTS];
/* One page each: the hypervisor takes the frame. */
union fifo_control {
    struct evtchn_fifo_control_block block;
    u8 page[PAGE_SIZE];
};
extern volatile union fifo_control fifo_controls[GUEST_VCPUS];

void fifo_scan(u32 vcpu);
void fifo_mask(u32 port);
void fifo_clear(u32 port);
bool fifo_is_pending(u32 port);
bool fifo_is_masked(u32 port);

/* event.c: count an event and call its handler. */
void event_deliver(u32 port);
