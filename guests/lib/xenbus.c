/* SPDX-License-Identifier: MIT */
/* Front ends and the XenStore: see xenbus.h. */
#include <lib/event.h>
#include <lib/grant.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <lib/time.h>
#include <lib/xenbus.h>

#define PATIENCE_NS (30000 * MS)
#define POLL_NS     (20 * MS)

static u32 next_ref = GRANT_FIRST + 64; /* above those that exercises use by number */

/* Write NODE/KEY to `path`. */
static const char *path_of(char path[STORE_TEXT], const char *node, const char *key)
{
    snprintf(path, STORE_TEXT, "%s/%s", node, key);
    return path;
}

long xenbus_say(struct xenbus_device *device, const char *key, const char *format, ...)
{
    char path[STORE_TEXT];
    va_list args;
    long ret;

    va_start(args, format);
    ret = store_vwrite(path_of(path, device->node, key), format, args);
    va_end(args);
    return ret;
}

long xenbus_ask(const struct xenbus_device *device, const char *key, char *value, size_t size)
{
    char path[STORE_TEXT];

    return store_read(path_of(path, device->back_node, key), value, size);
}

long xenbus_ask_number(const struct xenbus_device *device, const char *key, long otherwise)
{
    char path[STORE_TEXT];

    return store_read_number(path_of(path, device->back_node, key), otherwise);
}

long xenbus_await(const struct xenbus_device *device, enum xenbus_state state)
{
    for (u64 end = time_ns() + PATIENCE_NS; time_ns() < end; time_sleep(POLL_NS)) {
        long is = xenbus_ask_number(device, "state", XenbusStateUnknown);

        if (is == (long)state)
            return 0;
        if (is >= XenbusStateClosing && is <= XenbusStateClosed && state < XenbusStateClosing)
            return -XEN_EIO;
    }
    return -XEN_ETIME;
}

/* The number-th of a list of names. */
static const char *pick(const char *names, long count, u32 number)
{
    if (count < 0 || number >= (u32)count)
        return NULL;
    for (; number > 0; number--)
        names += strlen(names) + 1;
    return names;
}

long xenbus_find(struct xenbus_device *device, const char *class, u32 number)
{
    char path[STORE_TEXT], names[STORE_TEXT];
    const char *name;

    memset(device, 0, sizeof(*device));
    snprintf(path, sizeof(path), "device/%s", class);
    name = pick(names, store_list(path, names, sizeof(names)), number);
    if (name == NULL)
        return -XEN_ENODEV;
    snprintf(device->node, sizeof(device->node), "device/%s/%s", class, name);
    if (store_read(path_of(path, device->node, "backend"), device->back_node, sizeof(device->back_node)) <= 0)
        return -XEN_ENODEV;
    device->back_domid = (u16)store_read_number(path_of(path, device->node, "backend-id"), 0);
    return xenbus_await(device, XenbusStateInitWait);
}

u32 xenbus_reference(void)
{
    if (next_ref >= PAGE_SIZE / sizeof(grant_entry_v1_t))
        guest_panic("no more grant entries");
    return next_ref++;
}

u32 xenbus_grant(const struct xenbus_device *device, const void *page)
{
    u32 ref = xenbus_reference();

    grant_give(ref, device->back_domid, page_mfn(page), false);
    return ref;
}

long xenbus_port(struct xenbus_device *device)
{
    long port = event_alloc_unbound(DOMID_SELF, device->back_domid);

    if (port < 0)
        return port;
    device->port = (u32)port;
    event_unmask(device->port);
    return xenbus_say(device, "event-channel", "%u", device->port);
}

long xenbus_state(struct xenbus_device *device, enum xenbus_state state)
{
    return xenbus_say(device, "state", "%u", (u32)state);
}

void xenbus_close(struct xenbus_device *device)
{
    xenbus_state(device, XenbusStateClosing);
    xenbus_await(device, XenbusStateClosing);
    xenbus_state(device, XenbusStateClosed);
    xenbus_await(device, XenbusStateClosed);
    event_close(device->port);
}
