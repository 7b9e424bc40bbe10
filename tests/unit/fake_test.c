/* SPDX-License-Identifier: MIT */
/* The fake machine itself: stale translations, access rights, interrupts, devices, interleavings, ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include <fake/fake.h>
#include <lib/errno.h>
#include <machine/boot.h>
#include <machine/copy.h>
#include <machine/power.h>
#include <machine/time.h>

#define VA 0x7f1234567000UL
#define USER (PTE_P | PTE_RW | PTE_US)

static mfn_t tables[4], page;

/* A four-level tree that maps VA to page with leaf flags. */
static pte_t *map_page(u64 leaf_flags)
{
    for (unsigned i = 0; i < 4; i++)
        tables[i] = boot_alloc_pages(1, 1, 0);
    page = boot_alloc_pages(1, 1, 0);
    for (unsigned level = 4; level > 1; level--)
        ((pte_t *)frame_map(tables[4 - level]))[pte_index(VA, level)] = pte_make(tables[5 - level], USER);
    pte_t *l1 = (pte_t *)frame_map(tables[3]) + pte_index(VA, 1);

    *l1 = pte_make(page, leaf_flags);
    root_load(tables[0]);
    return l1;
}

static int setup(void **state)
{
    (void)state;
    fake_start(4, 64);
    return 0;
}

static void walk_obeys_rights(void **state)
{
    pte_t *l1 = map_page(USER);
    u32 v = 42, r = 0;

    (void)state;
    assert_int_equal(machine_copy_to(VA + 8, &v, 4), 0);
    assert_int_equal(machine_copy_from(&r, VA + 8, 4), 0);
    assert_int_equal(r, 42);
    assert_int_equal(pte_flags(*l1), USER | PTE_A | PTE_D);
    assert_int_equal(((u32 *)frame_map(page))[2], 42);
    assert_int_equal(machine_clear(VA, 16), 0);
    assert_int_equal(((u32 *)frame_map(page))[2], 0);

    *l1 = pte_make(page, PTE_P | PTE_US);
    tlb_flush_page_local(VA);
    assert_int_equal(machine_copy_to(VA, &v, 4), -EFAULT);
    assert_int_equal(machine_copy_from(&r, VA, 4), 0);
    assert_int_equal(read_cr2(), VA);
    *l1 = pte_make(page, PTE_P | PTE_RW);
    tlb_flush_local();
    assert_int_equal(machine_copy_from(&r, VA, 4), -EFAULT);
    *l1 = pte_make(mfn(FAKE_MAX_MFN - 1), USER);
    assert_int_equal(machine_copy_from(&r, VA, 4), 0);
    assert_int_equal(r, ~0u);
    assert_int_equal(machine_copy_from(&r, VA + PAGE_SIZE - 2, 4), -EFAULT);
    assert_int_equal(machine_copy_from(&r, 1UL << 50, 4), -EFAULT);
}

static void large_pages_are_walked(void **state)
{
    u8 v = 7;

    (void)state;
    map_page(USER);
    ((pte_t *)frame_map(tables[2]))[pte_index(VA, 2)] = pte_make(mfn(512), USER | PTE_PS);
    tlb_flush_local();
    assert_int_equal(machine_copy_to(VA, &v, 1), 0);
    assert_int_equal(*(u8 *)frame_map(mfn(512 + pte_index(VA, 1))), 7);
}

static void stale_entries_work_until_flushed(void **state)
{
    pte_t *l1 = map_page(USER);
    u32 v = 1;

    (void)state;
    fake_cpu_set(1);
    root_load(tables[0]);
    fake_cpu_set(0);
    assert_int_equal(fake_guest_write(1, VA, &v, 4), 0);
    *l1 = 0;
    assert_int_equal(fake_guest_write(0, VA, &v, 4), -EFAULT);
    v = 99;
    assert_int_equal(fake_guest_write(1, VA, &v, 4), 0);
    assert_int_equal(*(u32 *)frame_map(page), 99);
    assert_int_equal(fake_tlb_holder(page, true), 1);
    fake_cpu_set(1);
    tlb_flush_page_local(VA);
    assert_int_equal(fake_tlb_holder(page, false), -1);
    assert_int_equal(fake_guest_read(1, VA, &v, 4), -EFAULT);
}

static void global_entries_survive_a_toggle(void **state)
{
    pte_t *l1 = map_page(USER | PTE_G);
    u32 v;

    (void)state;
    assert_int_equal(machine_copy_from(&v, VA, 4), 0);
    *l1 = 0;
    root_toggle(tables[0]);
    assert_int_equal(machine_copy_from(&v, VA, 4), 0);
    root_load(tables[0]);
    assert_int_equal(machine_copy_from(&v, VA, 4), -EFAULT);
}

static void flat_guest_faults_where_told(void **state)
{
    char a[8] = "abcdefg", b[8];

    (void)state;
    fake_flat_guest(true);
    assert_int_equal(machine_copy_from(b, (u64)a, 8), 0);
    assert_string_equal(a, b);
    fake_fault_range((u64)a + 4, (u64)a + 4);
    assert_int_equal(machine_copy_from(b, (u64)a, 4), 0);
    assert_int_equal(machine_copy_from(b, (u64)a, 5), -EFAULT);
    assert_int_equal(machine_copy_to(0, a, 1), -EFAULT);
    assert_int_equal(machine_clear((u64)a, 4), 0);
    assert_int_equal(a[3], 0);
}

static unsigned vectors_seen[4];
static void count_vector(u8 vector)
{
    (void)vector;
    vectors_seen[cpu_id()]++;
}

static void interrupts_wait_for_a_window(void **state)
{
    (void)state;
    memset(vectors_seen, 0, sizeof(vectors_seen));
    fake_irq_handler = count_vector;
    cpu_send_ipi_mask(&cpu_online_mask, VECTOR_KICK);
    assert_int_equal(vectors_seen[0] + vectors_seen[1], 0);
    cpu_irq_window();
    assert_int_equal(vectors_seen[0], 1);
    cpu_relax();
    assert_int_equal(vectors_seen[1] + vectors_seen[2] + vectors_seen[3], 3);
    lapic_timer_set(5000);
    cpu_wait();
    assert_int_equal(time_now_ns(), 5000);
    assert_int_equal(vectors_seen[0], 2);
}

static u32 port_reader(void *ctx, u16 port, unsigned bytes) { return *(u32 *)ctx + port + bytes; }
static void port_writer(void *ctx, u16 port, unsigned bytes, u32 v) { *(u32 *)ctx = v + port * 0 + bytes * 0; }

static void devices_answer(void **state)
{
    static const struct fake_port_ops ops = { port_reader, port_writer };
    u32 reg = 0;

    (void)state;
    assert_int_equal(inl(0x100), ~0u);
    fake_port_hook(0x100, 0x103, &ops, &reg);
    outb(0x100, 3);
    assert_int_equal(inw(0x101), 3 + 0x101 + 2);

    struct fake_pci *dev = fake_pci_add(8, 0x8086, 0x10d3);

    memset(dev->writable + 0x10, 0xff, 4);
    dev->writable[0x10] = 0; /* 256-byte BAR */
    pci_conf_write(8, 0x10, 4, ~0u);
    assert_int_equal(pci_conf_read(8, 0x10, 4), 0xffffff00);
    assert_int_equal(pci_conf_read(8, 0, 4), 0x10d38086);
    assert_int_equal(pci_conf_read(16, 0, 2), 0xffff);

    volatile u32 *mmio = mmio_map(0xfee00000, 4096);

    mmio_write32(mmio + 4, 5);
    assert_ptr_equal(mmio_map(0xfee00010, 4), mmio + 4);
    assert_int_equal(mmio_read32(mmio + 4), 5);
    wrmsr(0xc0000080, 1);
    assert_int_equal(rdmsr(0xc0000080), 1);
    assert_int_equal(rdmsr_safe(0x1234, &(u64){ 0 }), -EFAULT);
}

static void ends_are_caught(void **state)
{
    (void)state;
    assert_true(fake_ends(power_off()));
    assert_int_equal(fake_ended, FAKE_OFF);
    assert_false(fake_ends(cpu_relax()));
    power_off();
    expect_panic(power_halt());
    assert_int_equal(fake_ended, FAKE_HALT);
}

struct race { unsigned value, switches; int last; };

static void racy_increment(unsigned cpu, void *ctx)
{
    struct race *r = ctx;

    for (unsigned i = 0; i < 10; i++) {
        unsigned v = r->value;

        r->switches += r->last != (int)cpu;
        r->last = (int)cpu;
        interleave_point();
        r->value = v + 1;
    }
}

static void interleavings_repeat_by_seed(void **state)
{
    struct race first, again;
    bool lost = false;

    (void)state;
    for (u64 seed = fake_seed_first(20); fake_seed_more(20, seed); seed++) {
        first = again = (struct race){ 0, 0, -1 };
        fake_interleave(seed, 3, racy_increment, &first);
        fake_interleave(seed, 3, racy_increment, &again);
        assert_int_equal(first.value, again.value);
        assert_int_equal(first.switches, again.switches);
        assert_true(first.switches > 3);
        lost |= first.value < 30;
    }
    assert_true(lost);
}

static void the_nth_allocation_fails(void **state)
{
    (void)state;
    fake_fail_alloc(2);
    assert_false(alloc_should_fail());
    assert_true(alloc_should_fail());
    assert_false(alloc_should_fail());
}

static void count_frames(mfn_t first, u64 pages)
{
    (void)first;
    vectors_seen[0] += (unsigned)pages;
}

static void memory_may_have_holes(void **state)
{
    static const struct fake_ram ram[] = { { 0, 160 }, { 256, 1024 }, { 1 << 20, 2048 } };

    (void)state;
    fake_start_ram(1, ram, 3);
    assert_true(fake_is_ram(mfn((1 << 20) + 5)));
    assert_false(fake_is_ram(mfn(200)));
    assert_int_equal(boot_max_mfn(), (1 << 20) + 2048);
    assert_true(boot_alloc_pages(4, 4, 0).n > (1 << 20));
    assert_int_equal(boot_alloc_pages(4, 4, 1UL << 32).n, 1276);
    vectors_seen[0] = 0;
    boot_for_each_free(count_frames);
    assert_int_equal(vectors_seen[0], 159 + 1020 + 2048 - 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(walk_obeys_rights, setup),
        cmocka_unit_test_setup(large_pages_are_walked, setup),
        cmocka_unit_test_setup(stale_entries_work_until_flushed, setup),
        cmocka_unit_test_setup(global_entries_survive_a_toggle, setup),
        cmocka_unit_test_setup(flat_guest_faults_where_told, setup),
        cmocka_unit_test_setup(interrupts_wait_for_a_window, setup),
        cmocka_unit_test_setup(devices_answer, setup),
        cmocka_unit_test_setup(ends_are_caught, setup),
        cmocka_unit_test_setup(interleavings_repeat_by_seed, setup),
        cmocka_unit_test_setup(the_nth_allocation_fails, setup),
        cmocka_unit_test_setup(memory_may_have_holes, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
