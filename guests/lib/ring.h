/* SPDX-License-Identifier: MIT */
/*
 * The rings of split devices: the macros of <xen/io/ring.h>, with the barriers that they want, and what every front end
 * does with them. `ring` points at a front ring of any device, `port` is its event channel.
 */
#pragma once

#include <lib/event.h>
#include <lib/time.h>
#include <lib/types.h>

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <xen/io/ring.h>

/* Show the back end the requests that were made since the last time, and tell it if it sleeps. */
#define ring_push(ring, port)                                                                                          \
    do {                                                                                                               \
        int notify_;                                                                                                   \
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(ring, notify_);                                                            \
        if (notify_)                                                                                                   \
            event_send(port);                                                                                          \
    } while (0)

/* Wait until there is a response to take, for at most `ns`; whether there is one. */
#define ring_wait(ring, port, ns)                                                                                      \
    ({                                                                                                                 \
        u64 end_ = time_ns() + (ns);                                                                                   \
        int more_;                                                                                                     \
        for (;;) {                                                                                                     \
            u32 count_ = event_count(port);                                                                            \
            u64 now_ = time_ns();                                                                                      \
            RING_FINAL_CHECK_FOR_RESPONSES(ring, more_);                                                               \
            if (more_ || now_ >= end_ || !event_wait(port, count_, end_ - now_))                                       \
                break;                                                                                                 \
        }                                                                                                              \
        more_ != 0;                                                                                                    \
    })
