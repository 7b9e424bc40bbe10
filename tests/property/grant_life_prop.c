/* SPDX-License-Identifier: MIT */
/*
 * Random lives of a grant table against a model: entries of both versions with parts of pages and nonsense, reserved
 * ones that version changes carry over, allocations that fail, frames that the granter gives up or gives a type while
 * they are in use, pages of the table that it maps; at last its death. Statuses, marks, references and types are the
 * model's after each step, what has failed has changed nothing, and in the end no frame is the domain's.
 */
#include <stdlib.h>

#include "../unit/ipc_fixture.h"

#define MAX_FRAMES 12                   /* version 2 needs a second page of status words from the 9th on */
#define PAGES 4
#define USES  10
#define STEPS 300
#define LIVES 600
#define NONSENSE (1UL << 40)

static struct grant_table table, *gt = &table;
static const u32 refs[] = { 2, GNTTAB_NR_RESERVED_ENTRIES - 1, GNTTAB_NR_RESERVED_ENTRIES, 11, 300 };
#define REFS ARRAY_SIZE(refs)

static struct entry {
    u16 type, to;                       /* what the guest's entry says */
    bool readonly, sub_page;
    u16 offset, length;
    u64 gfn;
    unsigned readers, writers;          /* uses by one domain, of the part named at the first one */
    u16 by, used_offset, used_length;
    u64 used_gfn;
} model[REFS];
static struct { gfn_t g; bool owned; bool descriptors; } pages[PAGES];
static struct { bool live; unsigned e; struct grant_use use; } uses[USES];
static struct { bool live; struct gfn_held held; } status_map;
static u32 version, nr_frames;
static gfn_t foreign;
static unsigned failing, failures, statuses[16];

static unsigned rnd(unsigned n) { return (unsigned)(fake_random() % n); }
static bool in_use(const struct entry *e) { return e->readers || e->writers; }
static bool exists(u32 ref) { return ref < nr_frames * (version == 1 ? V1_PER_PAGE : V2_PER_PAGE); }
static bool reserved(unsigned i) { return refs[i] < GNTTAB_NR_RESERVED_ENTRIES; }

/* ---- allocations that fail ---- */

static void arm(void)
{
    unsigned nth = rnd(5) ? 0 : 1 + rnd(3);

    failing = nth ? fake_allocs + nth : 0;
    fake_fail_alloc(nth);
}

/* Whether one has failed. */
static bool disarm(void)
{
    bool failed = failing && fake_allocs >= failing;

    fake_fail_alloc(0);
    failures += failed;
    return failed;
}

/* ---- pages ---- */

static unsigned users_of(u64 gfn, bool write)
{
    unsigned users = 0;

    for (unsigned i = 0; i < REFS; i++)
        if (in_use(&model[i]) && model[i].used_gfn == gfn)
            users += write ? model[i].writers : model[i].readers + model[i].writers;
    return users;
}

static bool alive(unsigned p) { return pages[p].owned || pages[p].descriptors || users_of(pages[p].g.n, false); }

/* The page with this number, PAGES: none of the granter's. */
static unsigned page_named(u64 gfn)
{
    for (unsigned p = 0; p < PAGES; p++)
        if (alive(p) && pages[p].g.n == gfn)
            return p;
    return PAGES;
}

/* A page that is gone may come back as anything: the guest names another one then. */
static void forget_dead(unsigned p)
{
    if (alive(p))
        return;
    for (unsigned i = 0; i < REFS; i++)
        if (model[i].gfn == pages[p].g.n) {
            model[i].gfn = foreign.n;
            if (exists(refs[i]) && version == 1)
                entry_v1(gt, refs[i])->frame = (u32)foreign.n;
            else if (exists(refs[i]))
                entry_v2(gt, refs[i])->full_page.frame = foreign.n;
        }
    pages[p].g = gfn(0);                        /* nobody's: the frame may be another page's next */
}

static void op_page(void)
{
    unsigned p = rnd(PAGES);

    if (pages[p].owned && rnd(2)) {
        assert_true(frame_release(guest_frame(pages[p].g)));
        pages[p].owned = false;
        forget_dead(p);
    } else if (!alive(p)) {
        pages[p].g = guest_page(0);
        pages[p].owned = true;
    }
}

/* The granter uses the page as a descriptor table, which nobody may write then, for a while. */
static void op_descriptors(void)
{
    unsigned p = rnd(PAGES);
    int rc;

    if (pages[p].descriptors) {
        frame_put_type(guest_frame(pages[p].g));
        pages[p].descriptors = false;
        forget_dead(p);
    } else if (alive(p)) {
        rc = frame_get_type(&dom[0].mm, mfn(pages[p].g.n), TYPE_SEGDESC);
        assert_int_equal(rc == 0, !users_of(pages[p].g.n, true));
        pages[p].descriptors = rc == 0;
    }
}

/* ---- entries ---- */

static void write_entry(unsigned i)
{
    const struct entry *e = &model[i];
    u16 flags = e->type | (e->readonly ? GTF_readonly : 0);

    if (version == 1) {
        u16 marks = entry_v1(gt, refs[i])->flags & (GTF_reading | GTF_writing);

        *entry_v1(gt, refs[i]) = (struct grant_entry_v1){ flags | marks, e->to, (u32)e->gfn };
        return;
    }
    if (e->sub_page) {
        entry_v2(gt, refs[i])->sub_page.page_off = e->offset;
        entry_v2(gt, refs[i])->sub_page.length = e->length;
        flags |= GTF_sub_page;
    }
    entry_v2(gt, refs[i])->full_page.frame = e->gfn;
    entry_v2(gt, refs[i])->hdr.domid = e->to;
    entry_v2(gt, refs[i])->hdr.flags = flags;
}

static void op_offer(void)
{
    unsigned i = rnd(REFS);
    struct entry *e = &model[i];

    if (!exists(refs[i]))
        return;
    e->type = rnd(6) ? GTF_permit_access : (u16)rnd(3);
    if (reserved(i) && in_use(e))               /* as a guest should: its marks are part of it */
        e->type = GTF_permit_access;
    e->to = (u16)(1 + rnd(2));
    e->readonly = rnd(3) == 0;
    e->sub_page = version == 2 && rnd(3) == 0;
    e->offset = (u16)rnd(PAGE_SIZE);
    e->length = rnd(4) ? (u16)rnd((u32)PAGE_SIZE - e->offset + 1) : (u16)rnd(0x10000);
    e->gfn = rnd(8) ? pages[rnd(PAGES)].g.n : rnd(2) ? foreign.n : version == 2 ? NONSENSE : 0xffffffff;
    if (page_named(e->gfn) == PAGES && e->gfn != NONSENSE && e->gfn != 0xffffffff)
        e->gfn = foreign.n;
    write_entry(i);
}

static bool permits(const struct entry *e, u16 by, bool write)
{
    return e->type == GTF_permit_access && e->to == by && !(write && e->readonly) &&
           !(e->sub_page && e->offset + e->length > (int)PAGE_SIZE);
}

static s16 judge(const struct entry *e, u16 by, bool write)
{
    unsigned p;

    if (in_use(e) && e->by != by)
        return GNTST_general_error;
    if ((!in_use(e) || (write && !e->writers)) && !permits(e, by, write))
        return GNTST_general_error;
    p = page_named(in_use(e) ? e->used_gfn : e->gfn);
    return p == PAGES || (write && pages[p].descriptors) ? GNTST_bad_page : GNTST_okay;
}

static void model_use(struct entry *e, u16 by, bool write)
{
    if (!in_use(e)) {
        e->by = by;
        e->used_gfn = e->gfn;
        e->used_offset = e->sub_page ? e->offset : 0;
        e->used_length = e->sub_page ? e->length : PAGE_SIZE;
    }
    *(write ? &e->writers : &e->readers) += 1;
}

static void op_acquire(void)
{
    unsigned i = rnd(REFS), n = rnd(USES);
    u16 by = (u16)(1 + rnd(2));
    bool write = rnd(2);
    s16 expected = exists(refs[i]) ? judge(&model[i], by, write) : GNTST_bad_gntref, status;

    if (uses[n].live)
        return;
    arm();
    status = grant_acquire(gt, refs[i], by, write, &uses[n].use);
    if (disarm())
        expected = GNTST_no_space;
    assert_int_equal(status, expected);
    statuses[-status]++;
    if (status)
        return;
    model_use(&model[i], by, write);
    assert_int_equal(uses[n].use.offset, model[i].used_offset);
    assert_int_equal(uses[n].use.length, model[i].used_length);
    assert_int_equal(gfn_held_mfn(&uses[n].use.held).n, model[i].used_gfn);
    uses[n].live = true;
    uses[n].e = i;
}

static void release(unsigned n)
{
    struct entry *e = &model[uses[n].e];
    unsigned p = page_named(e->used_gfn);

    if (!uses[n].live)
        return;
    *(uses[n].use.write ? &e->writers : &e->readers) -= 1;
    grant_release(&uses[n].use);
    uses[n].live = false;
    forget_dead(p);
}

static void op_release(void) { release(rnd(USES)); }

/* ---- the table ---- */

static void op_grow(void)
{
    u32 want = 1 + rnd(MAX_FRAMES + 1);
    int rc;

    arm();
    rc = grant_grow(gt, want);
    if (disarm()) {
        assert_int_equal(rc, -ENOMEM);
        return;
    }
    assert_int_equal(rc, want > MAX_FRAMES ? -EINVAL : 0);
    if (rc == 0 && want > nr_frames)
        nr_frames = want;
}

/* What a version change comes to when no allocation fails. */
static int judge_version(u32 wanted)
{
    bool fits = true;

    if (wanted != 1 && wanted != 2)
        return -EINVAL;
    if (wanted == version)
        return 0;
    for (unsigned i = 0; i < REFS; i++) {
        const struct entry *e = &model[i];

        if (!reserved(i) && in_use(e))
            return -EBUSY;
        fits &= !reserved(i) || e->type == GTF_invalid ||
                (e->type == GTF_permit_access && !e->sub_page && e->gfn != NONSENSE);
    }
    if (wanted == 1 && !fits)
        return -ERANGE;
    return wanted == 1 && status_map.live ? -EBUSY : 0;
}

static void op_version(void)
{
    u32 wanted = rnd(8) ? 1 + rnd(2) : rnd(4);
    int expected = judge_version(wanted), rc;

    arm();
    rc = grant_set_version(gt, wanted);
    if (disarm())
        expected = -ENOMEM;
    assert_int_equal(rc, expected);
    for (unsigned i = 0; rc == 0 && wanted != version && i < REFS; i++)
        if (!reserved(i)) {
            model[i].type = GTF_invalid;
            model[i].sub_page = false;
        }
    if (rc == 0)
        version = wanted;
}

/* The granter maps a page of status words: it stays where it is as long. */
static void op_map_status(void)
{
    if (status_map.live) {
        gfn_release(&status_map.held);
        status_map.live = false;
    } else if (version == 2) {
        assert_int_equal(gfn_hold(&dom[0].mm, grant_status_gfn(gt, 0), HOLD_WRITE, &status_map.held), 0);
        status_map.live = true;
    }
}

static void (*const ops[])(void) = {
    op_offer, op_offer, op_offer, op_offer, op_acquire, op_acquire, op_acquire, op_acquire, op_acquire, op_release,
    op_release, op_release, op_page, op_descriptors, op_grow, op_version, op_version, op_map_status,
};

/* ---- comparison ---- */

static void compare_entry(unsigned i)
{
    const struct entry *e = &model[i];
    u16 marks;

    if (!exists(refs[i]))
        return;
    marks = version == 1 ? entry_v1(gt, refs[i])->flags : *entry_status(gt, refs[i]);
    assert_int_equal(marks & (GTF_reading | GTF_writing),
                     (in_use(e) ? GTF_reading : 0) | (e->writers ? GTF_writing : 0));
    if (e->type == GTF_invalid)
        return;
    if (version == 1)
        assert_true(entry_v1(gt, refs[i])->domid == e->to && entry_v1(gt, refs[i])->frame == (u32)e->gfn);
    else
        assert_true(entry_v2(gt, refs[i])->hdr.domid == e->to && entry_v2(gt, refs[i])->full_page.frame == e->gfn);
}

static void compare(void)
{
    assert_int_equal(gt->version, version);
    assert_int_equal(gt->nr_frames, nr_frames);
    for (unsigned i = 0; i < REFS; i++)
        compare_entry(i);
    for (unsigned p = 0; p < PAGES; p++) {
        const struct frame *f = guest_frame(pages[p].g);

        if (!alive(p))
            continue;
        assert_int_equal(frame_owner(f), 0);
        assert_int_equal(frame_refs(f), pages[p].owned + pages[p].descriptors + users_of(pages[p].g.n, false));
        assert_int_equal(type_count(f), pages[p].descriptors + users_of(pages[p].g.n, true));
    }
    assert_null(grant_audit(gt));
    assert_null(heap_audit());
}

/* ---- lives ---- */

static void begin(void)
{
    machine_up();
    memset(model, 0, sizeof(model));
    memset(uses, 0, sizeof(uses));
    memset(pages, 0, sizeof(pages));
    status_map.live = false;
    version = nr_frames = 1;
    assert_int_equal(grant_table_init(gt, &dom[0].mm, 0, MAX_FRAMES), 0);
    foreign = guest_page(1);
    for (unsigned p = 0; p < PAGES; p++) {
        pages[p].g = guest_page(0);
        pages[p].owned = true;
    }
}

/* The domain dies: its memory is taken away, then others end their uses, in any order with what it maps itself. */
static void die(bool map_last)
{
    mm_domain_close(&dom[0].mm);
    for (unsigned p = 0; p < PAGES; p++)
        if (pages[p].owned)
            assert_true(frame_release(guest_frame(pages[p].g)));
    for (unsigned p = 0; p < PAGES; p++)
        pages[p].owned = false;
    for (unsigned n = 0; n < USES; n++)
        release(n);
    for (unsigned p = 0; p < PAGES; p++)
        if (pages[p].descriptors)
            frame_put_type(guest_frame(pages[p].g));
    if (status_map.live && !map_last)
        gfn_release(&status_map.held);
    if (status_map.live && map_last)
        assert_int_equal(grant_table_fini(gt), -EBUSY);
    grant_frames_abandon(gt);
    assert_int_equal(grant_table_fini(gt), 0);
    if (status_map.live && map_last) {
        assert_int_equal(dom[0].mm.tot_pages, 1);
        gfn_release(&status_map.held);
    }
}

static void nothing_is_left(void)
{
    assert_int_equal(dom[0].mm.tot_pages, 0);
    for (u64 n = 0; n < frame_max; n++)
        if (frame_valid(mfn(n)) && !(frame_entry(mfn(n))->refs & FRAME_FREE) && frame_refs(frame_entry(mfn(n))))
            assert_int_not_equal(frame_owner(frame_entry(mfn(n))), 0);
    assert_int_equal(mem_objects(), objects_before);
    assert_null(heap_audit());
}

static void lives(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(LIVES); fake_seed_more(LIVES, seed); seed++) {
        begin();
        fake_random_seed(seed);
        for (unsigned step = 0; step < STEPS; step++) {
            ops[rnd(ARRAY_SIZE(ops))]();
            compare();
        }
        die(rnd(2));
        nothing_is_left();
    }
    print_message("%u uses, %u refused, %u of bad pages, %u allocations failed\n", statuses[0],
                  statuses[-GNTST_general_error], statuses[-GNTST_bad_page], failures);
    assert_true((statuses[0] > 3000 && statuses[-GNTST_bad_page] > 300 && failures > 300) || getenv("FAKE_SEED"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lives) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
