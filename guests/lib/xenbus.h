/* SPDX-License-Identifier: MIT */
/*
 * Front ends of split devices: what front and back end tell each other through the XenStore. Both write a state there and
 * watch the other's; the front end writes which pages it grants and which port it listens to.
 */
#pragma once

#include <lib/store.h>
#include <lib/types.h>
#include <xen/io/xenbus.h>

struct xenbus_device {
    char node[64], back_node[128]; /* "device/vbd/51712"; the absolute path of the back end */
    u16 back_domid;
    u32 port;                      /* of the event channel, unmasked; 0 until it is connected */
};

/* The number-th device of a class ("vbd", "vif"...): waits until its back end has made itself known. 0, -ENODEV: there is no
 * such device; -ETIME: its back end does not come. */
long xenbus_find(struct xenbus_device *device, const char *class, u32 number);
/* One thing that front end or back end says of the device. */
__attribute__((format(printf, 3, 4))) long xenbus_say(struct xenbus_device *device, const char *key, const char *format, ...);
long xenbus_ask(const struct xenbus_device *device, const char *key, char *value, size_t size);
long xenbus_ask_number(const struct xenbus_device *device, const char *key, long otherwise);
/* A grant reference that nobody has. */
u32 xenbus_reference(void);
/* Grant the back end a page, writable, under such a reference. */
u32 xenbus_grant(const struct xenbus_device *device, const void *page);
/* Allocate the device's port, and write it. 0 or -errno. */
long xenbus_port(struct xenbus_device *device);
long xenbus_state(struct xenbus_device *device, enum xenbus_state state);
/* Wait until the back end's state is this, for half a minute: 0; -ETIME; -EIO when it is closing instead. */
long xenbus_await(const struct xenbus_device *device, enum xenbus_state state);
/* Closing and closed, by turns, as the toolstack wants to see it. */
void xenbus_close(struct xenbus_device *device);
