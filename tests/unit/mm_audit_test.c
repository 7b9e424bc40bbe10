/* SPDX-License-Identifier: MIT */
/* The audit of frames finds what is broken by hand, each invariant by its name; and it needs room. */
#include <core/keys.h>
#include <x86/desc.h>

#include "mm_fixture.h"

static struct space s;
static mfn_t page, ro, user_of_page;

/* One space with a writable page in entry 1 and a read-only one in entry 2, in use by CPU 1. */
static int audit_setup(void **state)
{
    mm_setup(state);
    s = space_new(0);
    page = page_of(0);
    ro = page_of(0);
    user_of_page = page_of(1);
    assert_int_equal(update(0, s.l1, 1, pte_make(page, P_RW)), 0);
    assert_int_equal(update(0, s.l1, 2, pte_make(ro, P_RO)), 0);
    mm_run(1, 0, s.l4);
    shown_clear();
    return 0;
}

/* The report names the invariant, and nothing else is wrong afterwards. */
#define breaks(name, breaking, mending) do {        \
        assert_null(audit_frames());                \
        breaking;                                   \
        assert_string_equal(audit_frames(), name);  \
        assert_true(was_shown("audit: " name));     \
        mending;                                    \
        assert_null(audit_frames());                \
    } while (0)

static void references(void **state)
{
    u32 refs = F(page)->refs;

    (void)state;
    breaks("frame-refs", F(page)->refs = FRAME_ALLOCATED, F(page)->refs = refs);
    breaks("general-count", F(page)->refs--, F(page)->refs++);
    breaks("general-count", F(ro)->refs--, F(ro)->refs++);
    breaks("general-count", F(s.l2)->refs--, F(s.l2)->refs++);
    F(page)->refs++;                        /* a hypercall may hold one */
    assert_null(audit_frames());
    F(page)->refs--;
}

static void types(void **state)
{
    u32 l1 = F(s.l1)->type, l2 = F(s.l2)->type;

    (void)state;
    breaks("type-validated", F(s.l4)->type &= ~TYPE_VALIDATED, F(s.l4)->type |= TYPE_VALIDATED);
    breaks("type-flags", F(ro)->type |= TYPE_VALIDATED, F(ro)->type &= ~TYPE_VALIDATED);
    breaks("type-flags", F(page)->type |= TYPE_PARTIAL, F(page)->type &= ~TYPE_PARTIAL);
    breaks("pin-counted", F(page)->type |= TYPE_PINNED, F(page)->type &= ~TYPE_PINNED);
    breaks("table-count", F(s.l1)->type++, F(s.l1)->type--);
    breaks("table-count", F(s.l1)->type |= TYPE_PINNED, F(s.l1)->type = l1);
    breaks("table-count", roots[2] = s.l4, roots[2] = MFN_INVALID);
    breaks("table-count", roots[2] = ro, roots[2] = MFN_INVALID);
    breaks("writable-count", F(page)->type = (u32)TYPE_WRITABLE << TYPE_SHIFT,
           F(page)->type = ((u32)TYPE_WRITABLE << TYPE_SHIFT) | TYPE_VALIDATED | 1);
    breaks("entry-target", F(s.l2)->type = (l2 & ~(7u << TYPE_SHIFT)) | ((u32)TYPE_WRITABLE << TYPE_SHIFT),
           F(s.l2)->type = l2);
    breaks("writable-target", F(page)->type = ((u32)TYPE_SEGDESC << TYPE_SHIFT) | TYPE_VALIDATED | 1,
           F(page)->type = ((u32)TYPE_WRITABLE << TYPE_SHIFT) | TYPE_VALIDATED | 1);
    breaks("table-progress", F(s.l1)->progress--, F(s.l1)->progress++);
}

static void entries_of_tables(void **state)
{
    pte_t l1e = entries(s.l1)[1], l2e = entries(s.l2)[0], l4e = entries(s.l4)[0];

    (void)state;
    breaks("entry-bits", entries(s.l1)[1] = l1e | PTE_PCD, entries(s.l1)[1] = l1e);
    breaks("entry-bits", entries(s.l1)[1] = l1e & ~PTE_US, entries(s.l1)[1] = l1e);
    breaks("entry-bits", entries(s.l1)[1] = l1e | PTE_GUEST_KERNEL, entries(s.l1)[1] = l1e);   /* and global */
    breaks("entry-bits", entries(s.l2)[0] = l2e | PTE_PS, entries(s.l2)[0] = l2e);
    breaks("entry-bits", entries(s.l2)[0] = l2e & ~PTE_US, entries(s.l2)[0] = l2e);
    breaks("entry-bits", entries(s.l4)[0] = l4e & ~PTE_A, entries(s.l4)[0] = l4e);
    breaks("entry-bits", entries(s.l2)[1] = pte_make(mfn(frame_max), P_RW | PTE_A), entries(s.l2)[1] = 0);
    breaks("entry-target", entries(s.l2)[1] = pte_make(page, P_RW), entries(s.l2)[1] = 0);
    breaks("writable-target", entries(s.l1)[2] |= PTE_RW, entries(s.l1)[2] &= ~PTE_RW);
    breaks("writable-count", entries(s.l1)[3] = l1e, entries(s.l1)[3] = 0);
    breaks("hypervisor-slots", entries(s.l4)[257] = pte_make(page, P_RW), entries(s.l4)[257] = 0);
    breaks("hypervisor-slots", entries(s.l4)[260] = pte_make(page, P_RW), entries(s.l4)[260] = 0);
}

static void descriptors(void **state)
{
    (void)state;
    assert_int_equal(frame_get_type(&dom[0], ro, TYPE_SEGDESC), 0);
    breaks("descriptors", entries(ro)[5] = DESC_P | DESC_S, entries(ro)[5] = 0);        /* ring 0 */
    breaks("descriptors", entries(ro)[5] = DESC_P | (9UL << DESC_TYPE_SHIFT), entries(ro)[5] = 0);  /* a TSS */
    frame_put_type(F(ro));
    entries(ro)[5] = DESC_P | DESC_S;       /* no descriptor table any more */
    assert_null(audit_frames());
}

static void accounts(void **state)
{
    u16 *chunk = &dom[1].chunks[user_of_page.n / PTES_PER_PAGE];

    (void)state;
    breaks("domain-pages", dom[1].tot_pages++, dom[1].tot_pages--);
    breaks("domain-pages", (*chunk)++, (*chunk)--);
    breaks("domain-pages", (*chunk)--; dom[1].tot_pages--, (*chunk)++; dom[1].tot_pages++);
    breaks("domain-pages", F(user_of_page)->owner = 2, F(user_of_page)->owner = 1);
    breaks("m2p-owner", m2p_set(boot_root, 1), m2p_set(boot_root, M2P_INVALID));
}

/* Half-done work is counted, too. */
static void partial_tables(void **state)
{
    mfn_t l4 = page_of(0);

    (void)state;
    entries(l4)[0] = entries(s.l4)[0];
    preempt_always = true;
    assert_int_equal(table_pin(&ctxs[0], l4, TYPE_L4), -ERESTART);
    preempt_always = false;
    assert_true(F(l4)->type & TYPE_PARTIAL);
    breaks("table-count", F(s.l3)->type--, F(s.l3)->type++);
    breaks("general-count", F(l4)->refs--, F(l4)->refs++);
    breaks("table-progress", F(l4)->progress = 600, F(l4)->progress = 1);
    assert_int_equal(pin(0, l4, TYPE_L4), 0);
}

static void no_room(void **state)
{
    (void)state;
    fake_fail_alloc(1);
    assert_string_equal(audit_frames(), "out of memory");
    assert_null(audit_frames());
}

#define T(f) cmocka_unit_test_setup(f, audit_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(references), T(types), T(entries_of_tables), T(descriptors), T(accounts), T(partial_tables), T(no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
