/* SPDX-License-Identifier: MIT */
/*
 * A console driver that sleeps: an event says that there is something to read, or room to write. Lines are put together in
 * the upcall; the main loop blocks until there is one.
 */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>
#include <xen/io/console.h>

#define WAITING 4096 /* bytes of output kept for when there is room; a power of 2 */

static struct xencons_interface *ring;
static u32 port, upcalls;

static char waiting[WAITING];
static u32 waiting_put, waiting_sent;

static char line[80];
static u32 line_bytes;
static volatile bool line_complete;

/* Upcalls masked. As much as there is room for. */
static void send_waiting(void)
{
    XENCONS_RING_IDX from = ring->out_prod, to = from;

    while (waiting_sent != waiting_put && to - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE) < sizeof(ring->out))
        ring->out[MASK_XENCONS_IDX(to++, ring->out)] = waiting[waiting_sent++ % WAITING];
    if (to == from)
        return;
    __atomic_store_n(&ring->out_prod, to, __ATOMIC_RELEASE);
    event_send(port);
}

static void take_input(void)
{
    bool taken = false;

    while (!line_complete && __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE) != ring->in_cons) {
        char c = ring->in[MASK_XENCONS_IDX(ring->in_cons, ring->in)];

        __atomic_store_n(&ring->in_cons, ring->in_cons + 1, __ATOMIC_RELEASE);
        taken = true;
        if (c == '\r' || c == '\n')
            line_complete = true;
        else if (line_bytes < sizeof(line) - 1)
            line[line_bytes++] = c;
        line[line_bytes] = '\0';
    }
    if (taken)
        event_send(port);
}

static void on_event(u32 its_port)
{
    (void)its_port;
    upcalls++;
    take_input();
    send_waiting();
}

static void say(const char *text)
{
    upcalls_disable();
    for (; *text != '\0'; text++)
        waiting[waiting_put++ % WAITING] = *text;
    send_waiting();
    upcalls_enable();
}

/* Masked until the domain blocks, which unmasks: an event between the look and the sleep wakes it at once. */
static void wait_for_line(void)
{
    upcalls_disable();
    while (!line_complete) {
        hypercall_sched_op(SCHEDOP_block, NULL);
        upcalls_disable();
    }
    upcalls_enable();
}

static void next_line(void)
{
    upcalls_disable();
    line_bytes = 0;
    line_complete = false;
    take_input(); /* what came meanwhile */
    upcalls_enable();
}

void guest_main(void)
{
    static char text[1600];
    bool last;

    ring = mfn_page(start_info->console.domU.mfn);
    port = start_info->console.domU.evtchn;
    event_set_handler(port, on_event);
    event_unmask(port);
    upcalls_enable();
    say("Say something.\r\n");
    do {
        wait_for_line();
        last = strcmp(line, "bye") == 0;
        snprintf(text, sizeof(text), "You said: %s\r\n", line);
        say(text);
        next_line();
    } while (!last);
    memset(text, '.', 1500);
    for (u32 i = 0; i < 2; i++)
        say(text);
    say("\r\n");
    while (waiting_sent != waiting_put)
        hypercall_sched_op(SCHEDOP_block, NULL);
    snprintf(text, sizeof(text), "%s upcalls.\r\n", upcalls >= 3 && upcalls < 300 ? "Some" : "Too few or too many");
    say(text);
}
