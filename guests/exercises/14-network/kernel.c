/* SPDX-License-Identifier: MIT */
/* Answers ARP and ping, at the address on its command line, until it has answered five. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/netfront.h>
#include <lib/string.h>
#include <lib/time.h>

#define PINGS 5
#define PATIENCE (60000 * MS)

#define swap16(x) __builtin_bswap16(x)

struct ethernet { u8 to[6], from[6]; u16 type; } __attribute__((packed));
struct arp { u16 hardware, protocol; u8 hardware_bytes, protocol_bytes; u16 op; u8 from[6]; u32 from_ip; u8 to[6]; u32 to_ip; }
    __attribute__((packed));
struct ip { u8 version, service; u16 length, id, fragment; u8 ttl, protocol; u16 sum; u32 from, to; } __attribute__((packed));
struct icmp { u8 type, code; u16 sum, id, sequence; } __attribute__((packed));

static struct net_device card;
static u32 my_ip; /* in the network's order, as all of the above */

static u32 parse_ip(const char *text)
{
    u8 bytes[4] = {0};

    for (u32 i = 0; *text != '\0' && i < 4; text++)
        if (*text == '.')
            i++;
        else
            bytes[i] = (u8)(bytes[i] * 10 + (*text - '0'));
    return bytes[0] | (u32)bytes[1] << 8 | (u32)bytes[2] << 16 | (u32)bytes[3] << 24;
}

static u16 checksum(const void *data, u32 bytes)
{
    const u8 *p = data;
    u32 sum = 0;

    for (u32 i = 0; i < bytes; i += 2)
        sum += (u32)p[i] << 8 | (i + 1 < bytes ? p[i + 1] : 0);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return swap16((u16)~sum);
}

static void reply(struct ethernet *e, u32 bytes)
{
    memcpy(e->to, e->from, sizeof(e->to));
    memcpy(e->from, card.mac, sizeof(e->from));
    net_send(&card, e, bytes);
}

static void answer_arp(struct ethernet *e, u32 bytes)
{
    struct arp *arp = (struct arp *)(e + 1);

    if (bytes < sizeof(*e) + sizeof(*arp) || arp->op != swap16(1) || arp->to_ip != my_ip)
        return;
    arp->op = swap16(2);
    memcpy(arp->to, arp->from, sizeof(arp->to));
    arp->to_ip = arp->from_ip;
    memcpy(arp->from, card.mac, sizeof(arp->from));
    arp->from_ip = my_ip;
    reply(e, bytes);
}

/* Whether it was a ping for us. */
static bool answer_ping(struct ethernet *e, u32 bytes)
{
    struct ip *ip = (struct ip *)(e + 1);
    struct icmp *icmp = (struct icmp *)(ip + 1);
    u32 length;

    if (bytes < sizeof(*e) + sizeof(*ip) + sizeof(*icmp) || ip->version != 0x45 || ip->protocol != 1 || ip->to != my_ip)
        return false;
    length = swap16(ip->length);
    if (length < sizeof(*ip) + sizeof(*icmp) || length > bytes - sizeof(*e) || icmp->type != 8)
        return false;
    ip->to = ip->from;
    ip->from = my_ip;
    icmp->type = 0;
    icmp->sum = 0;
    icmp->sum = checksum(icmp, length - (u32)sizeof(*ip));
    reply(e, (u32)sizeof(*e) + length);
    return true;
}

void guest_main(void)
{
    static u8 frame[NET_FRAME_MAX];
    u32 pings = 0, bytes;
    long ret;

    upcalls_enable();
    my_ip = parse_ip((const char *)start_info->cmd_line);
    ret = net_open(&card, 0);
    if (ret != 0)
        guest_panic("no network: %ld", ret);
    printf("My address is %s.\n", (const char *)start_info->cmd_line);
    while (pings < PINGS && (bytes = net_receive(&card, frame, sizeof(frame), PATIENCE)) != 0) {
        struct ethernet *e = (struct ethernet *)frame;

        if (e->type == swap16(0x0806))
            answer_arp(e, bytes);
        if (e->type == swap16(0x0800))
            pings += answer_ping(e, bytes);
    }
    time_sleep(500 * MS); /* for the last answer to go */
    net_close(&card);
    printf("I have answered %u pings.\n", pings);
}
