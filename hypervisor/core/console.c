/* SPDX-License-Identifier: MIT */
/*
 * Owns the console ring, the list of output devices and the input ring of domain 0, all under one lock of nearly the
 * highest rank, so that anyone can print. Upper layers are told through WORK_CONSOLE, never from within.
 *
 * Ring indices run freely and wrap at 2^32; the ring's size is a power of two.
 */
#include <core/console.h>
#include <core/keys.h>
#include <core/lock.h>
#include <core/printk.h>
#include <core/work.h>
#include <lib/string.h>

#define RING_BYTES  (64u << 10)
#define INPUT_BYTES 1024u
#define SWITCH_CHAR 0x01        /* Ctrl-a */
#define SWITCH_COUNT 3

static spinlock_t lock = SPINLOCK_INIT(RANK_CONSOLE);

static char ring[RING_BYTES];           /* (l) as all below */
static u32 ring_head, ring_cleared;     /* next byte written; first one that reads return */
static struct console_device *devices;

static char input[INPUT_BYTES];
static u32 input_head, input_tail;
static bool input_to_dom0;
static unsigned switch_chars;           /* Ctrl-a's seen in a row */

static void (*output_hook)(void);
static void (*input_hook)(void);
static bool output_news, input_news;    /* a hook has something to tell; atomics */

/* ---- output ---- */

static u32 ring_oldest(void) { return ring_head - ring_cleared > RING_BYTES ? ring_head - RING_BYTES : ring_cleared; }

/* The contiguous piece of the ring at index, at most n bytes. */
static u32 ring_piece(u32 index, u32 n) { return min(n, RING_BYTES - index % RING_BYTES); }

static void ring_write(const char *s, size_t n)
{
    while (n) {
        u32 part = ring_piece(ring_head, (u32)min(n, (size_t)RING_BYTES));

        memcpy(ring + ring_head % RING_BYTES, s, part);
        ring_head += part;
        s += part;
        n -= part;
    }
    ring_cleared = ring_oldest();
}

static void devices_write(const char *s, size_t n)
{
    for (const struct console_device *dev = devices; dev; dev = dev->next)
        dev->write(s, n);
}

void console_register(struct console_device *dev)
{
    spin_lock(&lock);
    for (u32 at = ring_oldest(), n; at != ring_head; at += n) {
        n = ring_piece(at, ring_head - at);
        dev->write(ring + at % RING_BYTES, n);
    }
    dev->next = devices;
    devices = dev;
    spin_unlock(&lock);
}

void console_unregister(struct console_device *dev)
{
    spin_lock(&lock);
    for (struct console_device **p = &devices; *p; p = &(*p)->next)
        if (*p == dev) {
            *p = dev->next;
            break;
        }
    spin_unlock(&lock);
}

void console_write(const char *s, size_t n)
{
    spin_lock(&lock);
    ring_write(s, n);
    devices_write(s, n);
    spin_unlock(&lock);
    if (READ_ONCE(output_hook)) {
        WRITE_ONCE(output_news, true);
        work_raise(WORK_CONSOLE);
    }
}

void console_write_dom0(const char *s, size_t n)
{
    spin_lock(&lock);
    devices_write(s, n);
    spin_unlock(&lock);
}

u32 console_ring_start(void)
{
    u32 start;

    spin_lock(&lock);
    start = ring_oldest();
    spin_unlock(&lock);
    return start;
}

u32 console_ring_read(u32 *index, char *buf, u32 size)
{
    u32 copied = 0;

    spin_lock(&lock);
    if (ring_head - *index > ring_head - ring_oldest())
        *index = ring_oldest();
    while (copied < size && *index != ring_head) {
        u32 n = ring_piece(*index, min(size - copied, ring_head - *index));

        memcpy(buf + copied, ring + *index % RING_BYTES, n);
        *index += n;
        copied += n;
    }
    spin_unlock(&lock);
    return copied;
}

void console_ring_clear(void)
{
    spin_lock(&lock);
    ring_cleared = ring_head;
    spin_unlock(&lock);
}

/* ---- input ---- */

static void input_put(char c)
{
    if (input_head - input_tail < INPUT_BYTES)
        input[input_head++ % INPUT_BYTES] = c;
}

static void input_show_switch(void)
{
    printk("*** Serial input to %s (type 'CTRL-a' three times to switch input)", input_to_dom0 ? "DOM0" : "Hospes");
}

/* Counts the switch character; others pass, preceded by the ones that turned out to be input. True: switched. */
static bool input_filter(char c)
{
    if (c == SWITCH_CHAR && ++switch_chars == SWITCH_COUNT) {
        switch_chars = 0;
        input_to_dom0 = !input_to_dom0;
        return true;
    }
    if (c == SWITCH_CHAR)
        return false;
    for (; switch_chars; switch_chars--)
        if (input_to_dom0)
            input_put(SWITCH_CHAR);
    if (input_to_dom0)
        input_put(c);
    return false;
}

void console_input(char c)
{
    bool switched, for_dom0;

    spin_lock(&lock);
    switched = input_filter(c);
    for_dom0 = input_to_dom0;
    spin_unlock(&lock);
    if (switched) {
        input_show_switch();
    } else if (for_dom0) {
        WRITE_ONCE(input_news, true);
        work_raise(WORK_CONSOLE);
    } else if (c != SWITCH_CHAR) {
        keys_press(c);
    }
}

u32 console_read_dom0(char *buf, u32 size)
{
    u32 n = 0;

    spin_lock(&lock);
    while (n < size && input_tail != input_head)
        buf[n++] = input[input_tail++ % INPUT_BYTES];
    spin_unlock(&lock);
    return n;
}

void console_input_to_dom0(void)
{
    spin_lock(&lock);
    input_to_dom0 = true;
    spin_unlock(&lock);
    input_show_switch();
}

/* ---- upper layers ---- */

void console_set_hooks(void (*output)(void), void (*from_input)(void))
{
    output_hook = output;
    input_hook = from_input;
}

static void run_hook(bool *news, void (*hook)(void))
{
    if (__atomic_exchange_n(news, false, __ATOMIC_ACQ_REL) && hook)
        hook();
}

void console_run(void)
{
    run_hook(&output_news, output_hook);
    run_hook(&input_news, input_hook);
}

void console_force(void) { spin_lock_init(&lock, RANK_CONSOLE); }
