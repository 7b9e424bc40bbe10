/* SPDX-License-Identifier: MIT */
/* Frames: descriptors and where they exist, general references, owners and accounts, sharing, holds by frame number. */
#include "mm_fixture.h"

static const struct fake_ram holes[] = { { 0, 2048 }, { 4096, 1000 } };

/* ---- the frame table ---- */

static void descriptors_only_where_ram_is(void **state)
{
    (void)state;
    mm_machine(holes, 2);
    assert_int_equal(frame_max, 4096 + 1000);
    assert_true(frame_valid(mfn(0)));
    assert_true(frame_valid(mfn(2047)));
    assert_false(frame_valid(mfn(2048)));
    assert_false(frame_valid(mfn(4095)));
    assert_true(frame_valid(mfn(4096)));
    assert_true(frame_valid(mfn(4096 + 999)));
    assert_false(frame_valid(mfn(4096 + 1000)));
    assert_false(frame_valid(MFN_INVALID));
}

static void owners_at_boot(void **state)
{
    static const struct fake_ram ragged[] = { { 0, 2048 - 100 }, { 4096, 512 } };

    (void)state;
    mm_machine(ragged, 2);
    assert_int_equal(frame_owner(F(mfn(255))), DOMID_IO);           /* the low MiB is firmware's */
    assert_int_equal(frame_owner(F(mfn(2000))), DOMID_IO);          /* in a chunk with RAM, but none itself */
    assert_true(frame_is_device(mfn(255)));
    assert_true(frame_is_device(mfn(2000)));
    assert_true(frame_is_device(mfn(3000)));
    assert_false(frame_is_device(mfn(256)));
    assert_int_equal(frame_owner(F(boot_root)), DOMID_XEN);
    assert_int_equal(frame_get(boot_root, 0), -EINVAL);
    assert_false(frame_release(F(boot_root)));                      /* references alone never free it */
}

static void m2p_tolerates_any_frame_number(void **state)
{
    mfn_t m;

    (void)state;
    mm_machine(holes, 2);
    m = page_of(0);
    assert_int_equal(m2p_get(m), M2P_INVALID);
    m2p_set(m, 77);
    assert_int_equal(m2p_get(m), 77);
    assert_int_equal(m2p_get(mfn(3000)), M2P_INVALID);
    assert_int_equal(m2p_get(MFN_INVALID), M2P_INVALID);
    free_page(m);
    assert_int_equal(m2p_get(m), M2P_INVALID);
}

static void hypervisor_slots_are_taken_from_the_boot_root(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PTES_PER_PAGE; i++)
        entries(boot_root)[i] = pte_make(mfn(i), PTE_P);
    table_hole_init();
    assert_int_equal(table_hole_entries[0], pte_make(mfn(256), PTE_P));
    assert_int_equal(table_hole_entries[15], pte_make(mfn(271), PTE_P));
    memset(entries(boot_root), 0, PAGE_SIZE);
    table_hole_init();
}

/* ---- general references ---- */

static void get_wants_a_used_frame_of_the_domain(void **state)
{
    mfn_t m = page_of(1);

    (void)state;
    assert_int_equal(frame_get(mfn(frame_max), 1), -EINVAL);
    assert_int_equal(frame_get(MFN_INVALID, 1), -EINVAL);
    assert_int_equal(frame_get(m, 0), -EINVAL);
    assert_int_equal(frame_get(m, 1), 0);
    assert_int_equal(frame_refs(F(m)), 2);
    frame_put(F(m));
    free_page(m);
    assert_int_equal(frame_get(m, 1), -EINVAL);         /* free */
    assert_int_equal(frame_get_more(F(m)), -EINVAL);
    assert_int_equal(heap_free_pages(), free_before);
}

static void counts_refuse_rather_than_wrap(void **state)
{
    mfn_t m = page_of(0);

    (void)state;
    F(m)->refs = FRAME_ALLOCATED | (FRAME_COUNT_GUEST - 1);
    assert_int_equal(frame_get(m, 0), 0);
    assert_int_equal(frame_get(m, 0), -EBUSY);
    assert_int_equal(frame_get_more(F(m)), -EBUSY);
    assert_int_equal(frame_refs(F(m)), FRAME_COUNT_GUEST);
    for (unsigned i = 0; i < 4096; i++)
        frame_get_own(F(m));                            /* the hypervisor's own never fail */
    assert_int_equal(frame_refs(F(m)), FRAME_COUNT_MASK);
    assert_true(F(m)->refs & FRAME_ALLOCATED);
    F(m)->refs = FRAME_ALLOCATED | 1;
    free_page(m);
}

static void last_reference_frees(void **state)
{
    mfn_t m = page_of(0);

    (void)state;
    memset(entries(m), 0x5a, PAGE_SIZE);
    m2p_set(m, 5);
    assert_int_equal(dom[0].tot_pages, 1);
    assert_int_equal(frame_get(m, 0), 0);
    assert_true(frame_release(F(m)));
    assert_int_equal(dom[0].tot_pages, 1);              /* somebody still has it */
    assert_int_equal(entries(m)[7], 0x5a5a5a5a5a5a5a5aUL);
    assert_false(frame_release(F(m)));                  /* the owner's reference goes once */
    assert_int_equal(frame_get(m, 0), 0);               /* it is the owner's until the end */
    frame_put(F(m));
    mm_check();
    frame_put(F(m));
    assert_int_equal(dom[0].tot_pages, 0);
    assert_int_equal(dom[0].chunks[m.n / PTES_PER_PAGE], 0);
    assert_true(F(m)->refs & FRAME_FREE);
    assert_int_equal(heap_free_pages(), free_before);
    mm_check();
}

/* Whoever had them: a domain, or the hypervisor for itself. */
static void domains_get_scrubbed_frames(void **state)
{
    mfn_t m = page_of(0);
    u8 *own[40];

    (void)state;
    memset(entries(m), 0x5a, PAGE_SIZE);
    free_page(m);
    for (unsigned i = 0; i < ARRAY_SIZE(own); i++) {
        own[i] = mem_alloc(1000);
        memset(own[i], 0xa5, 1000);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
        mem_free(own[i]);
    for (unsigned i = 0; i < 50; i++) {
        m = page_of(1);
        for (unsigned k = 0; k < PTES_PER_PAGE; k++)
            assert_int_equal(entries(m)[k], 0);
    }
}

static void owner_may_be_gone_before_its_frame(void **state)
{
    mfn_t m = page_of(2);

    (void)state;
    assert_int_equal(frame_get(m, 2), 0);
    assert_true(frame_release(F(m)));
    mm_domain_fini(&dom[2]);
    dom[2].chunks = NULL;
    frame_put(F(m));
    assert_int_equal(heap_free_pages(), free_before);
}

static void put_without_a_reference_is_a_bug(void **state)
{
    mfn_t m = page_of(0);

    (void)state;
    F(m)->refs = 0;
    expect_panic(frame_put(F(m)));
}

/* ---- accounts ---- */

static void limit_and_death_stop_assignment(void **state)
{
    mfn_t m = heap_alloc(2, HEAP_ANY_WIDTH), out = mfn(1);

    (void)state;
    dom[0].max_pages = 3;
    assert_int_equal(mm_assign(&dom[0], m, 4), -E2BIG);
    assert_int_equal(dom[0].tot_pages, 0);
    assert_int_equal(F(m)->refs, 0);
    dom[0].max_pages = 4;
    dom[0].dying = true;
    assert_int_equal(mm_assign(&dom[0], m, 4), -EINVAL);
    dom[0].dying = false;
    assert_int_equal(mm_assign(&dom[0], m, 4), 0);
    assert_int_equal(dom[0].tot_pages, 4);
    assert_int_equal(dom[0].chunks[m.n / PTES_PER_PAGE], 4);
    mm_check();
    u64 before = heap_free_pages();

    assert_int_equal(mm_populate(&dom[0], 0, HEAP_ANY_WIDTH, &out), -E2BIG);
    assert_int_equal(heap_free_pages(), before);
    assert_int_equal(out.n, 1);
    fake_fail_alloc(1);
    assert_int_equal(mm_populate(&dom[0], 0, HEAP_ANY_WIDTH, &out), -ENOMEM);
    assert_int_equal(mm_populate(&dom[0], 0, 12, &out), -ENOMEM);   /* no such narrow frame */
    for (unsigned i = 0; i < 4; i++)
        free_page(mfn_add(m, i));
    assert_int_equal(heap_free_pages(), free_before);
    mm_check();
}

static void chunks_find_every_frame(void **state)
{
    mfn_t m[1000];
    u32 sum = 0;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        m[i] = page_of(i % 2);
    for (u64 c = 0; c <= frame_max / PTES_PER_PAGE; c++)
        sum += dom[0].chunks[c];
    assert_int_equal(sum, 500);
    assert_int_equal(dom[0].tot_pages, 500);
    for (unsigned i = 0; i < 1000; i++)
        free_page(m[i]);
    for (u64 c = 0; c <= frame_max / PTES_PER_PAGE; c++)
        assert_int_equal(dom[0].chunks[c] | dom[1].chunks[c], 0);
}

static void domain_without_memory_for_its_account(void **state)
{
    struct mm_domain mm;

    (void)state;
    fake_fail_alloc(1);
    assert_int_equal(mm_domain_init(&mm, 9, 1), -ENOMEM);
    mm_domain_fini(&mm);
    assert_int_equal(mm_domain_init(&mm, 9, 1), 0);
    assert_true(mfn_is_invalid(mm.perdomain_l3));
    mm_domain_fini(&mm);
    assert_int_equal(mem_objects(), objects_before);
}

static void rights_grow_and_survive_lack_of_memory(void **state)
{
    struct rangeset *set = &dom[0].iomem;
    unsigned failed = 0;

    (void)state;
    for (u64 i = 0; i < 100; i++) {
        int rc;

        fake_fail_alloc(1);
        rc = rangeset_add(set, i * 10, i * 10 + 3);
        fake_fail_alloc(0);
        if (rc) {
            assert_int_equal(rc, -ENOMEM);
            assert_false(rangeset_overlaps(set, i * 10, i * 10 + 3));
            failed++;
            assert_int_equal(rangeset_add(set, i * 10, i * 10 + 3), 0);
        }
    }
    assert_true(failed > 1);
    for (u64 i = 0; i < 100; i++)
        assert_true(rangeset_contains(set, i * 10, i * 10 + 3));
    rangeset_fini(set);
    assert_int_equal(mem_objects(), objects_before);
}

/* ---- hypervisor pages that a domain sees ---- */

static void shared_page_is_the_guests_until_unshared(void **state)
{
    void *p = page_alloc();
    mfn_t m = frame_of_ptr(p);
    struct gfn_held held;

    (void)state;
    frame_share(m, 1, true);
    assert_int_equal(frame_owner(F(m)), 1);
    assert_int_equal(frame_type(F(m)), TYPE_WRITABLE);
    assert_false(frame_release(F(m)));
    assert_int_equal(gfn_hold(&dom[1], gfn(m.n), HOLD_WRITE, &held), 0);
    assert_false(frame_unshare(m));
    m2p_set(m, 3);                                      /* MMU_MACHPHYS_UPDATE by its new owner */
    gfn_release(&held);
    assert_null(held.frame);
    mm_check();
    assert_true(frame_unshare(m));
    assert_int_equal(frame_get(m, 1), -EINVAL);
    assert_int_equal(frame_owner(F(m)), DOMID_XEN);
    assert_int_equal(m2p_get(m), M2P_INVALID);          /* the next owner does not inherit it */
    assert_false(frame_unshare(m));
    page_free(p);
    assert_int_equal(heap_free_pages(), free_before);
}

static void read_only_shared_page_takes_no_type(void **state)
{
    void *p = page_alloc();
    mfn_t m = frame_of_ptr(p);
    pte_t e = pte_make(m, P_RW), ro = pte_make(m, P_RO);

    (void)state;
    frame_share(m, 1, false);
    assert_int_equal(type_get(&dom[1], F(m), TYPE_WRITABLE), -EBUSY);
    assert_int_equal(type_get(&dom[1], F(m), TYPE_SEGDESC), -EBUSY);
    assert_int_equal(table_get(&ctxs[1], m, TYPE_L1), -EINVAL);
    assert_int_equal(l1e_get(&dom[1], &dom[1], &e), -EBUSY);
    assert_int_equal(l1e_get(&dom[1], &dom[1], &ro), 0);
    assert_false(frame_unshare(m));
    l1e_put(ro);
    assert_true(frame_unshare(m));
    page_free(p);
}

/* ---- frame arguments of hypercalls ---- */

static void holds(void **state)
{
    mfn_t m = page_of(0);
    struct gfn_held a, b;

    (void)state;
    assert_int_equal(gfn_hold(&dom[1], gfn(m.n), HOLD_READ, &a), -EINVAL);
    assert_int_equal(gfn_hold(&dom[1], gfn(m.n), HOLD_WRITE, &a), -EINVAL);
    assert_int_equal(gfn_hold(&dom[0], GFN_INVALID, HOLD_READ, &a), -EINVAL);
    assert_int_equal(gfn_hold(&dom[0], gfn(m.n), HOLD_WRITE, &a), 0);
    assert_int_equal(gfn_held_mfn(&a).n, m.n);
    assert_int_equal(gfn_hold(&dom[0], gfn(m.n), HOLD_READ, &b), 0);
    assert_int_equal(frame_refs(F(m)), 3);
    assert_int_equal(type_count(F(m)), 1);
    assert_int_equal(table_get(&ctxs[0], m, TYPE_L1), -EINVAL);     /* held for writing */
    gfn_release(&a);
    assert_int_equal(pin(0, m, TYPE_L1), 0);
    assert_int_equal(gfn_hold(&dom[0], gfn(m.n), HOLD_WRITE, &a), -EBUSY);
    assert_int_equal(frame_refs(F(m)), 3);                          /* the failed hold left nothing */
    gfn_release(&b);
    assert_int_equal(unpin(0, m), 0);
    free_page(m);
    assert_int_equal(heap_free_pages(), free_before);
}

#define T(f) cmocka_unit_test_setup(f, mm_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(descriptors_only_where_ram_is), T(owners_at_boot), T(m2p_tolerates_any_frame_number),
        T(hypervisor_slots_are_taken_from_the_boot_root), T(get_wants_a_used_frame_of_the_domain),
        T(counts_refuse_rather_than_wrap), T(last_reference_frees), T(domains_get_scrubbed_frames), T(owner_may_be_gone_before_its_frame),
        T(put_without_a_reference_is_a_bug), T(limit_and_death_stop_assignment), T(chunks_find_every_frame),
        T(domain_without_memory_for_its_account), T(rights_grow_and_survive_lack_of_memory),
        T(shared_page_is_the_guests_until_unshared), T(read_only_shared_page_takes_no_type), T(holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
