/* SPDX-License-Identifier: MIT */
/* Contract of lib/rangeset.c: edges by hand, random sequences against a bitmap, failure at every allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lib/errno.h>
#include <lib/rangeset.h>

static size_t live_bytes;
static unsigned resizes, fail_at; /* 0: never */

static void *resize(void *old, size_t old_bytes, size_t new_bytes)
{
    if (new_bytes && ++resizes == fail_at)
        return NULL;
    assert_int_equal(old_bytes, live_bytes);
    live_bytes = new_bytes;
    if (new_bytes)
        return realloc(old, new_bytes);
    free(old);
    return NULL;
}

static int reset(void **state)
{
    (void)state;
    live_bytes = resizes = fail_at = 0;
    return 0;
}

static void check(const struct rangeset *set, const char *want)
{
    const struct range *r;
    char got[256] = "";
    size_t len = 0;

    rangeset_for_each(r, set)
        len += (size_t)snprintf(got + len, sizeof(got) - len, "%lx-%lx ", r->first, r->last);
    assert_string_equal(got, want);
}

static void test_edges(void **state)
{
    struct rangeset set;

    (void)state;
    rangeset_init(&set, resize);
    assert_true(rangeset_empty(&set));
    assert_int_equal(rangeset_add(&set, 5, 4), -EINVAL);
    assert_int_equal(rangeset_remove(&set, 5, 4), -EINVAL);
    assert_int_equal(rangeset_remove(&set, 0, ~0UL), 0);
    assert_int_equal(rangeset_add(&set, 0x10, 0x1f), 0);
    assert_int_equal(rangeset_add(&set, 0x30, 0x3f), 0);
    check(&set, "10-1f 30-3f ");
    assert_int_equal(rangeset_add(&set, 0x20, 0x2f), 0); /* joins both */
    check(&set, "10-3f ");
    assert_int_equal(rangeset_add(&set, 0x18, 0x20), 0); /* inside */
    check(&set, "10-3f ");
    assert_int_equal(rangeset_remove(&set, 0x20, 0x2f), 0); /* splits */
    check(&set, "10-1f 30-3f ");
    assert_int_equal(rangeset_remove(&set, 0x1f, 0x30), 0); /* trims both */
    check(&set, "10-1e 31-3f ");
    assert_int_equal(rangeset_add(&set, 0, 0), 0);
    assert_int_equal(rangeset_add(&set, ~0UL, ~0UL), 0);
    check(&set, "0-0 10-1e 31-3f ffffffffffffffff-ffffffffffffffff ");
    assert_true(rangeset_contains(&set, ~0UL, ~0UL));
    assert_int_equal(rangeset_remove(&set, 0, 0x38), 0);
    check(&set, "39-3f ffffffffffffffff-ffffffffffffffff ");
    assert_int_equal(rangeset_add(&set, 0, ~0UL), 0);
    check(&set, "0-ffffffffffffffff ");
    assert_true(rangeset_contains(&set, 0, ~0UL));
    assert_int_equal(rangeset_remove(&set, 0, ~0UL), 0);
    assert_true(rangeset_empty(&set));
    rangeset_fini(&set);
    assert_int_equal(live_bytes, 0);
    rangeset_fini(&set);
}

static void test_queries(void **state)
{
    struct range array[2];
    struct rangeset set;

    (void)state;
    rangeset_init_fixed(&set, array, ARRAY_SIZE(array));
    assert_false(rangeset_contains(&set, 0, 0));
    assert_false(rangeset_overlaps(&set, 0, ~0UL));
    assert_int_equal(rangeset_add(&set, 0x10, 0x1f), 0);
    assert_int_equal(rangeset_add(&set, 0x30, 0x3f), 0);
    assert_true(rangeset_contains(&set, 0x10, 0x1f));
    assert_true(rangeset_contains(&set, 0x3f, 0x3f));
    assert_false(rangeset_contains(&set, 0x0f, 0x10));
    assert_false(rangeset_contains(&set, 0x1f, 0x20));
    assert_false(rangeset_contains(&set, 0x10, 0x3f));
    assert_false(rangeset_contains(&set, 0x1f, 0x10));
    assert_true(rangeset_overlaps(&set, 0, 0x10));
    assert_true(rangeset_overlaps(&set, 0x1f, 0x2f));
    assert_false(rangeset_overlaps(&set, 0x20, 0x2f));
    assert_false(rangeset_overlaps(&set, 0x40, ~0UL));
    assert_false(rangeset_overlaps(&set, 0x18, 0x12));
}

static void test_fixed_array_does_not_grow(void **state)
{
    struct range array[1];
    struct rangeset set;

    (void)state;
    rangeset_init_fixed(&set, array, ARRAY_SIZE(array));
    assert_int_equal(rangeset_add(&set, 0x10, 0x1f), 0);
    assert_int_equal(rangeset_add(&set, 0x30, 0x3f), -ENOMEM);
    assert_int_equal(rangeset_remove(&set, 0x18, 0x18), -ENOMEM);
    check(&set, "10-1f ");
    assert_int_equal(rangeset_add(&set, 0x20, 0x3f), 0);
    assert_int_equal(rangeset_remove(&set, 0x10, 0x1f), 0);
    check(&set, "20-3f ");
    rangeset_fini(&set);
    assert_true(rangeset_empty(&set));
}

static void test_failed_allocation_changes_nothing(void **state)
{
    struct rangeset set;
    unsigned failures = 0;

    (void)state;
    for (fail_at = 1; fail_at < 8; fail_at++) {
        resizes = 0;
        rangeset_init(&set, resize);
        for (u64 n = 0; n < 40; n++) {
            struct range before[64];
            unsigned nr = set.nr;

            if (nr)
                memcpy(before, set.ranges, nr * sizeof(before[0]));
            if (rangeset_add(&set, 2 * n, 2 * n) == 0)
                continue;
            failures++;
            assert_int_equal(set.nr, nr);
            if (nr)
                assert_memory_equal(set.ranges, before, nr * sizeof(before[0]));
            assert_int_equal(rangeset_add(&set, 2 * n, 2 * n), 0); /* the next attempt has memory */
        }
        assert_int_equal(set.nr, 40);
        rangeset_fini(&set);
    }
    assert_int_equal(failures, 5); /* 40 ranges take five steps of eight */
}

#define SPACE 96

static void test_random_against_bitmap(void **state)
{
    const unsigned seed = 20261122;
    struct rangeset set;
    u8 model[SPACE] = { 0 };
    const struct range *r;

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    rangeset_init(&set, resize);
    for (unsigned step = 0; step < 20000; step++) {
        unsigned first = (unsigned)rand() % SPACE, last = first + (unsigned)rand() % 8, all = 1, any = 0;
        u8 member[SPACE] = { 0 };

        last = min(last, SPACE - 1u);
        memset(model + first, step & 1, last - first + 1);
        assert_int_equal(step & 1 ? rangeset_add(&set, first, last) : rangeset_remove(&set, first, last), 0);
        rangeset_for_each(r, &set) {
            assert_true(r->first <= r->last && r->last < SPACE);
            assert_true(r == set.ranges || r->first > r[-1].last + 1); /* ascending, never adjacent */
            memset(member + r->first, 1, r->last - r->first + 1);
        }
        assert_memory_equal(member, model, SPACE);
        first = (unsigned)rand() % SPACE;
        last = min(first + (unsigned)rand() % 5, SPACE - 1u);
        for (unsigned i = first; i <= last; i++) {
            all &= model[i];
            any |= model[i];
        }
        assert_int_equal(rangeset_contains(&set, first, last), all);
        assert_int_equal(rangeset_overlaps(&set, first, last), any);
    }
    rangeset_fini(&set);
    assert_int_equal(live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_edges, reset),
        cmocka_unit_test_setup(test_queries, reset),
        cmocka_unit_test_setup(test_fixed_array_does_not_grow, reset),
        cmocka_unit_test_setup(test_failed_allocation_changes_nothing, reset),
        cmocka_unit_test_setup(test_random_against_bitmap, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
