/* SPDX-License-Identifier: MIT */
/*
 * The audit: walks all frames, counts what validated (parts of) page tables hold, and compares. Names of invariants:
 *   frame-refs         an owned frame has references
 *   type-validated     a table with a count is validated or partial (nobody is working while we look)
 *   type-flags         a frame is not validated and partial at once, and neither without a count
 *   pin-counted        a pinned frame has a table type and a count
 *   table-progress     all entries of a validated table hold their references; a partial one stopped within
 *   entry-bits         no entry of a validated table has a bit its level forbids, and each has those we set
 *   hypervisor-slots   a validated level-4 table has the hypervisor's entries where they belong
 *   descriptors        no page of descriptors has one that leads out of ring 3
 *   entry-target       an entry above level 1 points to a validated or partial table of the next lower level
 *   writable-target    a writable level-1 entry points to a frame of type writable
 *   table-count        a table's type count is what entries, pins, roots and a partial state add up to
 *   writable-count     a writable frame's type count is at least the number of writable entries
 *   general-count      a frame's references are at least what entries hold
 *   domain-pages       a domain's account, in all and for each chunk, is the number of frames it owns
 *   m2p-owner          a frame that no domain has is nobody's frame number
 */
#include <core/printk.h>
#include <lib/string.h>
#include <mm/audit.h>
#include <mm/entry.h>
#include <mm/heap.h>
#include <mm/table.h>
#include <x86/desc.h>
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
    const struct mm_domain *owner = mm_domain_of(frame_owner(frame_entry(table)));
    mfn_t m = pte_mfn(e);

    if (owner && (!l1e_well_formed(owner, e) || l1e_adjust(e) != e))
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

    if (entry_check(level, &copy) || copy != e || !frame_valid(pte_mfn(e))) {
        broken("entry-bits", table);
        return;
    }
    f = frame_entry(pte_mfn(e));
    audit.tally[pte_mfn(e).n].refs++;
    audit.tally[pte_mfn(e).n].types++;
    if (frame_type(f) != (enum page_type)(TYPE_L1 + level - 2) || !(f->type & TYPE_VALIDATED))
        broken("entry-target", pte_mfn(e));
}

static void check_hole(mfn_t m, const pte_t *l4)
{
    const struct mm_domain *owner = mm_domain_of(frame_owner(frame_entry(m)));

    for (unsigned slot = HOLE_FIRST_SLOT; owner && slot <= HOLE_LAST_SLOT; slot++)
        if ((l4[slot] ^ table_hole_entry(owner, slot)) & ~(PTE_A | PTE_D)) {
            broken("hypervisor-slots", m);
            return;
        }
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
    if (level == 4 && (f->type & TYPE_VALIDATED))
        check_hole(m, table);
    frame_unmap(table);
}

static void count_root(mfn_t root, void *ctx)
{
    audit.tally[root.n].refs++;
    audit.tally[root.n].types++;
}

/* What was checked once passes again, unchanged: the CPU itself only sets accessed bits. */
static void check_descriptors(mfn_t m)
{
    const u64 *desc = frame_map(m);

    for (unsigned i = 0; i < DESCS_PER_PAGE; i++) {
        u64 copy = desc[i];

        if (!desc_fix(&copy) || copy != desc[i]) {
            broken("descriptors", m);
            break;
        }
    }
    frame_unmap(desc);
}

static void check_flags(mfn_t m)
{
    const struct frame *f = frame_entry(m);
    u32 flags = f->type & (TYPE_VALIDATED | TYPE_PARTIAL);

    if (flags && (flags == (TYPE_VALIDATED | TYPE_PARTIAL) || type_count(f) == 0))
        broken("type-flags", m);
    if (is_table(f) && (flags & TYPE_VALIDATED ? f->progress != PTES_PER_PAGE : f->progress > PTES_PER_PAGE))
        broken("table-progress", m);
    if (frame_type(f) == TYPE_SEGDESC && (flags & TYPE_VALIDATED))
        check_descriptors(m);
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
    check_flags(m);
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

static void check_alive(void)
{
    for (u64 n = 0; n < frame_max; n++)
        if (frame_valid(mfn(n)) && (frame_entry(mfn(n))->refs & FRAME_ALLOCATED) && !frame_refs(frame_entry(mfn(n))))
            broken("frame-refs", mfn(n));
}

/* ---- accounts ---- */

static bool owned_by(mfn_t m, u16 domid)
{
    return frame_valid(m) && in_use(m) && frame_owner(frame_entry(m)) == domid && !(frame_entry(m)->refs & FRAME_HEAP);
}

static u32 chunk_owned(u64 chunk, u16 domid)
{
    u32 owned = 0;

    for (u64 n = chunk * PTES_PER_PAGE; n < (chunk + 1) * PTES_PER_PAGE; n++)
        owned += owned_by(mfn(n), domid);
    return owned;
}

static void check_account(const struct mm_domain *mm)
{
    u32 owned = 0;

    for (u64 chunk = 0; chunk <= frame_max / PTES_PER_PAGE; chunk++) {
        if (mm->chunks[chunk] && mm->chunks[chunk] != chunk_owned(chunk, mm->domid))
            broken("domain-pages", mfn(chunk * PTES_PER_PAGE));
        owned += mm->chunks[chunk];
    }
    if (owned != mm->tot_pages) {
        pr_err("audit: domain %u has %u pages and an account of %u\n", mm->domid, owned, mm->tot_pages);
        broken("domain-pages", mfn(0));
    }
}

static void check_accounts(void)
{
    for (u16 domid = 0; domid < DOMID_FIRST_RESERVED; domid++) {
        const struct mm_domain *mm = mm_domain_of(domid);

        if (mm)
            check_account(mm);
    }
}

/* Frames that the accounts do not look at: no owner, or in a chunk of which the owner has none by its account. */
static void check_unaccounted(void)
{
    for (u64 n = 0; n < frame_max; n++) {
        const struct mm_domain *mm;

        if (!frame_valid(mfn(n)))
            continue;
        if (!in_use(mfn(n))) {
            if (m2p_get(mfn(n)) != M2P_INVALID)
                broken("m2p-owner", mfn(n));
            continue;
        }
        mm = mm_domain_of(frame_owner(frame_entry(mfn(n))));
        if (mm && owned_by(mfn(n), mm->domid) && !mm->chunks[n / PTES_PER_PAGE])
            broken("domain-pages", mfn(n));
    }
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
    check_alive();
    for_each_frame(count_frame);
    for_each_frame(compare);
    check_accounts();
    check_unaccounted();
    memset(audit.tally, 0, PAGE_SIZE << order);
    heap_free(room, order);
    return audit.broken;
}
