/* SPDX-License-Identifier: MIT */
/* mmuext_op as a guest makes it: pins, roots, flushes, LDT, pages; each refusal, batches, preemption. */
#include "hcall_fixture.h"

#define TABLE (PTE_P | PTE_RW | PTE_US)
#define PAGE  (PTE_P | PTE_RW)

static struct mmuext_op *ops;           /* in page 1 of the window */
static u32 *done;                       /* in page 2 */

static void run_as(struct guest *who)
{
    as(who);
    ops = page_at(1);
    done = page_at(2);
    *done = 77;
}

static int mmuext_setup(void **state)
{
    hcall_setup(state);
    run_as(&g0);
    return 0;
}

static long mmuext(u32 n, u32 foreigndom)
{
    return hypercall(__HYPERVISOR_mmuext_op, va_of(ops), n, va_of(done), foreigndom);
}

static long ext(unsigned cmd, u64 arg1, u64 arg2)
{
    ops[0] = (struct mmuext_op){ .cmd = cmd, .arg1.linear_addr = arg1 };
    memcpy(&ops[0].arg2, &arg2, sizeof(arg2));
    return mmuext(1, DOMID_SELF);
}

/* Another address space, not pinned: the window's tables under a new L4. */
static mfn_t second_root(void)
{
    mfn_t l4 = populate(0);

    ((pte_t *)frame_map(l4))[pte_index(WINDOW, 4)] = pte_make(g->l3, TABLE);
    return l4;
}

static void unknown_commands(void **state)
{
    const unsigned missing[] = { 14, 21, 22, 1000, 0x80000000, ~0u };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(missing); i++)
        assert_int_equal(ext(missing[i], 0, 0), -ENOSYS);
    assert_int_equal(ext(MMUEXT_MARK_SUPER, 0, 0), -EOPNOTSUPP);
    assert_int_equal(ext(MMUEXT_UNMARK_SUPER, 0, 0), -EOPNOTSUPP);
    assert_int_equal(*done, 0);
}

static void pins_of_each_level(void **state)
{
    (void)state;
    for (unsigned level = 0; level < 4; level++) {
        mfn_t m = populate(0);

        assert_int_equal(ext(MMUEXT_PIN_L1_TABLE + level, m.n, 0), 0);
        assert_int_equal(frame_type(frame_entry(m)), TYPE_L1 + level);
        assert_int_equal(ext(MMUEXT_PIN_L1_TABLE + level, m.n, 0), -EINVAL);
        assert_int_equal(ext(MMUEXT_PIN_L1_TABLE + (level + 1) % 4, m.n, 0), -EINVAL);
        assert_int_equal(ext(MMUEXT_UNPIN_TABLE, m.n, 0), 0);
        assert_int_equal(ext(MMUEXT_UNPIN_TABLE, m.n, 0), -EINVAL);
        memset(frame_map(m), 0, PAGE_SIZE);     /* what was an L4 has the hypervisor's entries */
        assert_int_equal(ext(MMUEXT_PIN_L1_TABLE + (level + 1) % 4, m.n, 0), 0);
    }
}

static void frames_that_cannot_be_tables(void **state)
{
    const u64 frames[] = { g5.window.n, g5.l4.n, boot_root.n, 0, frame_max, FAKE_MAX_MFN, 1UL << 52, ~0UL, g->window.n };
    const unsigned commands[] = { MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L4_TABLE, MMUEXT_UNPIN_TABLE, MMUEXT_NEW_BASEPTR,
                                  MMUEXT_NEW_USER_BASEPTR };
    mfn_t bad = populate(0);

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
        for (unsigned c = 0; c < ARRAY_SIZE(commands); c++)
            if (frames[i] || commands[c] != MMUEXT_NEW_USER_BASEPTR)
                assert_int_equal(ext(commands[c], frames[i], 0), frames[i] == ~0UL &&
                                                                 commands[c] == MMUEXT_NEW_USER_BASEPTR ? 0 : -EINVAL);
    ((pte_t *)frame_map(bad))[3] = pte_make(g5.window, PTE_P);
    assert_int_equal(ext(MMUEXT_PIN_L1_TABLE, bad.n, 0), -EBUSY);
    ((pte_t *)frame_map(bad))[3] = pte_make(mfn(0xfee00), PTE_P);
    assert_int_equal(ext(MMUEXT_PIN_L1_TABLE, bad.n, 0), -EPERM);
    assert_int_equal(ext(MMUEXT_PIN_L2_TABLE, bad.n, 0), -EINVAL);
    assert_ptr_equal(current(), g->v);
}

static void roots(void **state)
{
    mfn_t other = second_root();
    u64 loads = fake_cpus[0].root_loads;

    (void)state;
    assert_int_equal(ext(MMUEXT_NEW_BASEPTR, other.n, 0), 0);
    assert_int_equal(read_cr3(), other.n << PAGE_SHIFT);
    assert_int_equal(fake_cpus[0].root_loads, loads + 1);
    assert_int_equal(frame_type(frame_entry(other)), TYPE_L4);
    assert_int_equal(ext(MMUEXT_NEW_USER_BASEPTR, g->l4.n, 0), 0);
    assert_true(mfn_eq(g->v->pv.root_user, g->l4));
    assert_int_equal(ext(MMUEXT_NEW_USER_BASEPTR, g->l4.n, 0), 0);
    assert_int_equal(ext(MMUEXT_UNPIN_TABLE, g->l4.n, 0), 0);       /* still held as the user's root */
    assert_int_equal(frame_type(frame_entry(g->l4)), TYPE_L4);
    assert_int_equal(ext(MMUEXT_NEW_USER_BASEPTR, g->l1.n, 0), -EINVAL);
    assert_true(mfn_eq(g->v->pv.root_user, g->l4));
    assert_int_equal(ext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
    assert_true(mfn_is_invalid(g->v->pv.root_user));
    assert_int_equal(type_count(frame_entry(g->l4)), 0);
    assert_int_equal(ext(MMUEXT_NEW_BASEPTR, g->l4.n, 0), 0);
    assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, g->l4.n, 0), 0);
}

static void flushes(void **state)
{
    struct fake_cpu *me = &fake_cpus[0];
    unsigned pages = me->page_flushes, all = me->tlb_flushes, caches = me->cache_flushes;
    u64 *mask = page_at(3);

    (void)state;
    assert_int_equal(ext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    assert_int_equal(me->tlb_flushes, ++all);
    assert_int_equal(ext(MMUEXT_INVLPG_LOCAL, WINDOW, 0), 0);
    assert_int_equal(me->page_flushes, ++pages);
    assert_int_equal(ext(MMUEXT_INVLPG_LOCAL, HOLE_START, 0), 0);   /* nothing of the guest's is there */
    assert_int_equal(me->page_flushes, pages);
    assert_int_equal(ext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    assert_int_equal(me->tlb_flushes, ++all);
    assert_int_equal(ext(MMUEXT_INVLPG_ALL, WINDOW, 0), 0);
    assert_int_equal(me->page_flushes, ++pages);
    *mask = ~0UL;
    assert_int_equal(ext(MMUEXT_TLB_FLUSH_MULTI, 0, va_of(mask)), 0);
    assert_int_equal(me->tlb_flushes, ++all);
    assert_int_equal(ext(MMUEXT_INVLPG_MULTI, WINDOW, va_of(mask)), 0);
    assert_int_equal(me->page_flushes, ++pages);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_pointers); i++) {
        assert_int_equal(ext(MMUEXT_TLB_FLUSH_MULTI, 0, bad_pointers[i]), -EINVAL);
        assert_int_equal(ext(MMUEXT_INVLPG_MULTI, 0, bad_pointers[i]), -EINVAL);
    }
    assert_int_equal(me->tlb_flushes, all);
    assert_int_equal(ext(MMUEXT_FLUSH_CACHE, 0, 0), 0);
    assert_int_equal(me->cache_flushes, caches + 1);
    assert_int_equal(ext(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), 0);
    assert_int_equal(me->cache_flushes, caches + 2);
    assert_int_equal(fake_cpus[2].cache_flushes, 1);
    run_as(&g5);
    assert_int_equal(ext(MMUEXT_FLUSH_CACHE, 0, 0), -EACCES);
    assert_int_equal(ext(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), -EACCES);
}

/* CPU 0 flushes where vcpu 1 was loaded, while on CPU 1 that one's state is saved and loaded again. */
static void vcpus_on_the_move(unsigned cpu, void *ctx)
{
    u64 *mask = ctx;

    for (unsigned i = 0; i < 4; i++)
        if (cpu == 0) {
            assert_int_equal(ext(MMUEXT_TLB_FLUSH_MULTI, 0, va_of(mask)), 0);
        } else {
            WRITE_ONCE(g0.d->vcpus[1]->loaded_cpu, i % 2 ? 2 : NO_CPU);
            interleave_point();
        }
}

static void flush_of_a_vcpu_that_leaves(void **state)
{
    u64 *mask = page_at(3);
    struct vcpu *v = g0.d->vcpus[1];

    (void)state;
    *mask = 2;
    for (u64 seed = fake_seed_first(50); fake_seed_more(50, seed); seed++) {
        v->loaded_cpu = 2;
        fake_interleave(seed, 2, vcpus_on_the_move, mask);
    }
    v->loaded_cpu = NO_CPU;
}

static void local_descriptor_tables(void **state)
{
    (void)state;
    assert_int_equal(ext(MMUEXT_SET_LDT, WINDOW, 8192), 0);
    assert_int_equal(g->v->pv.ldt_base, WINDOW);
    assert_int_equal(g->v->pv.ldt_entries, 8192);
    assert_int_equal(fake_cpus[0].ldt_entries, 8192);
    assert_int_equal(ext(MMUEXT_SET_LDT, WINDOW, 8193), -EINVAL);
    assert_int_equal(ext(MMUEXT_SET_LDT, WINDOW + 8, 1), -EINVAL);
    assert_int_equal(ext(MMUEXT_SET_LDT, HOLE_START, 1), -EINVAL);
    assert_int_equal(ext(MMUEXT_SET_LDT, HOLE_START - PAGE_SIZE, 513), -EINVAL);
    assert_int_equal(ext(MMUEXT_SET_LDT, 0x800000000000, 1), -EINVAL);
    assert_int_equal(g->v->pv.ldt_entries, 8192);
    assert_int_equal(ext(MMUEXT_SET_LDT, WINDOW, 0), 0);
    assert_int_equal(g->v->pv.ldt_base, 0);
}

static void pages_cleared_and_copied(void **state)
{
    u8 *a = page_at(8), *b = page_at(9);

    (void)state;
    memset(a, 0x5a, PAGE_SIZE);
    memset(b, 0x33, PAGE_SIZE);
    assert_int_equal(ext(MMUEXT_COPY_PAGE, frame_at(9).n, frame_at(8).n), 0);
    assert_memory_equal(a, b, PAGE_SIZE);
    assert_int_equal(ext(MMUEXT_CLEAR_PAGE, frame_at(8).n, 0), 0);
    assert_true(a[0] == 0 && a[PAGE_SIZE - 1] == 0 && b[0] == 0x5a);
    assert_int_equal(ext(MMUEXT_COPY_PAGE, frame_at(9).n, g->l4.n), 0);         /* a table may be read */
    assert_int_equal(ext(MMUEXT_COPY_PAGE, g->l4.n, frame_at(9).n), -EINVAL);   /* but not written */
    assert_int_equal(ext(MMUEXT_CLEAR_PAGE, g->l1.n, 0), -EINVAL);
    assert_int_equal(ext(MMUEXT_COPY_PAGE, frame_at(9).n, g5.window.n), -EINVAL);
    assert_int_equal(ext(MMUEXT_COPY_PAGE, g5.window.n, frame_at(9).n), -EINVAL);
    assert_int_equal(ext(MMUEXT_CLEAR_PAGE, ~0UL, 0), -EINVAL);
    assert_int_equal(ext(MMUEXT_COPY_PAGE, frame_at(9).n, FAKE_MAX_MFN), -EINVAL);
}

static void for_whom(void **state)
{
    (void)state;
    ops[0] = (struct mmuext_op){ .cmd = MMUEXT_TLB_FLUSH_LOCAL };
    assert_int_equal(mmuext(1, 0), 0);
    assert_int_equal(mmuext(1, 77), -ESRCH);
    assert_int_equal(mmuext(1, 5), -EPERM);             /* not what one does for a domain one builds */
    ops[0] = (struct mmuext_op){ .cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = g5.l4.n };
    assert_int_equal(mmuext(1, 5), -EINVAL);            /* pinned already */
    ops[0].cmd = MMUEXT_UNPIN_TABLE;
    assert_int_equal(mmuext(1, 5), 0);
    assert_int_equal(mmuext(1, 5), -EINVAL);
    ops[0].cmd = MMUEXT_PIN_L4_TABLE;
    assert_int_equal(mmuext(1, 5), 0);
    run_as(&g5);
    ops[0] = (struct mmuext_op){ .cmd = MMUEXT_TLB_FLUSH_LOCAL };
    assert_int_equal(mmuext(1, 0), -EPERM);
    assert_int_equal(mmuext(1, 5), 0);
}

static void batches(void **state)
{
    mfn_t tables[6];

    (void)state;
    assert_efault(hypercall(__HYPERVISOR_mmuext_op, bad, 1, 0, DOMID_SELF));
    assert_efault(hypercall(__HYPERVISOR_mmuext_op, va_of(ops), 0, bad, DOMID_SELF));
    assert_int_equal(hypercall(__HYPERVISOR_mmuext_op, ~0UL - 23, 2, 0, DOMID_SELF), -EFAULT);
    for (unsigned i = 0; i < 6; i++) {
        tables[i] = populate(0);
        ops[i] = (struct mmuext_op){ .cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = tables[i].n };
    }
    ops[4].arg1.mfn = tables[0].n;              /* pinned already */
    assert_int_equal(mmuext(6, DOMID_SELF), -EINVAL);
    assert_int_equal(*done, 4);
    assert_int_equal(type_count(frame_entry(tables[5])), 0);
    for (unsigned i = 0; i < 4; i++)
        ops[i].cmd = MMUEXT_UNPIN_TABLE;
    preempt_always = true;
    assert_int_equal(mmuext(4, DOMID_SELF), 0);
    assert_int_equal(*done, 4);
    assert_true(restarts >= 3);
}

/* Pinning and unpinning a whole tree, stopped at every point, ends as in one run. */
static void a_preempted_pin_ends_as_in_one_run(void **state)
{
    u32 refs[2], types[2];
    mfn_t l4 = second_root(), l3 = populate(0), l2 = populate(0), l1 = populate(0);

    (void)state;
    ((pte_t *)frame_map(l4))[7] = pte_make(l3, TABLE);
    ((pte_t *)frame_map(l3))[9] = pte_make(l2, TABLE);
    ((pte_t *)frame_map(l2))[11] = pte_make(l1, TABLE);
    for (unsigned i = 0; i < PTES_PER_PAGE; i++)
        ((pte_t *)frame_map(l1))[i] = pte_make(frame_at(i % WINDOW_PAGES), PAGE);
    for (unsigned always = 0; always < 2; always++) {
        preempt_always = always;
        assert_int_equal(ext(MMUEXT_PIN_L4_TABLE, l4.n, 0), 0);
        assert_int_equal(*done, 1);
        assert_true(!always || restarts > 2);
        refs[always] = frame_refs(frame_entry(frame_at(3)));
        types[always] = type_count(frame_entry(l3));
        hcall_audit();
        assert_int_equal(ext(MMUEXT_UNPIN_TABLE, l4.n, 0), 0);
        assert_int_equal(ext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);     /* finishes what the unpin left */
        assert_int_equal(type_count(frame_entry(l1)), 0);
        hcall_audit();
    }
    assert_int_equal(refs[0], refs[1]);
    assert_int_equal(types[0], types[1]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, mmuext_setup, hcall_teardown)
    const struct CMUnitTest tests[] = {
        T(unknown_commands), T(pins_of_each_level), T(frames_that_cannot_be_tables), T(roots), T(flushes),
        T(flush_of_a_vcpu_that_leaves), T(local_descriptor_tables), T(pages_cleared_and_copied), T(for_whom), T(batches),
        T(a_preempted_pin_ends_as_in_one_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
