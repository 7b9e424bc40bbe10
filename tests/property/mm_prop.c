/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of page-table operations by three domains against the model in page_model.h: the same answers, the
 * same counts, clean audits and no writable TLB entry for a table after each step; with and without preemption at
 * every point. Then the same without a model, giving up preempted calls half-way.
 */
#include "page_model.h"

#define CPUS  3
#define HOLDS 4
#define STEPS 120

static struct { int page; struct gfn_held held; } holds[HOLDS];
static int root_page[CPUS];             /* what each CPU has loaded, or -1 */
static bool give_up;                    /* preempted calls are not always made again */

static unsigned rnd(unsigned n) { return (unsigned)(fake_random() % n); }

static int any_page(void) { return (int)rnd(PAGES); }

/*
 * Purely random tables would hardly ever be valid. So pages come in families of five, of one owner, each with a part
 * that it mostly plays: level 4, 3, 2, 1, and plain memory. Entries mostly name the next part of a family.
 */
#define PARTS 5
static unsigned domains_used;
static unsigned owner_of(int p) { return (unsigned)p / PARTS % domains_used; }
static enum page_type part_of(int p) { return p % PARTS == 4 ? TYPE_WRITABLE : TYPE_L4 - (unsigned)p % PARTS; }
static int next_part(int p) { return p % PARTS == 4 ? p : p + 1; }
static unsigned any_slot(void) { return rnd(3) ? rnd(2) : rnd(SLOTS); }
static enum page_type any_table_type(int p)
{
    return part_of(p) != TYPE_WRITABLE && rnd(6) ? part_of(p) : TYPE_L1 + rnd(4);
}

/* The model forgets a dead page; the next one in its place is empty. */
static void refill(void)
{
    for (int p = 0; p < PAGES; p++)
        if (!pages[p].live)
            model_new(p, owner_of(p), page_of(owner_of(p)));
}

static pte_t pte_of(const struct model_entry *e)
{
    u64 flags = PTE_P | (e->rw ? PTE_RW : 0) | (e->bad ? PTE_PCD : 0) | (rnd(2) ? PTE_US : 0) | (rnd(4) ? 0 : PTE_NX);

    return e->present ? pte_make(e->m, flags) : 0;
}

static struct model_entry any_entry(int above)
{
    int next = (next_part(above) + PARTS * (int)rnd(PAGES / PARTS)) % PAGES;
    int to = rnd(8) == 0 ? any_page() : rnd(3) ? next : next_part(above);

    return (struct model_entry){ .present = rnd(5) && pages[to].live, .rw = rnd(4) != 0, .bad = rnd(50) == 0,
                                 .m = pages[to].m };
}

/* ---- operations; each returns whether the call succeeded ---- */

struct pin_args { unsigned d; mfn_t m; enum page_type type; };
static int call_pin(void *arg) { struct pin_args *a = arg; return table_pin(&ctxs[a->d], a->m, a->type); }
static int call_unpin(void *arg) { struct pin_args *a = arg; return table_unpin(&ctxs[a->d], a->m); }
static int call_get(void *arg) { struct pin_args *a = arg; return table_get(&ctxs[a->d], a->m, a->type); }

struct update_args { unsigned d; struct table_write w; };
static int call_update(void *arg)
{
    struct update_args *a = arg;
    mfn_t table = frame_mfn(a->w.table);
    int rc = is_table_frame(table) ? frame_get(table, (u16)a->d) : -EINVAL;

    if (rc)
        return rc;
    rc = type_get_existing(a->w.table, frame_type(a->w.table));
    if (rc) {
        assert_true(give_up);                           /* half validated */
        frame_put(a->w.table);
        return rc;
    }
    rc = table_write(&ctxs[a->d], &a->w);
    table_put(&ctxs[a->d], a->w.table);
    return rc;
}

static int again(unsigned d, int (*call)(void *), void *arg)
{
    int rc;

    do {
        drain(d);
        rc = call(arg);
        if (rc || call != call_get)                     /* whose reference is not anybody's yet */
            audit_is_clean();
    } while (rc == -ERESTART && !(give_up && rnd(3) == 0));
    if (!give_up || rnd(2))
        drain(d);
    return rc;
}

static void expect_same(int rc, bool model)
{
    if (!give_up)
        assert_int_equal(rc == 0, model);
}

static void op_pin(void)
{
    int p = any_page();
    unsigned d = rnd(8) ? pages[p].owner : rnd(DOMAINS);
    struct pin_args a = { d, pages[p].m, any_table_type(p) };

    if (pages[p].live)
        expect_same(again(d, call_pin, &a), model_pin(p, d, a.type));
}

static void op_unpin(void)
{
    int p = any_page();
    unsigned d = rnd(8) ? pages[p].owner : rnd(DOMAINS);
    struct pin_args a = { d, pages[p].m, TYPE_NONE };

    if (pages[p].live)
        expect_same(again(d, call_unpin, &a), model_unpin(p, d));
}

static void op_update(void)
{
    int p = any_page();
    unsigned d = pages[p].owner, slot = any_slot(), subject = rnd(6) ? d : rnd(DOMAINS);
    struct model_entry e = any_entry(p);
    struct update_args a = { d, { .table = F(pages[p].m), .index = slot_index[slot], .new = pte_of(&e),
                                  .subject = &dom[subject], .preserve_ad = rnd(4) == 0 } };

    if (pages[p].live)
        expect_same(again(d, call_update, &a), model_update(p, d, slot, e, subject));
}

static void op_write(void)
{
    int p = any_page();
    unsigned d = pages[p].owner, slot = any_slot();
    struct model_entry e = any_entry(p);
    int rc;

    if (!pages[p].live)
        return;
    rc = frame_get_type(&dom[d], pages[p].m, TYPE_WRITABLE);
    expect_same(rc, model_write(p, d, slot, e));
    if (rc == 0) {
        entries(pages[p].m)[slot_index[slot]] = pte_of(&e);
        frame_put_type(F(pages[p].m));
    }
}

/* A grant's use or a hypercall's argument: a reference from outside that stays for a while. */
static void op_hold(void)
{
    unsigned h = rnd(HOLDS);
    int p = any_page();
    enum hold_access access = rnd(2) ? HOLD_WRITE : HOLD_READ;
    bool model;
    int rc;

    if (holds[h].page >= 0) {
        bool write = holds[h].held.access == HOLD_WRITE;

        gfn_release(&holds[h].held);
        write ? model_simple_put(holds[h].page) : model_put(holds[h].page);
        holds[h].page = -1;
    } else if (pages[p].live) {
        rc = gfn_hold(&dom[pages[p].owner], gfn(pages[p].m.n), access, &holds[h].held);
        model = access == HOLD_WRITE ? model_simple_get(p, pages[p].owner, TYPE_WRITABLE)
                                     : model_get(p, pages[p].owner);
        expect_same(rc, model);
        if (rc == 0)
            holds[h].page = p;
    }
}

static void op_release(void)
{
    int p = any_page();

    if (pages[p].live && rnd(4) == 0)
        assert_int_equal(frame_release(F(pages[p].m)), model_release(p));
}

static void use_root(unsigned cpu, int p)
{
    unsigned d = pages[p].owner;
    struct pin_args a = { d, pages[p].m, TYPE_L4 };
    int rc;

    if (root_page[cpu] >= 0 && rnd(6) == 0) {
        mm_idle(cpu);
        model_table_put(root_page[cpu]);
        root_page[cpu] = -1;
        return;
    }
    if (!pages[p].live || root_page[cpu] >= 0)
        return;
    rc = again(d, call_get, &a);
    expect_same(rc, model_table_get(p, d, TYPE_L4));
    if (rc)
        return;
    drain(d);
    roots[cpu] = pages[p].m;            /* so that the reference is accounted while mm_run() takes its own */
    audit_is_clean();
    mm_run(cpu, d, pages[p].m);
    root_page[cpu] = p;
}

static void op_root(void)
{
    int p = rnd(4) ? (int)rnd(PAGES / PARTS) * PARTS : any_page();

    use_root(rnd(CPUS), p);
}

/* The guest uses what is mapped, and fills its TLB. */
static unsigned reached;
static void op_access(void)
{
    static const unsigned index[] = { 0, 0, 0, 0, 0, 0, 1, 1, 255, 511 };
    unsigned cpu = rnd(CPUS);

    for (unsigned i = 0; i < 10 && root_page[cpu] >= 0; i++) {
        u64 va = 100 * sizeof(pte_t), zero = 0;

        for (unsigned level = 1; level <= 4; level++)
            va |= (u64)index[rnd(ARRAY_SIZE(index))] << (PAGE_SHIFT + 9 * (level - 1));
        va = (u64)((s64)(va << 16) >> 16);
        reached += (rnd(2) ? fake_guest_write(cpu, va, &zero, 8) : fake_guest_read(cpu, va, &zero, 8)) == 0;
    }
}

/* ---- comparison ---- */

static void compare(void)
{
    u32 tot[DOMAINS] = { 0 };

    for (int p = 0; p < PAGES; p++) {
        const struct frame *f = F(pages[p].m);

        if (!pages[p].live)
            continue;
        tot[pages[p].owner]++;
        assert_int_equal(frame_owner(f), pages[p].owner);
        assert_int_equal(frame_refs(f), pages[p].refs);
        assert_int_equal(type_count(f), pages[p].count);
        if (pages[p].count)
            assert_int_equal(frame_type(f), pages[p].type);
        assert_int_equal(!(f->type & TYPE_PINNED), !pages[p].pinned);
    }
    for (unsigned d = 0; d < DOMAINS; d++)
        assert_int_equal(dom[d].tot_pages, tot[d]);
}

static void start(unsigned domains)
{
    static const struct fake_ram ram[] = { { 0, 1024 } };

    mm_machine(ram, 1);
    for (int p = 0; p < PAGES; p++)
        pages[p].live = false;
    domains_used = domains;
    refill();
    for (int p = 0; p < PAGES; p++)     /* each family starts as an address space of one page */
        if (part_of(p) != TYPE_WRITABLE) {
            pages[p].slots[0] = (struct model_entry){ .present = true, .rw = true, .m = pages[next_part(p)].m };
            entries(pages[p].m)[slot_index[0]] = pte_of(&pages[p].slots[0]);
        }
    for (unsigned h = 0; h < HOLDS; h++)
        holds[h].page = -1;
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        root_page[cpu] = -1;
        use_root(cpu, (int)cpu * PARTS);
    }
}

static void step(void)
{
    static void (*const ops[])(void) = { op_pin, op_pin, op_unpin, op_update, op_update, op_update, op_write, op_write,
                                         op_write, op_hold, op_release, op_root, op_access, op_access, op_access, refill };

    ops[rnd(ARRAY_SIZE(ops))]();
}

/* Everything that was taken is given back, and nothing else is left. */
static void wind_up(void)
{
    preempt_always = false;
    for (unsigned d = 0; d < DOMAINS; d++)
        drain(d);
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        if (root_page[cpu] >= 0)
            mm_idle(cpu);
    for (unsigned h = 0; h < HOLDS; h++)
        if (holds[h].page >= 0)
            gfn_release(&holds[h].held);
    for (u64 n = 0; n < frame_max; n++) {               /* finishes what was given up half-way */
        struct frame *f = F(mfn(n));
        enum page_type type = frame_type(f);

        if (frame_owner(f) < DOMAINS && (f->type & TYPE_PARTIAL) && pin(frame_owner(f), mfn(n), type) == 0)
            assert_int_equal(unpin(frame_owner(f), mfn(n)), 0);
    }
    for (u64 n = 0; n < frame_max; n++)
        if (frame_owner(F(mfn(n))) < DOMAINS && (F(mfn(n))->type & TYPE_PINNED))
            assert_int_equal(unpin(frame_owner(F(mfn(n))), mfn(n)), 0);
    mm_check();
    for (u64 n = 0; n < frame_max; n++)
        if (frame_owner(F(mfn(n))) < DOMAINS)
            (void)frame_release(F(mfn(n)));
    assert_int_equal(heap_free_pages(), free_before);
    mm_check();
}

static void run(u64 seed, unsigned domains, bool preempt)
{
    start(domains);
    give_up = false;
    preempt_always = preempt;
    fake_random_seed(seed);
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        compare();
        mm_check();
    }
    wind_up();
}

static void counts_are_the_models(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(80); fake_seed_more(80, seed); seed++)
        run(seed, 1 + seed % DOMAINS, false);
    print_message("%u guest accesses got through\n", reached);
    assert_true(reached > 1000 || getenv("FAKE_SEED"));   /* the sequences get as far as address spaces in use */
}

static void counts_are_the_models_with_preemption(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(80); fake_seed_more(80, seed); seed++)
        run(seed, 1 + seed % DOMAINS, true);
}

static void what_is_given_up_half_way_stays_consistent(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(80); fake_seed_more(80, seed); seed++) {
        start(1 + seed % DOMAINS);
        give_up = true;
        preempt_always = true;
        fake_random_seed(seed);
        for (unsigned i = 0; i < STEPS; i++) {
            step();
            mm_check();
        }
        wind_up();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_the_models),
        cmocka_unit_test(counts_are_the_models_with_preemption),
        cmocka_unit_test(what_is_given_up_half_way_stays_consistent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
