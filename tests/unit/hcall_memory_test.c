/* SPDX-License-Identifier: MIT */
/* memory_op as a guest makes it: reservations, accounts, maps, exchange; refusals, preemption, memory that runs out. */
#include "hcall_fixture.h"

#include <xen/memory.h>

static xen_pfn_t *list;                 /* in page 1 of the window */

static void run_as(struct guest *who)
{
    as(who);
    list = page_at(1);
}

static int memory_setup(void **state)
{
    hcall_setup(state);
    run_as(&g0);
    return 0;
}

static struct xen_memory_reservation reservation(u64 extents, unsigned order)
{
    return (struct xen_memory_reservation){ .extent_start = { (void *)va_of(list) }, .nr_extents = extents,
                                            .extent_order = order, .domid = DOMID_SELF };
}

static long reserve(u64 cmd, struct xen_memory_reservation r)
{
    return command(__HYPERVISOR_memory_op, cmd, &r, sizeof(r));
}

/* ---- reservations ---- */

static void memory_comes_and_goes(void **state)
{
    u32 before = g->d->mm.tot_pages;

    (void)state;
    for (unsigned always = 0; always < 2; always++) {
        preempt_always = always;
        for (unsigned i = 0; i < 6; i++)
            list[i] = 1000 + 4 * i;
        assert_int_equal(reserve(XENMEM_populate_physmap, reservation(6, 2)), 6);
        assert_int_equal(restarts, always ? 5 : 0);
        assert_int_equal(g->d->mm.tot_pages, before + 24);
        for (unsigned i = 0; i < 6; i++) {
            assert_int_equal(frame_owner(frame_entry(mfn(list[i]))), 0);
            assert_int_equal(list[i] % 4, 0);
            for (unsigned k = 0; k < 4; k++)
                assert_int_equal(m2p_get(mfn(list[i] + k)), 1000 + 4 * i + k);
        }
        assert_int_equal(reserve(XENMEM_decrease_reservation, reservation(6, 2)), 6);
        assert_int_equal(restarts, always ? 5 : 0);
        assert_int_equal(g->d->mm.tot_pages, before);
        assert_int_equal(m2p_get(mfn(list[5])), M2P_INVALID);
        assert_int_equal(reserve(XENMEM_decrease_reservation, reservation(6, 2)), 0);      /* not twice */
    }
}

static void increase_names_frames_when_asked(void **state)
{
    struct xen_memory_reservation r = reservation(3, 0);
    u32 before = g->d->mm.tot_pages;

    (void)state;
    memset(list, 0, 64);
    assert_int_equal(reserve(XENMEM_increase_reservation, r), 3);
    assert_true(frame_owner(frame_entry(mfn(list[2]))) == 0 && list[2] && list[1] != list[2]);
    r.extent_start.p = NULL;
    assert_int_equal(reserve(XENMEM_increase_reservation, r), 3);
    assert_int_equal(g->d->mm.tot_pages, before + 6);
    r = reservation(1, 0);
    r.mem_flags = XENMEMF_address_bits(25);
    assert_int_equal(reserve(XENMEM_increase_reservation, r), 1);
    assert_true(list[0] < 1UL << (25 - PAGE_SHIFT));
    r.mem_flags = XENMEMF_address_bits(12);
    assert_int_equal(reserve(XENMEM_increase_reservation, r), 0);
}

/* Whatever stops the call, it says how many extents were done. */
static void what_stops_a_reservation(void **state)
{
    const u64 commands[] = { XENMEM_increase_reservation, XENMEM_decrease_reservation, XENMEM_populate_physmap };
    struct memory_state before = memory_state();
    struct xen_memory_reservation r;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        for (unsigned b = 0; b < ARRAY_SIZE(bad_pointers); b++) {
            assert_int_equal(hypercall(__HYPERVISOR_memory_op, commands[i], bad_pointers[b]), 0);
            assert_int_equal(hypercall(__HYPERVISOR_memory_op, commands[i] | 5 << 6, bad_pointers[b]), 5);
        }
        r = reservation(1, 0);
        r.domid = 77;
        assert_int_equal(reserve(commands[i], r), 0);
        r.domid = DOMID_IO;
        assert_int_equal(reserve(commands[i], r), 0);
        assert_int_equal(reserve(commands[i], reservation(1, 13)), 0);
        assert_int_equal(reserve(commands[i], reservation(1, ~0u)), 0);
        assert_int_equal(reserve(commands[i], reservation(1UL << 26, 0)), 0);
        assert_int_equal(reserve(commands[i], reservation(~0UL, 0)), 0);
        assert_int_equal(reserve(commands[i] | 3 << 6, reservation(2, 0)), 3);
        assert_int_equal(reserve(commands[i], reservation(0, 0)), 0);
        r = reservation(2, 0);
        r.extent_start.p = (void *)(HOLE_START - 8);
        assert_int_equal(reserve(commands[i], r), 0);
        r.extent_start.p = (void *)(~0UL - 7);
        assert_int_equal(reserve(commands[i], r), 0);
    }
    assert_memory_is(before);
    r = reservation(2, 0);
    r.extent_start.p = (void *)(NO_PAGE - 8);           /* the second extent's number is not there */
    ((u64 *)(g->mem + (WINDOW_PAGES << PAGE_SHIFT)))[-1] = 50;
    assert_int_equal(reserve(XENMEM_populate_physmap, r), 1);
    run_as(&g5);
    r = reservation(1, 0);
    r.domid = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
        assert_int_equal(reserve(commands[i], r), 0);
    assert_int_equal(reserve(XENMEM_increase_reservation, reservation(1, 10)), 0);     /* no right to big pieces */
}

static void frames_that_cannot_be_given_back(void **state)
{
    const u64 frames[] = { g5.window.n, boot_root.n, 0, frame_max, ~0UL, g->d->shared_mfn.n };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
        list[0] = frames[i];
        assert_int_equal(reserve(XENMEM_decrease_reservation, reservation(1, 0)), 0);
    }
    list[0] = frame_at(7).n;                            /* mapped: freed when the mapping goes, but given back now */
    assert_int_equal(reserve(XENMEM_decrease_reservation, reservation(1, 0)), 1);
    assert_int_equal(reserve(XENMEM_decrease_reservation, reservation(1, 0)), 0);
    assert_int_equal(hypercall(__HYPERVISOR_update_va_mapping, WINDOW + 7 * PAGE_SIZE, 0, UVMF_INVLPG | UVMF_ALL), 0);
    assert_true(frame_entry(frame_at(7))->refs & FRAME_FREE);
}

static void the_domains_limit_holds(void **state)
{
    (void)state;
    g->d->mm.max_pages = g->d->mm.tot_pages + 5;
    assert_int_equal(reserve(XENMEM_increase_reservation, reservation(8, 0)), 5);
    assert_int_equal(reserve(XENMEM_increase_reservation, reservation(8, 0)), 0);
    assert_int_equal(g->d->mm.tot_pages, g->d->mm.max_pages);
}

static void domain0_changes_others(void **state)
{
    struct xen_memory_reservation r = reservation(2, 0);
    u32 before = g5.d->mm.tot_pages;

    (void)state;
    r.domid = 5;
    list[0] = 70;
    list[1] = 71;
    assert_int_equal(reserve(XENMEM_populate_physmap, r), 2);
    assert_int_equal(g5.d->mm.tot_pages, before + 2);
    assert_int_equal(frame_owner(frame_entry(mfn(list[1]))), 5);
    assert_int_equal(m2p_get(mfn(list[1])), 71);
    assert_int_equal(reserve(XENMEM_decrease_reservation, r), 2);
}

static long populate_call(void)
{
    list[0] = 5;
    return reserve(XENMEM_populate_physmap, reservation(1, 3));
}
static long increase_call(void) { return reserve(XENMEM_increase_reservation, reservation(1, 0)); }

static void reservations_when_memory_runs_out(void **state)
{
    (void)state;
    each_allocation_fails(populate_call, 0, 1);
    each_allocation_fails(increase_call, 0, 1);
}

/* ---- accounts and maps ---- */

static void accounts(void **state)
{
    const u64 commands[] = { XENMEM_current_reservation, XENMEM_maximum_reservation, XENMEM_maximum_gpfn };
    domid_t id;

    (void)state;
    g->d->shared->arch.max_pfn = 1234;
    g5.d->shared->arch.max_pfn = 5678;
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        const long own[] = { g->d->mm.tot_pages, g->d->mm.max_pages, 1233 };
        const long other[] = { g5.d->mm.tot_pages, g5.d->mm.max_pages, 5677 };

        id = DOMID_SELF;
        assert_int_equal(command(__HYPERVISOR_memory_op, commands[i], &id, sizeof(id)), own[i]);
        id = 5;
        assert_int_equal(command(__HYPERVISOR_memory_op, commands[i], &id, sizeof(id)), other[i]);
        id = 77;
        assert_int_equal(command(__HYPERVISOR_memory_op, commands[i], &id, sizeof(id)), -ESRCH);
        assert_efault(hypercall(__HYPERVISOR_memory_op, commands[i], bad));
        run_as(&g5);
        id = 0;
        assert_int_equal(command(__HYPERVISOR_memory_op, commands[i], &id, sizeof(id)), -EPERM);
        run_as(&g0);
    }
    assert_int_equal(hypercall(__HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0), (64 << 8) - 1);
}

static void operations_that_do_not_exist(void **state)
{
    const unsigned missing[] = { 5, 7, 8, 9, 15, 16, 17, 20, 21, 22, 23, 25, 26, 27, 29, 63 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(missing); i++) {
        assert_int_equal(hypercall(__HYPERVISOR_memory_op, missing[i], WINDOW), -ENOSYS);
        assert_int_equal(hypercall(__HYPERVISOR_memory_op, missing[i] | 1 << 6, HOLE_START), -ENOSYS);
    }
}

static void the_machines_map(void **state)
{
    struct e820_entry { u64 start, bytes; u32 type; } packed *e = page_at(2);
    struct xen_memory_map map = { .nr_entries = 5, .buffer = { e } };
    struct xen_machphys_mapping m2p;

    (void)state;
    boot_info.nr_ranges = 2;
    boot_info.ranges[0] = (struct memory_range){ 0, 0x9fc00, MEMORY_RAM };
    boot_info.ranges[1] = (struct memory_range){ 0x100000, 63UL << 20, MEMORY_ACPI };
    map.buffer.p = (void *)va_of(e);
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, &map, sizeof(map)), 0);
    assert_int_equal(map.nr_entries, 2);
    assert_true(e[0].start == 0 && e[0].bytes == 0x9fc00 && e[0].type == 1);
    assert_true(e[1].start == 0x100000 && e[1].bytes == 63UL << 20 && e[1].type == 3);
    map.nr_entries = 1;
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, &map, sizeof(map)), -EINVAL);
    map.nr_entries = 2;
    map.buffer.p = (void *)(NO_PAGE - 20);
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, &map, sizeof(map)), -EFAULT);
    map.buffer.p = (void *)HOLE_START;
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, &map, sizeof(map)), -EFAULT);
    assert_efault(hypercall(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, bad));
    assert_efault(hypercall(__HYPERVISOR_memory_op, XENMEM_machphys_mapping, bad));
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_machphys_mapping, &m2p, sizeof(m2p)), 0);
    assert_int_equal(m2p.v_start, 0xffff800000000000UL);
    assert_int_equal(m2p.max_mfn, (64 << 8) - 1);
    assert_int_equal(m2p.v_end, 0xffff800000000000UL + (64 << 8) * 8);
    run_as(&g5);
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, &map, sizeof(map)), -EPERM);
    assert_int_equal(command(__HYPERVISOR_memory_op, XENMEM_machphys_mapping, &m2p, sizeof(m2p)), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, memory_setup, hcall_teardown)
    const struct CMUnitTest tests[] = {
        T(memory_comes_and_goes), T(increase_names_frames_when_asked), T(what_stops_a_reservation),
        T(frames_that_cannot_be_given_back), T(the_domains_limit_holds), T(domain0_changes_others),
        T(reservations_when_memory_runs_out), T(accounts), T(operations_that_do_not_exist), T(the_machines_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
