/* SPDX-License-Identifier: MIT */
/* A console without events: both rings are looked at again and again. Echoes lines until one says "bye". */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <xen/io/console.h>

static struct xencons_interface *ring;

static void notify(void)
{
    struct evtchn_send op = {.port = start_info->console.domU.evtchn};

    hypercall_event_channel_op(EVTCHNOP_send, &op);
}

static void put(char c)
{
    while (ring->out_prod - *(volatile XENCONS_RING_IDX *)&ring->out_cons >= sizeof(ring->out))
        hypercall_sched_op(SCHEDOP_yield, NULL);
    ring->out[MASK_XENCONS_IDX(ring->out_prod, ring->out)] = c;
    __atomic_store_n(&ring->out_prod, ring->out_prod + 1, __ATOMIC_RELEASE);
    notify();
}

static void say(const char *text)
{
    for (; *text != '\0'; text++)
        put(*text);
}

static char get(void)
{
    char c;

    while (__atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE) == ring->in_cons)
        hypercall_sched_op(SCHEDOP_yield, NULL);
    c = ring->in[MASK_XENCONS_IDX(ring->in_cons, ring->in)];
    __atomic_store_n(&ring->in_cons, ring->in_cons + 1, __ATOMIC_RELEASE);
    notify();
    return c;
}

static void get_line(char *line, size_t size)
{
    size_t n = 0;

    for (;;) {
        char c = get();

        if (c == '\r' || c == '\n')
            break;
        if (n < size - 1)
            line[n++] = c;
    }
    line[n] = '\0';
}

void guest_main(void)
{
    char line[80];

    ring = mfn_page(start_info->console.domU.mfn);
    say("Say something.\r\n");
    do {
        get_line(line, sizeof(line));
        say("You said: ");
        say(line);
        say("\r\n");
    } while (strcmp(line, "bye") != 0);
}
