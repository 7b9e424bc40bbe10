/* SPDX-License-Identifier: MIT */
/*
 * Two domains, one page, one event channel. The same kernel is both: without a command line it is the host, which offers;
 * "host=N" makes it the other one. The page holds a ring for bytes in each direction; the host
 * says the even numbers, and its guest answers each with the next.
 */
#include <lib/event.h>
#include <lib/grant.h>
#include <lib/guest.h>
#include <lib/memory.h>
#include <lib/role.h>
#include <lib/store.h>
#include <lib/string.h>
#include <lib/time.h>

#define REF       8
#define AT        SCRATCH_VA
#define PATIENCE  (60000 * MS)
#define BYTES     64

struct ring { u32 put, taken; char bytes[BYTES]; };
struct shared { struct ring to_guest, to_host; };

static struct ring *mine, *its;
static u32 port;

static void send(char c)
{
    mine->bytes[mine->put % BYTES] = c;
    __atomic_store_n(&mine->put, mine->put + 1, __ATOMIC_RELEASE);
    event_send(port);
}

static char receive(void)
{
    for (;;) {
        u32 count = event_count(port);

        if (__atomic_load_n(&its->put, __ATOMIC_ACQUIRE) != its->taken)
            return its->bytes[its->taken++ % BYTES];
        if (!event_wait(port, count, PATIENCE))
            guest_panic("the other one says nothing");
    }
}

/* Who may use what is offered is written by domain 0, which knows the other's number. */
static void offer(void)
{
    struct shared *page = page_alloc();
    long guest;

    while ((guest = store_read_number("data/guest", -1)) < 0)
        time_sleep(20 * MS);
    grant_give(REF, (u16)guest, page_mfn(page), false);
    port = (u32)event_alloc_unbound(DOMID_SELF, (u16)guest);
    event_unmask(port);
    store_write("data/port", "%u", port);
    mine = &page->to_guest;
    its = &page->to_host;
    printf("I offer a page and a port to my guest.\n");
}

static void accept(u16 host)
{
    struct shared *page = (struct shared *)AT;
    char path[STORE_TEXT];
    u32 handle;
    long its_port;

    snprintf(path, sizeof(path), "/local/domain/%u/data/port", host);
    while ((its_port = store_read_number(path, -1)) < 0)
        time_sleep(20 * MS);
    if (grant_map(host, REF, AT, GNTMAP_host_map, &handle) != GNTST_okay)
        guest_panic("the page cannot be mapped");
    port = (u32)event_bind_interdomain(host, (u32)its_port);
    event_unmask(port);
    mine = &page->to_host;
    its = &page->to_guest;
}

void guest_main(void)
{
    long partner = guest_option("host", -1);
    bool host = partner < 0;
    char heard[6] = "";

    upcalls_enable();
    if (host)
        offer();
    else
        accept((u16)partner);
    for (u32 i = 0; i < 5; i++) {
        if (host)
            send((char)('0' + 2 * i));
        heard[i] = receive();
        if (!host)
            send((char)(heard[i] + 1));
    }
    printf("I have heard %s.\n", heard);
}
