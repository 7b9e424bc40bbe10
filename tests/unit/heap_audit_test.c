/* SPDX-License-Identifier: MIT */
/*
 * What only the allocator itself could break: its counts of lists, zones and pages. The source is included for that, so
 * that the allocator's own variables can be changed by hand; the linker then has no use for the library's copy.
 */
#include <mm/heap.c>

#include "core_fixture.h"

static int setup(void **state)
{
    core_setup(state);
    memset(&heap, 0, sizeof(heap));
    heap_init();
    frame_table_init();
    assert_null(heap_audit());
    return 0;
}

/* The report names the invariant, and nothing else is wrong once it is mended. */
#define breaks(name, breaking, mending) do {        \
        assert_null(heap_audit());                  \
        breaking;                                   \
        assert_string_equal(heap_audit(), name);    \
        mending;                                    \
        assert_null(heap_audit());                  \
    } while (0)

/* A zone and order of which there is a free block, or (wanted false) is none. */
static void find_list(bool wanted, unsigned *zone, unsigned *order)
{
    for (*zone = 1; *zone < ZONES; ++*zone)
        for (*order = 0; *order < ORDERS; ++*order)
            if (wanted == (heap.lists[*zone][*order] != FRAME_NIL))
                return;
    fail();
}

static void bits_say_which_lists_are_empty(void **state)
{
    unsigned zone, order;

    (void)state;
    find_list(true, &zone, &order);
    breaks("heap-orders-known", heap.orders[zone] &= ~(1u << order), heap.orders[zone] |= 1u << order);
    find_list(false, &zone, &order);
    breaks("heap-orders-known", heap.orders[zone] |= 1u << order, heap.orders[zone] &= ~(1u << order));
}

static void pages_of_a_zone(void **state)
{
    unsigned zone, order;

    (void)state;
    find_list(true, &zone, &order);
    breaks("heap-pages-counted", heap.free_pages[zone]++, heap.free_pages[zone]--);
    breaks("heap-pages-counted", heap.free_pages[ZONES - 1] = 1, heap.free_pages[ZONES - 1] = 0);
}

static void totals(void **state)
{
    u64 total = heap.total_pages;

    (void)state;
    breaks("heap-totals-counted", heap.all_free_pages--, heap.all_free_pages++);
    breaks("heap-totals-counted", heap.low_free_pages++, heap.low_free_pages--);
    breaks("heap-totals-counted", heap.total_pages = heap.all_free_pages - 1, heap.total_pages = total);
}

static void blocks_and_links(void **state)
{
    unsigned zone, order;
    struct frame *f, saved;

    (void)state;
    find_list(true, &zone, &order);
    f = block(heap.lists[zone][order]);
    saved = *f;
    breaks("heap-block-marked", f->refs = FRAME_INNER, *f = saved);
    breaks("heap-block-marked", f->refs ^= 1, *f = saved);
    breaks("heap-lists-linked", f->free_prev = 7, *f = saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(bits_say_which_lists_are_empty, setup), cmocka_unit_test_setup(pages_of_a_zone, setup),
        cmocka_unit_test_setup(totals, setup), cmocka_unit_test_setup(blocks_and_links, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
