/* SPDX-License-Identifier: MIT */
/* Page-table hypercalls as a guest makes them: mmu_update, update_va_mapping, mmuext_op. The rules themselves: table_test. */
#include "hcall_fixture.h"

#define TABLE (PTE_P | PTE_RW | PTE_US)
#define PAGE  (PTE_P | PTE_RW)

static struct mmu_update *updates;      /* in page 1 of the window */
static u32 *done;                       /* in page 2 */

static int mmu_setup(void **state)
{
    hcall_setup(state);
    updates = page_at(1);
    done = page_at(2);
    *done = 77;
    return 0;
}

static void set_update(unsigned i, u64 ptr, u64 val) { updates[i] = (struct mmu_update){ ptr, val }; }

static long mmu_update(u32 n, u32 foreigndom)
{
    return hypercall(__HYPERVISOR_mmu_update, va_of(updates), n, va_of(done), foreigndom);
}

static long update_one(u64 ptr, u64 val)
{
    set_update(0, ptr, val);
    return mmu_update(1, DOMID_SELF);
}

/* ---- mmu_update ---- */

static void updates_by_kind(void **state)
{
    mfn_t data = populate(0);
    u64 e = entry_maddr(g->l1, 200);

    (void)state;
    assert_int_equal(update_one(e | MMU_NORMAL_PT_UPDATE, pte_make(data, PAGE)), 0);
    assert_int_equal(*done, 1);
    assert_int_equal(entry_of(g->l1, 200) & PTE_ADDR_MASK, data.n << PAGE_SHIFT);
    ((u8 *)frame_map(data))[5] = 99;
    assert_int_equal(fake_guest_read(0, WINDOW + 200 * PAGE_SIZE + 5, page_at(3), 1), 0);
    assert_int_equal(*(u8 *)page_at(3), 99);

    ((pte_t *)frame_map(g->l1))[200] |= PTE_A | PTE_D;          /* the CPU's walk */
    assert_int_equal(update_one(e | MMU_PT_UPDATE_PRESERVE_AD, pte_make(data, PTE_P)), 0);
    assert_int_equal(entry_of(g->l1, 200) & (PTE_A | PTE_D | PTE_RW), PTE_A | PTE_D);
    assert_int_equal(update_one(e | MMU_PT_UPDATE_NO_TRANSLATE, pte_make(data, PAGE)), 0);
    assert_int_equal(entry_of(g->l1, 200) & (PTE_A | PTE_D | PTE_RW), PTE_RW);
    assert_int_equal(update_one(e, 0), 0);

    assert_int_equal(update_one((data.n << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, 1234), 0);
    assert_int_equal(m2p_get(data), 1234);
    for (unsigned cmd = 4; cmd < 8; cmd++) {
        assert_int_equal(update_one(e | cmd, 0), -ENOSYS);
        assert_int_equal(*done, 0);
    }
}

/* To a frame that is no page table it is a write to memory. */
static void updates_of_ordinary_memory(void **state)
{
    u64 *word = (u64 *)page_at(5) + 3;
    mfn_t table = populate(0);

    (void)state;
    assert_int_equal(update_one((frame_at(5).n << PAGE_SHIFT) + 24, 0x1122334455667788), 0);
    assert_int_equal(*word, 0x1122334455667788);
    /* Not to one that can be no more than read: descriptors. */
    assert_int_equal(update_one(entry_maddr(g->l1, 6), 0), 0);
    *(u64 *)page_at(1) = frame_at(6).n;
    assert_int_equal(hypercall(__HYPERVISOR_set_gdt, va_of(page_at(1)), 512), 0);
    assert_int_equal(update_one(frame_at(6).n << PAGE_SHIFT, 0), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_set_gdt, 0, 0), 0);
    assert_int_equal(update_one(frame_at(6).n << PAGE_SHIFT, 0), 0);
    assert_int_equal(update_one(table.n << PAGE_SHIFT, 7), 0);
    assert_int_equal(*(u64 *)frame_map(table), 7);
}

static void updates_of_frames_not_ones_own(void **state)
{
    const u64 frames[] = { g5.window.n, boot_root.n, 0, FAKE_MAX_MFN, frame_max, 1UL << 39, PTE_ADDR_MASK >> PAGE_SHIFT };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
        assert_int_equal(update_one(frames[i] << PAGE_SHIFT, 0), -EINVAL);
        assert_int_equal(update_one((frames[i] << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, 0), -EINVAL);
        assert_int_equal(*done, 0);
    }
    assert_int_equal(update_one(~7UL, 0), -EINVAL);
    as(&g5);
    updates = page_at(1);
    done = page_at(2);
    assert_int_equal(update_one(entry_maddr(g->l1, 200), pte_make(g0.window, PTE_P)), -EBUSY);
    assert_int_equal(update_one(entry_maddr(g->l1, 200), pte_make(mfn(0xfee00), PAGE)), -EPERM);
    assert_int_equal(update_one(entry_maddr(g->l1, 200), pte_make(g->l2, PAGE)), -EBUSY);      /* a table, writable */
    assert_int_equal(update_one(entry_maddr(g->l2, 200), pte_make(g->l1, TABLE | PTE_PS)), -EINVAL);
    assert_int_equal(update_one(entry_maddr(g->l4, HOLE_FIRST_SLOT), 0), -EINVAL);
    assert_int_equal(update_one(entry_maddr(g->l4, HOLE_LAST_SLOT), 0), -EINVAL);
}

/* The second of three fails: done says one, and the third is not touched. */
static void a_batch_ends_at_its_first_error(void **state)
{
    (void)state;
    set_update(0, (frame_at(5).n << PAGE_SHIFT), 1);
    set_update(1, (g5.window.n << PAGE_SHIFT), 2);
    set_update(2, (frame_at(5).n << PAGE_SHIFT) + 8, 3);
    for (unsigned always = 0; always < 2; always++) {
        memset(page_at(5), 0, 16);
        preempt_always = always;
        assert_int_equal(mmu_update(3, DOMID_SELF), -EINVAL);
        assert_int_equal(*done, 1);
        assert_int_equal(((u64 *)page_at(5))[0], 1);
        assert_int_equal(((u64 *)page_at(5))[1], 0);
    }
}

static void preempted_batches_count_on(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        set_update(i, (frame_at(5).n << PAGE_SHIFT) + i * 8, i + 1);
    preempt_always = true;
    assert_int_equal(mmu_update(20, DOMID_SELF), 0);
    assert_int_equal(restarts, 19);
    assert_int_equal(*done, 20);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(((u64 *)page_at(5))[i], i + 1);
    memset(page_at(5), 0, PAGE_SIZE);
    assert_int_equal(hypercall(__HYPERVISOR_mmu_update, va_of(updates), 20, 0, DOMID_SELF), 0);    /* no counter */
    assert_int_equal(((u64 *)page_at(5))[19], 20);
}

static void bad_arrays_and_counters(void **state)
{
    (void)state;
    set_update(0, frame_at(5).n << PAGE_SHIFT, 1);
    assert_efault(hypercall(__HYPERVISOR_mmu_update, bad, 1, 0, DOMID_SELF));
    assert_efault(hypercall(__HYPERVISOR_mmu_update, va_of(updates), 1, bad, DOMID_SELF));
    assert_efault(hypercall(__HYPERVISOR_mmu_update, va_of(updates), 0x80000001, bad, DOMID_SELF));
    assert_int_equal(hypercall(__HYPERVISOR_mmu_update, WINDOW, 0x7fffffff, 0, DOMID_SELF), -EINVAL); /* first element */
    assert_int_equal(hypercall(__HYPERVISOR_mmu_update, HOLE_START - 32, 3, 0, DOMID_SELF), -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_mmu_update, ~0UL - 31, 3, 0, DOMID_SELF), -EFAULT);
    assert_int_equal(mmu_update(0, DOMID_SELF), 0);
    assert_int_equal(*done, 0);
    *done = 5;                                  /* what a guest that lies about a continuation gets */
    assert_int_equal(mmu_update(0x80000001, DOMID_SELF), 0);
    assert_int_equal(*done, 6);
}

static void whose_frames(void **state)
{
    u64 e = entry_maddr(g->l1, 200);
    mfn_t theirs = mfn_add(g5.window, 3);

    (void)state;
    set_update(0, e, pte_make(theirs, PAGE));
    assert_int_equal(mmu_update(1, 77), -ESRCH);
    assert_int_equal(mmu_update(1, (78u << 16) | DOMID_SELF), -ESRCH);
    assert_int_equal(mmu_update(1, 5), 0);      /* dom0 maps a page of domain 5 */
    assert_int_equal(entry_of(g->l1, 200) & PTE_ADDR_MASK, theirs.n << PAGE_SHIFT);
    set_update(0, e, pte_make(frame_at(3), PAGE));
    assert_int_equal(mmu_update(1, 5), -EBUSY); /* its own is not domain 5's */
    assert_int_equal(mmu_update(1, 0), 0);      /* by its own number */
    assert_int_equal(mmu_update(1, (1u << 16) | DOMID_SELF), 0);
    assert_int_equal(mmu_update(1, (6u << 16) | DOMID_SELF), -EPERM);  /* tables of others are written by nobody */

    set_update(0, e, pte_make(frame_at(3), PAGE));
    assert_int_equal(mmu_update(1, DOMID_IO), -EBUSY);
    assert_int_equal(mmu_update(1, DOMID_XEN), -EBUSY);
    set_update(0, e, pte_make(mfn(0x100001), PAGE));
    assert_int_equal(mmu_update(1, DOMID_XEN), -EBUSY);
    assert_int_equal(mmu_update(1, DOMID_IO), 0);
    set_update(0, e, 0);
    assert_int_equal(mmu_update(1, DOMID_IO), 0);
    set_update(0, (frame_at(3).n << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, 5);
    assert_int_equal(mmu_update(1, DOMID_IO), -EINVAL);
    set_update(0, (theirs.n << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, 5);
    assert_int_equal(mmu_update(1, DOMID_SELF), -EINVAL);
    assert_int_equal(mmu_update(1, 5), 0);
    assert_int_equal(m2p_get(theirs), 5);

    as(&g5);
    updates = page_at(1);
    done = page_at(2);
    set_update(0, entry_maddr(g->l1, 200), pte_make(g0.window, PTE_P));
    assert_int_equal(mmu_update(1, 0), -EPERM);
    assert_int_equal(mmu_update(1, (1u << 16) | DOMID_SELF), -EPERM);
    assert_int_equal(mmu_update(1, DOMID_XEN), -EPERM);
    assert_int_equal(mmu_update(1, DOMID_IO), -EBUSY);
}

/* ---- update_va_mapping ---- */

static long map_va(u64 va, u64 e, u64 flags) { return hypercall(__HYPERVISOR_update_va_mapping, va, e, flags); }

static void mapping_by_address(void **state)
{
    mfn_t data = populate(0);
    u64 va = WINDOW + 300 * PAGE_SIZE;
    u8 byte;

    (void)state;
    assert_int_equal(map_va(va, pte_make(data, PAGE), UVMF_NONE), 0);
    assert_int_equal(fake_guest_write(0, va, "x", 1), 0);
    assert_int_equal(*(u8 *)frame_map(data), 'x');
    assert_int_equal(map_va(va, pte_make(g5.window, PAGE), UVMF_NONE), -EBUSY);
    assert_int_equal(map_va(va, 0, UVMF_INVLPG | UVMF_LOCAL), 0);
    assert_int_equal(fake_guest_read(0, va, &byte, 1), -EFAULT);
    assert_int_equal(map_va(HOLE_START, 0, UVMF_NONE), -EINVAL);
    assert_int_equal(map_va(HOLE_END - 1, 0, UVMF_NONE), -EINVAL);
    assert_int_equal(map_va(0x800000000000, 0, UVMF_NONE), -EINVAL);
    assert_int_equal(map_va(NOT_MAPPED, 0, UVMF_NONE), -EINVAL);
    assert_int_equal(map_va(WINDOW + (1UL << 39), 0, UVMF_NONE), -EINVAL);
}

static long map_other(u64 va, u64 e, u16 domid)
{
    return hypercall(__HYPERVISOR_update_va_mapping_otherdomain, va, e, UVMF_INVLPG | UVMF_LOCAL, domid);
}

static void mapping_of_anothers_frame(void **state)
{
    u64 va = WINDOW + 300 * PAGE_SIZE, theirs = pte_make(g5.window, PAGE);
    u32 refs = frame_refs(frame_entry(g5.window));

    (void)state;
    assert_int_equal(map_other(va, theirs, 0), -EBUSY);
    assert_int_equal(map_other(va, theirs, 5), 0);
    assert_int_equal(fake_guest_write(0, va, "y", 1), 0);
    assert_int_equal(g5.mem[0], 'y');
    assert_int_equal(frame_refs(frame_entry(g5.window)), refs + 1);
    assert_int_equal(map_other(va, pte_make(g5.l1, PAGE), 5), -EBUSY);      /* not a writable table, whosever */
    assert_int_equal(map_other(va, theirs, 77), -ESRCH);
    assert_int_equal(map_other(va, theirs, DOMID_IO), -EPERM);
    assert_int_equal(map_other(va, 0, 5), 0);
    assert_int_equal(frame_refs(frame_entry(g5.window)), refs);
    as(&g5);
    assert_int_equal(map_other(WINDOW, pte_make(g0.window, PAGE), 0), -EPERM);
}

static void mapping_flushes(void **state)
{
    u64 va = WINDOW + 4 * PAGE_SIZE, ro = pte_make(frame_at(4), PTE_P), *mask = page_at(6);
    struct fake_cpu *me = &fake_cpus[0];
    unsigned pages = me->page_flushes, all = me->tlb_flushes;

    (void)state;
    assert_int_equal(map_va(va, ro, UVMF_INVLPG | UVMF_LOCAL), 0);
    assert_true(me->page_flushes == pages + 1 && me->tlb_flushes == all);
    assert_int_equal(map_va(va, ro, UVMF_TLB_FLUSH | UVMF_LOCAL), 0);
    assert_true(me->page_flushes == pages + 1 && me->tlb_flushes == all + 1);
    assert_int_equal(map_va(va, ro, UVMF_INVLPG | UVMF_ALL), 0);
    assert_true(me->page_flushes == pages + 2);
    *mask = 1;                                  /* vcpu 0, and vcpus that do not run or do not exist: nobody */
    assert_int_equal(map_va(va, ro, UVMF_TLB_FLUSH | va_of(mask)), 0);
    assert_int_equal(me->tlb_flushes, all + 2);
    *mask = ~1UL;
    assert_int_equal(map_va(va, ro, UVMF_TLB_FLUSH | va_of(mask)), 0);
    assert_int_equal(me->tlb_flushes, all + 2);
    assert_int_equal(map_va(va, ro, UVMF_INVLPG | NOT_MAPPED), -EFAULT);
    assert_int_equal(map_va(va, ro, UVMF_INVLPG | HOLE_START), -EFAULT);
    assert_int_equal(map_va(va, pte_make(frame_at(4), PAGE), UVMF_NONE), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, mmu_setup, hcall_teardown)
    const struct CMUnitTest tests[] = {
        T(updates_by_kind), T(updates_of_ordinary_memory), T(updates_of_frames_not_ones_own),
        T(a_batch_ends_at_its_first_error), T(preempted_batches_count_on), T(bad_arrays_and_counters), T(whose_frames),
        T(mapping_by_address), T(mapping_of_anothers_frame), T(mapping_flushes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
