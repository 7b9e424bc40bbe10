/* SPDX-License-Identifier: MIT */
/* Guest memory by linear address: what is the guest's, arrays, and faults in the middle. */
#include <mm/guest.h>

#include "mm_fixture.h"

static void the_hole_is_not_the_guests(void **state)
{
    (void)state;
    assert_true(guest_ok(guest_ptr(0), 0));
    assert_true(guest_ok(guest_ptr(HOLE_START - 8), 8));
    assert_false(guest_ok(guest_ptr(HOLE_START - 8), 9));
    assert_false(guest_ok(guest_ptr(HOLE_START), 1));
    assert_false(guest_ok(guest_ptr(HOLE_END - 1), 1));
    assert_true(guest_ok(guest_ptr(HOLE_END), 1));
    assert_false(guest_ok(guest_ptr(0x1000), ~0UL));                /* wraps */
    assert_false(guest_ok(guest_ptr(~0UL - 3), 8));
    assert_false(guest_ok(guest_ptr(0), HOLE_END));                 /* over the whole hole */
}

static void arrays(void **state)
{
    (void)state;
    assert_true(guest_array_ok(guest_ptr(0x1000), 100, 24));
    assert_false(guest_array_ok(guest_ptr(0x1000), 1UL << 40, 24));
    assert_false(guest_array_ok(guest_ptr(HOLE_START - 240), 11, 24));
    assert_true(guest_array_ok(guest_ptr(HOLE_START - 240), 10, 24));
    assert_int_equal(guest_elem(guest_ptr(0x1000), 3, 24).va, 0x1000 + 72);
    assert_true(guest_null(guest_ptr(0)));
    assert_false(guest_null(guest_ptr(1)));
}

static void copies_go_through_the_guests_tables(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0), ro = page_of(0);
    u64 v = 0x1122334455667788, got[2] = { 0 };

    (void)state;
    assert_int_equal(update(0, s.l1, 0, pte_make(page, P_RW)), 0);
    assert_int_equal(update(0, s.l1, 1, pte_make(ro, P_RO)), 0);
    mm_run(0, 0, s.l4);
    assert_int_equal(guest_write(guest_ptr(8), &v, sizeof(v)), 0);
    assert_int_equal(entries(page)[1], v);
    assert_int_equal(guest_read(&got[0], guest_ptr(8), sizeof(v)), 0);
    assert_int_equal(got[0], v);
    assert_int_equal(guest_read(got, guest_ptr(PAGE_SIZE - 8), 16), 0);
    assert_int_equal(guest_write(guest_ptr(PAGE_SIZE - 8), got, 16), -EFAULT);      /* its second half */
    assert_int_equal(entries(ro)[0], 0);
    assert_int_equal(guest_read(got, guest_ptr(2 * PAGE_SIZE - 8), 16), -EFAULT);
    assert_int_equal(guest_read(got, guest_ptr(HOLE_START - 8), 16), -EFAULT);
    assert_int_equal(guest_write(guest_ptr(HOLE_START), got, 8), -EFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hole_is_not_the_guests),
        cmocka_unit_test(arrays),
        cmocka_unit_test_setup(copies_go_through_the_guests_tables, mm_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
