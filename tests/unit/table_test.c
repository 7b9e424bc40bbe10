/* SPDX-License-Identifier: MIT */
/* Page tables: validation and release of whole tables, single entries, what is refused and leaves no trace then. */
#include "mm_fixture.h"

#define L(i) ((enum page_type)(TYPE_L1 + (i) - 1))

static mfn_t at_level(const struct space *s, unsigned level)
{
    return level == 4 ? s->l4 : level == 3 ? s->l3 : level == 2 ? s->l2 : s->l1;
}

/* ---- pins ---- */

static void pin_checks_everything_below(void **state)
{
    struct space s = space_build(0);
    mfn_t page = page_of(0);
    unsigned allocs = fake_allocs;

    (void)state;
    entries(s.l1)[9] = pte_make(page, P_RW);
    assert_int_equal(pin(0, s.l4, TYPE_L4), 0);
    for (unsigned level = 1; level <= 4; level++) {
        assert_int_equal(frame_type(F(at_level(&s, level))), L(level));
        assert_int_equal(type_count(F(at_level(&s, level))), 1);
        assert_int_equal(frame_refs(F(at_level(&s, level))), 2);
    }
    assert_int_equal(frame_type(F(page)), TYPE_WRITABLE);
    assert_int_equal(fake_allocs, allocs);              /* nothing here can run out of memory */
    mm_check();
    for (unsigned level = 1; level <= 3; level++) {
        assert_int_equal(pin(0, at_level(&s, level), L(level)), 0);
        assert_int_equal(type_count(F(at_level(&s, level))), 2);
        assert_int_equal(pin(0, at_level(&s, level), L(level)), -EINVAL);   /* once */
        assert_int_equal(type_count(F(at_level(&s, level))), 2);
        mm_check();
        assert_int_equal(unpin(0, at_level(&s, level)), 0);
        assert_int_equal(unpin(0, at_level(&s, level)), -EINVAL);
        mm_check();
    }
    assert_int_equal(unpin(0, s.l4), 0);
    for (unsigned level = 1; level <= 4; level++) {
        assert_int_equal(type_count(F(at_level(&s, level))), 0);
        free_page(at_level(&s, level));
    }
    free_page(page);
    assert_int_equal(heap_free_pages(), free_before);
    mm_check();
}

static void pin_refuses_what_is_not_the_domains(void **state)
{
    struct space s = space_build(1);
    mfn_t gone = page_of(0);

    (void)state;
    free_page(gone);
    assert_int_equal(pin(0, s.l4, TYPE_L4), -EINVAL);
    assert_int_equal(pin(0, gone, TYPE_L1), -EINVAL);
    assert_int_equal(pin(0, MFN_INVALID, TYPE_L1), -EINVAL);
    assert_int_equal(unpin(0, s.l4), -EINVAL);
    assert_int_equal(unpin(0, gone), -EINVAL);
    assert_int_equal(frame_refs(F(s.l4)), 1);
}

/* A freed frame that is still pinned stays the domain's until the pin goes. */
static void pinned_frame_outlives_its_release(void **state)
{
    mfn_t m = page_of(0);

    (void)state;
    assert_int_equal(pin(0, m, TYPE_L2), 0);
    assert_true(frame_release(F(m)));
    assert_int_equal(frame_type(F(m)), TYPE_L2);
    mm_check();
    assert_int_equal(unpin(0, m), 0);
    assert_true(F(m)->refs & FRAME_FREE);
    assert_int_equal(heap_free_pages(), free_before);
}

/* ---- what validation refuses, and leaves behind: nothing ---- */

static void expect_refused(const struct space *s, int error)
{
    u32 refs[5];

    for (unsigned level = 1; level <= 4; level++)
        refs[level] = F(at_level(s, level))->refs;
    for (unsigned always = 0; always < 2; always++) {
        preempt_always = always;
        assert_int_equal(pin(0, s->l4, TYPE_L4), error);
        drain(0);
        for (unsigned level = 1; level <= 4; level++) {
            assert_int_equal(F(at_level(s, level))->refs, refs[level]);
            assert_int_equal(type_count(F(at_level(s, level))), 0);
            assert_int_equal(F(at_level(s, level))->type & (TYPE_PARTIAL | TYPE_VALIDATED | TYPE_PINNED), 0);
        }
        mm_check();
    }
    preempt_always = false;
}

static void one_bad_entry_refuses_all(void **state)
{
    struct space s = space_build(0);
    mfn_t other = page_of(1), page = page_of(0);
    struct { mfn_t table; pte_t e; int error; } bad[] = {
        { s.l2, pte_make(page, P_RW | PTE_PS), -EINVAL },
        { s.l3, pte_make(page, P_RW | PTE_PS), -EINVAL },
        { s.l4, pte_make(page, P_RW | PTE_PS), -EINVAL },
        { s.l2, pte_make(page, P_RW | PTE_PCD), -EINVAL },
        { s.l2, pte_make(page, P_RW | PTE_G), -EINVAL },
        { s.l2, pte_make(other, P_RO), -EINVAL },
        { s.l2, pte_make(mfn(frame_max), P_RO), -EINVAL },
        { s.l2, pte_make(boot_root, P_RO), -EINVAL },
        { s.l1, pte_make(other, P_RO), -EBUSY },
        { s.l1, pte_make(mfn(0xb8), P_RO), -EPERM },
        { s.l1, pte_make(page, P_RO | PTE_PCD), -EINVAL },
        { s.l1, pte_make(s.l1, P_RW), -EBUSY },         /* itself, writable */
        { s.l1, pte_make(s.l4, P_RW), -EBUSY },
        /* Each level only has tables of the next one below: no table of its own level, none that skips one. */
        { s.l2, pte_make(s.l2, P_RO), -EINVAL },
        { s.l3, pte_make(s.l3, P_RO), -EINVAL },
        { s.l4, pte_make(s.l4, P_RO), -EINVAL },
        { s.l3, pte_make(s.l1, P_RO), -EINVAL },
        { s.l3, pte_make(s.l4, P_RO), -EINVAL },
        { s.l4, pte_make(s.l2, P_RO), -EINVAL },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        for (unsigned index = 1; index < 512; index += 510) {
            entries(bad[i].table)[index] = bad[i].e;
            expect_refused(&s, bad[i].error);
            entries(bad[i].table)[index] = 0;
        }
    assert_int_equal(pin(0, s.l4, TYPE_L4), 0);
}

static void read_only_view_of_tables_is_fine(void **state)
{
    struct space s = space_build(0);

    (void)state;
    for (unsigned level = 1; level <= 4; level++)
        entries(s.l1)[level] = pte_make(at_level(&s, level), P_RO);
    assert_int_equal(pin(0, s.l4, TYPE_L4), 0);
    mm_check();
    for (unsigned level = 1; level <= 4; level++)       /* the flip through a second mapping */
        assert_int_equal(update(0, s.l1, level, pte_make(at_level(&s, level), P_RW)), -EBUSY);
    mm_check();
    assert_int_equal(unpin(0, s.l4), 0);
    mm_check();
}

static void writable_page_is_no_table_and_back(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0);

    (void)state;
    assert_int_equal(update(0, s.l1, 1, pte_make(page, P_RW)), 0);
    assert_int_equal(update(0, s.l2, 1, pte_make(page, P_RW)), -EINVAL);
    assert_int_equal(update(0, s.l1, 1, pte_make(page, P_RO)), 0);
    assert_int_equal(update(0, s.l2, 1, pte_make(page, P_RW)), 0);
    assert_int_equal(update(0, s.l1, 1, pte_make(page, P_RW)), -EBUSY);
    assert_int_equal(update(0, s.l2, 1, 0), 0);
    assert_int_equal(update(0, s.l1, 1, pte_make(page, P_RW)), 0);
    mm_check();
}

/* ---- the hypervisor's slots ---- */

static void hypervisor_slots_are_ours(void **state)
{
    struct space s = space_build(0);
    mfn_t perdomain = frame_of_ptr(page_alloc());

    (void)state;
    for (unsigned i = 0; i < 16; i++)
        table_hole_entries[i] = pte_make(mfn(700 + i), PTE_P | PTE_RW | PTE_A | PTE_D);
    dom[0].perdomain_l3 = perdomain;
    for (unsigned i = 256; i < 272; i++)                /* whatever the guest left there is not looked at */
        entries(s.l4)[i] = pte_make(mfn(3), P_RW | PTE_PS);
    assert_int_equal(pin(0, s.l4, TYPE_L4), 0);
    for (unsigned i = 256; i < 272; i++) {
        pte_t mine = i == 260 ? pte_make(perdomain, PTE_P | PTE_RW | PTE_A | PTE_D) : table_hole_entries[i - 256];

        assert_int_equal(entries(s.l4)[i], mine);
        assert_int_equal(update(0, s.l4, i, 0), -EINVAL);
        assert_int_equal(update(0, s.l4, i, pte_make(s.l3, P_RW)), -EINVAL);
        assert_int_equal(entries(s.l4)[i], mine);
    }
    assert_int_equal(update(0, s.l4, 255, pte_make(s.l3, P_RW)), 0);
    assert_int_equal(update(0, s.l4, 272, pte_make(s.l3, P_RW)), 0);
    for (unsigned level = 1; level <= 3; level++)       /* of level 4 only */
        assert_int_equal(update(0, at_level(&s, level), 256, 0), 0);
    mm_check();
    assert_int_equal(unpin(0, s.l4), 0);
    mm_check();
    memset(table_hole_entries, 0, 16 * sizeof(pte_t));
}

/* ---- single entries ---- */

static void entry_exchange_moves_references(void **state)
{
    struct space s = space_new(0);
    mfn_t a = page_of(0), b = page_of(0);

    (void)state;
    assert_int_equal(update(0, s.l1, 3, pte_make(a, P_RW)), 0);
    assert_int_equal(update(0, s.l1, 3, pte_make(b, P_RO)), 0);
    assert_int_equal(frame_refs(F(a)), 1);
    assert_int_equal(type_count(F(a)), 0);
    assert_int_equal(frame_refs(F(b)), 2);
    assert_int_equal(update(0, s.l2, 5, pte_make(a, P_RW)), 0);
    assert_int_equal(frame_type(F(a)), TYPE_L1);
    assert_int_equal(update(0, s.l2, 5, pte_make(s.l1, P_RW)), 0);
    assert_int_equal(type_count(F(a)), 0);
    assert_int_equal(type_count(F(s.l1)), 2);
    assert_int_equal(update(0, s.l1, 3, 0xdead00), 0);  /* not present: the guest's own business */
    assert_int_equal(entries(s.l1)[3], 0xdead00);
    assert_int_equal(frame_refs(F(b)), 1);
    mm_check();
}

static void failed_write_changes_nothing(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0), other = page_of(1);
    pte_t before;

    (void)state;
    assert_int_equal(update(0, s.l1, 3, pte_make(page, P_RW)), 0);
    before = entries(s.l1)[3];
    assert_int_equal(update(0, s.l1, 3, pte_make(other, P_RW)), -EBUSY);
    assert_int_equal(update(0, s.l1, 3, pte_make(mfn(0xb8), P_RW)), -EPERM);
    assert_int_equal(update(0, s.l1, 3, pte_make(page, P_RW | PTE_PCD)), -EINVAL);
    assert_int_equal(entries(s.l1)[3], before);
    assert_int_equal(frame_refs(F(page)), 2);
    before = entries(s.l2)[0];
    assert_int_equal(update(0, s.l2, 0, before | PTE_PS), -EINVAL);
    assert_int_equal(update(0, s.l2, 0, pte_make(s.l2, P_RW)), -EINVAL);
    assert_int_equal(update(0, s.l2, 0, pte_make(other, P_RW)), -EINVAL);
    assert_int_equal(entries(s.l2)[0], before);
    mm_check();
}

static void soft_changes_keep_references(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0);

    (void)state;
    assert_int_equal(update(0, s.l1, 3, pte_make(page, PTE_P | PTE_RW)), 0);
    assert_int_equal(update(0, s.l1, 3, pte_make(page, PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX | PTE_AVAIL)), 0);
    assert_int_equal(entries(s.l1)[3],
                     pte_make(page, P_RW | PTE_A | PTE_D | PTE_NX | PTE_AVAIL | PTE_GUEST_KERNEL));
    assert_int_equal(update(0, s.l1, 3, entries(s.l1)[3] & ~PTE_AVAIL), 0);         /* read back and changed */
    assert_int_equal(entries(s.l1)[3], pte_make(page, P_RW | PTE_A | PTE_D | PTE_NX | PTE_GUEST_KERNEL));
    assert_int_equal(update(0, s.l1, 3, pte_make(page, P_RW)), 0);
    assert_int_equal(entries(s.l1)[3], pte_make(page, P_RW | PTE_G));               /* now a user page */
    assert_int_equal(frame_refs(F(page)), 2);
    assert_int_equal(type_count(F(page)), 1);
    assert_int_equal(update(0, s.l2, 0, pte_make(s.l1, PTE_P)), 0);
    assert_int_equal(entries(s.l2)[0], pte_make(s.l1, P_RO));
    assert_int_equal(update(0, s.l4, 0, pte_make(s.l3, PTE_P | PTE_NX)), 0);
    assert_int_equal(entries(s.l4)[0], pte_make(s.l3, P_RO | PTE_A | PTE_NX));
    assert_int_equal(type_count(F(s.l1)), 1);
    mm_check();
}

static int write_with(mfn_t table, unsigned index, pte_t e, bool preserve_ad, const pte_t *expect)
{
    struct table_write w = { .table = F(table), .index = index, .new = e, .subject = &dom[0],
                             .preserve_ad = preserve_ad, .expect = expect };

    return table_write(&ctxs[0], &w);
}

static void accessed_and_dirty_survive_on_demand(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0);
    const u64 ad = PTE_A | PTE_D;

    (void)state;
    assert_int_equal(update(0, s.l1, 3, pte_make(page, P_RW | ad)), 0);
    assert_int_equal(write_with(s.l1, 3, pte_make(page, P_RO), true, NULL), 0);
    assert_int_equal(entries(s.l1)[3] & ad, ad);
    assert_int_equal(type_count(F(page)), 0);
    assert_int_equal(write_with(s.l1, 3, pte_make(page, P_RO), false, NULL), 0);
    assert_int_equal(entries(s.l1)[3] & ad, 0);
    assert_int_equal(write_with(s.l1, 3, pte_make(page, P_RW | ad), true, NULL), 0);
    assert_int_equal(entries(s.l1)[3] & ad, 0);
    assert_int_equal(write_with(s.l4, 7, pte_make(s.l3, P_RW | ad), true, NULL), 0);
    assert_int_equal(entries(s.l4)[7] & ad, PTE_A);     /* that one is ours */
    mm_check();
}

static void expected_value_guards_the_write(void **state)
{
    struct space s = space_new(0);
    mfn_t page = page_of(0);
    pte_t now = 0, other = 5;

    (void)state;
    assert_int_equal(write_with(s.l1, 3, pte_make(page, P_RW), false, &other), -EAGAIN);
    assert_int_equal(frame_refs(F(page)), 1);
    assert_int_equal(write_with(s.l1, 3, pte_make(page, P_RW), false, &now), 0);
    assert_int_equal(write_with(s.l1, 3, 0, false, &now), -EAGAIN);
    now = entries(s.l1)[3];
    assert_int_equal(write_with(s.l1, 3, 0, false, &now), 0);
    assert_int_equal(frame_refs(F(page)), 1);
}

static void walk_finds_the_level_1_table(void **state)
{
    struct space s = space_new(0);
    mfn_t bad = page_of(0);

    (void)state;
    assert_int_equal(table_walk_l1(s.l4, 0x1000).n, s.l1.n);
    assert_true(mfn_is_invalid(table_walk_l1(s.l4, 1UL << 21)));
    assert_true(mfn_is_invalid(table_walk_l1(s.l4, 1UL << 30)));
    assert_true(mfn_is_invalid(table_walk_l1(s.l4, 1UL << 39)));
    assert_true(mfn_is_invalid(table_walk_l1(mfn(frame_max), 0)));
    entries(bad)[0] = pte_make(mfn(frame_max + 1), P_RW);       /* the hypervisor's own part may lead anywhere */
    entries(bad)[1] = pte_make(s.l3, P_RW | PTE_PS);
    assert_true(mfn_is_invalid(table_walk_l1(bad, 0)));
    assert_true(mfn_is_invalid(table_walk_l1(bad, 1UL << 39)));
    entries(s.l2)[1] = pte_make(mfn(frame_max + 1), P_RW);
    assert_true(mfn_is_invalid(table_walk_l1(s.l4, 1UL << 21)));
    entries(s.l2)[1] = 0;
}

#define T(f) cmocka_unit_test_setup(f, mm_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pin_checks_everything_below), T(pin_refuses_what_is_not_the_domains), T(pinned_frame_outlives_its_release),
        T(one_bad_entry_refuses_all), T(read_only_view_of_tables_is_fine), T(writable_page_is_no_table_and_back),
        T(hypervisor_slots_are_ours), T(entry_exchange_moves_references), T(failed_write_changes_nothing),
        T(soft_changes_keep_references), T(accessed_and_dirty_survive_on_demand), T(expected_value_guards_the_write),
        T(walk_finds_the_level_1_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
