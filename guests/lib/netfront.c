/* SPDX-License-Identifier: MIT */
/*
 * The network front end: see netfront.h, and <xen/io/netif.h> for what the ends say to each other. Pages and grants are made
 * once: a request's id is the number of its page, whoever owns the page at the moment owns the id.
 */
#include <lib/grant.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/netfront.h>
#include <lib/string.h>

static u32 hex(char c)
{
    return c <= '9' ? (u32)(c - '0') : (u32)((c | 32) - 'a' + 10);
}

/* "00:16:3e:01:02:03" */
static void mac_parse(u8 mac[6], const char *text)
{
    for (u32 i = 0; i < 6; i++)
        mac[i] = (u8)(hex(text[3 * i]) << 4 | hex(text[3 * i + 1]));
}

static long announce(struct net_device *card, const void *tx, const void *rx)
{
    struct xenbus_device *bus = &card->bus;
    const char *const features[] = {"request-rx-copy", "feature-rx-notify", "feature-no-csum-offload"};
    long ret = xenbus_say(bus, "tx-ring-ref", "%u", xenbus_grant(bus, tx));

    if (ret == 0)
        ret = xenbus_say(bus, "rx-ring-ref", "%u", xenbus_grant(bus, rx));
    if (ret == 0)
        ret = xenbus_port(bus);
    for (u32 i = 0; ret == 0 && i < ARRAY_SIZE(features); i++)
        ret = xenbus_say(bus, features[i], "1");
    return ret != 0 ? ret : xenbus_state(bus, XenbusStateConnected);
}

static void offer_buffer(struct net_device *card, u32 id)
{
    netif_rx_request_t *request = RING_GET_REQUEST(&card->rx, card->rx.req_prod_pvt);

    *request = (netif_rx_request_t){.id = (u16)id, .gref = card->buffers[id].ref};
    card->rx.req_prod_pvt++;
}

long net_open(struct net_device *card, u32 number)
{
    netif_tx_sring_t *tx = page_alloc();
    netif_rx_sring_t *rx = page_alloc();
    char path[STORE_TEXT], mac[32];
    long ret = xenbus_find(&card->bus, "vif", number);

    if (ret != 0)
        return ret;
    SHARED_RING_INIT(tx);
    SHARED_RING_INIT(rx);
    FRONT_RING_INIT(&card->tx, tx, PAGE_SIZE);
    FRONT_RING_INIT(&card->rx, rx, PAGE_SIZE);
    snprintf(path, sizeof(path), "%s/mac", card->bus.node);
    if (store_read(path, mac, sizeof(mac)) != 17)
        return -XEN_EINVAL;
    mac_parse(card->mac, mac);
    for (u32 i = 0; i < NET_BUFFERS; i++) {
        card->buffers[i].page = page_alloc();
        card->buffers[i].ref = xenbus_grant(&card->bus, card->buffers[i].page);
        offer_buffer(card, i);
    }
    for (u32 i = 0; i < NET_SENDS; i++) {
        card->sends[i].page = page_alloc();
        card->sends[i].ref = xenbus_grant(&card->bus, card->sends[i].page);
        card->free_sends[i] = (u16)i;
    }
    card->free_count = NET_SENDS;
    ret = announce(card, tx, rx);
    if (ret == 0)
        ret = xenbus_await(&card->bus, XenbusStateConnected);
    if (ret == 0)
        ring_push(&card->rx, card->bus.port);
    return ret;
}

/* Pages whose frames have gone. */
static void take_back_sends(struct net_device *card)
{
    int more;

    do {
        while (RING_HAS_UNCONSUMED_RESPONSES(&card->tx))
            card->free_sends[card->free_count++] = RING_GET_RESPONSE(&card->tx, card->tx.rsp_cons++)->id;
        RING_FINAL_CHECK_FOR_RESPONSES(&card->tx, more);
    } while (more);
}

bool net_send(struct net_device *card, const void *frame, u32 bytes)
{
    u16 id;

    take_back_sends(card);
    if (bytes > NET_FRAME_MAX || card->free_count == 0)
        return false;
    id = card->free_sends[--card->free_count];
    memcpy(card->sends[id].page, frame, bytes);
    *RING_GET_REQUEST(&card->tx, card->tx.req_prod_pvt) =
        (netif_tx_request_t){.gref = card->sends[id].ref, .id = id, .size = (u16)bytes};
    card->tx.req_prod_pvt++;
    ring_push(&card->tx, card->bus.port);
    return true;
}

u32 net_receive(struct net_device *card, void *frame, u32 size, u64 ns)
{
    netif_rx_response_t response;

    if (!ring_wait(&card->rx, card->bus.port, ns))
        return 0;
    response = *RING_GET_RESPONSE(&card->rx, card->rx.rsp_cons++);
    if (response.id < NET_BUFFERS && response.status > 0 && (u32)response.status <= size &&
        response.offset + (u32)response.status <= PAGE_SIZE)
        memcpy(frame, (u8 *)card->buffers[response.id].page + response.offset, (u32)response.status);
    else
        response.status = 0;
    offer_buffer(card, response.id % NET_BUFFERS);
    ring_push(&card->rx, card->bus.port);
    return response.status > 0 ? (u32)response.status : 0;
}

void net_close(struct net_device *card)
{
    xenbus_close(&card->bus);
}
