/* SPDX-License-Identifier: MIT */
/*
 * wakeups - who works little and sleeps a lot runs soon after it is woken, whatever load there is
 *
 * A sleeper among hogs, on one CPU, is woken by its own timer or by an event that domain 0 sends, works for a while and
 * sleeps again. Each time it notes how long after the moment of the event it ran; domain 0 prints the histogram.
 */
#include <lib/event.h>
#include <lib/hogs.h>
#include <lib/hypercall.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

#define SAMPLES 400
#define WORK (MS / 5)
#define MOST_MEDIAN MS
#define MOST_99 (2 * MS)        /* the rate limit of 1 ms, and as long again */
#define MOST (5 * MS)

/* The mailbox of a sleeper. */
enum { COUNT, PORT, SENT, FIRST };

/* Pauses of 4 to 12 ms, in no step with the hogs' slices. */
static u64 pause_ns(void)
{
    static u64 state = 1;

    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return 4 * MS + (state >> 33) % (8 * MS);
}

static u64 due; /* when the timer was to fire */

static void woken(u32 port)
{
    volatile u64 *box = role_mailbox();
    u64 now = time_ns(), since = box[PORT] != 0 ? box[SENT] : due;

    (void)port;
    if (since == 0) /* binding a port raises it: nobody has sent anything yet */
        return;
    while (time_ns() - now < WORK)
        ;
    if (box[PORT] == 0) {
        due = time_ns() + pause_ns();
        hypercall_set_timer_op((s64)due);
    }
    if (box[COUNT] < SAMPLES) /* a timer may fire early, with another one */
        box[FIRST + box[COUNT]] = now > since ? now - since : 0;
    ++box[COUNT];
}

ROLE(sleeper)
{
    u32 remote = (u32)role_mailbox()[PORT];
    long port = remote != 0 ? event_bind_interdomain(0, remote) : event_bind_virq(VIRQ_TIMER, 0);

    if (!check(port > 0, "a port"))
        return;
    event_set_handler((u32)port, woken);
    event_unmask((u32)port);
    due = time_ns() + pause_ns();
    if (remote == 0)
        hypercall_set_timer_op((s64)due);
    for (;;)
        hypercall_sched_op(SCHEDOP_block, NULL); /* with upcalls enabled, for as long as nothing is pending */
}

static void sort(u64 *values, u32 count)
{
    for (u32 i = 1; i < count; i++)
        for (u32 j = i; j > 0 && values[j - 1] > values[j]; j--) {
            u64 larger = values[j - 1];

            values[j - 1] = values[j];
            values[j] = larger;
        }
}

/* Of sorted values: how many there are below each power of two, in us. */
static void print_histogram(const u64 *values, u32 count)
{
    u32 at = 0;

    for (u32 bits = 0; at < count; bits++) {
        u32 from = at;

        while (at < count && values[at] >> bits < 1000) /* 2^bits us */
            at++;
        if (at > from)
            printf("  < %5lu us: %3u\n", 1ul << bits, at - from);
    }
}

static void judge(const volatile u64 *samples)
{
    static u64 values[SAMPLES];

    for (u32 i = 0; i < SAMPLES; i++)
        values[i] = samples[i];
    sort(values, SAMPLES);
    print_histogram(values, SAMPLES);
    check(values[SAMPLES - 1] <= MOST && values[SAMPLES * 99 / 100] <= MOST_99 && values[SAMPLES / 2] <= MOST_MEDIAN,
          "ran after %lu us at least, median %lu, 99 %% %lu, at most %lu", values[0] / 1000, values[SAMPLES / 2] / 1000,
          values[SAMPLES * 99 / 100] / 1000, values[SAMPLES - 1] / 1000);
}

/* The sender is as much a sleeper as the other. */
static bool send_all(struct child *c, u32 port)
{
    for (u32 i = 0; i < SAMPLES; i++) {
        time_sleep(pause_ns());
        c->mailbox[SENT] = time_ns();
        event_send(port);
        if (!child_answers(c, COUNT, i + 1, 1000 * MS))
            return check(false, "event %u arrives", i);
    }
    return true;
}

static bool wait_all(struct child *c)
{
    u64 end = time_ns() + SAMPLES * 50 * MS;

    while (c->mailbox[COUNT] < SAMPLES && time_ns() < end)
        time_sleep(100 * MS);
    return check(c->mailbox[COUNT] >= SAMPLES, "woken %lu times", c->mailbox[COUNT]);
}

static void check_wakeups(bool by_event)
{
    static struct hog hogs[3];
    struct child c;
    long port = 0;

    if (!hogs_start(hogs, ARRAY_SIZE(hogs)))
        return;
    if (check_equal(child_build(&c, "sleeper", 0, 0, CHILD_READY), 0, "build a sleeper")) {
        if (by_event)
            port = event_alloc_unbound(DOMID_SELF, c.domid);
        c.mailbox[PORT] = (u64)port;
        check_equal(domctl(&(struct xen_domctl){.cmd = 0}, XEN_DOMCTL_unpausedomain, c.domid), 0, "let it run");
        time_sleep(100 * MS);
        if (by_event ? send_all(&c, (u32)port) : wait_all(&c))
            judge(c.mailbox + FIRST);
    }
    child_end(&c);
    if (by_event)
        event_close((u32)port);
    hogs_end(hogs, ARRAY_SIZE(hogs));
}

TEST(timer, "woken by its timer")
{
    check_wakeups(false);
}

TEST(event, "woken by another domain")
{
    check_wakeups(true);
}
