/* SPDX-License-Identifier: MIT */
/*
 * CPU policies as toolstacks pass them: a list of leaves and a list of MSRs. Leaves that are not in the list stay as
 * they were. What goes beyond the machine is refused where it is a limit or an MSR, and dropped where it is a feature:
 * toolstacks ask for some without looking whether the machine has them.
 */
#include <hcall/domctl.h>
#include <mm/heap.h>
#include <pv/cpu_policy.h>
#include <x86/cpuid_policy.h>
#include <xen/sysctl.h>
#include <xen/xen.h>

/* A guest has neither: both read as 0 in every policy. */
static const u32 msrs[] = { 0xce, 0x10a };

/* ---- out ---- */

/* A null pointer asks for the number. */
static int leaves_out(const struct cpu_policy *p, guest_ptr_t list, u32 *n)
{
    u32 room = *n;

    *n = guest_null(list) ? CPU_POLICY_SLOTS : 0;
    for (unsigned slot = 0; !guest_null(list) && slot < CPU_POLICY_SLOTS; slot++) {
        struct cpuid_regs r = p->r[slot];
        xen_cpuid_leaf_t leaf = { .a = r.a, .b = r.b, .c = r.c, .d = r.d };

        cpu_policy_name(slot, &leaf.leaf, &leaf.subleaf);
        if (!cpu_policy_shows(p, leaf.leaf, leaf.subleaf))
            continue;
        if (*n == room)
            return -ENOBUFS;
        if (guest_write(guest_elem(list, (*n)++, sizeof(leaf)), &leaf, sizeof(leaf)))
            return -EFAULT;
    }
    return 0;
}

static int msrs_out(guest_ptr_t list, u32 *n)
{
    int rc = guest_null(list) || *n >= ARRAY_SIZE(msrs) ? 0 : -ENOBUFS;

    for (u32 i = 0; rc == 0 && !guest_null(list) && i < ARRAY_SIZE(msrs); i++)
        rc = guest_write(guest_elem(list, i, sizeof(xen_msr_entry_t)), &(xen_msr_entry_t){ .idx = msrs[i] },
                         sizeof(xen_msr_entry_t));
    *n = ARRAY_SIZE(msrs);
    return rc;
}

/* Which of the machine's own, by the ABI's number. */
static int kind_of(u32 index, enum cpu_policy_kind *kind)
{
    static const s8 kinds[] = {
        [XEN_SYSCTL_cpu_policy_raw] = CPU_POLICY_RAW, [XEN_SYSCTL_cpu_policy_host] = CPU_POLICY_HOST,
        [XEN_SYSCTL_cpu_policy_pv_max] = CPU_POLICY_PV_MAX, [XEN_SYSCTL_cpu_policy_pv_default] = CPU_POLICY_PV_DEFAULT,
        [XEN_SYSCTL_cpu_policy_hvm_max] = -1, [XEN_SYSCTL_cpu_policy_hvm_default] = -1,
    };

    if (index >= ARRAY_SIZE(kinds))
        return -EINVAL;
    *kind = (enum cpu_policy_kind)kinds[index];
    return kinds[index] < 0 ? -EOPNOTSUPP : 0;
}

int sysctl_get_cpu_policy(struct xen_sysctl *op)
{
    struct xen_sysctl_cpu_policy *c = &op->u.cpu_policy;
    enum cpu_policy_kind kind;
    struct cpu_policy *p;
    int rc = c->_rsvd ? -EINVAL : kind_of(c->index, &kind);

    if (rc)
        return rc;
    p = mem_alloc(sizeof(*p));
    if (p == NULL)
        return -ENOMEM;
    cpu_policy_system(kind, p);
    rc = leaves_out(p, guest_ptr((u64)c->leaves.p), &c->nr_leaves);
    if (rc == 0)
        rc = msrs_out(guest_ptr((u64)c->msrs.p), &c->nr_msrs);
    mem_free(p);
    return rc;
}

/* What AMD repeats of leaf 1 is no feature of its own in the sets for guests. */
static u32 feature_word(const struct cpu_policy *p, enum cpu_policy_kind kind, u32 w)
{
    bool guests = kind == CPU_POLICY_PV_MAX || kind == CPU_POLICY_PV_DEFAULT;

    return cpu_policy_word(p, w) & (guests && w == XEN_X86_FEATURE_SYSCALL / 32 ? ~CPUID_COMMON_FEATURES : ~0u);
}

/* Numbers of featuresets as policies' but for the order of the last four. -ENOBUFS still gives what fits. */
int sysctl_get_cpu_featureset(struct xen_sysctl *op)
{
    static const u8 indices[] = { 0, 1, XEN_SYSCTL_cpu_policy_pv_default, XEN_SYSCTL_cpu_policy_hvm_default,
                                  XEN_SYSCTL_cpu_policy_pv_max, XEN_SYSCTL_cpu_policy_hvm_max };
    struct xen_sysctl_cpu_featureset *f = &op->u.cpu_featureset;
    guest_ptr_t list = guest_ptr((u64)f->features.p);
    u32 n = min(f->nr_features, (u32)CPU_FEATURE_WORDS);
    enum cpu_policy_kind kind;
    struct cpu_policy *p;
    int rc;

    f->nr_features = guest_null(list) ? CPU_FEATURE_WORDS : n;
    if (guest_null(list))
        return 0;
    rc = f->index < ARRAY_SIZE(indices) ? kind_of(indices[f->index], &kind) : -EINVAL;
    if (rc)
        return rc;
    p = mem_alloc(sizeof(*p));
    if (p == NULL)
        return -ENOMEM;
    cpu_policy_system(kind, p);
    for (u32 w = 0; rc == 0 && w < n; w++)
        rc = guest_write(guest_elem(list, w, sizeof(u32)), &(u32){ feature_word(p, kind, w) }, sizeof(u32));
    mem_free(p);
    return rc || n == CPU_FEATURE_WORDS ? rc : -ENOBUFS;
}

int domctl_get_cpu_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *c = &op->u.cpu_policy;
    struct cpu_policy *p = mem_alloc(sizeof(*p));
    int rc;

    if (p == NULL)
        return -ENOMEM;
    spin_lock(&d->lock);
    *p = d->pv.cpu;
    spin_unlock(&d->lock);
    rc = leaves_out(p, guest_ptr((u64)c->leaves.p), &c->nr_leaves);
    if (rc == 0)
        rc = msrs_out(guest_ptr((u64)c->msrs.p), &c->nr_msrs);
    mem_free(p);
    return rc;
}

/* ---- in ---- */

static int leaves_in(struct cpu_policy *p, struct xen_domctl_cpu_policy *c)
{
    xen_cpuid_leaf_t in;
    u32 leaf, sub;

    if (c->nr_leaves > CPU_POLICY_SLOTS)
        return -E2BIG;
    for (u32 i = 0; i < c->nr_leaves; i++) {
        int slot;

        if (guest_read(&in, guest_elem(guest_ptr((u64)c->leaves.p), i, sizeof(in)), sizeof(in)))
            return -EFAULT;
        slot = cpu_policy_slot(in.leaf, in.subleaf);
        if (slot >= 0)
            cpu_policy_name((unsigned)slot, &leaf, &sub);
        if (slot < 0 || sub != in.subleaf) {
            c->err_leaf = in.leaf;
            c->err_subleaf = in.subleaf;
            return -ERANGE;
        }
        p->r[slot] = (struct cpuid_regs){ in.a, in.b, in.c, in.d };
    }
    return 0;
}

static int msrs_in(struct xen_domctl_cpu_policy *c)
{
    xen_msr_entry_t in;

    if (c->nr_msrs > ARRAY_SIZE(msrs))
        return -E2BIG;
    for (u32 i = 0; i < c->nr_msrs; i++) {
        if (guest_read(&in, guest_elem(guest_ptr((u64)c->msrs.p), i, sizeof(in)), sizeof(in)))
            return -EFAULT;
        c->err_msr = in.idx;
        if (in.idx != msrs[0] && in.idx != msrs[1])
            return -ERANGE;
        if (in.flags || in.val)
            return -EINVAL;
    }
    c->err_msr = ~0u;
    return 0;
}

/* How far the leaves go. */
static int limits_check(const struct cpu_policy *p, const struct cpu_policy *most, struct xen_domctl_cpu_policy *c)
{
    static const u32 limits[][2] = { { 0, XEN_CPUID_NO_SUBLEAF }, { 7, 0 }, { 0x80000000, XEN_CPUID_NO_SUBLEAF } };

    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        int slot = cpu_policy_slot(limits[i][0], limits[i][1]);

        if (p->r[slot].a > most->r[slot].a) {
            c->err_leaf = limits[i][0];
            c->err_subleaf = limits[i][1];
            return -EINVAL;
        }
    }
    return 0;
}

static int policy_in(struct cpu_policy *p, struct cpu_policy *most, struct xen_domctl_cpu_policy *c)
{
    int rc = leaves_in(p, c);

    if (rc == 0)
        rc = msrs_in(c);
    if (rc)
        return rc;
    cpu_policy_system(CPU_POLICY_PV_MAX, most);
    rc = limits_check(p, most, c);
    if (rc == 0)
        cpu_policy_clip(p, most);
    return rc;
}

int domctl_set_cpu_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *c = &op->u.cpu_policy;
    struct cpu_policy *p = mem_alloc(2 * sizeof(*p));
    int rc;

    if (p == NULL)
        return -ENOMEM;
    c->err_leaf = c->err_subleaf = c->err_msr = ~0u;
    p[0] = d->pv.cpu;           /* two callers at once: one of them comes first, whole or not at all */
    rc = policy_in(&p[0], &p[1], c);
    spin_lock(&d->lock);
    if (rc == 0)
        rc = d->started ? -EEXIST : 0;
    if (rc == 0)
        d->pv.cpu = p[0];
    spin_unlock(&d->lock);
    mem_free(p);
    return rc;
}
