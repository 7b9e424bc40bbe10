/* SPDX-License-Identifier: MIT */
/* Buddy allocator and pools: alignment, widths, the low reserve, coalescing, flushes before reuse, failure, misuse. */
#include <mm/flush.h>
#include <mm/frame.h>
#include <mm/heap.h>

#include "core_fixture.h"

#define MIB_PAGES 256UL

static u64 chunks[FAKE_MAX_MFN / 512 / 64 + 1];

static void irq(u8 vector)
{
    if (vector == VECTOR_FLUSH)
        flush_poll();
}

/* Descriptors for everything that is RAM, as frame_table_init() does, but nothing in the heap yet. */
static void start(const struct fake_ram *ram, unsigned nr)
{
    core_setup(NULL);
    fake_start_ram(4, ram, nr);
    fake_irq_handler = irq;
    frame_max = FAKE_MAX_MFN;
    frame_chunks = chunks;
    memset(chunks, 0, sizeof(chunks));
    for (unsigned i = 0; i < nr; i++)
        for (u64 n = ram[i].first_mfn; n < ram[i].first_mfn + ram[i].pages; n += 512)
            bit_set(chunks, (unsigned)(n / 512));
    heap_init();
}

static int setup(void **state)
{
    static const struct fake_ram ram[] = { { 0, 16 * MIB_PAGES } };

    (void)state;
    start(ram, 1);
    heap_add(mfn(0), 8 * MIB_PAGES);
    return 0;
}

static void frame_zero_is_never_given(void **state)
{
    (void)state;
    assert_int_equal(heap_total_pages(), 8 * MIB_PAGES - 1);
    assert_int_equal(heap_free_pages(), heap_total_pages());
    for (u64 i = 0; i < 2 * MIB_PAGES; i++)
        assert_int_not_equal(heap_alloc(0, HEAP_ANY_WIDTH).n, 0);
}

static void blocks_are_aligned_and_come_back_whole(void **state)
{
    mfn_t m[11];
    u64 before = heap_free_pages();

    (void)state;
    for (unsigned order = 0; order <= 10; order++) {
        m[order] = heap_alloc(order, 32);
        if (order < 10)
            assert_int_equal(m[order].n & (BIT(order) - 1), 0);
    }
    for (unsigned order = 0; order <= 10; order++)
        if (!mfn_is_invalid(m[order]))
            heap_free(m[order], order);
    assert_int_equal(heap_free_pages(), before);
    assert_int_equal(heap_alloc(10, 32).n, 1024);
    assert_true(mfn_is_invalid(heap_alloc(10, 32)));
    assert_true(mfn_is_invalid(heap_alloc(HEAP_MAX_ORDER + 1, 32)));
}

static void narrow_devices_get_low_frames(void **state)
{
    (void)state;
    assert_true(heap_alloc(0, 20).n < 256);
    assert_true(heap_alloc(3, 22).n < 1024);
    assert_true(mfn_is_invalid(heap_alloc(0, 12)));
    assert_true(heap_alloc(0, HEAP_ANY_WIDTH).n >= 1024);       /* from the top */
}

static void low_reserve_is_kept(void **state)
{
    static const struct fake_ram ram[] = { { 0, 64 * MIB_PAGES }, { 1UL << 20, 64 * MIB_PAGES } };
    u64 high = 0, low = 0;
    mfn_t m;

    (void)state;
    start(ram, 2);
    heap_add(mfn(0), 64 * MIB_PAGES);
    heap_add(mfn(1UL << 20), 64 * MIB_PAGES);
    while (!mfn_is_invalid(m = heap_alloc(0, HEAP_ANY_WIDTH))) {
        assert_true(low == 0 || m.n < (1UL << 20));     /* high memory first */
        *(m.n < (1UL << 20) ? &low : &high) += 1;
    }
    assert_int_equal(high, 64 * MIB_PAGES);
    assert_int_equal(low, 56 * MIB_PAGES);      /* 1/16 of 128 MiB stays */
    assert_true(heap_alloc(0, 32).n < (1UL << 20));
    shown_clear();
    heap_show();
    assert_true(was_shown("below 4 GiB"));
}

static void descriptors_are_clean(void **state)
{
    mfn_t m = heap_alloc(4, 32);

    (void)state;
    for (u64 i = 0; i < 16; i++) {
        struct frame *f = frame_entry(mfn_add(m, i));

        assert_int_equal(f->refs, 0);
        assert_int_equal(f->type, 0);
        assert_int_equal(f->owner | f->progress, 0);
    }
}

static void misuse_is_a_bug(void **state)
{
    mfn_t m = heap_alloc(1, 32);

    (void)state;
    heap_free(m, 1);
    expect_panic(heap_free(m, 1));
    lock_reset_cpu();
    setup(state);
    m = heap_alloc(1, 32);
    heap_free(m, 1);
    expect_panic(heap_free(mfn_add(m, 1), 0));
    setup(state);
    m = heap_alloc(0, 32);
    frame_entry(m)->refs = 1;
    expect_panic(heap_free(m, 0));
}

static void audit_names_what_is_broken(void **state)
{
    mfn_t m = heap_alloc(3, 32);
    struct frame *f = frame_entry(m), saved;

    (void)state;
    assert_null(heap_audit());
    heap_free(m, 0);
    assert_null(heap_audit());
    saved = *f;
    f->refs = 0;
    assert_string_equal(heap_audit(), "heap-block-marked");
    *f = saved;
    f->free_prev = 5;
    assert_string_equal(heap_audit(), "heap-lists-linked");
    *f = saved;
    heap_add(mfn_add(m, 1), 1);         /* merges what is not free into a block with what is */
    assert_null(heap_audit());
    frame_entry(m)->refs = FRAME_FREE | 0;
    assert_string_equal(heap_audit(), "heap-block-marked");
}

static void audit_counts_the_pages_of_a_list(void **state)
{
    mfn_t a, b, c;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {          /* three single frames that cannot merge, in one list */
        mfn_t m = heap_alloc(0, 32);

        if (i == 0)
            a = m;
    }
    a = mfn(a.n & ~1UL);
    b = mfn_add(a, -2);
    c = mfn_add(a, -4);
    for (unsigned i = 0; i < 3; i++)
        heap_free(i == 0 ? a : i == 1 ? b : c, 0);
    assert_null(heap_audit());
    assert_int_equal(frame_entry(c)->free_next, b.n);
    assert_int_equal(frame_entry(b)->free_next, a.n);
    frame_entry(c)->free_next = (u32)a.n;
    frame_entry(a)->free_prev = (u32)c.n;
    assert_string_equal(heap_audit(), "heap-pages-counted");
}

/* A frame that a guest may still reach through a TLB is flushed there before it is given out again. */
static void reuse_is_flushed_first(void **state)
{
    mfn_t m = heap_alloc(0, 32), again;
    unsigned before;

    (void)state;
    frame_entry(m)->stamp = flush_clock_now();
    before = fake_cpus[3].tlb_flushes;
    heap_free(m, 0);
    assert_int_equal(fake_cpus[3].tlb_flushes, before);
    do
        again = heap_alloc(0, 32);
    while (!mfn_eq(again, m));
    assert_int_equal(fake_cpus[0].tlb_flushes > 0, 1);
    assert_int_equal(fake_cpus[3].tlb_flushes, before + 1);
    heap_free(again, 0);                                /* nobody used it: no flush */
    again = heap_alloc(0, 32);
    assert_int_equal(fake_cpus[3].tlb_flushes, before + 1);
}

/* Split and merged blocks keep the latest stamp of their frames. */
static void stamps_survive_merging(void **state)
{
    mfn_t a = heap_alloc(1, 32), b = mfn_add(a, 1);

    (void)state;
    for (unsigned late = 0; late < 2; late++) {
        frame_entry(late ? a : b)->stamp = 1;
        flush_mask(&cpu_online_mask, 0, FLUSH_TLB);
        frame_entry(late ? b : a)->stamp = flush_clock_now();
        heap_free(a, 0);
        heap_free(b, 0);
        unsigned before = fake_cpus[2].tlb_flushes;

        assert_int_equal(heap_alloc(0, 32).n, b.n);     /* the upper half first */
        assert_int_equal(fake_cpus[2].tlb_flushes, before + 1);
        assert_int_equal(heap_alloc(0, 32).n, a.n);
    }
}

static void allocation_failure_changes_nothing(void **state)
{
    u64 before = heap_free_pages();

    (void)state;
    fake_fail_alloc(1);
    assert_true(mfn_is_invalid(heap_alloc(0, 32)));
    fake_fail_alloc(1);
    assert_null(page_alloc());
    for (size_t bytes = 1; bytes < 20000; bytes *= 3)
        for (unsigned n = 1; n <= 2; n++) {
            fake_fail_alloc(n);
            void *p = mem_alloc(bytes);

            assert_true(n == 2 || p == NULL);
            fake_fail_alloc(0);
            mem_free(p);
        }
    fake_fail_alloc(0);
    assert_int_equal(mem_objects(), 0);
    assert_in_range(heap_free_pages(), before - 13, before);    /* one cached slab per size class */
}

static void objects_are_zeroed_and_aligned(void **state)
{
    static u8 *p[200];
    u64 all = heap_free_pages();

    (void)state;
    for (size_t bytes = 1; bytes <= 9000; bytes += bytes / 7 + 1) {
        for (unsigned i = 0; i < 20; i++) {
            p[i] = mem_alloc(bytes);
            assert_non_null(p[i]);
            assert_int_equal((u64)p[i] % (bytes >= 64 ? 64 : 16), 0);
            for (size_t k = 0; k < bytes; k++)
                assert_int_equal(p[i][k], 0);
            memset(p[i], 0xa5, bytes);
        }
        assert_int_equal(mem_objects(), 20);
        assert_in_range(mem_bytes(), 20 * bytes, 20 * max(2 * bytes, (size_t)16));
        for (unsigned i = 0; i < 20; i++)
            mem_free(p[i * 7 % 20]);
        assert_int_equal(mem_objects(), 0);
        assert_int_equal(mem_bytes(), 0);
        assert_int_equal(heap_free_pages() + mem_slabs(), all);
    }
    mem_free(NULL);
    page_free(NULL);
    assert_null(mem_alloc(~0UL));
    assert_null(mem_alloc(64UL << 20));
}

static void second_free_is_a_bug(void **state)
{
    void *p = mem_alloc(100), *q = mem_alloc(100);

    (void)state;
    assert_ptr_not_equal(p, q);
    mem_free(p);
    expect_panic(mem_free(p));
    setup(state);
    p = mem_alloc(100);
    expect_panic(mem_free((u8 *)p + 16));
    setup(state);
    p = page_alloc();
    expect_panic(mem_free((u8 *)p + 64));
    setup(state);
    p = page_alloc();
    page_free(p);
    expect_panic(page_free(p));
}

static void alloc_and_free(unsigned cpu, void *ctx)
{
    void *p[6];
    u64 id = cpu + 1;

    (void)ctx;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 6; i++) {
            size_t bytes = 8UL << (2 * i);

            p[i] = mem_alloc(bytes);
            assert_non_null(p[i]);
            *(u64 *)p[i] = id;
        }
        for (unsigned i = 0; i < 6; i++) {
            assert_int_equal(*(u64 *)p[i], id);
            mem_free(p[i]);
        }
    }
}

static void cpus_share_the_pools(void **state)
{
    for (u64 seed = fake_seed_first(50); fake_seed_more(50, seed); seed++) {
        setup(state);
        fake_interleave(seed, 4, alloc_and_free, NULL);
        assert_int_equal(mem_objects(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frame_zero_is_never_given, setup),
        cmocka_unit_test_setup(blocks_are_aligned_and_come_back_whole, setup),
        cmocka_unit_test_setup(narrow_devices_get_low_frames, setup),
        cmocka_unit_test_setup(low_reserve_is_kept, setup),
        cmocka_unit_test_setup(descriptors_are_clean, setup),
        cmocka_unit_test_setup(misuse_is_a_bug, setup),
        cmocka_unit_test_setup(audit_names_what_is_broken, setup),
        cmocka_unit_test_setup(audit_counts_the_pages_of_a_list, setup),
        cmocka_unit_test_setup(reuse_is_flushed_first, setup),
        cmocka_unit_test_setup(stamps_survive_merging, setup),
        cmocka_unit_test_setup(allocation_failure_changes_nothing, setup),
        cmocka_unit_test_setup(objects_are_zeroed_and_aligned, setup),
        cmocka_unit_test_setup(second_free_is_a_bug, setup),
        cmocka_unit_test_setup(cpus_share_the_pools, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
