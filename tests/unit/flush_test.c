/* SPDX-License-Identifier: MIT */
/*
 * The flush clock and flushes across CPUs; and what they are for: entries that a TLB keeps are never of use to a guest
 * once the frame behind them has changed its type or its owner. The fake TLBs forget nothing by themselves.
 */
#include "mm_fixture.h"

static cpumask_t mask_of(unsigned a, unsigned b)
{
    cpumask_t m = { { 0 } };

    cpumask_set(&m, a);
    cpumask_set(&m, b);
    return m;
}

static unsigned flushes(unsigned cpu) { return fake_cpus[cpu].tlb_flushes; }

/* ---- the clock ---- */

static void filter_drops_cpus_that_flushed_since(void **state)
{
    cpumask_t all = mask_of(0, 1), mask;
    u32 stamp;

    (void)state;
    flush_mask(&all, 0, FLUSH_TLB);
    stamp = flush_clock_now();
    mask = all;
    flush_filter(&mask, stamp);
    assert_true(cpumask_test(&mask, 0) && cpumask_test(&mask, 1));
    flush_local(0, FLUSH_TLB);
    flush_filter(&mask, stamp);
    assert_false(cpumask_test(&mask, 0));
    assert_true(cpumask_test(&mask, 1));
    mask = all;
    flush_filter(&mask, flush_clock_now());             /* nobody has flushed since now */
    assert_true(cpumask_test(&mask, 0) && cpumask_test(&mask, 1));
    mask = all;
    flush_local(0, FLUSH_PAGE);                         /* one page is not everything */
    flush_filter(&mask, flush_clock_now());
    assert_true(cpumask_test(&mask, 0));
}

/* A stamp between the begin and the end of a flush is not covered by it: an entry may have been loaded meanwhile. */
static void stamp_during_a_flush_is_not_covered(void **state)
{
    cpumask_t mask = mask_of(0, 0);
    u32 begun = flush_begin(), stamp = flush_clock_now();

    (void)state;
    flush_end(begun);
    flush_filter(&mask, stamp);
    assert_true(cpumask_test(&mask, 0));
}

/* ---- requests ---- */

static void each_kind_reaches_the_cpus_asked(void **state)
{
    cpumask_t mask = mask_of(0, 2), self = mask_of(0, 0), none = { { 0 } };
    unsigned before = flushes(2);

    (void)state;
    flush_mask(&mask, 0x1000, FLUSH_PAGE);
    assert_int_equal(fake_cpus[0].page_flushes, 1);
    assert_int_equal(fake_cpus[2].page_flushes, 1);
    assert_int_equal(fake_cpus[1].page_flushes, 0);
    assert_int_equal(fake_cpus[2].ipis[VECTOR_FLUSH], 1);
    flush_mask(&mask, 0, FLUSH_CACHE);
    assert_int_equal(fake_cpus[2].cache_flushes, 1);
    assert_int_equal(flushes(2), before);
    flush_mask(&mask, 0x1000, FLUSH_TLB | FLUSH_PAGE);  /* everything includes the page */
    assert_int_equal(flushes(2), before + 1);
    assert_int_equal(fake_cpus[2].page_flushes, 1);
    flush_mask(&mask, 0, FLUSH_ROOT);
    assert_int_equal(root_drops, 2);
    flush_mask(&self, 0, FLUSH_TLB);                    /* asks nobody else */
    flush_mask(&none, 0, FLUSH_TLB);
    assert_int_equal(fake_cpus[2].ipis[VECTOR_FLUSH], 4);
    flush_poll();                                       /* nobody waits for this CPU */
    assert_int_equal(flushes(2), before + 1);
}

static void offline_cpus_are_not_waited_for(void **state)
{
    cpumask_t mask = mask_of(1, 3);

    (void)state;
    fake_online(2);
    flush_mask(&mask, 0, FLUSH_TLB);
    assert_int_equal(fake_cpus[3].ipis[VECTOR_FLUSH], 0);
    assert_int_equal(flushes(1), 1);
}

/* The caller goes on only when every CPU has flushed. */
static void flush_all_body(unsigned cpu, void *ctx)
{
    unsigned *rounds = ctx;

    for (unsigned i = 0; i < 5; i++) {
        unsigned before[4];

        for (unsigned other = 0; other < 4; other++)
            before[other] = flushes(other);
        flush_mask(&cpu_online_mask, 0, FLUSH_TLB);
        for (unsigned other = 0; other < 4; other++)
            assert_true(flushes(other) > before[other]);
        rounds[cpu]++;
        cpu_relax();
    }
    while (rounds[0] + rounds[1] + rounds[2] + rounds[3] < 20)
        lock_poll();                                    /* as a CPU with interrupts off that waits for something */
}

static void cpus_may_flush_each_other(void **state)
{
    for (u64 seed = fake_seed_first(100); fake_seed_more(100, seed); seed++) {
        unsigned rounds[4] = { 0 };

        mm_setup(state);
        fake_interleave(seed, 4, flush_all_body, rounds);
        assert_int_equal(rounds[0] + rounds[3], 10);
    }
}

/* ---- what for ---- */

#define VA (7UL << PAGE_SHIFT)          /* entry 7 of the first L1 of a space */

static u64 value_at(unsigned cpu)
{
    u64 v = 0;

    assert_int_equal(fake_guest_read(cpu, VA, &v, sizeof(v)), 0);
    return v;
}

static int poke(unsigned cpu, u64 v) { return fake_guest_write(cpu, VA, &v, sizeof(v)); }

/* The guest that forgets to flush keeps its entry, until the frame becomes something else. */
static void writable_entry_dies_before_the_frame_is_a_table(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0);

    (void)state;
    mm_run(1, 0, s.l4);
    mm_run(2, 0, s.l4);
    assert_int_equal(update(0, s.l1, 7, pte_make(page, P_RW)), 0);
    assert_int_equal(poke(1, 1), 0);
    assert_int_equal(poke(2, 2), 0);
    assert_int_equal(pin(0, page, TYPE_L1), -EINVAL);
    assert_int_equal(update(0, s.l1, 7, 0), 0);
    assert_int_equal(poke(1, 3), 0);                    /* stale, and the guest's own fault */
    assert_int_equal(entries(page)[0], 3);
    entries(page)[0] = 0;
    assert_int_equal(pin(0, page, TYPE_L1), 0);
    assert_int_equal(fake_tlb_holder(page, true), -1);
    assert_int_equal(poke(1, P_RW), -EFAULT);
    assert_int_equal(poke(2, P_RW), -EFAULT);
    assert_int_equal(entries(page)[0], 0);
    mm_check();
}

static void table_walks_end_before_the_frame_is_writable(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0), l1 = page_of(0);

    (void)state;
    entries(l1)[7] = pte_make(page, P_RW);
    assert_int_equal(update(0, s.l2, 0, pte_make(l1, P_RW)), 0);
    mm_run(1, 0, s.l4);
    assert_int_equal(poke(1, 1), 0);
    assert_int_equal(update(0, s.l2, 0, 0), 0);         /* l1 is no table any more */
    assert_int_equal(type_count(F(l1)), 0);
    assert_int_equal(poke(1, 2), 0);                    /* stale: its entry, and the page it maps */
    assert_int_equal(frame_get_type(&dom[0], l1, TYPE_WRITABLE), 0);
    assert_int_equal(poke(1, 3), -EFAULT);
    frame_put_type(F(l1));
}

static void read_only_entry_dies_before_another_domain_gets_the_frame(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0), again;

    (void)state;
    mm_run(3, 0, s.l4);
    assert_int_equal(update(0, s.l1, 7, pte_make(page, P_RO)), 0);
    entries(page)[0] = 42;
    assert_int_equal(value_at(3), 42);
    assert_int_equal(update(0, s.l1, 7, 0), 0);
    free_page(page);
    assert_int_equal(value_at(3), 42);                  /* what it wrote, and nobody's: harmless */
    do
        again = page_of(1);
    while (!mfn_eq(again, page));
    assert_int_equal(fake_tlb_holder(page, false), -1);
}

/* Another domain's CPUs may hold entries for the frame, too: it was mapped there with the rights of its owner. */
static void foreign_entry_dies_before_the_frame_is_a_table(void **state)
{
    struct space s = space_new(1);
    mfn_t page = page_of(0);

    (void)state;
    mm_run(1, 1, s.l4);
    assert_int_equal(update_foreign(1, s.l1, 7, pte_make(page, P_RW), 0), 0);
    assert_int_equal(type_count(F(page)), 1);
    assert_int_equal(poke(1, 1), 0);
    assert_int_equal(update(1, s.l1, 7, 0), 0);
    entries(page)[0] = 0;
    assert_int_equal(pin(0, page, TYPE_L1), 0);
    assert_int_equal(poke(1, P_RW), -EFAULT);
    mm_check();
}

/* No flush where none is needed: the frame's last use is older than each CPU's last flush, or it had no other type. */
static void flushes_are_skipped_when_nothing_can_be_stale(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0), fresh = page_of(0);
    unsigned before;

    (void)state;
    mm_run(1, 0, s.l4);
    assert_int_equal(frame_get_type(&dom[0], page, TYPE_WRITABLE), 0);
    frame_put_type(F(page));
    flush_mask(&cpu_online_mask, 0, FLUSH_TLB);
    before = flushes(1);
    assert_int_equal(pin(0, page, TYPE_L1), 0);
    assert_int_equal(pin(0, fresh, TYPE_L1), 0);
    assert_int_equal(unpin(0, fresh), 0);
    assert_int_equal(pin(0, fresh, TYPE_L1), 0);        /* the same type again */
    assert_int_equal(flushes(1), before);
    assert_int_equal(unpin(0, fresh), 0);
    assert_int_equal(frame_get_type(&dom[0], fresh, TYPE_WRITABLE), 0);
    assert_int_equal(flushes(1), before + 1);
    frame_put_type(F(fresh));
}

#define T(f) cmocka_unit_test_setup(f, mm_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(filter_drops_cpus_that_flushed_since), T(stamp_during_a_flush_is_not_covered),
        T(each_kind_reaches_the_cpus_asked), T(offline_cpus_are_not_waited_for), T(cpus_may_flush_each_other),
        T(writable_entry_dies_before_the_frame_is_a_table), T(table_walks_end_before_the_frame_is_writable),
        T(read_only_entry_dies_before_another_domain_gets_the_frame), T(foreign_entry_dies_before_the_frame_is_a_table),
        T(flushes_are_skipped_when_nothing_can_be_stale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
