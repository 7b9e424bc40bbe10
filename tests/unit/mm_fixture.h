/* SPDX-License-Identifier: MIT */
/*
 * What the tests of mm/ share: a machine of 4 CPUs, domains that have nothing but memory, and the steps a guest takes
 * to build page tables. CPU i runs a vcpu of the domain that mm_run() put there. Included once by each test program.
 */
#ifndef TESTS_UNIT_MM_FIXTURE_H
#define TESTS_UNIT_MM_FIXTURE_H

#include <machine/boot.h>
#include <mm/audit.h>
#include <mm/entry.h>
#include <mm/flush.h>
#include <mm/heap.h>
#include <mm/table.h>
#include <xen/xen.h>

#include "core_fixture.h"

#define DOMAINS   3
#define MAX_PAGES 1024
#define P_RO  (PTE_P | PTE_US)
#define P_RW  (PTE_P | PTE_US | PTE_RW)

static struct mm_domain dom[DOMAINS];
static struct mmu_ctx ctxs[DOMAINS];
static mfn_t roots[NR_CPUS];            /* an L4 reference each: what the vcpu on that CPU has loaded */
static u64 free_before, objects_before;
static unsigned root_drops;

/* ---- what the layers above give ---- */
void domain_memory_gone(void) {}
struct mm_domain *mm_domain_of(u16 domid) { return domid < DOMAINS && dom[domid].chunks ? &dom[domid] : NULL; }
void flush_drop_root(void) { root_drops++; }

void audit_for_each_root(void (*fn)(mfn_t root, void *ctx), void *ctx)
{
    for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
        if (!mfn_is_invalid(roots[cpu]))
            fn(roots[cpu], ctx);
}

static void mm_irq(u8 vector)
{
    if (vector == VECTOR_FLUSH)
        flush_poll();
}

/* ---- the machine ---- */
static inline void mm_machine(const struct fake_ram *ram, unsigned nr)
{
    core_setup(NULL);
    fake_start_ram(4, ram, nr);
    fake_irq_handler = mm_irq;
    heap_init();
    frame_table_init();
    preempt_always = false;
    memset(dom, 0, sizeof(dom));
    memset(&mmio_ro_ranges, 0, sizeof(mmio_ro_ranges));
    root_drops = 0;
    for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
        roots[cpu] = MFN_INVALID;
    for (u16 i = 0; i < DOMAINS; i++) {
        assert_int_equal(mm_domain_init(&dom[i], i, MAX_PAGES), 0);
        ctxs[i] = (struct mmu_ctx){ .mm = &dom[i] };
    }
    free_before = heap_free_pages();
    objects_before = mem_objects();
}

static inline int mm_setup(void **state)
{
    static const struct fake_ram ram[] = { { 0, 4096 } };

    (void)state;
    mm_machine(ram, 1);
    return 0;
}

/* ---- frames ---- */
static inline mfn_t page_of(unsigned d)
{
    mfn_t m = MFN_INVALID;

    assert_int_equal(mm_populate(&dom[d], 0, HEAP_ANY_WIDTH, &m), 0);
    return m;
}

static inline struct frame *F(mfn_t m) { return frame_entry(m); }
static inline pte_t *entries(mfn_t m) { return frame_map(m); }

static inline void free_page(mfn_t m) { assert_true(frame_release(F(m))); }

/* ---- tables ---- */
static inline void drain(unsigned d)
{
    for (unsigned i = 0; mmu_drain(&ctxs[d]); i++)
        assert_true(i < 10000);
}

/* A preempted call is made again, as the guest's continuation does. */
#define restarted(d, call) ({                                          \
    int restarted_rc;                                                  \
    unsigned restarted_n = 0;                                          \
    do {                                                               \
        drain(d);                                                      \
        restarted_rc = (call);                                         \
        assert_true(++restarted_n < 10000);                            \
    } while (restarted_rc == -ERESTART);                               \
    restarted_rc; })

static inline int pin(unsigned d, mfn_t m, enum page_type type)
{
    return restarted(d, table_pin(&ctxs[d], m, type));
}

static inline int unpin(unsigned d, mfn_t m)
{
    int rc = restarted(d, table_unpin(&ctxs[d], m));

    drain(d);
    return rc;
}

/* As mmu_update does it: the table is held while one entry is written. subject: whose frame the entry may name. */
static inline int update_foreign(unsigned d, mfn_t table, unsigned index, pte_t e, unsigned subject)
{
    struct table_write w = { .table = F(table), .index = index, .new = e, .subject = &dom[subject] };
    int rc = frame_get(table, (u16)d);

    if (rc)
        return rc;
    rc = type_get_existing(F(table), frame_type(F(table)));
    if (rc) {
        frame_put(F(table));
        return rc;
    }
    rc = restarted(d, table_write(&ctxs[d], &w));
    table_put(&ctxs[d], F(table));
    drain(d);
    return rc;
}

static inline int update(unsigned d, mfn_t table, unsigned index, pte_t e)
{
    return update_foreign(d, table, index, e, d);
}

/* One table of each level, each the first entry of the next; not yet known to the hypervisor. */
struct space { mfn_t l4, l3, l2, l1; };

static inline struct space space_build(unsigned d)
{
    struct space s = { page_of(d), page_of(d), page_of(d), page_of(d) };

    entries(s.l4)[0] = pte_make(s.l3, P_RW);
    entries(s.l3)[0] = pte_make(s.l2, P_RW);
    entries(s.l2)[0] = pte_make(s.l1, P_RW);
    return s;
}

static inline struct space space_new(unsigned d)
{
    struct space s = space_build(d);

    assert_int_equal(pin(d, s.l4, TYPE_L4), 0);
    return s;
}

/* The CPU runs domain d with this root from now on. */
static inline void mm_run(unsigned cpu, unsigned d, mfn_t root)
{
    mfn_t old = roots[cpu];
    u32 begun;

    assert_int_equal(restarted(d, table_get(&ctxs[d], root, TYPE_L4)), 0);
    roots[cpu] = root;
    fake_cpu_set(cpu);
    begun = flush_begin();
    cpumask_set(&dom[d].dirty_cpus, cpu);
    root_load(root);
    flush_end(begun);
    fake_cpu_set(0);
    if (!mfn_is_invalid(old)) {
        table_put(&ctxs[frame_owner(F(old))], F(old));
        drain(frame_owner(F(old)));
    }
}

/* The CPU's vcpu leaves its address space. */
static inline void mm_idle(unsigned cpu)
{
    mfn_t old = roots[cpu];
    unsigned d = frame_owner(F(old));
    u32 begun;

    roots[cpu] = MFN_INVALID;
    fake_cpu_set(cpu);
    begun = flush_begin();
    root_load(boot_root);
    flush_end(begun);
    cpumask_clear(&dom[d].dirty_cpus, cpu);
    fake_cpu_set(0);
    table_put(&ctxs[d], F(old));
    drain(d);
}

static inline bool is_table_frame(mfn_t m)
{
    enum page_type t = frame_type(F(m));

    return t >= TYPE_L1 && t <= TYPE_L4 && type_count(F(m)) != 0;
}

static inline void audit_is_clean(void)
{
    shown_clear();
    if (audit_frames()) {
        print_error("%s", shown);
        fail();
    }
}

/* Every audit is clean, and no CPU could write a page table or a descriptor table. */
static inline void mm_check(void)
{
    assert_null(heap_audit());
    audit_is_clean();
    for (u64 n = 0; n < frame_max; n++) {
        mfn_t m = mfn(n);

        if (frame_valid(m) && !(F(m)->refs & FRAME_FREE) &&
            (is_table_frame(m) || (frame_type(F(m)) == TYPE_SEGDESC && type_count(F(m)))))
            assert_int_equal(fake_tlb_holder(m, true), -1);
    }
}

#endif
