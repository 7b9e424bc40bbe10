/* SPDX-License-Identifier: MIT */
/* Debug keys: see operator.h. */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/operator.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>
#include <xen/sysctl.h>

static long sysctl(struct xen_sysctl *op, u32 cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall_sysctl(op);
}

/* The next bytes that were printed, as text. */
static u32 console_more(u32 *index, char *text, u32 size)
{
    struct xen_sysctl op = {.u.readconsole = {.incremental = 1, .index = *index, .count = size - 1}};

    set_xen_guest_handle(op.u.readconsole.buffer, text);
    if (sysctl(&op, XEN_SYSCTL_readconsole) != 0)
        return 0;
    *index = op.u.readconsole.index;
    text[op.u.readconsole.count] = '\0';
    return op.u.readconsole.count;
}

static void key_press(char key)
{
    struct xen_sysctl op = {.u.debug_keys = {.nr_keys = 1}};

    set_xen_guest_handle(op.u.debug_keys.keys, &key);
    sysctl(&op, XEN_SYSCTL_debug_keys);
}

static const char *find(const char *text, const char *mark)
{
    for (; *text != '\0'; text++)
        if (memcmp(text, mark, strlen(mark)) == 0)
            return text + strlen(mark);
    return NULL;
}

/* Whether the text has a whole line with the mark; its rest goes to `line`. */
static bool whole_line(const char *text, const char *mark, char line[REPORT_BYTES])
{
    const char *from = find(text, mark);
    u32 bytes = 0;

    if (from == NULL)
        return false;
    while (from[bytes] != '\n' && from[bytes] != '\r')
        if (from[bytes] == '\0' || bytes == REPORT_BYTES - 1)
            return false;
        else
            bytes++;
    memcpy(line, from, bytes);
    line[bytes] = '\0';
    return true;
}

bool key_report(char key, const char *mark, char line[REPORT_BYTES])
{
    static char text[4096];
    static u32 index;
    u64 end = time_ns() + 10000 * MS; /* what dies late may wait for a CPU that the emulator lets stand */
    u32 bytes = 0;

    while (console_more(&index, text, sizeof(text)) != 0)
        ;
    text[0] = '\0';
    key_press(key);
    while (!whole_line(text, mark, line)) {
        if (time_ns() > end || bytes == sizeof(text) - 1)
            return false;
        bytes += console_more(&index, text + bytes, (u32)sizeof(text) - bytes);
    }
    return true;
}

static u32 domains(void)
{
    static xen_domctl_getdomaininfo_t list[300];
    struct xen_sysctl op = {.u.getdomaininfolist = {.max_domains = ARRAY_SIZE(list)}};

    set_xen_guest_handle(op.u.getdomaininfolist.buffer, list);
    sysctl(&op, XEN_SYSCTL_getdomaininfolist);
    return op.u.getdomaininfolist.num_domains;
}

bool have_counts(void)
{
    static int have = -1;
    char line[REPORT_BYTES];

    if (have < 0)
        have = key_report('n', "counts: ", line);
    return have == 1;
}

void counts_take(char counts[REPORT_BYTES])
{
    if (!have_counts())
        snprintf(counts, REPORT_BYTES, "domains=%u", domains());
    else if (!key_report('n', "counts: ", counts))
        guest_panic("no counts");
}

void counts_check(const char *before, const char *what)
{
    char now[REPORT_BYTES], audit[REPORT_BYTES];
    u64 end = time_ns() + 10000 * MS; /* what dies late may wait for a CPU that the emulator lets stand */

    counts_take(now);
    while (strcmp(before, now) != 0 && time_ns() < end) {
        time_sleep(5 * MS);
        counts_take(now);
    }
    check(strcmp(before, now) == 0, "%s: %s", what, now);
    if (strcmp(before, now) != 0)
        printf("  before: %s\n", before);
    if (have_counts())
        check(key_report('A', "audit: ", audit) && strcmp(audit, "clean") == 0, "audit: %s", audit);
}
