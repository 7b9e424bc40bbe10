/* SPDX-License-Identifier: MIT */
/* The checks. Each leaves the machine as it found it. See conformance.h. */
#include <core/lock.h>
#include <core/work.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <machine/boot.h>
#include <machine/copy.h>
#include <machine/io.h>
#include <machine/map.h>
#include <machine/time.h>
#include <machine/tlb.h>
#include <mm/flush.h>
#include <mm/heap.h>
#include <x86/pte.h>

#include "conformance.h"

#define VA       0x40000000UL           /* of the test's address space; its pages 0 and 1 are mapped, 2 is not */
#define READONLY (VA + 3 * PAGE_SIZE)
#define PATIENCE_NS 500000000UL         /* emulated CPUs stand still now and then */

#define ok(condition) do { if (!(condition)) return #condition; } while (0)

/* ---- another CPU does something ---- */

static const char *(*job)(void);        /* a: what CPU 1 is to do */
static const char *answer;
static bool stopping;

void conformance_serve(void)
{
    while (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE)) {
        const char *(*fn)(void) = cpu_id() == 1 ? __atomic_load_n(&job, __ATOMIC_ACQUIRE) : NULL;

        if (fn) {
            answer = fn();
            __atomic_store_n(&job, NULL, __ATOMIC_RELEASE);
        }
        cpu_irq_window();
        lock_poll();
    }
}

void conformance_start(void)
{
    job = NULL;
    stopping = false;
}

void conformance_stop(void) { __atomic_store_n(&stopping, true, __ATOMIC_RELEASE); }

static void start_on_other(const char *(*fn)(void)) { __atomic_store_n(&job, fn, __ATOMIC_RELEASE); }

static const char *wait_for_other(void)
{
    while (__atomic_load_n(&job, __ATOMIC_ACQUIRE)) {
        cpu_irq_window();
        lock_poll();
    }
    return answer;
}

static const char *on_other(const char *(*fn)(void))
{
    start_on_other(fn);
    return wait_for_other();
}

/* ---- an address space ---- */

static struct {
    mfn_t root, root2, l3, l2, l1, l1b, pages[4];
} space;

static pte_t *table(mfn_t m) { return frame_map(m); }
static void set_entry(mfn_t t, unsigned i, pte_t e) { WRITE_ONCE(table(t)[i], e); }

static mfn_t new_page(void)
{
    mfn_t m = heap_alloc(0, HEAP_ANY_WIDTH);

    page_clear(frame_map(m));
    return m;
}

#define TABLE_FLAGS (PTE_P | PTE_RW | PTE_US)
#define PAGE_FLAGS  (PTE_P | PTE_RW | PTE_US | PTE_NX)

static void make_root(mfn_t root)
{
    memcpy(table(root), table(boot_root), PAGE_SIZE);
    set_entry(root, pte_index(VA, 4), pte_make(space.l3, TABLE_FLAGS));
}

static void space_make(void)
{
    for (unsigned i = 0; i < sizeof(space) / sizeof(mfn_t); i++)
        ((mfn_t *)&space)[i] = new_page();
    make_root(space.root);
    set_entry(space.l3, pte_index(VA, 3), pte_make(space.l2, TABLE_FLAGS));
    set_entry(space.l2, pte_index(VA, 2), pte_make(space.l1, TABLE_FLAGS));
    for (unsigned i = 0; i < 4; i++)
        memset(frame_map(space.pages[i]), 'a' + (int)i, PAGE_SIZE);
    set_entry(space.l1, 0, pte_make(space.pages[0], PAGE_FLAGS));
    set_entry(space.l1, 1, pte_make(space.pages[1], PAGE_FLAGS));
    set_entry(space.l1, 3, pte_make(space.pages[2], PAGE_FLAGS & ~PTE_RW));
    root_load(space.root);
}

static void space_drop(void)
{
    root_load(boot_root);
    for (unsigned i = 0; i < sizeof(space) / sizeof(mfn_t); i++)
        heap_free(((mfn_t *)&space)[i], 0);
}

/* Runs a check in the space. */
static const char *in_space(const char *(*fn)(void))
{
    const char *why;

    space_make();
    why = fn();
    space_drop();
    return why;
}

static u8 byte_at(u64 va)
{
    u8 b = 0;

    return machine_copy_from(&b, va, 1) ? 0 : b;
}

/* ---- copies ---- */

static const char *copies_in_space(void)
{
    static u8 buffer[PAGE_SIZE + 64];
    static const size_t sizes[] = { 1, 2, 4, 7, 8, 16, 24, 255, 256, 1000, PAGE_SIZE };

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        for (u64 at = VA + 1; at < VA + 2 * PAGE_SIZE - sizes[i]; at += 509) {
            memset(buffer, (int)(at % 251), sizeof(buffer));
            ok(machine_copy_to(at, buffer, sizes[i]) == 0);
            memset(buffer, 0, sizeof(buffer));
            ok(machine_copy_from(buffer, at, sizes[i]) == 0);
            ok(buffer[0] == at % 251 && buffer[sizes[i] - 1] == at % 251 && buffer[sizes[i]] == 0);
        }
    ok(machine_clear(VA + 5, 4000) == 0);
    ok(byte_at(VA + 5) == 0 && byte_at(VA + 4004) == 0);
    return NULL;
}

static const char *faults_in_space(void)
{
    static const u64 bad[] = { VA + 2 * PAGE_SIZE, VA + 2 * PAGE_SIZE - 1, 0x800000000000UL, ~0UL - 64, 0x1000 };
    u8 buffer[600] = { 0 };
    u64 word = 7;
    u32 half = 7;

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        ok(machine_copy_from(buffer, bad[i], 2) == -EFAULT);
        ok(machine_copy_from(buffer, bad[i], sizeof(buffer)) == -EFAULT);
        ok(machine_copy_to(bad[i], buffer, 3) == -EFAULT);
        ok(machine_copy_to(bad[i], buffer, sizeof(buffer)) == -EFAULT);
        ok(machine_copy_from(&word, bad[i], 8) == -EFAULT);
        ok(machine_copy_to(bad[i], &word, 8) == -EFAULT);
        ok(machine_copy_from(&half, bad[i], 4) == -EFAULT);
        ok(machine_copy_to(bad[i], &half, 4) == -EFAULT);
        ok(machine_clear(bad[i], 64) == -EFAULT);
    }
    ok(machine_copy_from(&word, READONLY, 8) == 0 && word == 0x6363636363636363UL);
    ok(machine_copy_to(READONLY, &word, 8) == -EFAULT);
    ok(machine_copy_to(READONLY + 100, buffer, sizeof(buffer)) == -EFAULT);
    ok(byte_at(READONLY) == 'c');
    return NULL;
}

static const char *copies(void) { return in_space(copies_in_space); }
static const char *faults_are_errors(void) { return in_space(faults_in_space); }

/* ---- translations ---- */

static const char *flushes_in_space(void)
{
    set_entry(space.l1, 1, pte_make(space.pages[1], PAGE_FLAGS | PTE_G));
    ok(byte_at(VA) == 'a');
    set_entry(space.l1, 0, pte_make(space.pages[3], PAGE_FLAGS));
    tlb_flush_page_local(VA);
    ok(byte_at(VA) == 'd');
    ok(byte_at(VA + PAGE_SIZE) == 'b');
    set_entry(space.l1, 0, 0);
    set_entry(space.l1, 1, pte_make(space.pages[0], PAGE_FLAGS));
    tlb_flush_local();
    ok(machine_copy_from(&(u8){ 0 }, VA, 1) == -EFAULT);
    ok(byte_at(VA + PAGE_SIZE) == 'a');
    return NULL;
}

static const char *marks_in_space(void)
{
    u8 b = 1;

    ok(!(table(space.l1)[0] & (PTE_A | PTE_D)));
    ok(byte_at(VA) == 'a');
    ok((table(space.l1)[0] & (PTE_A | PTE_D)) == PTE_A);
    ok(machine_copy_to(VA, &b, 1) == 0);
    ok((table(space.l1)[0] & (PTE_A | PTE_D)) == (PTE_A | PTE_D));
    ok(table(space.l2)[pte_index(VA, 2)] & PTE_A);
    ok(!(table(space.l1)[1] & PTE_A));
    return NULL;
}

/* A second root with another page at VA. Global entries outlive a toggle, which is for roots that agree, but no load. */
static const char *roots_in_space(void)
{
    mfn_t l3 = new_page(), l2 = new_page();
    const char *why = "root_load() makes the new root's pages visible";

    make_root(space.root2);
    set_entry(space.root2, pte_index(VA, 4), pte_make(l3, TABLE_FLAGS));
    set_entry(l3, pte_index(VA, 3), pte_make(l2, TABLE_FLAGS));
    set_entry(l2, pte_index(VA, 2), pte_make(space.l1b, TABLE_FLAGS));
    set_entry(space.l1b, 0, pte_make(space.pages[3], PAGE_FLAGS | PTE_G));
    set_entry(space.l1b, 1, pte_make(space.pages[2], PAGE_FLAGS));
    set_entry(space.l1, 0, pte_make(space.pages[0], PAGE_FLAGS | PTE_G));
    tlb_flush_local();
    if (byte_at(VA) == 'a' && byte_at(VA + PAGE_SIZE) == 'b') {
        root_load(space.root2);
        if (byte_at(VA) == 'd' && byte_at(VA + PAGE_SIZE) == 'c')
            why = "root_toggle() makes pages that are not global visible";
        root_toggle(space.root);
        if (byte_at(VA + PAGE_SIZE) == 'b' && cpu_info()->cr3 == space.root.n << PAGE_SHIFT)
            why = NULL;
    }
    root_load(space.root);
    heap_free(l3, 0);
    heap_free(l2, 0);
    return why;
}

static const char *flushes(void) { return in_space(flushes_in_space); }
static const char *accessed_and_dirty(void) { return in_space(marks_in_space); }
static const char *roots(void) { return in_space(roots_in_space); }

/* ---- memory ---- */

static const char *frames(void)
{
    mfn_t m = heap_alloc(1, HEAP_ANY_WIDTH);
    u8 *page = frame_map(m);

    ok(!mfn_is_invalid(m));
    memset(page, 0x5a, 2 * PAGE_SIZE);
    ok(page_clear(page) == page && page[0] == 0 && page[PAGE_SIZE - 1] == 0 && page[PAGE_SIZE] == 0x5a);
    ok(frame_of_ptr(page + PAGE_SIZE + 17).n == m.n + 1);
    frame_unmap(page);
    heap_free(m, 1);
    return NULL;
}

/* ---- registers ---- */

static const char *model_specific_registers(void)
{
    u64 v = 0, base = read_fs_base();

    ok(rdmsr_safe(0x12345678, &v) == -EFAULT || v == 0);        /* QEMU has every register */
    ok(rdmsr_safe(0xc0000100, &v) == 0 && v == base);
    write_fs_base(0x123456789000);
    ok(rdmsr(0xc0000100) == 0x123456789000);
    ok(wrmsr_safe(0xc0000100, base) == 0);
    ok(read_fs_base() == base);
    return NULL;
}

static const char *gs_bases_swap(void)
{
    u64 gs = read_gs_base(), shadow = read_gs_shadow();

    write_gs_base(0x1000);
    write_gs_shadow(0x2000);
    cpu_swapgs();
    ok(read_gs_base() == 0x2000 && read_gs_shadow() == 0x1000);
    write_gs_base(gs);
    write_gs_shadow(shadow);
    return NULL;
}

static const char *segments(void)
{
    ok(write_seg(SEG_ES, 0) == 0 && read_seg(SEG_ES) == 0);
    ok(write_seg(SEG_ES, 0x7ffb) == -EFAULT && read_seg(SEG_ES) == 0);
    ok(write_seg(SEG_FS, 0x7ffb) == -EFAULT && read_seg(SEG_FS) == 0);
    ok(write_seg(SEG_GS, 0x7ffb) == -EFAULT && read_seg(SEG_GS) == 0);
    return NULL;
}

static const char *task_switched(void)
{
    cpu_set_ts(true);
    ok(read_cr0() & 8);
    cpu_set_ts(false);
    ok(!(read_cr0() & 8));
    return NULL;
}

static const char *extended_state(void)
{
    u8 *area = mem_alloc(xstate_size), *again = mem_alloc(xstate_size);

    ok(area && again && xstate_size >= 512);
    xstate_init_area(area);
    area[32] = 0x77;                    /* first byte of ST0 */
    area[512] |= 1;                     /* which is then not in its first state */
    xstate_restore(area);
    xstate_save(again);
    ok(again[32] == 0x77);
    ok(again[24] == 0x80 && again[25] == 0x1f);         /* MXCSR at reset */
    xstate_init_area(area);
    xstate_restore(area);
    mem_free(area);
    mem_free(again);
    return NULL;
}

/* ---- who is who ---- */

static const char *identity(void)
{
    unsigned cpu, seen = 0;

    ok(cpu_id() == 0 && cpu_info_of(0) == cpu_info());
    for_each_cpu(cpu, &cpu_online_mask) {
        ok(cpu_info_of(cpu)->cpu == cpu);
        seen++;
    }
    ok(seen == cpu_online_count && seen >= 2);
    return NULL;
}

static const char *other_identity(void)
{
    ok(cpu_id() == 1 && cpu_info() == cpu_info_of(1));
    return NULL;
}

static const char *identities(void)
{
    const char *why = identity();

    return why ? why : on_other(other_identity);
}

/* ---- interrupts ---- */

static bool comes(enum work_bit bit)
{
    u64 until = time_now_ns() + PATIENCE_NS;

    while (time_now_ns() < until) {
        if (work_take(bit))
            return true;
        cpu_irq_window();
    }
    return false;
}

static const char *interrupts_wait_for_a_window(void)
{
    work_take(WORK_TIMER);
    cpu_send_ipi(0, VECTOR_TIMER);
    for (unsigned i = 0; i < 1000; i++)
        cpu_relax();
    ok(!work_take(WORK_TIMER));
    ok(comes(WORK_TIMER));
    return NULL;
}

static const char *note_timer(void)
{
    ok(comes(WORK_TIMER));
    return NULL;
}

static const char *interrupts_reach_others(void)
{
    cpumask_t mask = { { 0 } };

    start_on_other(note_timer);
    cpu_send_ipi(1, VECTOR_TIMER);
    if (wait_for_other())
        return "cpu_send_ipi() reaches the CPU";
    start_on_other(note_timer);
    cpumask_set(&mask, 1);
    cpu_send_ipi_mask(&mask, VECTOR_TIMER);
    if (wait_for_other())
        return "cpu_send_ipi_mask() reaches the CPU";
    ok(!work_take(WORK_TIMER));         /* and nobody else */
    return NULL;
}

static bool asleep;

static const char *sleep_until_work(void)
{
    __atomic_store_n(&asleep, true, __ATOMIC_RELEASE);
    while (!work_take(WORK_CONSOLE))
        cpu_wait();
    return NULL;
}

static const char *sleepers_wake(void)
{
    asleep = false;
    start_on_other(sleep_until_work);
    while (!__atomic_load_n(&asleep, __ATOMIC_ACQUIRE))
        cpu_relax();
    work_raise_on(1, WORK_CONSOLE);
    return wait_for_other();
}

/* ---- flushes of others ---- */

static const char *load_and_look(void)
{
    root_load(space.root);
    ok(byte_at(VA) == 'a');
    return NULL;
}

static const char *look_again(void)
{
    ok(byte_at(VA) == 'd');
    root_load(boot_root);
    return NULL;
}

static const char *others_flush(unsigned flags)
{
    cpumask_t mask = { { 2 } };
    const char *why;

    space_make();
    why = on_other(load_and_look);
    set_entry(space.l1, 0, pte_make(space.pages[3], PAGE_FLAGS));
    flush_mask(&mask, VA, flags);
    if (!why)
        why = on_other(look_again);
    space_drop();
    return why;
}

static const char *flushes_reach_others(void)
{
    const char *why = others_flush(FLUSH_TLB);

    return why ? why : others_flush(FLUSH_PAGE);
}

/* ---- time ---- */

static const char *clock_rises(void)
{
    u64 last = time_now_ns(), ns = 123456789;

    for (unsigned i = 0; i < 10000; i++) {
        u64 now = time_now_ns();

        ok(now >= last);
        last = now;
    }
    ok(tsc_to_ns(ns_to_tsc(ns)) >= ns - 1000 && tsc_to_ns(ns_to_tsc(ns)) <= ns + 1000);
    return NULL;
}

static u64 passed;

static const char *look_at_clock(void)
{
    u64 now = time_now_ns();

    ok(now + 1000 >= passed);           /* a microsecond: the counters of a machine may be that far apart */
    passed = now;
    return NULL;
}

static const char *clocks_agree(void)
{
    for (unsigned i = 0; i < 200; i++) {
        const char *why;

        passed = time_now_ns();
        why = on_other(look_at_clock);
        if (!why)
            why = look_at_clock();
        if (why)
            return why;
    }
    return NULL;
}

static const char *timer_fires_in_time(void)
{
    u64 due = time_now_ns() + 3000000;

    work_take(WORK_TIMER);
    lapic_timer_set(due);
    ok(comes(WORK_TIMER));
    ok(time_now_ns() >= due);
    lapic_timer_set(time_now_ns() - 1);
    ok(comes(WORK_TIMER));
    return NULL;
}

static const char *timer_can_be_stopped_and_moved(void)
{
    u64 until;

    do {                        /* again, if an emulator stood still until it was due */
        until = time_now_ns() + 20000000;
        lapic_timer_set(until);
        lapic_timer_set(~0UL);
    } while (time_now_ns() >= until);
    cpu_irq_window();           /* what came of the earlier ones */
    work_take(WORK_TIMER);
    for (until += 20000000; time_now_ns() < until;)
        cpu_irq_window();
    ok(!work_take(WORK_TIMER));
    lapic_timer_set(time_now_ns() + 100000000000UL);
    lapic_timer_set(time_now_ns() + 1000000);
    ok(comes(WORK_TIMER));
    return NULL;
}

/* ---- devices ---- */

#define CMOS_SCRATCH 0x5e

static const char *cmos(void)
{
    u8 old = cmos_read(CMOS_SCRATCH);

    cmos_write(CMOS_SCRATCH, 0x5a);
    ok(cmos_read(CMOS_SCRATCH) == 0x5a);
    cmos_write(CMOS_SCRATCH, old);
    ok(cmos_read(CMOS_SCRATCH) == old);
    return NULL;
}

static const char *pci_configuration(void)
{
    u32 id = pci_conf_read(0, 0, 4);

    ok(id != ~0u && id != 0);
    ok(pci_conf_read(0, 0, 2) == (id & 0xffff) && pci_conf_read(0, 2, 2) == id >> 16);
    ok(pci_conf_read(0, 1, 1) == (id >> 8 & 0xff));
    pci_conf_write(0, 0, 4, 0);         /* read-only */
    ok(pci_conf_read(0, 0, 4) == id);
    ok(pci_conf_read(0xfff8, 0, 4) == ~0u && pci_conf_read(0xfff8, 0, 1) == 0xff);
    return NULL;
}

static const char *absent_ports(void)
{
    ok(inb(0x5555) == 0xff);
    outb(0x5555, 1);
    return NULL;
}

const struct check conformance_checks[] = {
    { "identities", identities },
    { "frames", frames },
    { "copies", copies },
    { "faults_are_errors", faults_are_errors },
    { "flushes", flushes },
    { "accessed_and_dirty", accessed_and_dirty },
    { "roots", roots },
    { "model_specific_registers", model_specific_registers },
    { "gs_bases_swap", gs_bases_swap },
    { "segments", segments },
    { "task_switched", task_switched },
    { "extended_state", extended_state },
    { "interrupts_wait_for_a_window", interrupts_wait_for_a_window },
    { "interrupts_reach_others", interrupts_reach_others },
    { "sleepers_wake", sleepers_wake },
    { "flushes_reach_others", flushes_reach_others },
    { "clock_rises", clock_rises },
    { "clocks_agree", clocks_agree },
    { "timer_fires_in_time", timer_fires_in_time },
    { "timer_can_be_stopped_and_moved", timer_can_be_stopped_and_moved },
    { "cmos", cmos },
    { "pci_configuration", pci_configuration },
    { "absent_ports", absent_ports },
};
const unsigned conformance_count = ARRAY_SIZE(conformance_checks);
