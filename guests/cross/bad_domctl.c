/* SPDX-License-Identifier: MIT */
/*
 * bad_domctl - a toolstack's mistakes: wrong versions, nobody, itself, the dying, numbers out of range: which error
 */
#include <lib/builder.h>
#include <lib/event.h>
#include <lib/grant.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/operator.h>
#include <lib/role.h>
#include <lib/string.h>
#include <lib/test.h>
#include <lib/time.h>
#include <xen/sysctl.h>

#define NOBODY 0x7000 /* a domain id that is not used */
#define AT (SCRATCH_VA + 0x800000)

static struct xen_domctl op;

static void check_versions(void)
{
    struct xen_sysctl s = {.cmd = XEN_SYSCTL_physinfo, .interface_version = XEN_SYSCTL_INTERFACE_VERSION + 1};

    op = (struct xen_domctl){.cmd = XEN_DOMCTL_getdomaininfo, .interface_version = XEN_DOMCTL_INTERFACE_VERSION + 1};
    check_equal(hypercall_domctl(&op), -XEN_EACCES, "a domctl of the next version");
    op.interface_version = 0;
    check_equal(hypercall_domctl(&op), -XEN_EACCES, "a domctl of no version");
    check_equal(hypercall_sysctl(&s), -XEN_EACCES, "a sysctl of the next version");
    check_equal(hypercall_domctl((void *)8), -XEN_EFAULT, "a domctl at a bad pointer");
    memset(&op, 0, sizeof(op));
    check_equal(domctl(&op, 9999, 0), -XEN_ENOSYS, "an unknown domctl");
}

static void check_nobody(void)
{
    static const u32 cmds[] = {XEN_DOMCTL_destroydomain, XEN_DOMCTL_pausedomain, XEN_DOMCTL_unpausedomain,
                               XEN_DOMCTL_max_mem, XEN_DOMCTL_max_vcpus, XEN_DOMCTL_setvcpucontext,
                               XEN_DOMCTL_getvcpuinfo, XEN_DOMCTL_getvcpucontext, XEN_DOMCTL_setvcpuaffinity,
                               XEN_DOMCTL_setdomainhandle, XEN_DOMCTL_resumedomain, XEN_DOMCTL_get_cpu_policy};
    static const u16 ids[] = {NOBODY, DOMID_IO, DOMID_XEN, DOMID_INVALID};
    struct sched_remote_shutdown shutdown = {.domain_id = NOBODY, .reason = SHUTDOWN_crash};

    for (u32 i = 0; i < ARRAY_SIZE(cmds); i++)
        for (u32 k = 0; k < ARRAY_SIZE(ids); k++) {
            memset(&op, 0, sizeof(op));
            if (domctl(&op, cmds[i], ids[k]) != -XEN_ESRCH)
                check(false, "domctl %u on domain %x: not ESRCH", cmds[i], ids[k]);
        }
    check(true, "domctls on nobody are answered with ESRCH");
    check_equal(hypercall_sched_op(SCHEDOP_remote_shutdown, &shutdown), -XEN_ESRCH, "shut nobody down");
}

static void check_itself(void)
{
    static const u32 cmds[] = {XEN_DOMCTL_destroydomain, XEN_DOMCTL_pausedomain, XEN_DOMCTL_setvcpucontext,
                               XEN_DOMCTL_getvcpucontext, XEN_DOMCTL_resumedomain, XEN_DOMCTL_max_vcpus};

    for (u32 i = 0; i < ARRAY_SIZE(cmds); i++) {
        memset(&op, 0, sizeof(op));
        if (domctl(&op, cmds[i], 0) != -XEN_EINVAL)
            check(false, "domctl %u on itself: not EINVAL", cmds[i]);
    }
    check(true, "what nobody does to himself is answered with EINVAL");
}

static long create(u16 domid, struct xen_domctl_createdomain config)
{
    op = (struct xen_domctl){.u.createdomain = config};
    return domctl(&op, XEN_DOMCTL_createdomain, domid);
}

static void check_creation(const struct child *c)
{
    const struct xen_domctl_createdomain good = {.max_vcpus = 1, .max_evtchn_port = 1023, .max_grant_frames = 4,
                                                 .max_maptrack_frames = 4, .grant_opts = XEN_DOMCTL_GRANT_version(2)};
    struct xen_domctl_createdomain bad = good;

    check_equal(create(c->domid, good), -XEN_EEXIST, "create a domain that exists");
    bad.max_vcpus = 0;
    check_equal(create(0, bad), -XEN_EINVAL, "create one without vcpus");
    bad.max_vcpus = 100000;
    check_equal(create(0, bad), -XEN_EINVAL, "with 100000");
    bad = good;
    bad.flags = 1u << 30;
    check_equal(create(0, bad), -XEN_EINVAL, "with unknown flags");
    bad = good;
    bad.grant_opts = XEN_DOMCTL_GRANT_version(3);
    check_equal(create(0, bad), -XEN_EINVAL, "with version 3 of grants");
    bad = good;
    bad.arch.emulation_flags = 1;
    check_equal(create(0, bad), -XEN_EOPNOTSUPP, "with emulated devices");
    bad = good;
    bad.cpupool_id = 99;
    check(create(0, bad) < 0, "in a CPU pool that there is not");
}

static void check_numbers(const struct child *c)
{
    static vcpu_guest_context_t context;

    check_equal(domctl(&op, XEN_DOMCTL_unpausedomain, c->domid), 0, "let it run");
    check_equal(domctl(&op, XEN_DOMCTL_unpausedomain, c->domid), -XEN_EINVAL, "let it run again");
    op.u.max_vcpus.max = 2;
    check_equal(domctl(&op, XEN_DOMCTL_max_vcpus, c->domid), -XEN_EINVAL, "more vcpus than it was created for");
    op.u.getvcpuinfo.vcpu = 1;
    check_equal(domctl(&op, XEN_DOMCTL_getvcpuinfo, c->domid), -XEN_EINVAL, "of a vcpu that there is not");
    memset(&op.u, 0, sizeof(op.u));
    op.u.vcpucontext.vcpu = 100000;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    check_equal(domctl(&op, XEN_DOMCTL_setvcpucontext, c->domid), -XEN_EINVAL, "set the registers of one");
    check_equal(domctl(&op, XEN_DOMCTL_getvcpucontext, c->domid), -XEN_EINVAL, "get the registers of one");
    op.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, (void *)8);
    check_equal(domctl(&op, XEN_DOMCTL_setvcpucontext, c->domid), -XEN_EFAULT, "registers at a bad pointer");
    op.u.iomem_permission = (struct xen_domctl_iomem_permission){.first_mfn = ~0ul, .nr_mfns = 2, .allow_access = 1};
    check_equal(domctl(&op, XEN_DOMCTL_iomem_permission, c->domid), -XEN_EINVAL, "device memory that wraps around");
    op.u.ioport_permission = (struct xen_domctl_ioport_permission){.first_port = 0xffff, .nr_ports = 2, .allow_access = 1};
    check_equal(domctl(&op, XEN_DOMCTL_ioport_permission, c->domid), -XEN_EINVAL, "ports out of range");
    op.u.hypercall_init.gmfn = 0xffffffff;
    check_equal(domctl(&op, XEN_DOMCTL_hypercall_init, c->domid), -XEN_EINVAL, "a hypercall page that there is not");
    op.u.address_size.size = 16;
    check_equal(domctl(&op, XEN_DOMCTL_set_address_size, c->domid), -XEN_EINVAL, "a width of 16 bits");
}

/* Others hold a page of a dead domain: what can be done to it is nothing. */
static void check_dying(struct child *c, u64 frame)
{
    struct xen_domctl_createdomain small = {.max_vcpus = 1, .max_grant_frames = 1,
                                            .grant_opts = XEN_DOMCTL_GRANT_version(1)};
    struct xen_memory_reservation claim = {.nr_extents = 1, .domid = c->domid};
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = frame};
    struct sched_remote_shutdown shutdown = {.domain_id = c->domid, .reason = SHUTDOWN_poweroff};
    u32 handle;

    check_equal(domctl(&op, XEN_DOMCTL_destroydomain, c->domid), 0, "kill it again");
    check_equal(create(c->domid, small), -XEN_EEXIST, "create one of its id");
    check_equal(hypercall_memory_op(XENMEM_claim_pages, &claim), -XEN_EINVAL, "claim for it");
    check(hypercall_mmuext_op(&pin, 1, NULL, c->domid) < 0, "no page table of it can be pinned");
    check_equal(event_alloc_unbound(c->domid, 0), -XEN_EINVAL, "a port for it");
    check_equal(event_bind_interdomain(c->domid, 1), -XEN_EINVAL, "bind to a port that it had");
    check(grant_map(c->domid, GRANT_FIRST, AT + PAGE_SIZE, GNTMAP_host_map, &handle) < 0, "no grant of it can be mapped");
    check_equal(hypercall_sched_op(SCHEDOP_remote_shutdown, &shutdown), 0, "shut it down");
    check(domctl(&op, XEN_DOMCTL_getdomaininfo, c->domid) == 0 && op.domain == c->domid &&
              (op.u.getdomaininfo.flags & XEN_DOMINF_dying) != 0, "it is still dying");
}

ROLE(idle)
{
    role_mailbox()[1] = page_mfn(page_alloc());
    role_mailbox()[0] = 1;
    for (;;)
        time_sleep(1000 * MS);
}

TEST(bad_domctl, "mistakes of a toolstack")
{
    char counts[REPORT_BYTES];
    struct child c;
    u64 frame;

    counts_take(counts);
    check_versions();
    check_nobody();
    check_itself();
    check_equal(child_build(&c, "idle", 0, 0, CHILD_READY), 0, "build a child");
    check_creation(&c);
    check_numbers(&c);
    if (!check(child_answers(&c, 0, 1, 5000 * MS), "it runs"))
        return;
    frame = c.mailbox[1];
    check_equal(map_foreign(AT, frame, PTE_KERNEL_RW, c.domid), 0, "map a page of it");
    check_equal(child_kill(&c), 0, "kill it");
    time_sleep(20 * MS);
    check_dying(&c, frame);
    map_set((const void *)AT, 0);
    check(domain_gone(c.domid, 5000 * MS), "it is gone");
    counts_check(counts, "left behind nothing");
}
