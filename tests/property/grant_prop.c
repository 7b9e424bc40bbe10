/* SPDX-License-Identifier: MIT */
/*
 * Random offers, uses and version changes against a model, in both versions: the same statuses; the marks in the shared
 * entries, the frames' references and the audit as the model says after each step; at the end nothing is left.
 */
#include "../unit/ipc_fixture.h"

#define REFS  6
#define FIRST GNTTAB_NR_RESERVED_ENTRIES
#define PAGES 3
#define USES  12
#define STEPS 300

static struct grant_table table, *gt = &table;

static struct model_entry {
    bool permit, readonly;              /* what the guest's entry says */
    u16 to;
    unsigned page;
    unsigned readers, writers;          /* uses, by one domain, of the page it named at the first */
    u16 by;
    unsigned used_page;
} model[REFS];
static gfn_t pages[PAGES];
static struct { bool live; unsigned ref; struct grant_use use; } uses[USES];

static unsigned rnd(unsigned n) { return (unsigned)(fake_random() % n); }

static u16 *marks_of(unsigned ref)
{
    return gt->version == 1 ? &entry_v1(gt, FIRST + ref)->flags : entry_status(gt, FIRST + ref);
}

static u16 marks(unsigned ref) { return *marks_of(ref) & (GTF_reading | GTF_writing); }

/* ---- operations ---- */

/* The guest writes an entry, also one in use; as it should, it leaves the marks alone. */
static void op_offer(void)
{
    unsigned ref = rnd(REFS);
    struct model_entry *e = &model[ref];
    u16 flags;

    e->permit = rnd(5);
    e->readonly = rnd(3) == 0;
    e->to = (u16)(1 + rnd(2));
    e->page = rnd(PAGES);
    flags = (u16)((e->permit ? GTF_permit_access : GTF_invalid) | (e->readonly ? GTF_readonly : 0));
    if (gt->version == 1) {
        *entry_v1(gt, FIRST + ref) = (struct grant_entry_v1){ flags | marks(ref), e->to, (u32)pages[e->page].n };
    } else {
        entry_v2(gt, FIRST + ref)->full_page.frame = pages[e->page].n;
        entry_v2(gt, FIRST + ref)->hdr.domid = e->to;
        entry_v2(gt, FIRST + ref)->hdr.flags = flags;
    }
}

static bool permits(const struct model_entry *e, u16 by, bool write)
{
    return e->permit && e->to == by && !(write && e->readonly);
}

static s16 model_acquire(struct model_entry *e, u16 by, bool write)
{
    bool idle = !e->readers && !e->writers;

    if (!idle && e->by != by)
        return GNTST_general_error;
    if ((idle || (write && !e->writers)) && !permits(e, by, write))
        return GNTST_general_error;
    if (idle) {
        e->by = by;
        e->used_page = e->page;
    }
    *(write ? &e->writers : &e->readers) += 1;
    return GNTST_okay;
}

static void op_acquire(void)
{
    unsigned ref = rnd(REFS), i = rnd(USES);
    u16 by = (u16)(1 + rnd(2));
    bool write = rnd(2);
    s16 expected;

    if (uses[i].live)
        return;
    expected = model_acquire(&model[ref], by, write);
    assert_int_equal(grant_acquire(gt, FIRST + ref, by, write, &uses[i].use), expected);
    uses[i].live = expected == GNTST_okay;
    uses[i].ref = ref;
    if (uses[i].live)
        assert_int_equal(gfn_held_mfn(&uses[i].use.held).n, pages[model[ref].used_page].n);
}

static void op_release(void)
{
    unsigned i = rnd(USES);
    struct model_entry *e = &model[uses[i].ref];

    if (!uses[i].live)
        return;
    *(uses[i].use.write ? &e->writers : &e->readers) -= 1;
    grant_release(&uses[i].use);
    uses[i].live = false;
}

/* A new version starts with an empty table. */
static void op_version(void)
{
    bool busy = false;
    u8 before = gt->version, version = (u8)(1 + rnd(2));

    for (unsigned ref = 0; ref < REFS; ref++)
        busy |= model[ref].readers || model[ref].writers;
    assert_int_equal(grant_set_version(gt, version), version != before && busy ? -EBUSY : 0);
    if (gt->version != before)
        for (unsigned ref = 0; ref < REFS; ref++)
            model[ref].permit = false;
}

static void op_grow(void)
{
    u32 want = 1 + rnd(5);

    assert_int_equal(grant_grow(gt, want), want > 4 ? -EINVAL : 0);
}

static void (*const ops[])(void) = {
    op_offer, op_offer, op_offer, op_acquire, op_acquire, op_acquire, op_acquire, op_release, op_release, op_version, op_grow,
};

static void compare(void)
{
    unsigned users[PAGES] = { 0 }, writers[PAGES] = { 0 };

    for (unsigned ref = 0; ref < REFS; ref++) {
        const struct model_entry *e = &model[ref];

        assert_int_equal(marks(ref), (e->readers || e->writers ? GTF_reading : 0) | (e->writers ? GTF_writing : 0));
        users[e->used_page] += e->readers + e->writers;
        writers[e->used_page] += e->writers;
    }
    for (unsigned i = 0; i < PAGES; i++) {
        assert_int_equal(frame_refs(guest_frame(pages[i])), 1 + users[i]);
        assert_int_equal(type_count(guest_frame(pages[i])), writers[i]);
    }
    assert_null(grant_audit(gt));
}

static void sequences(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        machine_up();
        memset(model, 0, sizeof(model));
        memset(uses, 0, sizeof(uses));
        assert_int_equal(grant_table_init(gt, &dom[0].mm, 0, 4), 0);
        for (unsigned i = 0; i < PAGES; i++)
            pages[i] = guest_page(0);
        fake_random_seed(seed);
        for (unsigned step = 0; step < STEPS; step++) {
            ops[rnd(ARRAY_SIZE(ops))]();
            compare();
        }
        for (unsigned i = 0; i < USES; i++)
            if (uses[i].live)
                grant_release(&uses[i].use);
        for (unsigned i = 0; i < PAGES; i++)
            assert_int_equal(frame_refs(guest_frame(pages[i])), 1);
        assert_int_equal(grant_table_fini(gt), 0);
        assert_int_equal(mem_objects(), objects_before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sequences) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
