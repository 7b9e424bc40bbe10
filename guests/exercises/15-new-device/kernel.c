/* SPDX-License-Identifier: MIT */
/* The front end of a device of our own. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/ring.h>
#include <lib/string.h>
#include <lib/time.h>
#include <lib/xenbus.h>

#include "upper.h"

static struct xenbus_device bus;
static upper_front_ring_t ring;

static long open(void)
{
    upper_sring_t *shared = page_alloc();
    long ret;

    SHARED_RING_INIT(shared);
    FRONT_RING_INIT(&ring, shared, PAGE_SIZE);
    while ((ret = xenbus_find(&bus, "vupper", 0)) == -XEN_ENODEV)
        time_sleep(50 * MS); /* until somebody plugs it in */
    if (ret == 0)
        ret = xenbus_say(&bus, "ring-ref", "%u", xenbus_grant(&bus, shared));
    if (ret == 0)
        ret = xenbus_port(&bus);
    if (ret == 0)
        ret = xenbus_state(&bus, XenbusStateInitialised);
    if (ret == 0)
        ret = xenbus_await(&bus, XenbusStateConnected);
    return ret != 0 ? ret : xenbus_state(&bus, XenbusStateConnected);
}

static void ask(u32 id, const char *text, u32 bytes)
{
    struct upper_request *request = RING_GET_REQUEST(&ring, ring.req_prod_pvt);

    memset(request, 0, sizeof(*request));
    request->id = id;
    request->bytes = bytes;
    memcpy(request->text, text, strlen(text));
    ring.req_prod_pvt++;
    ring_push(&ring, bus.port);
}

/* The next response, copied: what is in the ring can still change. */
static struct upper_response answer(void)
{
    struct upper_response response;

    if (!ring_wait(&ring, bus.port, 60000 * MS))
        guest_panic("the device does not answer");
    response = *RING_GET_RESPONSE(&ring, ring.rsp_cons);
    ring.rsp_cons++;
    response.text[UPPER_TEXT - 1] = '\0';
    return response;
}

void guest_main(void)
{
    static const char *const words[] = {"hospes", "the host and the guest", "a device of my own"};
    struct upper_response response;
    long ret;

    upcalls_enable();
    ret = open();
    if (ret != 0)
        guest_panic("no device: %ld", ret);
    for (u32 i = 0; i < ARRAY_SIZE(words); i++)
        ask(i, words[i], (u32)strlen(words[i]));
    for (u32 i = 0; i < ARRAY_SIZE(words); i++) {
        response = answer();
        printf("%s -> %s\n", words[response.id % ARRAY_SIZE(words)], response.text);
    }
    ask(99, "too long", 5000);
    response = answer();
    printf("A request that lies about its length: status %d\n", response.status);
    xenbus_close(&bus);
    printf("Closed.\n");
}
