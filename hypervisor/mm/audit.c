/* SPDX-License-Identifier: MIT */
/*
 * The audit: walks all frames, counts what validated (parts of) page tables hold, and compares. Names of invariants:
 *   frame-refs         an owned frame has references
 *   type-validated     a table with a count is validated or partial (nobody is working while we look)
 *   pin-counted        a pinned frame has a table type and a count
 *   entry-bits         no entry of a validated table has a bit its level forbids
 *   entry-target       an entry above level 1 points to a validated or partial table of the next lower level
 *   writable-target    a writable level-1 entry points to a frame of type writable
 *   table-count        a table's type count is what entries, pins, roots and a partial state add up to
 *   writable-count     a writable frame's type count is at least the number of writable entries
 *   general-count      a frame's references are at least what entries hold
 */
#include <core/keys.h>
#include <lib/string.h>
#include <mm/audit.h>
#include <mm/entry.h>
#include <mm/heap.h>
#include <mm/table.h>
#include <xen/xen.h>

struct tally {
    u32 refs, types;
};

static struct audit {
    struct tally *tally;        /* one for each frame number */
    const char *broken;
} audit;

static void broken(const char *name, mfn_t m)
{
    const struct frame *f = frame_entry(m);

    pr_err("audit: %s: frame %lx owner %u refs %08x type %08x\n", name, (unsigned long)m.n, f->owner, f->refs, f->type);
    if (audit.broken == NULL)
        audit.broken = name;
}

static bool in_use(mfn_t m)
{
    const struct frame *f = frame_entry(m);

    return frame_valid(m) && !(f->refs & FRAME_FREE) && frame_refs(f) != 0 && f->owner < DOMID_FIRST_RESERVED;
}

static bool is_table(const struct frame *f)
{
    return frame_type(f) >= TYPE_L1 && frame_type(f) <= TYPE_L4 && type_count(f) != 0;
}

static bool hole_slot(unsigned level, unsigned i)
{
    return level == 4 && i >= HOLE_FIRST_SLOT && i <= HOLE_LAST_SLOT;
}

static void count_l1e(mfn_t table, pte_t e)
{
    mfn_t m = pte_mfn(e);

    if (e & PTE_PS & ~PTE_PAT)
        broken("entry-bits", table);
    if (frame_is_device(m))
        return;
    audit.tally[m.n].refs++;
    if (e & PTE_RW) {
        audit.tally[m.n].types++;
        if (frame_type(frame_entry(m)) != TYPE_WRITABLE)
            broken("writable-target", m);
    }
}

static void count_table_entry(mfn_t table, unsigned level, pte_t e)
{
    const struct frame *f;
    pte_t copy = e;

    if (entry_check(level, &copy) || !frame_valid(pte_mfn(e))) {
        broken("entry-bits", table);
        return;
    }
    f = frame_entry(pte_mfn(e));
    audit.tally[pte_mfn(e).n].refs++;
    audit.tally[pte_mfn(e).n].types++;
    if (frame_type(f) != (enum page_type)(TYPE_L1 + level - 2) || !(f->type & TYPE_VALIDATED))
        broken("entry-target", pte_mfn(e));
}

/* What the entries that hold references, hold. */
static void count_table(mfn_t m)
{
    const struct frame *f = frame_entry(m);
    unsigned level = (unsigned)frame_type(f) - TYPE_L1 + 1, end = f->type & TYPE_VALIDATED ? PTES_PER_PAGE : f->progress;
    const pte_t *table = frame_map(m);

    for (unsigned i = 0; i < end; i++) {
        if (!(table[i] & PTE_P) || hole_slot(level, i))
            continue;
        if (level == 1)
            count_l1e(m, table[i]);
        else
            count_table_entry(m, level, table[i]);
    }
    frame_unmap(table);
}

static void count_root(mfn_t root, void *ctx)
{
    audit.tally[root.n].refs++;
    audit.tally[root.n].types++;
}

static void count_frame(mfn_t m)
{
    const struct frame *f = frame_entry(m);

    if (f->refs & FRAME_ALLOCATED)
        audit.tally[m.n].refs++;
    if (f->type & TYPE_PARTIAL) {
        audit.tally[m.n].refs++;
        audit.tally[m.n].types++;
    }
    if (f->type & TYPE_PINNED) {
        audit.tally[m.n].refs++;
        audit.tally[m.n].types++;
        if (!is_table(f))
            broken("pin-counted", m);
    }
    if (is_table(f) && !(f->type & (TYPE_VALIDATED | TYPE_PARTIAL)))
        broken("type-validated", m);
    if (is_table(f))
        count_table(m);
}

static void compare(mfn_t m)
{
    const struct frame *f = frame_entry(m);
    const struct tally *t = &audit.tally[m.n];

    if (is_table(f) ? type_count(f) != t->types : frame_type(f) != TYPE_WRITABLE && t->types)
        broken("table-count", m);
    if (frame_type(f) == TYPE_WRITABLE && type_count(f) < t->types)
        broken("writable-count", m);
    if (frame_refs(f) < t->refs)
        broken("general-count", m);
}

static void for_each_frame(void (*fn)(mfn_t m))
{
    for (u64 n = 0; n < frame_max; n++)
        if (frame_valid(mfn(n)) && in_use(mfn(n)))
            fn(mfn(n));
}

static void check_alive(mfn_t m)
{
    const struct frame *f = frame_entry(m);

    if ((f->refs & FRAME_ALLOCATED) && frame_refs(f) == 0)
        broken("frame-refs", m);
}

const char *audit_frames(void)
{
    unsigned order = 0;
    mfn_t room;

    while (PAGE_SIZE << order < frame_max * sizeof(struct tally))
        order++;
    room = heap_alloc(order, HEAP_ANY_WIDTH);
    if (mfn_is_invalid(room))
        return "out of memory";
    audit.tally = frame_map(room);
    audit.broken = NULL;
    memset(audit.tally, 0, PAGE_SIZE << order);
    audit_for_each_root(count_root, NULL);
    for_each_frame(check_alive);
    for_each_frame(count_frame);
    for_each_frame(compare);
    memset(audit.tally, 0, PAGE_SIZE << order);
    heap_free(room, order);
    return audit.broken;
}

static void audit_key(void)
{
    const char *name = audit_frames();

    printk("audit: %s\n", name ? name : "clean");
}

void audit_init(void)
{
    key_register('A', "audit of all page types and references", audit_key);
}
