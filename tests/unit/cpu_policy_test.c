/* SPDX-License-Identifier: MIT */
/* CPU policies: what the machine's are, how they look to a toolstack, what is refused and dropped, what a guest sees. */
#include "hcall_fixture.h"

#include <pv/cpu_policy.h>
#include <pv/cpuid.h>
#include <pv/msr.h>
#include <pv/privop.h>
#include <x86/cr.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define F(name) (1u << (XEN_X86_FEATURE_##name % 32))

static struct xen_domctl dc;
static struct xen_sysctl sc;
static xen_cpuid_leaf_t *leaves;
static xen_msr_entry_t *msrs;
static u16 id;

static long domctl(u32 cmd)
{
    long rc;

    dc.cmd = cmd;
    dc.domain = id;
    dc.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    rc = hypercall(__HYPERVISOR_domctl, put_arg(&dc, sizeof(dc)));
    memcpy(&dc, g->mem, sizeof(dc));
    return rc;
}

static long sysctl(u32 cmd)
{
    long rc;

    sc.cmd = cmd;
    sc.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    rc = hypercall(__HYPERVISOR_sysctl, put_arg(&sc, sizeof(sc)));
    memcpy(&sc, g->mem, sizeof(sc));
    return rc;
}

static long system_policy(u32 index, u32 nr_leaves, u32 nr_msrs)
{
    sc.u.cpu_policy = (struct xen_sysctl_cpu_policy){ .index = index, .nr_leaves = nr_leaves, .nr_msrs = nr_msrs };
    sc.u.cpu_policy.leaves.p = (void *)va_of(leaves);
    sc.u.cpu_policy.msrs.p = (void *)va_of(msrs);
    return sysctl(XEN_SYSCTL_get_cpu_policy);
}

static long policy_call(u32 cmd, u32 nr_leaves, u32 nr_msrs)
{
    dc.u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_leaves = nr_leaves, .nr_msrs = nr_msrs };
    dc.u.cpu_policy.leaves.p = (void *)va_of(leaves);
    dc.u.cpu_policy.msrs.p = (void *)va_of(msrs);
    return domctl(cmd);
}

static long set_policy(u32 nr_leaves, u32 nr_msrs) { return policy_call(XEN_DOMCTL_set_cpu_policy, nr_leaves, nr_msrs); }
static long get_policy(void) { return policy_call(XEN_DOMCTL_get_cpu_policy, 120, 2); }

static xen_cpuid_leaf_t *find(u32 n, u32 leaf, u32 sub)
{
    for (u32 i = 0; i < n; i++)
        if (leaves[i].leaf == leaf && leaves[i].subleaf == sub)
            return &leaves[i];
    return NULL;
}

static long set_one(u32 leaf, u32 sub, u32 a, u32 b, u32 c, u32 d)
{
    leaves[0] = (xen_cpuid_leaf_t){ leaf, sub, a, b, c, d };
    return set_policy(1, 0);
}

static int setup(void **state)
{
    int rc = hcall_setup(state);

    fake_cpuid_set(0, 0, (struct cpuid_regs){ 0x16, 0x68747541, 0x444d4163, 0x69746e65 });
    fake_cpuid_set(1, 0, (struct cpuid_regs){ 0x800f12, 0x00100800, ~0u, ~0u });
    fake_cpuid_set(4, 0, (struct cpuid_regs){ 0x121, 1, 2, 3 });
    fake_cpuid_set(4, 1, (struct cpuid_regs){ 0x122, 1, 2, 3 });
    fake_cpuid_set(4, 2, (struct cpuid_regs){ 0, 0, 0, 0 });
    fake_cpuid_set(7, 0, (struct cpuid_regs){ 1, ~0u, ~0u, ~0u });
    fake_cpuid_set(7, 1, (struct cpuid_regs){ ~0u, 0, 0, 0 });
    fake_cpuid_set(0xd, 0, (struct cpuid_regs){ 7, 832, 832, 0 });
    fake_cpuid_set(0xd, 1, (struct cpuid_regs){ 0xf, 0, 0, 0 });
    fake_cpuid_set(0xd, 2, (struct cpuid_regs){ 256, 576, 0, 0 });
    fake_cpuid_set(0x80000000, 0, (struct cpuid_regs){ 0x80000022, 0, 0, 0 });
    fake_cpuid_set(0x80000001, 0, (struct cpuid_regs){ 0, 0, ~0u, ~0u });
    fake_cpuid_set(0x80000007, 0, (struct cpuid_regs){ 0, 0, 0, ~0u });
    fake_cpuid_set(0x80000008, 0, (struct cpuid_regs){ 0x3028, ~0u, ~0u, 0 });
    leaves = page_at(1);
    msrs = page_at(2);
    dc.u.createdomain = (struct xen_domctl_createdomain){ .max_vcpus = 1, .max_evtchn_port = 127, .max_grant_frames = 1,
                                                          .grant_opts = 1 };
    id = 0;
    assert_int_equal(domctl(XEN_DOMCTL_createdomain), 0);
    id = dc.domain;
    dc.u.max_vcpus.max = 1;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus), 0);
    return rc;
}

static int teardown(void **state)
{
    struct guest *was = g;

    assert_int_equal(domctl(XEN_DOMCTL_destroydomain), 0);
    for (unsigned round = 0; round < 4; round++)
        for (unsigned cpu = 0; cpu < 4; cpu++) {
            fake_cpu_set(cpu);
            work_run();
        }
    as(was);
    return hcall_teardown(state);
}

static struct cpuid_regs seen(u32 leaf, u32 sub) { return pv_cpuid(domain_lookup(id)->vcpus[0], leaf, sub, true); }

/* ---- the machine's ---- */

static void every_slot_has_its_name(void **state)
{
    u32 leaf, sub, last_leaf = 0, last_sub = 0;

    (void)state;
    for (unsigned slot = 0; slot < CPU_POLICY_SLOTS; slot++) {
        cpu_policy_name(slot, &leaf, &sub);
        assert_int_equal(cpu_policy_slot(leaf, sub), slot);
        assert_true(slot == 0 || leaf > last_leaf || (leaf == last_leaf && sub == last_sub + 1));
        last_leaf = leaf;
        last_sub = sub;
    }
    assert_true(cpu_policy_slot(0xe, 0) < 0);
    assert_true(cpu_policy_slot(7, 3) < 0);
    assert_true(cpu_policy_slot(0x80000022, 0) < 0);
    assert_true(cpu_policy_slot(0x40000001, 0) < 0);
}

static void sizes_by_null_pointers(void **state)
{
    (void)state;
    sc.u.cpu_policy = (struct xen_sysctl_cpu_policy){ .index = XEN_SYSCTL_cpu_policy_host };
    assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_policy), 0);
    assert_int_equal(sc.u.cpu_policy.nr_leaves, 120);
    assert_int_equal(sc.u.cpu_policy.nr_msrs, 2);
    sc.u.cpu_featureset = (struct xen_sysctl_cpu_featureset){ .index = 99 };
    assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_featureset), 0);
    assert_int_equal(sc.u.cpu_featureset.nr_features, 19);
}

static void the_machines_policies(void **state)
{
    u32 n;

    (void)state;
    assert_int_equal(system_policy(XEN_SYSCTL_cpu_policy_raw, 120, 2), 0);
    n = sc.u.cpu_policy.nr_leaves;
    assert_int_equal(find(n, 0, XEN_CPUID_NO_SUBLEAF)->a, 0x16);
    assert_int_equal(find(n, 1, XEN_CPUID_NO_SUBLEAF)->c, ~0u);
    assert_non_null(find(n, 4, 2));
    assert_null(find(n, 4, 3));
    assert_non_null(find(n, 7, 1));
    assert_null(find(n, 7, 2));
    assert_non_null(find(n, 0xd, 2));
    assert_null(find(n, 0xd, 3));
    assert_int_equal(find(n, 0x40000000, XEN_CPUID_NO_SUBLEAF)->a, 0);
    assert_int_equal(msrs[0].idx, 0xce);
    assert_int_equal(msrs[1].idx, 0x10a);
    assert_int_equal(system_policy(XEN_SYSCTL_cpu_policy_host, 120, 2), 0);
    assert_int_equal(find(sc.u.cpu_policy.nr_leaves, 0, XEN_CPUID_NO_SUBLEAF)->a, 0xd);
    assert_int_equal(find(sc.u.cpu_policy.nr_leaves, 0x80000000, XEN_CPUID_NO_SUBLEAF)->a, 0x80000021);
    assert_int_equal(system_policy(XEN_SYSCTL_cpu_policy_pv_max, 120, 2), 0);
    n = sc.u.cpu_policy.nr_leaves;
    assert_int_equal(find(n, 1, XEN_CPUID_NO_SUBLEAF)->c & F(VMX), 0);
    assert_int_equal(find(n, 1, XEN_CPUID_NO_SUBLEAF)->d & F(HTT), F(HTT));
    assert_int_equal(find(n, 0x80000007, XEN_CPUID_NO_SUBLEAF)->d, F(ITSC));
    assert_int_equal(system_policy(XEN_SYSCTL_cpu_policy_pv_default, 120, 2), 0);
    n = sc.u.cpu_policy.nr_leaves;
    assert_int_equal(find(n, 1, XEN_CPUID_NO_SUBLEAF)->d & F(HTT), 0);
    assert_int_equal(find(n, 0x80000007, XEN_CPUID_NO_SUBLEAF)->d, 0);
    assert_int_equal(find(n, 0xd, 0)->a, 7);
    assert_int_equal(find(n, 0xd, 0)->c, 832);
}

static void machine_policies_that_are_refused(void **state)
{
    (void)state;
    assert_int_equal(system_policy(XEN_SYSCTL_cpu_policy_hvm_max, 120, 2), -EOPNOTSUPP);
    assert_int_equal(system_policy(XEN_SYSCTL_cpu_policy_hvm_default, 120, 2), -EOPNOTSUPP);
    assert_int_equal(system_policy(6, 120, 2), -EINVAL);
    assert_int_equal(system_policy(XEN_SYSCTL_cpu_policy_raw, 20, 2), -ENOBUFS);
    assert_int_equal(system_policy(XEN_SYSCTL_cpu_policy_raw, 120, 1), -ENOBUFS);
    sc.u.cpu_policy = (struct xen_sysctl_cpu_policy){ ._rsvd = 1 };
    assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_policy), -EINVAL);
    sc.u.cpu_policy = (struct xen_sysctl_cpu_policy){ .nr_leaves = 120, .nr_msrs = 2 };
    sc.u.cpu_policy.leaves.p = (void *)NOT_MAPPED;
    sc.u.cpu_policy.msrs.p = (void *)va_of(msrs);
    assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_policy), -EFAULT);
    sc.u.cpu_policy.leaves.p = (void *)va_of(leaves);
    sc.u.cpu_policy.msrs.p = (void *)NOT_MAPPED;
    assert_int_equal(sysctl(XEN_SYSCTL_get_cpu_policy), -EFAULT);
}

static long featureset(u32 index, u32 n)
{
    sc.u.cpu_featureset = (struct xen_sysctl_cpu_featureset){ .index = index, .nr_features = n };
    sc.u.cpu_featureset.features.p = (void *)va_of(leaves);
    return sysctl(XEN_SYSCTL_get_cpu_featureset);
}

static void featuresets(void **state)
{
    u32 *words = (u32 *)leaves;

    (void)state;
    assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_host, 19), 0);
    assert_true(words[0] == ~0u && words[1] == ~0u && words[5] == ~0u && words[16] == 0);
    assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_pv, 40), 0);
    assert_int_equal(sc.u.cpu_featureset.nr_features, 19);
    assert_int_equal(words[0] & (F(HTT) | F(SEP)), 0);      /* AMD's SYSENTER does not work in long mode */
    assert_int_equal(words[2] & F(LM), F(LM));
    assert_int_equal(words[2] & 0x0183f3ff, 0);             /* said once, in words[0] */
    assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_pv_max, 19), 0);
    assert_int_equal(words[0] & F(HTT), F(HTT));
    words[2] = 0x1234;
    assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_pv, 2), -ENOBUFS);
    assert_int_equal(sc.u.cpu_featureset.nr_features, 2);
    assert_int_equal(words[2], 0x1234);
    assert_int_equal(featureset(XEN_SYSCTL_cpu_featureset_hvm, 19), -EOPNOTSUPP);
    assert_int_equal(featureset(6, 19), -EINVAL);
}

/* ---- a domain's ---- */

/* What was got can be set, and is then the same. */
static void there_and_back(void **state)
{
    struct cpu_policy before = domain_lookup(id)->pv.cpu;
    u32 n;

    (void)state;
    assert_int_equal(get_policy(), 0);
    n = dc.u.cpu_policy.nr_leaves;
    assert_int_equal(set_policy(n, 2), 0);
    assert_memory_equal(&domain_lookup(id)->pv.cpu, &before, sizeof(before));
}

static void a_guest_sees_what_was_set(void **state)
{
    struct vcpu *v = domain_lookup(id)->vcpus[0];
    u64 value;

    (void)state;
    assert_true(seen(7, 0).b & F(AVX2));
    assert_true(pv_xcr0_ok(v, 7));
    assert_int_equal(set_one(0x80000002, XEN_CPUID_NO_SUBLEAF, 1, 2, 3, 4), 0);
    assert_true(seen(0x80000002, 0).a == 1 && seen(0x80000002, 0).d == 4);
    assert_int_equal(set_one(1, XEN_CPUID_NO_SUBLEAF, 0x700, 0, F(SSE3) | F(XSAVE) | F(VMX), F(FPU) | F(PSE)), 0);
    assert_int_equal(seen(1, 0).a, 0x700);
    assert_int_equal(seen(1, 0).c & ~(F(HYPERVISOR) | F(OSXSAVE)), F(SSE3) | F(XSAVE));
    assert_int_equal(seen(1, 0).d, F(FPU));
    assert_int_equal(seen(7, 0).b & (F(AVX2) | F(AVX512F)), 0);         /* what needs AVX goes with it */
    assert_int_equal(seen(0xd, 0).a, 3);
    assert_int_equal(seen(0xd, 2).a, 0);
    assert_false(pv_xcr0_ok(v, 7));
    assert_int_equal(set_one(1, XEN_CPUID_NO_SUBLEAF, 0x700, 0, F(SSE3), F(FPU)), 0);
    assert_int_equal(seen(0xd, 0).a, 0);
    assert_int_equal(pv_cr4_sanitise(v, ~0UL) & X86_CR4_OSXSAVE, 0);
    assert_int_equal(set_one(7, 0, 0, 0, 0, 0), 0);
    assert_int_equal(pv_cr4_sanitise(v, ~0UL) & X86_CR4_FSGSBASE, 0);
    assert_int_equal(pv_msr_read(v, 0xc0000103, &value), 0);
    assert_int_equal(set_one(0x80000001, XEN_CPUID_NO_SUBLEAF, 0, 0, 0, F(LM)), 0);
    assert_int_equal(pv_msr_read(v, 0xc0000103, &value), -EPERM);
    assert_int_equal(set_one(0x80000008, XEN_CPUID_NO_SUBLEAF, 0x3034, 0, 0, 0), 0);
    assert_int_equal(seen(0x80000008, 0).a, 0x3028);                    /* no more address bits than there are */
    assert_int_equal(set_one(0, XEN_CPUID_NO_SUBLEAF, 1, 0, 0, 0), 0);
    assert_int_equal(seen(4, 0).a, 0);
}

static void requests_are_granted(void **state)
{
    (void)state;
    assert_int_equal(seen(1, 0).d & F(HTT), 0);
    assert_int_equal(set_one(1, XEN_CPUID_NO_SUBLEAF, 0, 0, 0, F(HTT)), 0);
    assert_int_equal(seen(1, 0).d, F(HTT));
    assert_int_equal(set_one(0x80000007, XEN_CPUID_NO_SUBLEAF, 0, 0, 0, ~0u), 0);
    assert_int_equal(seen(0x80000007, 0).d, F(ITSC));
}

#define REFUSED(call_and_rc, leaf_, sub_, msr_) do {                     \
    assert_int_equal call_and_rc;                               \
    assert_int_equal(dc.u.cpu_policy.err_leaf, leaf_);          \
    assert_int_equal(dc.u.cpu_policy.err_subleaf, sub_);        \
    assert_int_equal(dc.u.cpu_policy.err_msr, msr_);            \
    assert_memory_equal(&domain_lookup(id)->pv.cpu, &before, sizeof(before)); \
} while (0)

static void what_is_refused(void **state)
{
    const u32 none = XEN_CPUID_NO_SUBLEAF;
    struct cpu_policy before = domain_lookup(id)->pv.cpu;

    (void)state;
    REFUSED((set_one(0, none, 0xe, 0, 0, 0), -EINVAL), 0, none, ~0u);
    REFUSED((set_one(7, 0, 2, 0, 0, 0), -EINVAL), 7, 0, ~0u);
    REFUSED((set_one(0x80000000, none, 0x80000022, 0, 0, 0), -EINVAL), 0x80000000, none, ~0u);
    REFUSED((set_one(0xe, none, 0, 0, 0, 0), -ERANGE), 0xe, none, ~0u);
    REFUSED((set_one(7, 3, 0, 0, 0, 0), -ERANGE), 7, 3, ~0u);
    REFUSED((set_one(1, 0, 0, 0, 0, 0), -ERANGE), 1, 0, ~0u);
    REFUSED((set_one(7, none, 0, 0, 0, 0), -ERANGE), 7, none, ~0u);
    msrs[0] = (xen_msr_entry_t){ .idx = 0xce, .val = 1u << 31 };
    REFUSED((set_policy(0, 1), -EINVAL), ~0u, ~0u, 0xce);
    msrs[0] = (xen_msr_entry_t){ .idx = 0x10a, .flags = 1 };
    REFUSED((set_policy(0, 1), -EINVAL), ~0u, ~0u, 0x10a);
    msrs[0] = (xen_msr_entry_t){ .idx = 0x1b };
    REFUSED((set_policy(0, 1), -ERANGE), ~0u, ~0u, 0x1b);
    REFUSED((set_policy(121, 0), -E2BIG), ~0u, ~0u, ~0u);
    REFUSED((set_policy(0, 3), -E2BIG), ~0u, ~0u, ~0u);
}

static void fixed_once_it_ran(void **state)
{
    u16 created = id;

    (void)state;
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain), 0);
    assert_int_equal(domctl(XEN_DOMCTL_pausedomain), 0);
    assert_int_equal(set_policy(0, 0), -EEXIST);
    id = 0;
    assert_int_equal(get_policy(), 0);
    assert_int_equal(set_policy(0, 0), -EINVAL);            /* nobody changes his own */
    id = created;
}

static long get_it(void) { return get_policy(); }
static long set_it(void) { return set_policy(0, 0); }
static long get_machines(void) { return system_policy(0, 120, 2); }
static long get_features(void) { return featureset(0, 19); }

static void allocations_fail(void **state)
{
    (void)state;
    each_allocation_fails(get_it, -ENOMEM, 0);
    each_allocation_fails(set_it, -ENOMEM, 0);
    each_allocation_fails(get_machines, -ENOMEM, 0);
    each_allocation_fails(get_features, -ENOMEM, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_slot_has_its_name), T(sizes_by_null_pointers), T(the_machines_policies),
        T(machine_policies_that_are_refused), T(featuresets), T(there_and_back), T(a_guest_sees_what_was_set),
        T(requests_are_granted), T(what_is_refused), T(fixed_once_it_ran), T(allocations_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
