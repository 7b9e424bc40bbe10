/* SPDX-License-Identifier: MIT */
/* A toolstack's hands, for the tests of domctl and sysctl: calls, and a domain built as it builds one. Include once. */
#ifndef TESTS_UNIT_DOMCTL_FIXTURE_H
#define TESTS_UNIT_DOMCTL_FIXTURE_H

#include "hcall_fixture.h"

#include <xen/domctl.h>
#include <xen/memory.h>
#include <xen/sysctl.h>

static struct xen_domctl dc;

static inline long domctl(u32 cmd, u16 domid)
{
    long rc;

    dc.cmd = cmd;
    dc.domain = domid;
    dc.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    rc = hypercall(__HYPERVISOR_domctl, put_arg(&dc, sizeof(dc)));
    memcpy(&dc, g->mem, sizeof(dc));
    return rc;
}

static struct xen_sysctl sc;

static inline long sysctl(u32 cmd)
{
    long rc;

    sc.cmd = cmd;
    sc.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    rc = hypercall(__HYPERVISOR_sysctl, put_arg(&sc, sizeof(sc)));
    memcpy(&sc, g->mem, sizeof(sc));
    return rc;
}

/* Every CPU passes its exit path or idle loop, as often as anything needs. */
static inline void let_cpus_pass(void)
{
    struct guest *was = g;

    for (unsigned round = 0; round < 4; round++)
        for (unsigned cpu = 0; cpu < 4; cpu++) {
            fake_cpu_set(cpu);
            work_run();
        }
    as(was);
}

static inline struct xen_domctl_createdomain config(void)
{
    return (struct xen_domctl_createdomain){ .handle = { 1, 2, 3 }, .max_vcpus = 2, .max_evtchn_port = 1023,
                                             .max_grant_frames = -1, .max_maptrack_frames = -1, .grant_opts = 2 };
}

static inline u16 create(void)
{
    dc.u.createdomain = config();
    assert_int_equal(domctl(XEN_DOMCTL_createdomain, 0xffff), 0);
    return dc.domain;
}

static inline void destroy(u16 id)
{
    assert_int_equal(domctl(XEN_DOMCTL_destroydomain, id), 0);
    let_cpus_pass();
}

/* n pages at pfn 0...; the frames are in the guest's page 1. */
static inline u64 *give_memory(u16 id, unsigned n)
{
    struct xen_memory_reservation r = { .nr_extents = n, .domid = id };
    u64 *frames = page_at(1);

    dc.u.max_mem.max_memkb = 4096;
    assert_int_equal(domctl(XEN_DOMCTL_max_mem, id), 0);
    for (unsigned i = 0; i < n; i++)
        frames[i] = i;
    r.extent_start.p = (void *)va_of(frames);
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r, sizeof(r)), n);
    return frames;
}

#define L4 0
#define L3 1
#define L2 2
#define L1 3
#define DATA 4
#define PAGES 12

/* Page tables as a toolstack writes them, then pinned for the domain. */
static inline void build_tables(u16 id, const u64 *frames)
{
    struct mmuext_op *op = page_at(2);
    const pte_t table = PTE_P | PTE_RW | PTE_US;

    for (unsigned level = L4; level < L1; level++)
        ((pte_t *)frame_map(mfn(frames[level])))[0] = pte_make(mfn(frames[level + 1]), table);
    for (unsigned i = 0; i < PAGES; i++)
        ((pte_t *)frame_map(mfn(frames[L1])))[i] = pte_make(mfn(frames[i]), i < DATA ? PTE_P : PTE_P | PTE_RW);
    *op = (struct mmuext_op){ .cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = frames[L4] };
    assert_int_equal(hypercall(__HYPERVISOR_mmuext_op, va_of(op), 1, 0, id), 0);
}

static inline long set_context(u16 id, u32 vcpu, const u64 *frames)
{
    struct vcpu_guest_context *c = page_at(4);

    memset(c, 0, sizeof(*c));
    c->flags = VGCF_in_kernel | VGCF_online;
    c->user_regs = (struct cpu_user_regs){ .rip = DATA << PAGE_SHIFT, .cs = SEL_GUEST_CS64, .ss = SEL_GUEST_DS,
                                           .rflags = X86_RFLAGS_IF, .rsp = (DATA + 1) << PAGE_SHIFT };
    c->ctrlreg[3] = xen_pfn_to_cr3(frames[L4]);
    dc.u.vcpucontext.vcpu = vcpu;
    dc.u.vcpucontext.ctxt.p = (void *)va_of(c);
    return domctl(XEN_DOMCTL_setvcpucontext, id);
}

static inline u16 build(void)
{
    u16 id = create();
    u64 *frames = give_memory(id, PAGES);

    build_tables(id, frames);
    dc.u.max_vcpus.max = 2;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, id), 0);
    assert_int_equal(set_context(id, 0, frames), 0);
    return id;
}

#endif
