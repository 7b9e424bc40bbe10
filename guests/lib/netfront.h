/* SPDX-License-Identifier: MIT */
/* A network front end: sends and receives Ethernet frames through a back end in another domain. One queue. */
#pragma once

#include <lib/ring.h>
#include <lib/types.h>
#include <lib/xenbus.h>
#include <xen/io/netif.h>

#define NET_BUFFERS 64  /* pages for frames that come */
#define NET_SENDS   16  /* pages for frames that go */
#define NET_FRAME_MAX 1514

struct net_device {
    struct xenbus_device bus;
    netif_tx_front_ring_t tx;
    netif_rx_front_ring_t rx;
    struct { void *page; u32 ref; } buffers[NET_BUFFERS], sends[NET_SENDS];
    u16 free_sends[NET_SENDS]; /* ids of those that are not on their way */
    u32 free_count;
    u8 mac[6];
};

/* The number-th card of the domain: 0 or -errno. */
long net_open(struct net_device *card, u32 number);
/* Send a frame of at most NET_FRAME_MAX bytes; false: it is too long, or all pages are on their way. */
bool net_send(struct net_device *card, const void *frame, u32 bytes);
/* The next frame that has come, copied to `frame`; its bytes, or 0 if none comes within `ns`. */
u32 net_receive(struct net_device *card, void *frame, u32 size, u64 ns);
void net_close(struct net_device *card);
