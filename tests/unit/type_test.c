/* SPDX-License-Identifier: MIT */
/* Page types that need no table walk, and the rules for single entries: bits, rights, what each entry holds. */
#include <x86/desc.h>

#include "mm_fixture.h"

static struct mm_domain *const A = &dom[0], *const B = &dom[1];

/* ---- types ---- */

static int get_as(mfn_t m, enum page_type type)
{
    return type == TYPE_WRITABLE || type == TYPE_SEGDESC ? frame_get_type(A, m, type)
                                                         : restarted(0, table_get(&ctxs[0], m, type));
}

static void put_as(mfn_t m, enum page_type type)
{
    if (type == TYPE_WRITABLE || type == TYPE_SEGDESC)
        frame_put_type(F(m));
    else
        table_put(&ctxs[0], F(m));
    drain(0);
}

static void types_exclude_each_other(void **state)
{
    (void)state;
    for (enum page_type held = TYPE_L1; held <= TYPE_WRITABLE; held++)
        for (enum page_type want = TYPE_L1; want <= TYPE_WRITABLE; want++) {
            bool table = want <= TYPE_L4;
            mfn_t m = page_of(0);

            assert_int_equal(get_as(m, held), 0);
            assert_int_equal(get_as(m, want), want == held ? 0 : table ? -EINVAL : -EBUSY);
            assert_int_equal(type_count(F(m)), want == held ? 2 : 1);
            assert_int_equal(frame_type(F(m)), held);
            if (want == held)
                put_as(m, want);
            put_as(m, held);
            assert_int_equal(type_count(F(m)), 0);
            assert_int_equal(frame_refs(F(m)), 1);
            assert_int_equal(get_as(m, want), 0);       /* count 0: it may change */
            assert_int_equal(frame_type(F(m)), want);
            put_as(m, want);
            mm_check();
            memset(entries(m), 0, PAGE_SIZE);           /* an L4 has got the hypervisor's slots */
            free_page(m);
        }
}

static void only_the_owners_frames_get_a_type(void **state)
{
    mfn_t m = page_of(1);

    (void)state;
    assert_int_equal(get_as(m, TYPE_WRITABLE), -EINVAL);
    assert_int_equal(get_as(m, TYPE_L1), -EINVAL);
    assert_int_equal(get_as(mfn(frame_max + 5), TYPE_WRITABLE), -EINVAL);
    assert_int_equal(frame_refs(F(m)), 1);
}

static void type_count_refuses_rather_than_wraps(void **state)
{
    mfn_t m = page_of(0);

    (void)state;
    assert_int_equal(get_as(m, TYPE_WRITABLE), 0);
    F(m)->type |= TYPE_COUNT_MASK;
    assert_int_equal(type_get(A, F(m), TYPE_WRITABLE), -EBUSY);
    assert_int_equal(type_get_existing(F(m), TYPE_WRITABLE), -EINVAL);
    assert_int_equal(type_count(F(m)), TYPE_COUNT_MASK);
    F(m)->type = (F(m)->type & ~TYPE_COUNT_MASK) | 1;
    put_as(m, TYPE_WRITABLE);
}

static void existing_type_must_be_there_and_stay(void **state)
{
    mfn_t m = page_of(0);

    (void)state;
    assert_int_equal(type_get_existing(F(m), TYPE_WRITABLE), -EINVAL);
    assert_int_equal(get_as(m, TYPE_WRITABLE), 0);
    assert_int_equal(type_get_existing(F(m), TYPE_L1), -EINVAL);
    assert_int_equal(type_get_existing(F(m), TYPE_WRITABLE), 0);
    assert_int_equal(type_count(F(m)), 2);
    type_put(F(m));
    put_as(m, TYPE_WRITABLE);
    assert_int_equal(type_get_existing(F(m), TYPE_WRITABLE), -EINVAL);      /* has the type, count 0 */
}

static void putting_what_nobody_holds_is_a_bug(void **state)
{
    mfn_t m = page_of(0);

    (void)state;
    expect_panic(type_put(F(m)));
}

static void wrong_kinds_are_a_bug(void **state)
{
    mfn_t m = page_of(0);
    int rc;

    (void)state;
    expect_panic(rc = type_get(A, F(m), TYPE_L1); (void)rc);
}

/* ---- descriptor pages ---- */

static void descriptor_page_is_checked_before_it_is_one(void **state)
{
    mfn_t m = page_of(0);

    (void)state;
    entries(m)[3] = DESC_P | DESC_S;                  /* code or data of ring 0 */
    entries(m)[511] = DESC_P | (2UL << DESC_TYPE_SHIFT);            /* an LDT */
    assert_int_equal(get_as(m, TYPE_SEGDESC), -EINVAL);
    assert_int_equal(type_count(F(m)), 0);
    assert_int_equal(frame_refs(F(m)), 1);
    entries(m)[511] = 2UL << DESC_TYPE_SHIFT;                       /* not present */
    assert_int_equal(get_as(m, TYPE_SEGDESC), 0);
    assert_int_equal(entries(m)[3] & DESC_DPL, DESC_DPL);           /* ring 3 only */
    assert_int_equal(get_as(m, TYPE_WRITABLE), -EBUSY);
    mm_check();
    put_as(m, TYPE_SEGDESC);
}

/* ---- bits of entries ---- */

static void table_entries_have_few_bits(void **state)
{
    static const u64 ok[] = { PTE_RW, PTE_US, PTE_A, PTE_D, PTE_AVAIL, PTE_NX };
    static const u64 bad[] = { PTE_PS, PTE_PWT, PTE_PCD, PTE_G, BIT(52), BIT(62) };

    (void)state;
    for (unsigned level = 2; level <= 4; level++) {
        for (unsigned i = 0; i < ARRAY_SIZE(ok); i++) {
            pte_t e = pte_make(mfn(5), PTE_P | ok[i]);

            assert_int_equal(entry_check(level, &e), 0);
            assert_int_equal(e, pte_make(mfn(5), PTE_P | ok[i] | PTE_US | (level == 4 ? PTE_A : 0)));
        }
        for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
            pte_t e = pte_make(mfn(5), PTE_P | bad[i]);

            assert_int_equal(entry_check(level, &e), -EINVAL);
        }
    }
}

static void soft_bits_never_include_frame_cache_or_size(void **state)
{
    (void)state;
    for (unsigned level = 1; level <= 4; level++)
        assert_int_equal(entry_soft_bits(level) & (PTE_P | PTE_ADDR_MASK | PTE_PS | PTE_PWT | PTE_PCD), 0);
    assert_int_equal(entry_soft_bits(1) & PTE_RW, 0);
}

/* ---- level-1 entries ---- */

static void l1_entry_holds_what_it_allows(void **state)
{
    mfn_t m = page_of(0);
    pte_t rw = pte_make(m, P_RW), ro = pte_make(m, P_RO);

    (void)state;
    assert_int_equal(l1e_get(A, A, &ro), 0);
    assert_int_equal(frame_refs(F(m)), 2);
    assert_int_equal(type_count(F(m)), 0);
    assert_int_equal(l1e_get(A, A, &rw), 0);
    assert_int_equal(frame_refs(F(m)), 3);
    assert_int_equal(frame_type(F(m)), TYPE_WRITABLE);
    assert_int_equal(type_count(F(m)), 1);
    l1e_put(rw);
    l1e_put(ro);
    assert_int_equal(frame_refs(F(m)), 1);
    assert_int_equal(pin(0, m, TYPE_L1), 0);
    rw = pte_make(m, P_RW);
    assert_int_equal(l1e_get(A, A, &rw), -EBUSY);       /* a page table is never writable */
    ro = pte_make(m, P_RO);
    assert_int_equal(l1e_get(A, A, &ro), 0);            /* but may be read */
    l1e_put(ro);
}

static void l1_entry_kernel_and_user_pages(void **state)
{
    mfn_t m = page_of(0);
    pte_t user = pte_make(m, P_RO), kernel = pte_make(m, PTE_P | PTE_G), again;

    (void)state;
    assert_int_equal(l1e_get(A, A, &user), 0);
    assert_int_equal(user, pte_make(m, P_RO | PTE_G));
    assert_int_equal(l1e_get(A, A, &kernel), 0);
    assert_int_equal(kernel, pte_make(m, P_RO | PTE_GUEST_KERNEL));
    /* Guests read their entries back, change a bit, and write them: it is a kernel page still. A global one would stay
     * in the TLB in guest user mode, where nothing but the address space keeps user code from it. */
    again = kernel | PTE_AVAIL | PTE_G;
    assert_int_equal(l1e_get(A, A, &again), 0);
    assert_int_equal(again, kernel | PTE_AVAIL);
    for (unsigned i = 0; i < 3; i++)
        l1e_put(user);
    assert_int_equal(frame_refs(F(m)), 1);
}

static void l1_entry_frames_of_others_are_refused(void **state)
{
    mfn_t other = page_of(1);
    pte_t e = pte_make(other, P_RW), device;

    (void)state;
    assert_int_equal(l1e_get(A, A, &e), -EBUSY);
    e = pte_make(other, P_RO);
    assert_int_equal(l1e_get(A, A, &e), -EBUSY);
    assert_int_equal(l1e_get(A, B, &e), 0);             /* with the owner's leave */
    l1e_put(e);
    e = pte_make(boot_root, P_RO);
    assert_int_equal(l1e_get(A, A, &e), -EBUSY);        /* the hypervisor's */
    free_page(other);
    e = pte_make(other, P_RO);
    assert_int_equal(l1e_get(A, B, &e), -EBUSY);        /* nobody's */
    device = pte_make(mfn(PTE_ADDR_MASK >> PAGE_SHIFT), P_RO);
    assert_int_equal(l1e_get(A, A, &device), -EINVAL);
}

static void cache_bits_need_the_right(void **state)
{
    static const u64 cache[] = { PTE_PWT, PTE_PCD, PTE_PAT };
    mfn_t m = page_of(0);

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cache); i++) {
        pte_t e = pte_make(m, P_RW | cache[i]);

        dom[0].cache_attributes = false;
        assert_int_equal(l1e_get(A, A, &e), -EINVAL);
        dom[0].cache_attributes = true;
        assert_int_equal(l1e_get(A, A, &e), 0);
        assert_true(e & cache[i]);
        l1e_put(e);
    }
    assert_int_equal(frame_refs(F(m)), 1);
}

static void device_memory_needs_rights_of_both(void **state)
{
    const mfn_t vga = mfn(0xb8), far = mfn(frame_max + 100);
    pte_t e = pte_make(vga, P_RW);
    u32 refs = F(vga)->refs;

    (void)state;
    assert_int_equal(l1e_get(A, A, &e), -EPERM);
    assert_int_equal(rangeset_add(&dom[0].iomem, vga.n, vga.n), 0);
    assert_int_equal(rangeset_add(&dom[0].iomem, far.n, far.n), 0);
    assert_int_equal(l1e_get(B, A, &e), -EPERM);
    assert_int_equal(l1e_get(A, B, &e), -EPERM);
    assert_int_equal(l1e_get(A, A, &e), 0);
    assert_true(e & PTE_RW);
    l1e_put(e);
    e = pte_make(far, P_RW);
    assert_int_equal(l1e_get(A, A, &e), 0);             /* no descriptor at all */
    l1e_put(e);
    assert_int_equal(rangeset_add(&mmio_ro_ranges, far.n, far.n), -ENOMEM);     /* fixed, and not set up here */
    rangeset_init_fixed(&mmio_ro_ranges, (struct range[2]){ { 0 } }, 2);
    assert_int_equal(rangeset_add(&mmio_ro_ranges, far.n, far.n), 0);
    e = pte_make(far, P_RW);
    assert_int_equal(l1e_get(A, A, &e), 0);
    assert_false(e & PTE_RW);
    assert_int_equal(F(vga)->refs, refs);               /* not counted */
    memset(&mmio_ro_ranges, 0, sizeof(mmio_ro_ranges));
    rangeset_fini(&dom[0].iomem);
}

/* ---- one page, many CPUs ---- */

static struct { mfn_t page; unsigned as[TYPE_WRITABLE + 1]; } race;

static void race_body(unsigned cpu, void *ctx)
{
    enum page_type type = cpu == 3 ? TYPE_L1 : cpu == 2 ? TYPE_SEGDESC : TYPE_WRITABLE;
    struct mmu_ctx mine = { .mm = A };

    for (unsigned i = 0; i < 12; i++) {
        int rc = type == TYPE_L1 ? table_get(&mine, race.page, type) : frame_get_type(A, race.page, type);

        if (rc == 0) {
            race.as[type]++;
            for (enum page_type other = TYPE_L1; other <= TYPE_WRITABLE; other++)
                assert_true(other == type || race.as[other] == 0);
            interleave_point();
            assert_int_equal(frame_type(F(race.page)), type);
            assert_true(type_count(F(race.page)) >= race.as[type]);
            race.as[type]--;
            if (type == TYPE_L1)
                table_put(&mine, F(race.page));
            else
                frame_put_type(F(race.page));
        }
        assert_int_equal(mmu_drain(&mine), 0);          /* an L1 stops nowhere */
        interleave_point();
    }
}

static void one_type_at_a_time(void **state)
{
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        mm_setup(state);
        memset(&race, 0, sizeof(race));
        race.page = page_of(0);
        for (unsigned cpu = 0; cpu < 4; cpu++)
            cpumask_set(&dom[0].dirty_cpus, cpu);
        fake_interleave(seed, 4, race_body, NULL);
        assert_int_equal(type_count(F(race.page)), 0);
        assert_int_equal(frame_refs(F(race.page)), 1);
        mm_check();
    }
}

/* The owner gives the page back while others take and drop references: it is freed once, with the last. */
static void free_body(unsigned cpu, void *ctx)
{
    if (cpu == 0) {
        interleave_point();
        assert_true(frame_release(F(race.page)));
        return;
    }
    for (unsigned i = 0; i < 8; i++) {
        if (frame_get(race.page, 0))
            return;
        interleave_point();
        assert_int_equal(frame_owner(F(race.page)), 0);
        frame_put(F(race.page));
        interleave_point();
    }
}

static void last_one_frees(void **state)
{
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        mm_setup(state);
        race.page = page_of(0);
        fake_interleave(seed, 4, free_body, NULL);
        assert_int_equal(heap_free_pages(), free_before);
        assert_int_equal(dom[0].tot_pages, 0);
        mm_check();
    }
}

/* The frame changes hands under those who want it: who gets a reference has it from the owner asked for. */
static void hand_over_body(unsigned cpu, void *ctx)
{
    if (cpu == 0) {
        for (u16 i = 0; i < 6; i++) {
            u32 owned = FRAME_ALLOCATED | 1;
            struct frame *f = F(race.page);

            /* as an exchange does it; while somebody looks, not */
            if (__atomic_compare_exchange_n(&f->refs, &owned, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
                mm_unassign(&dom[frame_owner(f)], race.page);
                interleave_point();
                assert_int_equal(mm_assign(&dom[i % 2], race.page, 1), 0);
            }
            interleave_point();
        }
        return;
    }
    for (unsigned i = 0; i < 12; i++) {
        int rc = frame_get(race.page, (u16)(cpu - 1));

        assert_true(rc == 0 || rc == -EINVAL);
        if (rc == 0) {
            assert_int_equal(frame_owner(F(race.page)), cpu - 1);
            interleave_point();
            assert_int_equal(frame_owner(F(race.page)), cpu - 1);
            frame_put(F(race.page));
        }
    }
}

static void references_are_from_the_owner_asked_for(void **state)
{
    for (u64 seed = fake_seed_first(400); fake_seed_more(400, seed); seed++) {
        mm_setup(state);
        race.page = page_of(0);
        fake_interleave(seed, 3, hand_over_body, NULL);
        assert_int_equal(frame_refs(F(race.page)), 1);
        mm_check();
    }
}

#define T(f) cmocka_unit_test_setup(f, mm_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(types_exclude_each_other), T(only_the_owners_frames_get_a_type), T(type_count_refuses_rather_than_wraps),
        T(existing_type_must_be_there_and_stay), T(putting_what_nobody_holds_is_a_bug), T(wrong_kinds_are_a_bug),
        T(descriptor_page_is_checked_before_it_is_one), T(table_entries_have_few_bits),
        T(soft_bits_never_include_frame_cache_or_size), T(l1_entry_holds_what_it_allows),
        T(l1_entry_kernel_and_user_pages), T(l1_entry_frames_of_others_are_refused), T(cache_bits_need_the_right),
        T(device_memory_needs_rights_of_both), T(one_type_at_a_time), T(last_one_frees),
        T(references_are_from_the_owner_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
