/* SPDX-License-Identifier: MIT */
/* domctl and sysctl scheduler_op: what a toolstack sets is read back and in force, and what is refused changes nothing. */
#include "hcall_fixture.h"

#include <xen/domctl.h>
#include <xen/sysctl.h>

static struct xen_domctl dc;
static struct xen_sysctl sc;

static long domctl(u16 domid, u32 sched_id, u32 cmd)
{
    dc.cmd = XEN_DOMCTL_scheduler_op;
    dc.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    dc.domain = domid;
    dc.u.scheduler_op.sched_id = sched_id;
    dc.u.scheduler_op.cmd = cmd;
    return hypercall(__HYPERVISOR_domctl, put_arg(&dc, sizeof(dc)));
}

static long set_credit(u16 domid, u16 weight, u16 cap)
{
    dc.u.scheduler_op.u.credit = (struct xen_domctl_sched_credit){ .weight = weight, .cap = cap };
    return domctl(domid, XEN_SCHEDULER_CREDIT, XEN_DOMCTL_SCHEDOP_putinfo);
}

static void assert_credit(u16 domid, u16 weight, u16 cap)
{
    const struct xen_domctl *answer = (void *)g->mem;

    dc.u.scheduler_op.u.credit = (struct xen_domctl_sched_credit){ .weight = 1, .cap = 1 };
    assert_int_equal(domctl(domid, XEN_SCHEDULER_CREDIT, XEN_DOMCTL_SCHEDOP_getinfo), 0);
    assert_int_equal(answer->u.scheduler_op.u.credit.weight, weight);
    assert_int_equal(answer->u.scheduler_op.u.credit.cap, cap);
}

static void weights_and_caps(void **state)
{
    (void)state;
    assert_credit(5, 256, 0);
    assert_int_equal(set_credit(5, 1000, 150), 0);
    assert_credit(5, 1000, 150);
    assert_int_equal(g5.d->sched.cap, 150);
    assert_int_equal(set_credit(5, 0, 50), 0);          /* the weight stays */
    assert_credit(5, 1000, 50);
    assert_int_equal(set_credit(5, 65535, 0xffff), 0);  /* the cap stays */
    assert_credit(5, 65535, 50);
    assert_int_equal(set_credit(5, 1, 0), 0);
    assert_credit(5, 1, 0);
    assert_credit(0, 256, 0);
    assert_int_equal(set_credit(0, 300, 0), 0);         /* also one's own */
    assert_credit(0, 300, 0);
}

static void what_a_domain_is_not_given(void **state)
{
    (void)state;
    assert_int_equal(domctl(5, XEN_SCHEDULER_CREDIT2, XEN_DOMCTL_SCHEDOP_putinfo), -EINVAL);
    assert_int_equal(domctl(5, XEN_SCHEDULER_NULL, XEN_DOMCTL_SCHEDOP_getinfo), -EINVAL);
    assert_int_equal(domctl(5, XEN_SCHEDULER_CREDIT, XEN_DOMCTL_SCHEDOP_putvcpuinfo), -EINVAL);
    assert_int_equal(domctl(5, XEN_SCHEDULER_CREDIT, XEN_DOMCTL_SCHEDOP_getvcpuinfo), -EINVAL);
    assert_int_equal(domctl(5, XEN_SCHEDULER_CREDIT, XEN_DOMCTL_SCHEDOP_getvcpuinfo + 1), -EINVAL);
    assert_int_equal(domctl(5, XEN_SCHEDULER_CREDIT, ~0u), -EINVAL);
    assert_int_equal(domctl(77, XEN_SCHEDULER_CREDIT, XEN_DOMCTL_SCHEDOP_getinfo), -ESRCH);
    assert_credit(5, 256, 0);
    as(&g5);
    assert_int_equal(set_credit(5, 1000, 0), -EPERM);
    assert_int_equal(set_credit(0, 1, 1), -EPERM);
    as(&g0);
    assert_credit(5, 256, 0);
    assert_credit(0, 256, 0);
}

static long sysctl(u32 pool, u32 sched_id, u32 cmd)
{
    long rc;

    sc.cmd = XEN_SYSCTL_scheduler_op;
    sc.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    sc.u.scheduler_op.cpupool_id = pool;
    sc.u.scheduler_op.sched_id = sched_id;
    sc.u.scheduler_op.cmd = cmd;
    rc = hypercall(__HYPERVISOR_sysctl, put_arg(&sc, sizeof(sc)));
    memcpy(&sc, g->mem, sizeof(sc));
    return rc;
}

static long set_params(u32 slice_ms, u32 ratelimit_us, u32 delay_us)
{
    sc.u.scheduler_op.u.sched_credit = (struct xen_sysctl_credit_schedule){ slice_ms, ratelimit_us, delay_us };
    return sysctl(0, XEN_SCHEDULER_CREDIT, XEN_SYSCTL_SCHEDOP_putinfo);
}

static void assert_params(u32 slice_ms, u32 ratelimit_us, u32 delay_us)
{
    const struct xen_sysctl_credit_schedule *c = &sc.u.scheduler_op.u.sched_credit;

    memset(&sc, 0xff, sizeof(sc));
    assert_int_equal(sysctl(0, XEN_SCHEDULER_CREDIT, XEN_SYSCTL_SCHEDOP_getinfo), 0);
    assert_true(c->tslice_ms == slice_ms && c->ratelimit_us == ratelimit_us && c->vcpu_migr_delay_us == delay_us);
}

static void parameters_of_the_machine(void **state)
{
    const struct xen_sysctl_credit_schedule *c = &sc.u.scheduler_op.u.sched_credit;

    (void)state;
    assert_params(30, 1000, 0);
    assert_int_equal(set_params(1, 1000, 0), 0);
    assert_true(c->tslice_ms == 1 && c->ratelimit_us == 1000);      /* the answer says what holds now */
    assert_int_equal(set_params(1000, 500000, 100000), 0);
    assert_params(1000, 500000, 100000);
    assert_int_equal(set_params(5, 0, 50), 0);
    assert_params(5, 0, 50);
    assert_int_equal(set_params(5, 100, 50), 0);
    assert_int_equal(set_params(0, 0, 0), -EINVAL);
    assert_int_equal(set_params(1001, 0, 0), -EINVAL);
    assert_int_equal(set_params(~0u, 0, 0), -EINVAL);
    assert_int_equal(set_params(5, 99, 0), -EINVAL);
    assert_int_equal(set_params(5, 5001, 0), -EINVAL);              /* longer than the slice */
    assert_int_equal(set_params(1000, 500001, 0), -EINVAL);
    assert_int_equal(set_params(5, 100, 100001), -EINVAL);
    assert_params(5, 100, 50);
    assert_int_equal(set_params(30, 1000, 0), 0);
}

static void what_the_machine_is_not_given(void **state)
{
    (void)state;
    assert_int_equal(sysctl(1, XEN_SCHEDULER_CREDIT, XEN_SYSCTL_SCHEDOP_getinfo), -ESRCH);
    assert_int_equal(sysctl(~0u, XEN_SCHEDULER_CREDIT, XEN_SYSCTL_SCHEDOP_putinfo), -ESRCH);
    assert_int_equal(sysctl(0, XEN_SCHEDULER_RTDS, XEN_SYSCTL_SCHEDOP_getinfo), -EINVAL);
    assert_int_equal(sysctl(0, XEN_SCHEDULER_CREDIT, 2), -EINVAL);
    assert_int_equal(sysctl(5, XEN_SCHEDULER_RTDS, ~0u), -EINVAL);
    as(&g5);
    assert_int_equal(set_params(5, 100, 0), -EPERM);
    as(&g0);
    assert_params(30, 1000, 0);
}

/* A scheduler that has no parameters accepts them all. */
static void without_parameters(void **state)
{
    (void)state;
    for (u32 cmd = XEN_DOMCTL_SCHEDOP_putinfo; cmd <= XEN_DOMCTL_SCHEDOP_getvcpuinfo; cmd++)
        assert_int_equal(domctl(5, XEN_SCHEDULER_NULL, cmd), 0);
    assert_int_equal(domctl(5, XEN_SCHEDULER_NULL, XEN_DOMCTL_SCHEDOP_getvcpuinfo + 1), -EINVAL);
    assert_int_equal(domctl(5, XEN_SCHEDULER_CREDIT, XEN_DOMCTL_SCHEDOP_getinfo), -EINVAL);
    assert_int_equal(sysctl(0, XEN_SCHEDULER_NULL, XEN_SYSCTL_SCHEDOP_putinfo), 0);
    assert_int_equal(sysctl(0, XEN_SCHEDULER_CREDIT, XEN_SYSCTL_SCHEDOP_getinfo), -EINVAL);
}

static int with_credit(void **state)
{
    hcall_sched = "credit";
    return hcall_setup(state);
}

static int with_rr(void **state)
{
    hcall_sched = "rr";
    return hcall_setup(state);
}

#define CREDIT(name) cmocka_unit_test_setup_teardown(name, with_credit, hcall_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CREDIT(weights_and_caps),
        CREDIT(what_a_domain_is_not_given),
        CREDIT(parameters_of_the_machine),
        CREDIT(what_the_machine_is_not_given),
        cmocka_unit_test_setup_teardown(without_parameters, with_rr, hcall_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
