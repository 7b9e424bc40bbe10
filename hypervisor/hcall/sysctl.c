/* SPDX-License-Identifier: MIT */
/*
 * sysctl: what a toolstack asks and tells the machine as a whole. One function for each operation, on a local copy that
 * goes back when the operation succeeded or had to leave something out. One node, one CPU pool, each CPU a core of one
 * package.
 */
#include <core/console.h>
#include <core/keys.h>
#include <hcall/domctl.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <xen/sysctl.h>
#include <xen/xen.h>


static int op_readconsole(struct xen_sysctl *op)
{
    struct xen_sysctl_readconsole *r = &op->u.readconsole;
    u32 index = r->incremental ? r->index : console_ring_start(), done = 0, n;
    char piece[256];

    while (done < r->count && (n = console_ring_read(&index, piece, min(r->count - done, (u32)sizeof(piece)))) != 0) {
        if (guest_write(guest_elem(guest_ptr((u64)r->buffer.p), done, 1), piece, n))
            return -EFAULT;
        done += n;
    }
    if (r->clear)
        console_ring_clear();
    r->index = index;
    r->count = done;
    return 0;
}

static int op_physinfo(struct xen_sysctl *op)
{
    static const struct { u32 leaf; u8 reg; } words[8] = {
        { 1, 3 }, { 1, 2 }, { 0x80000001, 3 }, { 0x80000001, 2 }, { 0xd, 0 }, { 7, 1 }, { 7, 2 }, { 0x80000007, 3 },
    };
    struct xen_sysctl_physinfo *p = &op->u.physinfo;

    *p = (struct xen_sysctl_physinfo){
        .threads_per_core = 1, .cores_per_socket = cpu_online_count, .nr_cpus = cpu_online_count,
        .max_cpu_id = cpu_online_count - 1, .nr_nodes = 1, .cpu_khz = tsc_khz, .total_pages = heap_total_pages(),
        .free_pages = heap_free_pages(), .outstanding_pages = mm_claims_total(), .max_mfn = frame_max - 1,
        .capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2,
    };
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        struct cpuid_regs r = cpuid(words[i].leaf, words[i].leaf == 0xd);
        const u32 regs[] = { r.a, r.b, r.c, r.d };

        p->hw_cap[i] = regs[words[i].reg];
    }
    return 0;
}

static int op_sched_id(struct xen_sysctl *op)
{
    op->u.sched_id.sched_id = sched_abi_id();
    return 0;
}

/* At most as long as there are domains: not worth a preemption point. */
static int op_getdomaininfolist(struct xen_sysctl *op)
{
    struct xen_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
    struct domain *d = domain_next(l->first_domain);
    struct xen_domctl_getdomaininfo info;

    for (l->num_domains = 0; d && l->num_domains < l->max_domains; l->num_domains++) {
        domain_describe(d, &info);
        if (guest_write(guest_elem(guest_ptr((u64)l->buffer.p), l->num_domains, sizeof(info)), &info, sizeof(info)))
            return -EFAULT;
        d = domain_next(d->id + 1u);
    }
    return 0;
}

static int op_debug_keys(struct xen_sysctl *op)
{
    for (u32 i = 0; i < op->u.debug_keys.nr_keys; i++) {
        char key;

        if (guest_read(&key, guest_elem(guest_ptr((u64)op->u.debug_keys.keys.p), i, 1), 1))
            return -EFAULT;
        keys_press(key);
    }
    return 0;
}

static int op_getcpuinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_getcpuinfo *g = &op->u.getcpuinfo;
    u32 n = min(g->max_cpus, cpu_online_count);

    for (u32 cpu = 0; cpu < n; cpu++) {
        struct xen_sysctl_cpuinfo info = { .idletime = sched_idle_ns(cpu) };

        if (guest_write(guest_elem(guest_ptr((u64)g->info.p), cpu, sizeof(info)), &info, sizeof(info)))
            return -EFAULT;
    }
    g->nr_cpus = n;
    return 0;
}

static int op_availheap(struct xen_sysctl *op)
{
    struct xen_sysctl_availheap *a = &op->u.availheap;

    if (a->node != -1 && a->node != 0)
        return -EINVAL;
    a->avail_bytes = heap_free_between(a->min_bitwidth, a->max_bitwidth ? a->max_bitwidth : HEAP_ANY_WIDTH) << PAGE_SHIFT;
    return 0;
}

static int op_cputopoinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_cputopoinfo *t = &op->u.cputopoinfo;

    for (u32 cpu = 0; t->cputopo.p && cpu < min(t->num_cpus, cpu_online_count); cpu++) {
        struct xen_sysctl_cputopo topo = { .core = cpu };

        if (guest_write(guest_elem(guest_ptr((u64)t->cputopo.p), cpu, sizeof(topo)), &topo, sizeof(topo)))
            return -EFAULT;
    }
    t->num_cpus = cpu_online_count;
    return 0;
}

static int op_numainfo(struct xen_sysctl *op)
{
    struct xen_sysctl_numainfo *n = &op->u.numainfo;
    struct xen_sysctl_meminfo mem = { heap_total_pages() << PAGE_SHIFT, heap_free_pages() << PAGE_SHIFT };
    u32 distance = 10;
    bool wanted = n->num_nodes;

    n->num_nodes = 1;
    if (wanted && n->meminfo.p && guest_write(guest_ptr((u64)n->meminfo.p), &mem, sizeof(mem)))
        return -EFAULT;
    return wanted && n->distance.p ? guest_write(guest_ptr((u64)n->distance.p), &distance, sizeof(distance)) : 0;
}

/* Pool 0 has every CPU and domain; there is no other. */
static int op_cpupool(struct xen_sysctl *op)
{
    struct xen_sysctl_cpupool_op *p = &op->u.cpupool_op;
    struct domain *d;
    cpumask_t none = { { 0 } };

    switch (p->op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        if (p->cpupool_id != 0)
            return -ENOENT;
        p->sched_id = sched_abi_id();
        p->n_dom = 0;
        for_each_domain(d)
            p->n_dom++;
        return bitmap_write(&p->cpumap, cpu_online_mask.w, NR_CPUS);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return bitmap_write(&p->cpumap, none.w, NR_CPUS);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return p->cpupool_id == 0 && domain_lookup((u16)p->domid) ? 0 : -EINVAL;
    default:
        return -EOPNOTSUPP;
    }
}

static int op_scheduler_op(struct xen_sysctl *op) { return sysctl_scheduler_op(&op->u.scheduler_op); }

static int (*const rows[])(struct xen_sysctl *op) = {
    [XEN_SYSCTL_readconsole] = op_readconsole,
    [XEN_SYSCTL_physinfo] = op_physinfo,
    [XEN_SYSCTL_sched_id] = op_sched_id,
    [XEN_SYSCTL_getdomaininfolist] = op_getdomaininfolist,
    [XEN_SYSCTL_debug_keys] = op_debug_keys,
    [XEN_SYSCTL_getcpuinfo] = op_getcpuinfo,
    [XEN_SYSCTL_availheap] = op_availheap,
    [XEN_SYSCTL_cputopoinfo] = op_cputopoinfo,
    [XEN_SYSCTL_numainfo] = op_numainfo,
    [XEN_SYSCTL_scheduler_op] = op_scheduler_op,
    [XEN_SYSCTL_cpupool_op] = op_cpupool,
    [XEN_SYSCTL_get_cpu_featureset] = sysctl_get_cpu_featureset,
    [XEN_SYSCTL_get_cpu_policy] = sysctl_get_cpu_policy,
};

long hcall_sysctl(struct hcall_args *args)
{
    guest_ptr_t arg = hcall_ptr(args, 0);
    struct xen_sysctl op;
    int rc;

    if (guest_read(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    rc = hcall_allowed(__HYPERVISOR_sysctl, op.cmd, NULL);
    if (rc)
        return rc;
    if (op.cmd >= ARRAY_SIZE(rows) || rows[op.cmd] == NULL)
        return -ENOSYS;
    rc = rows[op.cmd](&op);
    if ((rc == 0 || rc == -ENOBUFS) && guest_write(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
