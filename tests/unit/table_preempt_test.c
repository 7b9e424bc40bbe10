/* SPDX-License-Identifier: MIT */
/*
 * Work on page tables that is stopped half-way: with preempt_always each step stops, and at each stop the audit must
 * be clean, whoever comes next must be able to go on in either direction, and the end must be as if nothing stopped.
 */
#include "mm_fixture.h"

/* A tree that takes many steps: 3 L3s, 2 L2s under each, 2 L1s under each of those, all with pages. */
#define L3S 3
#define L2S 6
#define L1S 12
static struct { mfn_t l4, l3[L3S], l2[L2S], l1[L1S], page; } tree;

static void tree_build(void)
{
    tree.l4 = page_of(0);
    tree.page = page_of(0);
    for (unsigned i = 0; i < L3S; i++)
        entries(tree.l4)[i == 2 ? 300 : i] = pte_make(tree.l3[i] = page_of(0), P_RW);
    for (unsigned i = 0; i < L2S; i++)
        entries(tree.l3[i / 2])[i % 2 * 511] = pte_make(tree.l2[i] = page_of(0), P_RW);
    for (unsigned i = 0; i < L1S; i++) {
        entries(tree.l2[i / 2])[i % 2 * 511] = pte_make(tree.l1[i] = page_of(0), P_RW);
        entries(tree.l1[i])[i] = pte_make(tree.page, P_RW);
    }
}

static int tree_setup(void **state)
{
    mm_setup(state);
    tree_build();
    preempt_always = true;
    return 0;
}

static u32 tree_types(void)
{
    u32 sum = type_count(F(tree.l4));

    for (unsigned i = 0; i < L3S; i++)
        sum += type_count(F(tree.l3[i]));
    for (unsigned i = 0; i < L2S; i++)
        sum += type_count(F(tree.l2[i]));
    for (unsigned i = 0; i < L1S; i++)
        sum += type_count(F(tree.l1[i]));
    return sum;
}

/* Nothing but what the domain owns, and nothing stuck. */
static void tree_gone(void)
{
    drain(0);
    assert_int_equal(tree_types(), 0);
    assert_int_equal(frame_refs(F(tree.page)), 1);
    mm_check();
}

/* Pins the L4 in at most n steps. */
static int pin_steps(unsigned n)
{
    int rc = -ERESTART;

    while (n-- && rc == -ERESTART) {
        rc = mmu_drain(&ctxs[0]);
        if (rc == 0)
            rc = table_pin(&ctxs[0], tree.l4, TYPE_L4);
        mm_check();
    }
    return rc;
}

static unsigned pin_length(void)
{
    unsigned n = 0;

    tree_setup(NULL);
    while (pin_steps(1) == -ERESTART)
        n++;
    return n;
}

static void each_stop_is_consistent(void **state)
{
    unsigned stops = pin_length();

    (void)state;
    assert_true(stops >= L3S + L2S);
    assert_int_equal(tree_types(), 1 + L3S + L2S + L1S);
    assert_int_equal(type_count(F(tree.page)), L1S);
    stops = 0;
    assert_int_equal(table_unpin(&ctxs[0], tree.l4), 0);
    for (mm_check(); mmu_drain(&ctxs[0]); stops++)
        mm_check();
    assert_true(stops >= L3S + L2S);
    tree_gone();
}

/* Stopped after n steps, for each n; then something else happens first. */
#define after_each_stop(...)                                            \
    for (unsigned n_ = 1, stops_ = pin_length(); n_ <= stops_; n_++) {  \
        tree_setup(NULL);                                               \
        assert_int_equal(pin_steps(n_), -ERESTART);                     \
        __VA_ARGS__;                                                    \
        mm_check();                                                     \
    }

static void pin_goes_on_without_preemption(void **state)
{
    (void)state;
    after_each_stop(preempt_always = false;
                    assert_int_equal(table_pin(&ctxs[0], tree.l4, TYPE_L4), 0);
                    assert_int_equal(tree_types(), 1 + L3S + L2S + L1S);
                    assert_int_equal(unpin(0, tree.l4), 0); tree_gone());
}

static void other_pins_take_the_parts_over(void **state)
{
    (void)state;
    after_each_stop(
        for (unsigned i = 0; i < L3S; i++) assert_int_equal(pin(0, tree.l3[i], TYPE_L3), 0);
        mm_check();
        assert_int_equal(pin(0, tree.l4, TYPE_L4), 0);
        assert_int_equal(tree_types(), 1 + 2 * L3S + L2S + L1S);
        for (unsigned i = 0; i < L3S; i++) assert_int_equal(unpin(0, tree.l3[i]), 0);
        assert_int_equal(unpin(0, tree.l4), 0); tree_gone());
}

/* While it is half validated it is neither writable nor another level, nor can it be unpinned or written. */
static void half_a_table_is_nothing_else(void **state)
{
    (void)state;
    after_each_stop(
        assert_int_equal(frame_get_type(&dom[0], tree.l4, TYPE_WRITABLE), -EBUSY);
        assert_int_equal(table_get(&ctxs[0], tree.l4, TYPE_L3), -EINVAL);
        assert_int_equal(table_unpin(&ctxs[0], tree.l4), -EINVAL);
        assert_int_equal(type_get_existing(F(tree.l4), TYPE_L4), -EINVAL));
}

/* The last entry turns out bad after many stops: everything before it is given back, in stops too. */
static void bad_end_undoes_the_beginning(void **state)
{
    (void)state;
    for (unsigned level = 1; level <= 3; level++) {
        mfn_t table = level == 1 ? tree.l1[L1S - 1] : level == 2 ? tree.l2[L2S - 1] : tree.l3[L3S - 1];
        int rc;

        tree_setup(NULL);
        table = level == 1 ? tree.l1[L1S - 1] : level == 2 ? tree.l2[L2S - 1] : tree.l3[L3S - 1];
        entries(table)[511] = pte_make(mfn(frame_max + 9), P_RW | PTE_PWT);
        while ((rc = pin_steps(1)) == -ERESTART)
            ;
        assert_int_equal(rc, -EINVAL);
        tree_gone();
    }
}

/* Half validated, and the parent's entry goes: what is half done is taken apart with the parent. */
static void half_a_child_goes_with_its_parent(void **state)
{
    mfn_t other;

    (void)state;
    after_each_stop(
        other = page_of(1);
        entries(tree.l4)[400] = pte_make(other, P_RW);  /* refused when it is reached */
        assert_int_equal(pin_steps(10000), -EINVAL);
        tree_gone());
}

static void release_is_taken_over_by_a_pin(void **state)
{
    (void)state;
    for (unsigned n = 0;; n++) {
        unsigned i = 0;

        tree_setup(NULL);
        assert_int_equal(pin(0, tree.l4, TYPE_L4), 0);
        assert_int_equal(table_unpin(&ctxs[0], tree.l4), 0);
        while (i < n && mmu_drain(&ctxs[0]))
            i++;
        if (i < n)
            break;
        mm_check();
        preempt_always = false;
        assert_int_equal(table_pin(&ctxs[0], tree.l4, TYPE_L4), 0);     /* with the slot still full */
        mm_check();
        assert_int_equal(mmu_drain(&ctxs[0]), 0);       /* nothing is left of the release */
        assert_null(ctxs[0].pending);
        assert_int_equal(tree_types(), 1 + L3S + L2S + L1S);
        assert_int_equal(unpin(0, tree.l4), 0);
        tree_gone();
    }
}

/* The slot is taken: the second release is finished at once. */
static void second_release_waits_for_nothing(void **state)
{
    (void)state;
    assert_int_equal(pin(0, tree.l3[0], TYPE_L3), 0);
    assert_int_equal(pin(0, tree.l3[1], TYPE_L3), 0);
    assert_int_equal(table_unpin(&ctxs[0], tree.l3[0]), 0);
    assert_ptr_equal(ctxs[0].pending, F(tree.l3[0]));
    mm_check();
    assert_int_equal(table_unpin(&ctxs[0], tree.l3[1]), 0);
    assert_ptr_equal(ctxs[0].pending, F(tree.l3[0]));
    assert_int_equal(type_count(F(tree.l3[1])), 0);
    mm_check();
    table_put_all(&ctxs[0], ctxs[0].pending);
    mm_check();
    tree_gone();
    table_put_all(&ctxs[0], F(tree.page));              /* no table: nothing to do */
}

/* The frame is given back while its table waits in the slot: it lives until the slot is empty. */
static void freed_while_it_is_taken_apart(void **state)
{
    u64 before;

    (void)state;
    assert_int_equal(pin(0, tree.l3[0], TYPE_L3), 0);
    assert_int_equal(table_unpin(&ctxs[0], tree.l3[0]), 0);
    before = heap_free_pages();
    free_page(tree.l3[0]);
    mm_check();
    assert_int_equal(heap_free_pages(), before);
    drain(0);
    assert_int_equal(heap_free_pages(), before + 1);
    mm_check();
}

static void single_entries_stop_too(void **state)
{
    mfn_t l4 = page_of(0);

    (void)state;
    assert_int_equal(pin(0, l4, TYPE_L4), 0);
    for (unsigned i = 0; i < L3S; i++) {
        assert_int_equal(update(0, l4, i, pte_make(tree.l3[i], P_RW)), 0);
        mm_check();
    }
    assert_int_equal(update(0, l4, 0, pte_make(tree.l3[1], P_RW)), 0);
    assert_int_equal(type_count(F(tree.l3[0])), 0);
    assert_int_equal(type_count(F(tree.l3[1])), 2);
    mm_check();
    assert_int_equal(unpin(0, l4), 0);
    tree_gone();
}

/* ---- CPUs that work on the same tables ---- */

static void race_body(unsigned cpu, void *ctx)
{
    struct mmu_ctx mine = { .mm = &dom[0] };

    for (unsigned i = 0; i < 6; i++) {
        mfn_t m = cpu == 0 ? tree.l4 : cpu == 1 ? tree.l3[i % 2] : tree.l2[i % 3];
        int rc;

        do {
            while (mmu_drain(&mine))
                ;
            rc = table_get(&mine, m, cpu == 0 ? TYPE_L4 : cpu == 1 ? TYPE_L3 : TYPE_L2);
        } while (rc == -ERESTART);
        assert_int_equal(rc, 0);
        interleave_point();
        assert_true(F(m)->type & TYPE_VALIDATED);
        table_put(&mine, F(m));
    }
    while (mmu_drain(&mine))
        ;
}

static void tables_are_shared_by_cpus(void **state)
{
    for (u64 seed = fake_seed_first(150); fake_seed_more(150, seed); seed++) {
        tree_setup(state);
        preempt_always = seed & 1;
        fake_interleave(seed, 3, race_body, NULL);
        tree_gone();
    }
}

/* CPUs write one entry of one table; a third maps and unmaps one of the frames writable. */
static void write_body(unsigned cpu, void *ctx)
{
    struct mmu_ctx mine = { .mm = &dom[0] };
    mfn_t *t = ctx;

    for (unsigned i = 0; i < 10; i++) {
        struct table_write w = { .table = F(cpu == 2 ? t[1] : t[0]), .index = 5, .subject = &dom[0] };
        int rc;

        w.new = i % 3 == 2 ? 0 : cpu == 2 ? pte_make(t[2], P_RW) : pte_make(t[2 + (i + cpu) % 2], P_RW);
        while (mmu_drain(&mine))
            ;
        rc = table_write(&mine, &w);
        assert_true(rc == 0 || rc == -EINVAL || rc == -EBUSY || rc == -ERESTART);
        interleave_point();
    }
    while (mmu_drain(&mine))
        ;
}

static void entries_are_written_by_cpus(void **state)
{
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        mfn_t t[4];

        mm_setup(state);
        for (unsigned i = 0; i < 4; i++)
            t[i] = page_of(0);
        assert_int_equal(pin(0, t[0], TYPE_L2), 0);
        assert_int_equal(pin(0, t[1], TYPE_L1), 0);
        fake_interleave(seed, 3, write_body, t);
        mm_check();
        assert_int_equal(unpin(0, t[0]), 0);
        assert_int_equal(unpin(0, t[1]), 0);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(type_count(F(t[i])), 0);
            assert_int_equal(frame_refs(F(t[i])), 1);
        }
    }
}

/* Emulated writes: each wants the value it has read. Those that come too late change nothing and hold nothing. */
static unsigned late;

static void expect_body(unsigned cpu, void *ctx)
{
    struct mmu_ctx mine = { .mm = &dom[0] };
    mfn_t *t = ctx;

    for (unsigned i = 0; i < 10; i++) {
        pte_t seen = READ_ONCE(entries(t[1])[5]);
        struct table_write w = { .table = F(t[1]), .index = 5, .subject = &dom[0], .expect = &seen,
                                 .new = pte_make(t[2 + (i + cpu) % 2], i & 1 ? P_RW : P_RO) };
        int rc;

        interleave_point();
        rc = table_write(&mine, &w);
        assert_true(rc == 0 || rc == -EAGAIN);
        late += rc != 0;
    }
}

static void late_emulated_writes_are_dropped(void **state)
{
    late = 0;
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        mfn_t t[4];

        mm_setup(state);
        for (unsigned i = 0; i < 4; i++)
            t[i] = page_of(0);
        assert_int_equal(pin(0, t[1], TYPE_L1), 0);
        fake_interleave(seed, 3, expect_body, t);
        mm_check();
        assert_int_equal(unpin(0, t[1]), 0);
        assert_int_equal(frame_refs(F(t[2])) + frame_refs(F(t[3])), 2);
        assert_int_equal(type_count(F(t[2])) + type_count(F(t[3])), 0);
    }
    assert_true(late > 0 || getenv("FAKE_SEED"));
}

#define T(f) cmocka_unit_test_setup(f, tree_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_stop_is_consistent), T(pin_goes_on_without_preemption), T(other_pins_take_the_parts_over),
        T(half_a_table_is_nothing_else), T(bad_end_undoes_the_beginning), T(half_a_child_goes_with_its_parent),
        T(release_is_taken_over_by_a_pin), T(second_release_waits_for_nothing), T(freed_while_it_is_taken_apart),
        T(single_entries_stop_too), T(tables_are_shared_by_cpus), T(entries_are_written_by_cpus),
        T(late_emulated_writes_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
