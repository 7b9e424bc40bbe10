/* SPDX-License-Identifier: MIT */
/*
 * The back end of the device: a program in domain 0 that serves one guest. backend DOMID
 *
 * The libraries do the system calls: libxenstore speaks with the store's daemon, libxengnttab maps grants, libxenevtchn
 * binds event channels and makes them readable like a file.
 */
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#include <xen/io/xenbus.h>

#include "../upper.h"

#define PAGE_SIZE 4096
#define PATIENCE_MS 60000

static struct xs_handle *store;
static char front[64], back[64];
static unsigned domid;

static void fail(const char *what)
{
    fprintf(stderr, "backend: %s\n", what);
    exit(1);
}

static int front_number(const char *key)
{
    char path[128];
    char *text;
    int number = -1;

    snprintf(path, sizeof(path), "%s/%s", front, key);
    text = xs_read(store, XBT_NULL, path, NULL);
    if (text != NULL)
        number = atoi(text);
    free(text);
    return number;
}

static void state(enum xenbus_state is)
{
    char path[128], text[12];

    snprintf(path, sizeof(path), "%s/state", back);
    snprintf(text, sizeof(text), "%d", is);
    if (!xs_write(store, XBT_NULL, path, text, (unsigned)strlen(text)))
        fail("cannot write my state");
}

/* Take one notice of the store's; which one does not matter, as the state is read anew. */
static void take_notice(void)
{
    char **notice = xs_check_watch(store);

    free(notice);
}

static void await_front(enum xenbus_state wanted)
{
    struct pollfd ready = {.fd = xs_fileno(store), .events = POLLIN};

    while (front_number("state") != (int)wanted) {
        if (poll(&ready, 1, PATIENCE_MS) <= 0)
            fail("the front end does not come");
        take_notice();
    }
}

/* What the guest wrote is copied before it is judged, and judged before it is used. */
static struct upper_response serve(const volatile struct upper_request *shared)
{
    struct upper_request request;
    struct upper_response response = {.status = -1};

    memcpy(&request, (const void *)shared, sizeof(request));
    response.id = request.id;
    if (request.bytes > UPPER_TEXT)
        return response;
    for (uint32_t i = 0; i < request.bytes; i++)
        response.text[i] = (char)toupper((unsigned char)request.text[i]);
    response.status = 0;
    return response;
}

/* All requests there are; a guest that claims more than the ring holds is not served any more. */
static int serve_all(upper_back_ring_t *ring)
{
    int more, notify;

    do {
        RING_IDX end = ring->sring->req_prod;

        xen_rmb();
        if (RING_REQUEST_PROD_OVERFLOW(ring, end))
            return -1;
        while (ring->req_cons != end) {
            struct upper_response response = serve(RING_GET_REQUEST(ring, ring->req_cons));

            ring->req_cons++;
            memcpy(RING_GET_RESPONSE(ring, ring->rsp_prod_pvt), &response, sizeof(response));
            ring->rsp_prod_pvt++;
            printf("request %u: %.*s\n", response.id, UPPER_TEXT, response.text);
        }
        RING_FINAL_CHECK_FOR_REQUESTS(ring, more);
    } while (more);
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(ring, notify);
    return notify;
}

/* The state is read once: between two looks it can change. */
static int front_is_open(void)
{
    int is = front_number("state");

    return is == XenbusStateInitialised || is == XenbusStateConnected;
}

/* Until the front end closes. */
static void serve_guest(upper_back_ring_t *ring, xenevtchn_handle *events, evtchn_port_t port)
{
    struct pollfd ready[2] = {{.fd = xenevtchn_fd(events), .events = POLLIN}, {.fd = xs_fileno(store), .events = POLLIN}};

    while (front_is_open()) {
        if (poll(ready, 2, PATIENCE_MS) <= 0)
            fail("the guest is silent");
        if (ready[1].revents)
            take_notice();
        if (ready[0].revents) {
            int pending = xenevtchn_pending(events), notify = serve_all(ring);

            if (notify < 0)
                fail("the guest's counters make no sense");
            if (notify)
                xenevtchn_notify(events, port);
            xenevtchn_unmask(events, (evtchn_port_t)pending);
        }
    }
}

int main(int argc, char **argv)
{
    xengnttab_handle *grants = xengnttab_open(NULL, 0);
    xenevtchn_handle *events = xenevtchn_open(NULL, 0);
    upper_back_ring_t ring;
    upper_sring_t *shared;
    int port;

    store = xs_open(0);
    if (argc != 2 || store == NULL || grants == NULL || events == NULL)
        fail("say backend DOMID, in domain 0 with a store");
    setvbuf(stdout, NULL, _IOLBF, 0);
    domid = (unsigned)atoi(argv[1]);
    snprintf(front, sizeof(front), "/local/domain/%u/device/vupper/0", domid);
    snprintf(back, sizeof(back), "/local/domain/0/backend/vupper/%u/0", domid);
    if (!xs_watch(store, front, "front"))
        fail("the store does not let me watch");
    state(XenbusStateInitWait);
    await_front(XenbusStateInitialised);
    shared = xengnttab_map_grant_ref(grants, domid, (uint32_t)front_number("ring-ref"), 3);
    port = xenevtchn_bind_interdomain(events, domid, (evtchn_port_t)front_number("event-channel"));
    if (shared == NULL || port < 0)
        fail("cannot use what the front end offers");
    BACK_RING_INIT(&ring, shared, PAGE_SIZE);
    state(XenbusStateConnected);
    serve_guest(&ring, events, (evtchn_port_t)port);
    state(XenbusStateClosing);
    xenevtchn_unbind(events, (evtchn_port_t)port);
    xengnttab_unmap(grants, shared, 1);
    await_front(XenbusStateClosed);
    state(XenbusStateClosed);
    printf("the guest has closed the device\n");
    return 0;
}
