/* SPDX-License-Identifier: MIT */
/*
 * rights - a domain without rights calls every row of hypercalls.tbl that needs one, on every domain: refused, each
 *
 * The rows are generated from the table, so that a new one is tried as soon as it is there. What a row needs is its WHO
 * column. That nothing has happened is looked at from domain 0: what the hypervisor holds, and what it says of all
 * domains, is what it was. Another hypervisor may refuse with other errors.
 */
#include <guest-rights.gen.h>
#include <lib/builder.h>
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/operator.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

enum state { IMPL, ENTRY, NONE };
enum who { ANY, SELF, HARDWARE, CONTROL, MIXED };

static const struct row {
    int call, op;
    const char *name;
    enum state state;
    enum who who;
    const char *argument;
} rows[] = {
#define X(call_, op_, name_, state_, who_, argument_) {call_, op_, name_, state_, who_, argument_},
    HYPERCALL_RIGHTS(X)
#undef X
};

/* Where an argument names the domain, and where the answer is, for calls whose own result is another. */
#define NO_STATUS 0xffff
static const struct naming {
    const char *argument;
    u16 domid, status;
} namings[] = {
#define DOMID_IN(type, member) {#type, offsetof(type, member), NO_STATUS}
#define STATUS_IN(type) {#type, offsetof(type, dom), offsetof(type, status)}
    DOMID_IN(struct xen_memory_reservation, domid), DOMID_IN(struct xen_memory_exchange, in.domid),
    DOMID_IN(struct xen_foreign_memory_map, domid), DOMID_IN(struct xen_mem_acquire_resource, domid),
    DOMID_IN(struct evtchn_status, dom),            DOMID_IN(struct evtchn_alloc_unbound, dom),
    DOMID_IN(struct evtchn_reset, dom),             DOMID_IN(struct sched_remote_shutdown, domain_id),
    STATUS_IN(struct gnttab_setup_table),           STATUS_IN(struct gnttab_query_size),
    STATUS_IN(struct gnttab_get_status_frames),     {"domid_t", 0, NO_STATUS},
    {"struct gnttab_get_version", offsetof(struct gnttab_get_version, dom), NO_STATUS},
};

static union {
    u8 bytes[PAGE_SIZE];
    struct xen_domctl domctl;
    struct xen_sysctl sysctl;
    struct xen_platform_op platform;
    struct xen_memory_reservation reservation;
    struct xen_memory_exchange exchange;
    mmu_update_t update;
    struct mmuext_op mmuext;
} arg PAGE_ALIGNED;
static xen_pfn_t extents[2];

static const struct naming *naming_of(const struct row *row)
{
    for (const struct naming *n = namings; n < namings + ARRAY_SIZE(namings); n++)
        if (strcmp(n->argument, row->argument) == 0)
            return n;
    return NULL;
}

static bool is_reservation(const struct row *row)
{
    return strcmp(row->argument, "struct xen_memory_reservation") == 0;
}

/* An argument that would do something if it were allowed. */
static void fill_argument(const struct row *row, u16 domid)
{
    const struct naming *n = naming_of(row);

    memset(&arg, 0, sizeof(arg));
    extents[0] = 300;
    if (n != NULL)
        memcpy(arg.bytes + n->domid, &domid, sizeof(domid));
    if (is_reservation(row)) {
        arg.reservation.nr_extents = 1;
        if (row->op != XENMEM_claim_pages)
            set_xen_guest_handle(arg.reservation.extent_start, extents);
    }
    if (row->call == __HYPERVISOR_memory_op && row->op == XENMEM_exchange) {
        arg.exchange.in.nr_extents = arg.exchange.out.nr_extents = 1;
        arg.exchange.out.domid = domid;
        set_xen_guest_handle(arg.exchange.in.extent_start, extents);
        set_xen_guest_handle(arg.exchange.out.extent_start, extents + 1);
    }
}

static long call_mmu(const struct row *row, u16 domid)
{
    if (row->call == __HYPERVISOR_mmu_update) {
        arg.update = (mmu_update_t){.ptr = pte_maddr(1, (unsigned long)extents) | (u64)row->op,
                                    .val = pte_read(1, (unsigned long)extents)};
        return hypercall_mmu_update(&arg.update, 1, NULL, domid);
    }
    arg.mmuext = (struct mmuext_op){.cmd = (unsigned int)row->op, .arg1.mfn = root_mfn()};
    return hypercall_mmuext_op(&arg.mmuext, 1, NULL, domid);
}

static long call_structure(const struct row *row, u16 domid)
{
    switch (row->call) {
    case __HYPERVISOR_domctl:
        return domctl(&arg.domctl, (u32)row->op, domid);
    case __HYPERVISOR_sysctl:
        arg.sysctl.cmd = (u32)row->op;
        arg.sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        return hypercall_sysctl(&arg.sysctl);
    default:
        arg.platform.cmd = (u32)row->op;
        arg.platform.interface_version = XENPF_INTERFACE_VERSION;
        return hypercall_platform_op(&arg.platform);
    }
}

static long call_row(const struct row *row, u16 domid)
{
    fill_argument(row, domid);
    switch (row->call) {
    case __HYPERVISOR_mmu_update:
    case __HYPERVISOR_mmuext_op:
        return call_mmu(row, domid);
    case __HYPERVISOR_domctl:
    case __HYPERVISOR_sysctl:
    case __HYPERVISOR_platform_op:
        return call_structure(row, domid);
    case __HYPERVISOR_console_io:
        return hypercall_console_io(row->op, 5, (char *)arg.bytes);
    case __HYPERVISOR_vcpu_op:
        return hypercall_vcpu_op(row->op, 0, &arg);
    default: /* the operation, its argument and for some how many of those */
        return hypercall_raw((unsigned long)row->call, (unsigned long)row->op, (unsigned long)&arg, 1, 0, 0);
    }
}

/* What another hypervisor lets a guest do to itself, or where it has nothing to hide. */
static bool is_harmless(const struct row *row)
{
    return row->call == __HYPERVISOR_memory_op &&
           (row->op == XENMEM_set_memory_map || row->op == XENMEM_reserved_device_memory_map);
}

/* The call's answer to one who may not. */
static void check_refused(const struct row *row, long got)
{
    const struct naming *n = naming_of(row);
    int16_t status;

    if (row->call == __HYPERVISOR_xen_version) { /* the command line, which is answered with another text */
        check(got == 0 && strcmp((const char *)arg.bytes, "<denied>") == 0, "%s: %ld, %s", row->name, got, arg.bytes);
        return;
    }
    if (is_reservation(row) && row->op != XENMEM_claim_pages) {
        check(got == 0, "%s: %ld extents, none wanted", row->name, got);
        return;
    }
    if (n != NULL && n->status != NO_STATUS) {
        memcpy(&status, arg.bytes + n->status, sizeof(status));
        check(got == 0 && status == GNTST_permission_denied, "%s: %ld, status %d", row->name, got, status);
        return;
    }
    if (guest_option("ours", 0) == 0)
        check(got < 0 || is_harmless(row), "%s: %ld", row->name, got);
    else if (row->state == NONE)
        check(got == -XEN_EPERM || got == -XEN_ENOSYS, "%s: %ld, not implemented", row->name, got);
    else
        check(got == -XEN_EPERM, "%s: %ld, want %d", row->name, got, -XEN_EPERM);
}

/* Does the row need a right that a domain without any lacks, when it acts on another domain? */
static bool needs_right(const struct row *row)
{
    if (row->op < 0) /* a whole call: only if it has no operations of its own in the table */
        return row->state == NONE && row->who != ANY;
    return row->who == SELF ? row->state == IMPL : row->who == HARDWARE || row->who == CONTROL;
}

/* Rows that are tried must say in `namings` where they name a domain. */
static bool knows_argument(const struct row *row)
{
    static const int otherwise[] = {__HYPERVISOR_domctl, __HYPERVISOR_mmu_update, __HYPERVISOR_mmuext_op,
                                    __HYPERVISOR_xen_version};

    for (u32 i = 0; i < ARRAY_SIZE(otherwise); i++)
        if (row->state != IMPL || row->call == otherwise[i])
            return true;
    return (row->who != SELF && (row->who != CONTROL || row->call == __HYPERVISOR_sysctl)) || naming_of(row) != NULL;
}

ROLE(nobody)
{
    const u16 targets[] = {0, (u16)guest_option("peer", 0), DOMID_SELF};
    u32 tried = 0;

    role_mailbox()[0] = 1;
    while (role_mailbox()[0] != 2)
        time_sleep(MS);
    for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
        if (!needs_right(row))
            continue;
        if (!knows_argument(row))
            check(false, "%s: say where %s names a domain", row->name, row->argument);
        for (u32 i = 0; i < ARRAY_SIZE(targets); i++)
            if (row->who != SELF || targets[i] != DOMID_SELF) {
                check_refused(row, call_row(row, targets[i]));
                tried++;
            }
    }
    role_mailbox()[1] = tried;
    role_mailbox()[0] = 3;
    for (;;)
        time_sleep(1000 * MS);
}

ROLE(peer)
{
    for (;;) {
        role_mailbox()[0]++;
        time_sleep(MS);
    }
}

/* What does not change of what the hypervisor says of a domain, unless somebody does something to it. */
static void describe(u16 domid, struct xen_domctl_getdomaininfo *info)
{
    check_equal(domain_info(domid, info), 0, "getdomaininfo");
    info->cpu_time = 0;
    info->flags &= ~(u32)(XEN_DOMINF_running | XEN_DOMINF_blocked);
}

TEST(rights, "a domain without rights is refused all that needs one, and nothing happens")
{
    static struct xen_domctl_getdomaininfo before[3], after[3];
    char counts[REPORT_BYTES], words[64];
    struct child nobody, peer;
    u64 ticks;

    check_equal(child_start(&peer, "peer"), 0, "start a peer");
    snprintf(words, sizeof(words), "nobody peer=%u ours=%u", peer.domid, have_counts());
    check_equal(child_start(&nobody, words), 0, "start the domain that may nothing");
    check(child_answers(&nobody, 0, 1, 5000 * MS), "it runs");
    for (u32 i = 0; i < 3; i++)
        describe((const u16[]){0, peer.domid, nobody.domid}[i], &before[i]);
    counts_take(counts);
    nobody.mailbox[0] = 2;
    check(child_answers(&nobody, 0, 3, 20000 * MS), "it has tried everything");
    check(nobody.mailbox[1] > 300, "which was %lu calls", nobody.mailbox[1]);
    for (u32 i = 0; i < 3; i++)
        describe((const u16[]){0, peer.domid, nobody.domid}[i], &after[i]);
    check(memcmp(before, after, sizeof(before)) == 0, "no domain has changed");
    counts_check(counts, "nothing has come or gone");
    ticks = peer.mailbox[0];
    time_sleep(20 * MS);
    check(peer.mailbox[0] > ticks, "the peer still runs");
    child_end(&nobody);
    child_end(&peer);
}
