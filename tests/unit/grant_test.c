/* SPDX-License-Identifier: MIT */
/* Grant tables: growth, versions, what an entry permits, uses and their marks in the shared entry, the audit. */
#include "ipc_fixture.h"

#define MAX 4
static struct grant_table table, *gt = &table;

static int grant_setup(void **state)
{
    machine_up();
    assert_int_equal(grant_table_init(gt, &dom[0].mm, 0, MAX), 0);
    return 0;
}

static int grant_teardown(void **state)
{
    assert_null(grant_audit(gt));
    assert_int_equal(grant_table_fini(gt), 0);
    assert_int_equal(mem_objects(), objects_before);
    return 0;
}

static struct grant_entry_v1 *v1(u32 ref) { return entry_v1(gt, ref); }
static union grant_entry_v2 *v2(u32 ref) { return entry_v2(gt, ref); }

static void offer_v1(u32 ref, u16 to, gfn_t g, u16 flags)
{
    *v1(ref) = (struct grant_entry_v1){ GTF_permit_access | flags, to, (u32)g.n };
}

static void offer_v2(u32 ref, u16 to, gfn_t g, u16 flags)
{
    v2(ref)->full_page.frame = g.n;
    v2(ref)->hdr.domid = to;
    v2(ref)->hdr.flags = GTF_permit_access | flags;
}

/* ---- the table ---- */

static void growing(void **state)
{
    gfn_t first = grant_shared_gfn(gt, 0);

    assert_int_equal(gt->nr_frames, 1);
    assert_int_equal(grant_grow(gt, 0), 0);
    assert_int_equal(grant_grow(gt, MAX + 1), -EINVAL);
    assert_int_equal(grant_grow(gt, ~0u), -EINVAL);
    assert_int_equal(grant_shared_gfn(gt, 1).n, GFN_INVALID.n);
    assert_int_equal(grant_grow(gt, 3), 0);
    assert_int_equal(gt->nr_frames, 3);
    assert_int_equal(grant_grow(gt, 2), 0);                 /* never shrinks */
    assert_int_equal(gt->nr_frames, 3);
    assert_int_equal(grant_shared_gfn(gt, 0).n, first.n);
    assert_int_equal(frame_owner(guest_frame(grant_shared_gfn(gt, 2))), 0);
    assert_int_equal(frame_type(guest_frame(grant_shared_gfn(gt, 2))), TYPE_WRITABLE);
    assert_int_equal(grant_status_gfn(gt, 0).n, GFN_INVALID.n);
    assert_null(grant_audit(gt));
}

static void every_allocation_of_init_fails_once(void **state)
{
    struct grant_table other;
    unsigned attempts = 0;

    for (unsigned nth = 1;; nth++, attempts++) {
        u64 objects = mem_objects();
        int rc;

        fake_fail_alloc(nth);
        rc = grant_table_init(&other, &dom[1].mm, 1, MAX);
        fake_fail_alloc(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(mem_objects(), objects);
    }
    assert_true(attempts >= 4);
    assert_int_equal(grant_table_fini(&other), 0);
    assert_int_equal(grant_table_fini(&other), 0);          /* again is harmless */
}

static void every_allocation_of_growth_fails_once(void **state)
{
    assert_int_equal(grant_set_version(gt, 2), 0);
    for (unsigned nth = 1;; nth++) {
        int rc;

        fake_fail_alloc(nth);
        rc = grant_grow(gt, MAX);
        fake_fail_alloc(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(gt->nr_frames, 1);
        assert_int_equal(gt->nr_status, 1);
        assert_null(grant_audit(gt));
    }
    assert_int_equal(gt->nr_frames, MAX);
}

static void mapped_frames_stay(void **state)
{
    mfn_t m = mfn(grant_shared_gfn(gt, 0).n);

    assert_int_equal(frame_get(m, 0), 0);
    assert_int_equal(grant_table_fini(gt), -EBUSY);
    assert_int_equal(gt->nr_frames, 1);
    frame_put(frame_entry(m));
}

/* ---- versions ---- */

static void version_errors(void **state)
{
    assert_int_equal(grant_set_version(gt, 0), -EINVAL);
    assert_int_equal(grant_set_version(gt, 3), -EINVAL);
    assert_int_equal(grant_set_version(gt, 1), 0);
    fake_fail_alloc(1);
    assert_int_equal(grant_set_version(gt, 2), -ENOMEM);
    assert_int_equal(gt->version, 1);
    assert_int_equal(grant_set_version(gt, 2), 0);
    assert_int_equal(grant_set_version(gt, 2), 0);
    assert_int_equal(gt->version, 2);
    assert_int_not_equal(grant_status_gfn(gt, 0).n, GFN_INVALID.n);
    assert_null(grant_audit(gt));
}

static void reserved_entries_are_carried_over(void **state)
{
    struct grant_use use;
    gfn_t page = guest_page(0);

    offer_v1(0, 1, page, 0);
    offer_v1(1, 1, page, GTF_readonly);
    offer_v1(8, 1, page, 0);
    assert_int_equal(grant_acquire(gt, 0, 1, true, &use), GNTST_okay);
    assert_int_equal(grant_set_version(gt, 2), 0);
    assert_int_equal(v2(0)->hdr.flags, GTF_permit_access);
    assert_int_equal(v2(0)->hdr.domid, 1);
    assert_int_equal(v2(0)->full_page.frame, page.n);
    assert_int_equal(*entry_status(gt, 0), GTF_reading | GTF_writing);
    assert_int_equal(v2(1)->hdr.flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(v2(8)->hdr.flags, 0);                  /* not one of them */
    assert_int_equal(grant_set_version(gt, 1), 0);
    assert_int_equal(v1(0)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    assert_int_equal(v1(0)->frame, page.n);
    assert_int_equal(gt->nr_status, 0);
    grant_release(&use);
    assert_int_equal(v1(0)->flags, GTF_permit_access);
}

static void entries_version_1_cannot_hold(void **state)
{
    assert_int_equal(grant_set_version(gt, 2), 0);
    offer_v2(2, 1, gfn(1UL << 32), 0);
    assert_int_equal(grant_set_version(gt, 1), -ERANGE);
    offer_v2(2, 1, gfn(1), GTF_sub_page);
    assert_int_equal(grant_set_version(gt, 1), -ERANGE);
    v2(2)->hdr.flags = GTF_accept_transfer;
    assert_int_equal(grant_set_version(gt, 1), -ERANGE);
    v2(2)->hdr.flags = GTF_transitive;
    assert_int_equal(grant_set_version(gt, 1), -ERANGE);
    assert_int_equal(gt->version, 2);
    v2(2)->hdr.flags = 0;
    v2(8)->hdr.flags = GTF_transitive;                      /* others are simply dropped */
    assert_int_equal(grant_set_version(gt, 1), 0);
}

static void busy_tables_keep_their_version(void **state)
{
    struct grant_use use;
    mfn_t m;

    offer_v1(8, 1, guest_page(0), 0);
    assert_int_equal(grant_acquire(gt, 8, 1, false, &use), GNTST_okay);
    assert_int_equal(grant_set_version(gt, 2), -EBUSY);
    grant_release(&use);
    assert_int_equal(grant_grow(gt, MAX), 0);
    assert_int_equal(grant_set_version(gt, 2), 0);
    m = mfn(grant_status_gfn(gt, 0).n);
    assert_int_equal(frame_get(m, 0), 0);
    assert_int_equal(grant_set_version(gt, 1), -EBUSY);     /* a status frame is mapped */
    assert_int_equal(gt->version, 2);
    assert_null(grant_audit(gt));
    frame_put(frame_entry(m));
    assert_int_equal(grant_set_version(gt, 1), 0);
}

/* ---- uses ---- */

/* Both versions give the same answers; offer() is the guest's way of writing an entry. */
static void permissions(void (*offer)(u32 ref, u16 to, gfn_t g, u16 flags))
{
    struct grant_use use;
    gfn_t page = guest_page(0), foreign = guest_page(1);

    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_general_error);        /* nothing offered */
    assert_int_equal(grant_acquire(gt, grant_entries(gt), 1, false, &use), GNTST_bad_gntref);
    assert_int_equal(grant_acquire(gt, ~0u, 1, false, &use), GNTST_bad_gntref);
    offer(9, 2, page, 0);
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_general_error);        /* to somebody else */
    offer(9, 1, page, GTF_readonly);
    assert_int_equal(grant_acquire(gt, 9, 1, true, &use), GNTST_general_error);
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_okay);
    assert_int_equal(use.length, PAGE_SIZE);
    assert_int_equal(frame_refs(guest_frame(page)), 2);
    assert_null(grant_audit(gt));
    grant_release(&use);
    assert_int_equal(frame_refs(guest_frame(page)), 1);
    offer(9, 1, foreign, 0);
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_bad_page);
    offer(9, 1, gfn(0xfffffff), 0);
    assert_int_equal(grant_acquire(gt, 9, 1, true, &use), GNTST_bad_page);
    assert_int_equal(frame_get_type(&dom[0].mm, mfn(page.n), TYPE_SEGDESC), 0);
    offer(9, 1, page, 0);
    assert_int_equal(grant_acquire(gt, 9, 1, true, &use), GNTST_bad_page);              /* not writable now */
    frame_put_type(guest_frame(page));
    offer(9, 1, page, GTF_accept_transfer ^ GTF_permit_access);
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_general_error);
    assert_null(grant_audit(gt));
}

static void permissions_v1(void **state) { permissions(offer_v1); }
static void permissions_v2(void **state)
{
    assert_int_equal(grant_set_version(gt, 2), 0);
    permissions(offer_v2);
    assert_int_equal(*entry_status(gt, 9), 0);
}

static u16 marks(u32 ref)
{
    return (gt->version == 1 ? v1(ref)->flags : *entry_status(gt, ref)) & (GTF_reading | GTF_writing);
}

static void uses_are_marked(void (*offer)(u32 ref, u16 to, gfn_t g, u16 flags))
{
    struct grant_use r, w, w2, no;
    gfn_t page = guest_page(0), other = guest_page(0);

    offer(300, 1, page, 0);             /* beyond the first page of active entries */
    assert_int_equal(grant_acquire(gt, 300, 1, false, &r), GNTST_okay);
    assert_int_equal(marks(300), GTF_reading);
    assert_int_equal(grant_acquire(gt, 300, 1, true, &w), GNTST_okay);
    assert_int_equal(marks(300), GTF_reading | GTF_writing);
    assert_int_equal(frame_type(guest_frame(page)), TYPE_WRITABLE);
    offer(300, 1, other, (gt->version == 1 ? GTF_reading | GTF_writing : 0) | GTF_readonly);
    assert_int_equal(grant_acquire(gt, 300, 1, true, &w2), GNTST_okay);                 /* goes by the record */
    assert_ptr_equal(w2.held.frame, guest_frame(page));
    assert_int_equal(grant_acquire(gt, 300, 2, false, &no), GNTST_general_error);       /* one domain at a time */
    assert_null(grant_audit(gt));
    grant_release(&w2);
    assert_int_equal(marks(300), GTF_reading | GTF_writing);
    grant_release(&w);
    assert_int_equal(marks(300), GTF_reading);
    grant_release(&r);
    assert_int_equal(marks(300), 0);
    assert_int_equal(frame_refs(guest_frame(page)), 1);
    assert_int_equal(type_count(guest_frame(page)), 0);
}

static void marks_v1(void **state) { uses_are_marked(offer_v1); }
static void marks_v2(void **state)
{
    assert_int_equal(grant_grow(gt, 2), 0);
    assert_int_equal(grant_set_version(gt, 2), 0);
    uses_are_marked(offer_v2);
}

static void first_writer_is_judged(void **state)
{
    struct grant_use r, w;
    gfn_t page = guest_page(0);

    offer_v1(9, 1, page, GTF_readonly);
    assert_int_equal(grant_acquire(gt, 9, 1, false, &r), GNTST_okay);
    assert_int_equal(grant_acquire(gt, 9, 1, true, &w), GNTST_general_error);
    assert_int_equal(marks(9), GTF_reading);
    grant_release(&r);
}

static void parts_of_pages(void **state)
{
    struct grant_use use;

    assert_int_equal(grant_set_version(gt, 2), 0);
    offer_v2(9, 1, guest_page(0), GTF_sub_page);
    v2(9)->sub_page.page_off = 100;
    v2(9)->sub_page.length = 200;
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_okay);
    assert_int_equal(use.offset, 100);
    assert_int_equal(use.length, 200);
    grant_release(&use);
    v2(9)->sub_page.page_off = 4000;
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_general_error);        /* beyond the page */
    v2(9)->sub_page.page_off = 0xffff;
    v2(9)->sub_page.length = 0xffff;
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_general_error);
    v2(9)->hdr.flags = GTF_transitive;
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_general_error);
}

static void uses_are_bounded(void **state)
{
    struct grant_use uses[GRANT_PINS_MAX], more;

    offer_v1(9, 1, guest_page(0), 0);
    for (u32 i = 0; i < GRANT_PINS_MAX; i++)
        assert_int_equal(grant_acquire(gt, 9, 1, i % 2, &uses[i]), GNTST_okay);
    assert_int_equal(grant_acquire(gt, 9, 1, false, &more), GNTST_general_error);
    for (u32 i = 0; i < GRANT_PINS_MAX; i++)
        grant_release(&uses[i]);
    assert_int_equal(marks(9), 0);
}

static void no_memory_for_a_use(void **state)
{
    struct grant_use use;

    offer_v1(9, 1, guest_page(0), 0);
    fake_fail_alloc(1);
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_no_space);
    assert_int_equal(marks(9), 0);
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_okay);
    grant_show(gt);
    grant_release(&use);
}

/* ---- the audit ---- */

static void audit_names(void **state)
{
    struct grant_use use;
    struct frame *f;
    gfn_t page = guest_page(0);

    offer_v1(9, 1, page, 0);
    assert_int_equal(grant_acquire(gt, 9, 1, false, &use), GNTST_okay);
    gt->nr_status = 1;
    assert_string_equal(grant_audit(gt), "grant-sizes");
    gt->nr_status = 0;
    f = guest_frame(grant_shared_gfn(gt, 0));
    f->owner = 1;
    assert_string_equal(grant_audit(gt), "grant-frames-shared");
    f->owner = 0;
    entry_active(gt, 9)->readers = 5;
    assert_string_equal(grant_audit(gt), "grant-use-holds-frame");
    entry_active(gt, 9)->readers = 1;
    gt->active[15] = gt->active[0];
    gt->active[0] = NULL;
    assert_string_equal(grant_audit(gt), "grant-use-beyond-table");
    gt->active[0] = gt->active[15];
    gt->active[15] = NULL;
    assert_null(grant_audit(gt));
    grant_release(&use);
}

/* ---- races ---- */

/* CPU 0 and 1 use the grant, CPU 2 is the granter: revokes it when the marks allow, offers another frame. */
static gfn_t race_pages[2];

static void race_body(unsigned cpu, void *ctx)
{
    struct grant_use use;

    for (unsigned i = 0; i < 10; i++) {
        struct grant_entry_v1 *e = v1(9);
        u16 idle = GTF_permit_access;

        if (cpu == 2) {
            interleave_point();
            if (__atomic_compare_exchange_n(&e->flags, &idle, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
                assert_false(entry_in_use(gt, 9) && entry_active(gt, 9)->writers);
                e->frame = (u32)race_pages[i % 2].n;
                interleave_point();
                __atomic_store_n(&e->flags, GTF_permit_access, __ATOMIC_SEQ_CST);
            }
        } else if (grant_acquire(gt, 9, 1, cpu, &use) == GNTST_okay) {
            interleave_point();
            assert_int_not_equal(v1(9)->flags & GTF_reading, 0);
            grant_release(&use);
        }
    }
}

static void use_against_revoke(void **state)
{
    race_pages[0] = guest_page(0);
    race_pages[1] = guest_page(0);
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        offer_v1(9, 1, race_pages[0], 0);
        fake_interleave(seed, 3, race_body, NULL);
        assert_int_equal(marks(9), 0);
        assert_int_equal(frame_refs(guest_frame(race_pages[0])), 1);
        assert_int_equal(frame_refs(guest_frame(race_pages[1])), 1);
        assert_null(grant_audit(gt));
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, grant_setup, grant_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(growing), T(every_allocation_of_init_fails_once), T(every_allocation_of_growth_fails_once),
        T(mapped_frames_stay), T(version_errors), T(reserved_entries_are_carried_over),
        T(entries_version_1_cannot_hold), T(busy_tables_keep_their_version), T(permissions_v1), T(permissions_v2),
        T(marks_v1), T(marks_v2), T(first_writer_is_judged), T(parts_of_pages), T(uses_are_bounded),
        T(no_memory_for_a_use), T(audit_names), T(use_against_revoke),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
