/* SPDX-License-Identifier: MIT */
/* Handles of mapped grants: records, their limit and memory, claims by several CPUs, the end of either domain. */
#include <core/work.h>

#include "ipc_fixture.h"

#define HOST   GNTMAP_host_map
#define DEVICE GNTMAP_device_map
#define RO     GNTMAP_readonly
#define PER_PAGE 256

static struct grant_table tables[2], *from = &tables[0], *to = &tables[1];

static int maps_setup(void **state)
{
    (void)state;
    machine_up();
    preempt_always = false;
    for (u16 i = 0; i < 2; i++)
        assert_int_equal(grant_table_init(&tables[i], &dom[i].mm, i, 4), 0);
    return 0;
}

static void tables_audit(void)
{
    assert_null(grant_audit(from));
    assert_null(grant_audit(to));
    grant_maps_tally(to, false);
    assert_null(grant_pins_audit(from));
    grant_maps_tally(to, true);
}

static int maps_teardown(void **state)
{
    (void)state;
    tables_audit();
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(grant_table_fini(&tables[i]), 0);
    assert_int_equal(mem_objects(), objects_before);
    return 0;
}

static void offer(u32 ref, gfn_t g, u16 flags)
{
    *entry_v1(from, ref) = (struct grant_entry_v1){ GTF_permit_access | flags, 1, (u32)g.n };
}

static u16 marks(u32 ref) { return entry_v1(from, ref)->flags & (GTF_reading | GTF_writing); }

static s16 map(u32 ref, u16 flags, u32 *handle)
{
    const struct grant_map wanted = { from, ref, flags };
    mfn_t m = MFN_INVALID;
    s16 status = grant_map_begin(to, &wanted, handle, &m);

    if (status == GNTST_okay) {
        assert_int_equal(m.n, entry_v1(from, ref)->frame);
        grant_map_settle(to, *handle, 0);
    }
    return status;
}

static s16 unmap(u32 handle, u16 parts)
{
    struct grant_map copy;
    mfn_t m;
    s16 status = grant_map_claim(to, handle, &copy, &m);

    if (status == GNTST_okay)
        grant_map_settle(to, handle, parts);
    return status;
}

static void a_handle_is_a_use(void **state)
{
    gfn_t page = guest_page(0);
    struct grant_map copy, again;
    u32 a, b, more;
    mfn_t m, m2;

    (void)state;
    offer(9, page, 0);
    assert_int_equal(map(9, HOST, &a), GNTST_okay);
    assert_int_equal(map(9, HOST | DEVICE | RO, &b), GNTST_okay);
    assert_int_not_equal(a, b);
    assert_int_equal(marks(9), GTF_reading | GTF_writing);
    assert_int_equal(frame_refs(guest_frame(page)), 3);
    assert_int_equal(type_count(guest_frame(page)), 1);
    tables_audit();
    assert_int_equal(grant_map_claim(to, b, &copy, &m), GNTST_okay);
    assert_true(copy.gt == from && copy.ref == 9 && copy.flags == (HOST | DEVICE | RO) && m.n == page.n);
    assert_int_equal(grant_map_claim(to, b, &again, &m2), GNTST_bad_handle);        /* it is somebody's */
    grant_map_settle(to, b, HOST);
    assert_int_equal(frame_refs(guest_frame(page)), 3);                             /* the other part is still there */
    assert_int_equal(unmap(a, HOST), GNTST_okay);
    assert_int_equal(marks(9), GTF_reading);
    assert_int_equal(type_count(guest_frame(page)), 0);
    assert_int_equal(unmap(a, HOST), GNTST_bad_handle);
    assert_int_equal(unmap(b, 0), GNTST_okay);
    assert_int_equal(unmap(b, DEVICE), GNTST_okay);
    assert_int_equal(marks(9), 0);
    assert_int_equal(frame_refs(guest_frame(page)), 1);
    assert_int_equal(unmap(PER_PAGE, HOST), GNTST_bad_handle);
    assert_int_equal(unmap(~0u, HOST), GNTST_bad_handle);
    assert_int_equal(map(9, HOST, &more), GNTST_okay);
    assert_true(more == a || more == b);                                            /* used again */
    assert_int_equal(unmap(more, HOST), GNTST_okay);
}

static void nothing_is_kept_of_a_refusal(void **state)
{
    gfn_t page = guest_page(0);
    u64 objects = mem_objects(), pages = heap_free_pages();
    u32 handle;

    (void)state;
    assert_int_equal(map(~0u, HOST, &handle), GNTST_bad_gntref);
    assert_int_equal(mem_objects(), objects);
    assert_int_equal(heap_free_pages(), pages);
    offer(9, page, 0);
    for (unsigned nth = 1;; nth++) {
        s16 status;

        fake_fail_alloc(nth);
        status = map(9, HOST, &handle);
        fake_fail_alloc(0);
        if (status == GNTST_okay) {
            assert_true(nth > 3);                                 /* an array, a page of records, one of active entries */
            break;
        }
        assert_int_equal(status, GNTST_no_space);
        assert_int_equal(mem_objects(), objects);
        assert_int_equal(frame_refs(guest_frame(page)), 1);
        tables_audit();
    }
    assert_int_equal(map(9, HOST, &handle), GNTST_okay);
    entry_v1(from, 9)->flags |= GTF_readonly;
    assert_int_equal(unmap(0, HOST), GNTST_okay);
    assert_int_equal(unmap(handle, HOST), GNTST_okay);
    assert_int_equal(map(9, HOST, &handle), GNTST_general_error);
    assert_int_equal(map(9, HOST | RO, &handle), GNTST_okay);
    assert_int_equal(unmap(handle, HOST), GNTST_okay);
}

static void parts_and_passed_on_grants_are_not_mapped(void **state)
{
    u32 handle;
    union grant_entry_v2 *e;

    (void)state;
    assert_int_equal(grant_set_version(from, 2), 0);
    e = entry_v2(from, 9);
    e->sub_page.frame = guest_page(0).n;
    e->sub_page.page_off = 0;
    e->sub_page.length = 100;
    e->hdr = (grant_entry_header_t){ GTF_permit_access | GTF_sub_page, 1 };
    assert_int_equal(map(9, HOST, &handle), GNTST_general_error);
    e->transitive.trans_domid = 1;
    e->transitive.gref = 3;
    e->hdr.flags = GTF_transitive;
    assert_int_equal(map(9, HOST, &handle), GNTST_general_error);
    assert_int_equal(*entry_status(from, 9), 0);
    assert_false(entry_in_use(from, 9));
}

static void handles_run_out(void **state)
{
    u32 handle, last = 0;

    (void)state;
    to->max_map_frames = 0;
    offer(9, guest_page(0), 0);
    offer(10, guest_page(0), 0);
    assert_int_equal(map(9, DEVICE, &handle), GNTST_no_space);
    to->max_map_frames = 2;
    for (u32 i = 0; i < 2 * PER_PAGE; i++) {
        u32 ref = 9 + i / 200;

        offer(ref, gfn(entry_v1(from, 9)->frame), 0);
        assert_int_equal(map(ref, DEVICE, &handle), GNTST_okay);
        assert_true(handle < 2 * PER_PAGE);
        last = handle;
    }
    assert_int_equal(map(20, DEVICE, &handle), GNTST_no_space);
    offer(20, guest_page(0), 0);
    assert_int_equal(map(20, DEVICE, &handle), GNTST_no_space);
    assert_int_equal(marks(20), 0);
    assert_int_equal(unmap(last, DEVICE), GNTST_okay);
    assert_int_equal(map(20, DEVICE, &handle), GNTST_okay);
    assert_int_equal(handle, last);
    tables_audit();
    grant_show(to);
    assert_int_equal(grant_mappings_release(to), 0);
    for (u32 ref = 9; ref < 21; ref++)
        assert_int_equal(marks(ref), 0);
}

static void a_dying_mapper_lets_go_in_steps(void **state)
{
    gfn_t page = guest_page(0);
    unsigned steps = 1;
    u32 handle;

    (void)state;
    offer(9, page, 0);
    for (u32 i = 0; i < 100; i++)
        assert_int_equal(map(9, i % 2 ? HOST : HOST | RO, &handle), GNTST_okay);
    assert_int_equal(unmap(50, HOST), GNTST_okay);
    preempt_always = true;
    while (grant_mappings_release(to) == -ERESTART) {
        steps++;
        tables_audit();
    }
    preempt_always = false;
    assert_int_equal(steps, 1 + PER_PAGE / 32);
    assert_int_equal(grant_mappings_release(to), 0);
    assert_int_equal(to->maps_used, 0);
    assert_int_equal(marks(9), 0);
    assert_int_equal(frame_refs(guest_frame(page)), 1);
}

/* A dead granter's entries are gone while others still map what they granted. */
static void a_dying_granter_is_let_go_of(void **state)
{
    gfn_t page = guest_page(0);
    u32 a, b, none;

    (void)state;
    offer(9, page, 0);
    assert_int_equal(map(9, HOST, &a), GNTST_okay);
    assert_int_equal(map(9, HOST | RO, &b), GNTST_okay);
    mm_domain_close(&dom[0].mm);
    assert_int_equal(map(9, HOST, &none), GNTST_bad_domain);
    grant_frames_abandon(from);
    assert_int_equal(from->nr_frames, 0);
    assert_true(frame_release(guest_frame(page)));
    assert_int_equal(frame_refs(guest_frame(page)), 2);
    assert_int_equal(dom[0].mm.tot_pages, 1);
    assert_int_equal(unmap(a, HOST), GNTST_okay);
    assert_int_equal(unmap(b, HOST), GNTST_okay);
    assert_int_equal(dom[0].mm.tot_pages, 0);
}

static void audit_names(void **state)
{
    struct grant_use use;
    gfn_t page = guest_page(0);
    u32 handle;

    (void)state;
    offer(9, page, 0);
    assert_int_equal(map(9, HOST | RO, &handle), GNTST_okay);
    to->maps_used++;
    assert_string_equal(grant_audit(to), "grant-map-records");
    to->maps_used--;
    to->maps[0][200].ref = 3;                                       /* a free record is lost */
    assert_string_equal(grant_audit(to), "grant-map-records");
    to->maps[0][200].ref = 201;
    to->maps[0][handle].flags = HOST;                               /* says it writes: no such pin */
    assert_string_equal(grant_audit(to), "grant-map-pinned");
    to->maps[0][handle].flags = HOST | RO | 0x8000;                 /* busy, but nobody works */
    assert_string_equal(grant_audit(to), "grant-map-pinned");
    to->maps[0][handle].flags = HOST | RO;
    assert_int_equal(grant_acquire(from, 9, 1, false, &use), GNTST_okay);
    grant_maps_tally(to, false);
    assert_string_equal(grant_pins_audit(from), "grant-pins-mapped");
    grant_maps_tally(to, true);
    grant_release(&use);
    tables_audit();
    assert_int_equal(unmap(handle, HOST), GNTST_okay);
}

/* ---- races ---- */

static u32 shared_handle;
static unsigned claimed;

static void unmap_body(unsigned cpu, void *ctx)
{
    struct grant_map copy;
    mfn_t m;

    (void)cpu, (void)ctx;
    if (grant_map_claim(to, shared_handle, &copy, &m) == GNTST_okay) {
        claimed++;
        interleave_point();
        grant_map_settle(to, shared_handle, HOST);
    }
}

static void one_cpu_unmaps_a_handle(void **state)
{
    gfn_t page = guest_page(0);

    (void)state;
    offer(9, page, 0);
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        assert_int_equal(map(9, HOST, &shared_handle), GNTST_okay);
        claimed = 0;
        fake_interleave(seed, 3, unmap_body, NULL);
        assert_int_equal(claimed, 1);
        assert_int_equal(frame_refs(guest_frame(page)), 1);
        tables_audit();
    }
}

/* CPUs 0 and 1 map and unmap, CPU 2 ends the access whenever the marks allow, and offers another page. */
static gfn_t pages[2];

static void map_body(unsigned cpu, void *ctx)
{
    (void)ctx;
    for (u32 i = 0, handle; i < 10; i++) {
        u16 idle = GTF_permit_access;
        const struct grant_map wanted = { from, 9, cpu ? HOST : HOST | RO };
        mfn_t m;

        if (cpu == 2) {
            interleave_point();
            if (__atomic_compare_exchange_n(&entry_v1(from, 9)->flags, &idle, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
                assert_int_equal(type_count(guest_frame(pages[0])) + type_count(guest_frame(pages[1])), 0);
                entry_v1(from, 9)->frame = (u32)pages[i % 2].n;
                interleave_point();
                __atomic_store_n(&entry_v1(from, 9)->flags, GTF_permit_access, __ATOMIC_SEQ_CST);
            }
        } else if (grant_map_begin(to, &wanted, &handle, &m) == GNTST_okay) {
            interleave_point();
            grant_map_settle(to, handle, 0);
            interleave_point();
            assert_int_not_equal(marks(9), 0);
            assert_true(frame_refs(frame_entry(m)) >= 2);
            assert_int_equal(unmap(handle, HOST), GNTST_okay);
        }
    }
}

static void mapping_against_the_end_of_access(void **state)
{
    (void)state;
    pages[0] = guest_page(0);
    pages[1] = guest_page(0);
    for (u64 seed = fake_seed_first(300); fake_seed_more(300, seed); seed++) {
        offer(9, pages[0], 0);
        fake_interleave(seed, 3, map_body, NULL);
        assert_int_equal(marks(9), 0);
        assert_int_equal(frame_refs(guest_frame(pages[0])), 1);
        assert_int_equal(frame_refs(guest_frame(pages[1])), 1);
        tables_audit();
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, maps_setup, maps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_handle_is_a_use), T(nothing_is_kept_of_a_refusal), T(parts_and_passed_on_grants_are_not_mapped),
        T(handles_run_out), T(a_dying_mapper_lets_go_in_steps), T(a_dying_granter_is_let_go_of), T(audit_names),
        T(one_cpu_unmaps_a_handle), T(mapping_against_the_end_of_access),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
