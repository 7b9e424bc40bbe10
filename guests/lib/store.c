/* SPDX-License-Identifier: MIT */
/* The XenStore client: see store.h. A message is a header and a body; answers carry the number of their request. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/store.h>
#include <lib/string.h>
#include <lib/time.h>
#include <xen/io/xs_wire.h>

#define ANSWER_NS (60000 * MS)

struct message {
    struct xsd_sockmsg head;
    char body[XENSTORE_PAYLOAD_MAX + 1];
};

static struct message in;
static char notices[STORE_NOTICES][STORE_TEXT];
static u32 notices_put, notices_taken;
static u32 requests;

static struct xenstore_domain_interface *ring(void)
{
    return mfn_page(start_info->store_mfn);
}

/* To be read before a look at the ring: what comes after it ends the wait. */
static u32 events(void)
{
    return event_count(start_info->store_evtchn);
}

/* Wait until the daemon has sent more events than that; false: the time is up. */
static bool wait_for_daemon(u32 count, u64 end)
{
    u64 now = time_ns();

    return now < end && event_wait(start_info->store_evtchn, count, end - now);
}

static void ring_put(const void *data, u32 bytes)
{
    struct xenstore_domain_interface *r = ring();

    for (u32 i = 0; i < bytes; i++) {
        for (u32 count = events(); r->req_prod - __atomic_load_n(&r->req_cons, __ATOMIC_ACQUIRE) == XENSTORE_RING_SIZE;
             count = events()) {
            event_send(start_info->store_evtchn);
            wait_for_daemon(count, time_ns() + ANSWER_NS);
        }
        r->req[MASK_XENSTORE_IDX(r->req_prod)] = ((const char *)data)[i];
        __atomic_store_n(&r->req_prod, r->req_prod + 1, __ATOMIC_RELEASE);
    }
}

static bool ring_get(void *data, u32 bytes, u64 end)
{
    struct xenstore_domain_interface *r = ring();

    for (u32 i = 0; i < bytes; i++) {
        for (u32 count = events(); __atomic_load_n(&r->rsp_prod, __ATOMIC_ACQUIRE) == r->rsp_cons; count = events())
            if (!wait_for_daemon(count, end))
                return false;
        ((char *)data)[i] = r->rsp[MASK_XENSTORE_IDX(r->rsp_cons)];
        __atomic_store_n(&r->rsp_cons, r->rsp_cons + 1, __ATOMIC_RELEASE);
    }
    return true;
}

/* The next message of any kind, in `in`; its body ends with 0. */
static bool receive(u64 end)
{
    if (!ring_get(&in.head, sizeof(in.head), end))
        return false;
    if (in.head.len > XENSTORE_PAYLOAD_MAX)
        guest_panic("the store sends %u bytes at once", in.head.len);
    if (!ring_get(in.body, in.head.len, end))
        return false;
    in.body[in.head.len] = '\0';
    event_send(start_info->store_evtchn); /* there is room again */
    return true;
}

static void keep_notice(void)
{
    if (notices_put - notices_taken == STORE_NOTICES)
        return;
    snprintf(notices[notices_put % STORE_NOTICES], STORE_TEXT, "%s", in.body);
    notices_put++;
}

static long error_number(const char *name)
{
    static const struct { const char *name; long number; } errors[] = {
        {"ENOENT", XEN_ENOENT}, {"EACCES", XEN_EACCES}, {"EINVAL", XEN_EINVAL}, {"EEXIST", XEN_EEXIST},
        {"EAGAIN", XEN_EAGAIN}, {"ENOMEM", XEN_ENOMEM}, {"ENOSPC", XEN_ENOSPC}, {"E2BIG", XEN_E2BIG},
    };

    for (u32 i = 0; i < ARRAY_SIZE(errors); i++)
        if (strcmp(name, errors[i].name) == 0)
            return -errors[i].number;
    return -XEN_EIO;
}

/* Send a request made of two texts (the second without its 0, or NULL) and wait for its answer, in `in`. */
static long request(u32 type, const char *first, const char *second, bool second_ends)
{
    u32 first_bytes = (u32)strlen(first) + 1, bytes = second == NULL ? 0 : (u32)strlen(second) + second_ends;
    struct xsd_sockmsg head = {.type = type, .req_id = ++requests, .len = first_bytes + bytes};
    static bool ready;

    if (!ready)
        event_unmask(start_info->store_evtchn);
    ready = true;
    ring_put(&head, sizeof(head));
    ring_put(first, first_bytes);
    ring_put(second, bytes);
    event_send(start_info->store_evtchn);
    for (;;) {
        if (!receive(time_ns() + ANSWER_NS))
            guest_panic("the store does not answer");
        if (in.head.type == XS_WATCH_EVENT)
            keep_notice();
        else if (in.head.req_id == requests)
            return in.head.type == XS_ERROR ? error_number(in.body) : 0;
    }
}

static long answer_to(char *to, size_t size)
{
    if (in.head.len >= size)
        return -XEN_E2BIG;
    memcpy(to, in.body, in.head.len + 1);
    return (long)in.head.len;
}

long store_read(const char *path, char *value, size_t size)
{
    long ret = request(XS_READ, path, NULL, false);

    return ret != 0 ? ret : answer_to(value, size);
}

long store_read_number(const char *path, long otherwise)
{
    char text[STORE_TEXT];
    long number = 0;

    if (store_read(path, text, sizeof(text)) <= 0)
        return otherwise;
    for (const char *c = text; *c != '\0'; c++)
        if (*c < '0' || *c > '9')
            return otherwise;
        else
            number = number * 10 + (*c - '0');
    return number;
}

long store_vwrite(const char *path, const char *format, va_list args)
{
    char value[STORE_TEXT];

    vsnprintf(value, sizeof(value), format, args);
    return request(XS_WRITE, path, value, false);
}

long store_write(const char *path, const char *format, ...)
{
    va_list args;
    long ret;

    va_start(args, format);
    ret = store_vwrite(path, format, args);
    va_end(args);
    return ret;
}

long store_remove(const char *path)
{
    return request(XS_RM, path, NULL, false);
}

long store_list(const char *path, char *names, size_t size)
{
    long ret = request(XS_DIRECTORY, path, NULL, false), count = 0;

    if (ret == 0)
        ret = answer_to(names, size);
    for (long i = 0; i < ret; i++)
        count += names[i] == '\0';
    return ret < 0 ? ret : count;
}

long store_watch(const char *path, const char *token)
{
    return request(XS_WATCH, path, token, true);
}

long store_unwatch(const char *path, const char *token)
{
    return request(XS_UNWATCH, path, token, true);
}

bool store_notice(char *path, size_t size, u64 ns)
{
    u64 end = time_ns() + ns;

    while (notices_put == notices_taken) {
        if (!receive(end))
            return false;
        if (in.head.type == XS_WATCH_EVENT)
            keep_notice();
    }
    snprintf(path, size, "%s", notices[notices_taken++ % STORE_NOTICES]);
    return true;
}

u16 store_domid(void)
{
    return (u16)store_read_number("domid", 0);
}
