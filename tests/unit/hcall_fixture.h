/* SPDX-License-Identifier: MIT */
/*
 * What the tests of hcall/ share: a machine of 4 CPUs on which two paravirtual guests run, domain 0 with every right on
 * CPU 0 and domain 5 with none on CPU 1. Each has real memory, page tables and vcpus, and a window of 64 pages whose
 * bytes the test sees through a host pointer and the guest at WINDOW. A hypercall is what it is for a guest: registers
 * of a SYSCALL, entry_syscall(), the exit path, and again while the instruction pointer was put back. Include once.
 */
#ifndef TESTS_UNIT_HCALL_FIXTURE_H
#define TESTS_UNIT_HCALL_FIXTURE_H

#include <dom/keys.h>
#include <dom/run.h>
#include <fake/ioapic.h>
#include <hcall/dispatch.h>
#include <irq/irq.h>
#include <machine/boot.h>
#include <mm/audit.h>
#include <mm/entry.h>
#include <mm/flush.h>
#include <mm/heap.h>
#include <pv/exit.h>
#include <pv/pv.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

#include "core_fixture.h"

#define WINDOW       0x10000000UL
#define WINDOW_ORDER 6
#define WINDOW_PAGES (1UL << WINDOW_ORDER)
#define NOT_MAPPED   0x20000000UL               /* no page table there */
#define NO_PAGE      (WINDOW + (WINDOW_PAGES << PAGE_SHIFT))    /* behind the window: an L1 entry that is not present */
#define CODE         0x400000UL
#define SYSCALL_VECTOR REGS_SYSCALL
#define GUEST_VCPUS  34                         /* more than the shared-info page has room for */
#define LATE_VCPU    33

struct guest {
    struct domain *d;
    struct vcpu *v;                             /* vcpu 0: the one that runs */
    unsigned cpu;
    mfn_t l4, l3, l2, l1;                       /* first address space, L4 pinned */
    mfn_t window;                               /* first of contiguous frames */
    u8 *mem;                                    /* the window's bytes */
};
static struct guest g0, g5;
static struct guest *g;                         /* whose CPU makes the hypercalls */
static const char *hcall_sched = "credit";
static unsigned restarts;                       /* continuations of the last hypercall */

static inline void as(struct guest *who)
{
    g = who;
    fake_cpu_set(who->cpu);
}

/* ---- the guest's memory ---- */
static inline u64 va_of(const void *p)
{
    const u8 *byte = p;

    assert_true(byte >= g->mem && byte < g->mem + (WINDOW_PAGES << PAGE_SHIFT));
    return WINDOW + (u64)(byte - g->mem);
}
static inline void *page_at(unsigned i) { return g->mem + i * PAGE_SIZE; }
static inline mfn_t frame_at(unsigned i) { return mfn_add(g->window, i); }
static inline u64 entry_maddr(mfn_t table, unsigned index) { return (table.n << PAGE_SHIFT) + index * sizeof(pte_t); }
static inline pte_t entry_of(mfn_t table, unsigned index) { return ((pte_t *)frame_map(table))[index]; }

static inline mfn_t populate(unsigned order)
{
    mfn_t m = MFN_INVALID;

    assert_int_equal(mm_populate(&g->d->mm, order, HEAP_ANY_WIDTH, &m), 0);
    return m;
}

/* ---- hypercalls ---- */
static inline struct regs *guest_regs(void) { return &cpu_info()->guest_regs; }

/* One execution of SYSCALL, and the way out unless the vcpu is to stop there. */
static inline void syscall_once(void)
{
    struct regs *r = guest_regs();

    assert_ptr_equal(current(), g->v);
    r->rip += 2;
    r->rcx = r->rip;
    r->r11 = r->rflags;
    r->vector = SYSCALL_VECTOR;
    entry_syscall(r);
    assert_true(lock_none_held());
    if (!g->v->unit.blocked && !g->v->unit.pause_count)
        exit_path(r);
}

static inline long hypercall6(u64 nr, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct regs *r = guest_regs();

    *r = (struct regs){ .rax = nr, .rdi = a0, .rsi = a1, .rdx = a2, .r10 = a3, .r8 = a4, .r9 = a5, .rip = CODE,
                        .cs = SEL_GUEST_CS64, .ss = SEL_GUEST_DS, .rflags = X86_RFLAGS_IF | X86_RFLAGS_MBS,
                        .rbx = 0xb0b, .rbp = 0xb1b, .r12 = 12, .r13 = 13, .r14 = 14, .r15 = 15, .rsp = WINDOW };
    restarts = 0;
    for (;;) {
        syscall_once();
        assert_true(r->rbx == 0xb0b && r->rbp == 0xb1b && r->r12 == 12 && r->r15 == 15 && r->rsp == WINDOW);
        if (r->rip == CODE + 2)
            return (long)r->rax;
        assert_int_equal(r->rip, CODE);
        assert_int_equal(r->rax, nr);           /* the same call again */
        assert_true(++restarts < 100000);
    }
}
#define hypercall(nr, ...) hypercall_(nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define hypercall_(nr, a0, a1, a2, a3, a4, a5, ...)                                                        \
    hypercall6((u64)(nr), (u64)(a0), (u64)(a1), (u64)(a2), (u64)(a3), (u64)(a4), (u64)(a5))

/* Where arguments are put: the window's first page, free for tests from page 1 on. */
static inline u64 put_arg(const void *arg, size_t bytes)
{
    assert_true(bytes <= PAGE_SIZE);
    memcpy(g->mem, arg, bytes);
    return WINDOW;
}

/* (command, pointer to structure): arg goes in and comes out through guest memory. */
static inline long command(u64 nr, u64 cmd, void *arg, size_t bytes)
{
    long rc = hypercall(nr, cmd, put_arg(arg, bytes));

    memcpy(arg, g->mem, bytes);
    return rc;
}

/* Pointers a guest must not use: in the hole, across its edges, around the end, not canonical, unmapped. */
static const u64 bad_pointers[] = {
    HOLE_START, HOLE_END - 8, HOLE_START - 1, ~0UL, 0x800000000000UL, NOT_MAPPED, NO_PAGE, NO_PAGE - 1, 1,
};

/* A call that reads (or writes) at least two bytes at its pointer fails with -EFAULT wherever that is bad. */
#define assert_efault(call_with_pointer) do {                                                     \
    for (unsigned bad_i = 0; bad_i < ARRAY_SIZE(bad_pointers); bad_i++) {                         \
        u64 bad = bad_pointers[bad_i];                                                            \
        assert_int_equal(call_with_pointer, -EFAULT);                                             \
    }                                                                                             \
} while (0)

/* ---- building ---- */

/*
 * pv/ keeps one zero page for ever, also when a test starts a new machine: take that frame away from the new heap.
 */
static mfn_t zero_frame;

static inline void keep_zero_frame(void)
{
    mfn_t others[512];
    unsigned n = 0;

    if (!zero_frame.n)
        return;
    for (;; n++) {
        assert_true(n < ARRAY_SIZE(others));
        others[n] = heap_alloc(0, HEAP_ANY_WIDTH);
        if (mfn_eq(others[n], zero_frame))
            break;
    }
    while (n--)
        heap_free(others[n], 0);
}

/* The pools keep one page of each size once used: take them now, so that free pages tell of leaks alone. */
static inline void warm_pools(void)
{
    for (size_t bytes = 16; bytes < PAGE_SIZE / 2; bytes += 16)
        mem_free(mem_alloc(bytes));
}

static inline struct vcpu *guest_vcpu(struct domain *d, u32 id, unsigned cpu)
{
    cpumask_t where = { { 0 } };
    struct vcpu *v = NULL;

    cpumask_set(&where, cpu);
    assert_int_equal(vcpu_create(d, id, cpu, &v), 0);
    assert_int_equal(sched_set_affinity(&v->unit, &where), 0);
    vcpu_publish(v);
    return v;
}

/* Four tables that map the window, and themselves read-only behind a hole of one page. */
static inline void guest_tables(struct guest *guest)
{
    const pte_t table = PTE_P | PTE_RW | PTE_US, page = PTE_P | PTE_RW;
    mfn_t *all[] = { &guest->l4, &guest->l3, &guest->l2, &guest->l1 };

    as(guest);
    for (unsigned i = 0; i < 4; i++)
        *all[i] = populate(0);
    guest->window = populate(WINDOW_ORDER);
    guest->mem = frame_map(guest->window);
    ((pte_t *)frame_map(guest->l4))[pte_index(WINDOW, 4)] = pte_make(guest->l3, table);
    ((pte_t *)frame_map(guest->l3))[pte_index(WINDOW, 3)] = pte_make(guest->l2, table);
    ((pte_t *)frame_map(guest->l2))[pte_index(WINDOW, 2)] = pte_make(guest->l1, table);
    for (u64 i = 0; i < WINDOW_PAGES; i++) {
        ((pte_t *)frame_map(guest->l1))[i] = pte_make(mfn_add(guest->window, i), page);
        m2p_set(mfn_add(guest->window, i), i);
    }
    for (unsigned i = 0; i < 4; i++)
        ((pte_t *)frame_map(guest->l1))[WINDOW_PAGES + 1 + i] = pte_make(*all[i], PTE_P);
}

static inline void guest_create(struct guest *guest, u16 id, u32 rights, unsigned cpu)
{
    struct domain_config config = {
        .id = id, .kind = DOMAIN_PV, .ops = &pv_guest_ops, .rights = rights, .max_vcpus = GUEST_VCPUS, .max_pages = 4000,
        .max_evtchns = 1u << 17, .max_grant_frames = 4,
        .max_maptrack_frames = 2,
    };

    assert_int_equal(id ? domid_take(id, &config.id) : 0, 0);
    assert_int_equal(domain_create(&config, &guest->d), 0);
    guest->cpu = cpu;
    guest->v = guest_vcpu(guest->d, 0, cpu);
    guest_vcpu(guest->d, 1, 2);
    guest_vcpu(guest->d, LATE_VCPU, 3);
    assert_int_equal(domain_publish(guest->d), 0);
    guest_tables(guest);
    assert_int_equal(table_pin(&guest->v->pv.mmu, guest->l4, TYPE_L4), 0);
    assert_int_equal(table_get(&guest->v->pv.mmu, guest->l4, TYPE_L4), 0);
    guest->v->pv.root_kernel = guest->l4;
    guest->v->initialised = true;
    guest->v->down = false;
}

static inline void guest_start(struct guest *guest)
{
    as(guest);
    sched_unpause(&guest->v->unit);
    work_raise(WORK_SCHED);
    assert_true(fake_ends(run_first()));
    assert_int_equal(fake_ended, FAKE_GUEST);
    assert_ptr_equal(current(), guest->v);
}

static void hcall_irq(u8 vector)
{
    if (vector == VECTOR_FLUSH)
        flush_poll();
    else if (vector == VECTOR_TIMER)
        work_raise(WORK_TIMER);
    else if (vector != VECTOR_KICK)
        irq_handle(vector);
}

static inline int hcall_setup(void **state)
{
    core_setup(state);
    boot_info.cmdline = boot_info.loader = "";
    fake_irq_handler = hcall_irq;
    preempt_always = false;
    memset(&mmio_ro_ranges, 0, sizeof(mmio_ro_ranges));
    heap_init();
    frame_table_init();
    keep_zero_frame();
    table_hole_init();
    sched_init(hcall_sched);
    domains_init();
    fake_ioapic_add(0xfec00000, 0, 24);
    irq_init();
    for (unsigned cpu = 4; cpu-- > 0;) {
        fake_cpu_set(cpu);
        cpu_info()->work = 0;
        cpu_info()->current = NULL;
        root_load(boot_root);
    }
    guest_create(&g0, 0, RIGHT_HARDWARE | RIGHT_CONTROL | RIGHT_STORE, 0);
    domain0 = g0.d;
    guest_create(&g5, 5, 0, 1);
    zero_frame = pte_mfn(entry_of(g0.d->pv.perdomain_l1[0], 0));
    guest_start(&g5);
    guest_start(&g0);
    warm_pools();
    assert_int_equal(rangeset_add(&g0.d->mm.iomem, 0x100000, 0x1fffff), 0);
    assert_int_equal(rangeset_add(&g0.d->mm.irqs, 0, 99), 0);
    return 0;
}

/* Every invariant that the tree can check. */
static inline void hcall_audit(void)
{
    const char *broken;

    shown_clear();
    broken = audit_frames();
    broken = broken ? broken : heap_audit();
    broken = broken ? broken : sched_audit();
    for (struct guest *who = &g0; who; who = who == &g0 ? &g5 : NULL) {
        broken = broken ? broken : evtchn_audit(&who->d->evtchn);
        broken = broken ? broken : grant_audit(&who->d->grants);
    }
    if (broken)
        print_error("%s: %s", broken, shown);
    assert_null(broken);
}

static inline int hcall_teardown(void **state)
{
    preempt_always = false;
    fake_fail_alloc(0);
    hcall_audit();
    return 0;
}

/* ---- allocations that fail ---- */
struct memory_state { u64 free, objects; u32 pages0, pages5; };

static inline struct memory_state memory_state(void)
{
    return (struct memory_state){ heap_free_pages(), mem_objects(), g0.d->mm.tot_pages, g5.d->mm.tot_pages };
}

static inline void assert_memory_is(struct memory_state s)
{
    assert_int_equal(heap_free_pages(), s.free);
    assert_int_equal(mem_objects(), s.objects);
    assert_int_equal(g0.d->mm.tot_pages, s.pages0);
    assert_int_equal(g5.d->mm.tot_pages, s.pages5);
}

/*
 * Makes the call once for each of its allocations, which fails: it returns `failed` and nothing has changed. Then with
 * none failing it returns `done`. At least one allocation must be there to fail.
 */
static inline void each_allocation_fails(long (*call)(void), long failed, long done)
{
    struct memory_state before = memory_state();
    unsigned nth = 1;

    for (;; nth++) {
        unsigned first = fake_allocs;
        long rc;

        assert_true(nth < 1000);
        fake_fail_alloc(nth);
        rc = call();
        fake_fail_alloc(0);
        if (fake_allocs - first < nth) {
            assert_int_equal(rc, done);
            break;
        }
        assert_int_equal(rc, failed);
        assert_memory_is(before);
        hcall_audit();
    }
    assert_true(nth > 1);
    hcall_audit();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, hcall_setup, hcall_teardown)

#endif
