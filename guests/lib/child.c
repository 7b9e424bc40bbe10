/* SPDX-License-Identifier: MIT */
/* What a running child says: lines of its console, words of its mailbox, how it ended. See builder.h. */
#include <lib/builder.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>

static bool has_prefix(const char *text, const char *prefix)
{
    return memcmp(text, prefix, strlen(prefix)) == 0;
}

/* Its good checks are not worth a line here. */
static void report_line(const struct child *c)
{
    if (has_prefix(c->line, "  FAIL ") || has_prefix(c->line, "  ERROR "))
        check(false, "domain %u: %s", c->domid, c->line + 7);
    else if (has_prefix(c->line, "  skip "))
        test_skip("domain %u: %s", c->domid, c->line + 7);
    else if (!has_prefix(c->line, "  ok "))
        printf("  domain %u: %s\n", c->domid, c->line);
}

void child_drain(struct child *c)
{
    struct xencons_interface *ring = c->console;

    while (ring->out_cons != __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE)) {
        char byte = ring->out[MASK_XENCONS_IDX(ring->out_cons, ring->out)];

        __atomic_store_n(&ring->out_cons, ring->out_cons + 1, __ATOMIC_RELEASE);
        if (byte != '\n' && c->line_bytes < sizeof(c->line) - 1) {
            c->line[c->line_bytes++] = byte;
            continue;
        }
        c->line[c->line_bytes] = '\0';
        c->line_bytes = 0;
        c->on_line != NULL ? c->on_line(c) : report_line(c);
    }
}

long child_wait(struct child *c, u64 ns)
{
    struct xen_domctl_getdomaininfo info;
    u64 end = time_ns() + ns;

    for (;;) {
        bool down = domain_info(c->domid, &info) == 0 && (info.flags & XEN_DOMINF_shutdown) != 0;

        child_drain(c);
        if (down)
            return (long)(info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
        if (time_ns() > end)
            return -1;
        time_sleep(MS / 2);
    }
}

bool child_answers(struct child *c, u32 word, u64 value, u64 ns)
{
    u64 end = time_ns() + ns;

    while (c->mailbox[word] != value) {
        child_drain(c);
        if (time_ns() > end)
            return false;
        time_sleep(MS / 4);
    }
    child_drain(c);
    return true;
}
