/* SPDX-License-Identifier: MIT */
/*
 * What the tests of ipc/ share: a machine of 4 CPUs and two domains of VCPUS vcpus, with real memory, scheduler units
 * and event channels; physical interrupts that only count. Included once by each test program.
 */
#ifndef IPC_FIXTURE_H
#define IPC_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include <core/keys.h>
#include <fake/fake.h>
#include <ipc/evtchn_port.h>
#include <ipc/grant_entry.h>
#include <irq/pirq.h>
#include <mm/flush.h>
#include <mm/heap.h>

#define VCPUS   34                      /* more than the shared-info page has slots for */
#define DOMAINS 2
#define PIRQS   16

static struct test_domain {
    struct mm_domain mm;
    struct evtchn_domain ev;
    struct evtchn_vcpu vcpus[VCPUS];
    struct sched_unit units[VCPUS];
    struct shared_info *shared;
} dom[DOMAINS];
#define A (&dom[0].ev)
#define B (&dom[1].ev)

static u64 objects_before, pages_before;

/* ---- what the layers above and beside give ---- */
void domain_memory_gone(void) {}
struct mm_domain *mm_domain_of(u16 domid) { return domid < DOMAINS ? &dom[domid].mm : NULL; }
void flush_drop_root(void) {}

static u32 pirq_port[PIRQS];
static unsigned pirq_cpu[PIRQS];
static int pirq_error;                  /* what the next pirq_bind() returns */

int pirq_bind(struct pirq_domain *pd, u32 pirq, u32 port, bool share, unsigned cpu)
{
    int rc = pirq_error;

    (void)pd, (void)share;
    pirq_error = 0;
    if (rc)
        return rc;
    if (pirq >= PIRQS)
        return -EINVAL;
    if (pirq_port[pirq])
        return -EEXIST;
    pirq_port[pirq] = port;
    pirq_cpu[pirq] = cpu;
    return 0;
}

void pirq_unbind(struct pirq_domain *pd, u32 pirq, u32 port)
{
    (void)pd;
    assert_int_equal(pirq_port[pirq], port);
    pirq_port[pirq] = 0;
}

void pirq_set_affinity(struct pirq_domain *pd, u32 pirq, unsigned cpu)
{
    (void)pd;
    pirq_cpu[pirq] = cpu;
}

/* ---- machine and domains ---- */

static inline void take_interrupt(u8 vector)
{
    if (vector == VECTOR_FLUSH)
        flush_poll();
}

static inline void machine_up(void)
{
    fake_start(4, 64);
    fake_irq_handler = take_interrupt;
    heap_init();
    frame_table_init();
    keys_init();
    sched_init("rr");
    memset(dom, 0, sizeof(dom));
    memset(pirq_port, 0, sizeof(pirq_port));
    pirq_error = 0;
    for (u16 i = 0; i < DOMAINS; i++) {
        assert_int_equal(mm_domain_init(&dom[i].mm, i, 4096), 0);
        dom[i].shared = page_alloc();
        assert_non_null(dom[i].shared);
    }
    objects_before = mem_objects();
    pages_before = heap_free_pages();
}

/* max_ports of 0: as many as the ABI numbers. */
static inline int domain_up(u16 i, u32 max_ports)
{
    struct evtchn_config config = {
        .domid = i, .max_vcpus = VCPUS, .max_ports = max_ports ? max_ports : ~0u, .mm = &dom[i].mm,
        .pirqs = i == 0 ? (struct pirq_domain *)pirq_port : NULL, .shared = dom[i].shared,
    };

    return evtchn_domain_init(&dom[i].ev, &config);
}

static inline void vcpus_up(u16 i, u32 nr)
{
    for (u16 v = 0; v < nr; v++) {
        sched_unit_init(&dom[i].units[v], i, v, v % 4);
        evtchn_vcpu_init(&dom[i].vcpus[v], &dom[i].ev, v, &dom[i].units[v], dom[i].shared);
        dom[i].vcpus[v].info->evtchn_upcall_mask = 0;
    }
}

static inline int setup(void **state)
{
    (void)state;
    machine_up();
    for (u16 i = 0; i < DOMAINS; i++) {
        assert_int_equal(domain_up(i, 0), 0);
        vcpus_up(i, VCPUS - 1);         /* the last id stays without a vcpu */
    }
    return 0;
}

static inline void audit_all(void)
{
    assert_null(evtchn_audit(A));
    assert_null(evtchn_audit(B));
}

/* Every object and every page must come back. */
static inline int teardown(void **state)
{
    (void)state;
    for (u16 i = 0; i < DOMAINS; i++)
        while (evtchn_domain_kill(&dom[i].ev))
            ;
    for (u16 i = 0; i < DOMAINS; i++)
        evtchn_domain_fini(&dom[i].ev);
    assert_int_equal(mem_objects(), objects_before);
    return 0;
}

/* A page of the domain's own. */
static inline gfn_t guest_page(u16 i)
{
    mfn_t m;

    assert_int_equal(mm_populate(&dom[i].mm, 0, HEAP_ANY_WIDTH, &m), 0);
    return gfn(m.n);
}
static inline void *guest_mem(gfn_t g) { return frame_map(mfn(g.n)); }
static inline struct frame *guest_frame(gfn_t g) { return frame_entry(mfn(g.n)); }

/* ---- what a guest sees ---- */

static inline bool pending_2l(struct evtchn_domain *d, u32 port) { return bit_test(d->pending, port); }
static inline struct vcpu_info *info(struct evtchn_domain *d, u32 vcpu) { return d->vcpus[vcpu]->info; }

/* Takes one upcall: the pending flag, selector and all unmasked pending bits are cleared; says whether port was there. */
static inline bool take_2l(struct evtchn_domain *d, u32 vcpu, u32 port)
{
    struct vcpu_info *vi = info(d, vcpu);
    bool got = vi->evtchn_upcall_pending && (vi->evtchn_pending_sel >> (port / 64) & 1) && pending_2l(d, port);

    vi->evtchn_upcall_pending = 0;
    vi->evtchn_pending_sel = 0;
    bit_clear(d->pending, port);
    return got;
}

static inline u32 ok_port(int rc, u32 port)
{
    assert_int_equal(rc, 0);
    return port;
}

static inline u32 new_unbound(struct evtchn_domain *d, u16 remote)
{
    u32 port = 0;
    int rc = evtchn_alloc_unbound(d, remote, &port);

    return ok_port(rc, port);
}

static inline u32 new_ipi(struct evtchn_domain *d, u32 vcpu)
{
    u32 port = 0;
    int rc = evtchn_bind_ipi(d, vcpu, &port);

    return ok_port(rc, port);
}

static inline u32 new_virq(struct evtchn_domain *d, u32 virq, u32 vcpu)
{
    u32 port = 0;
    int rc = evtchn_bind_virq(d, virq, vcpu, &port);

    return ok_port(rc, port);
}

static inline u32 connect_to(struct evtchn_domain *ld, struct evtchn_domain *rd, u32 rport)
{
    u32 port = 0;
    int rc = evtchn_bind_interdomain(ld, rd, rport, &port);

    return ok_port(rc, port);
}

static inline struct evtchn_status status_of(struct evtchn_domain *d, u32 port)
{
    struct evtchn_status st = { .port = port };

    assert_int_equal(evtchn_status(d, &st), 0);
    return st;
}

#endif
