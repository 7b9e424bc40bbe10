/* SPDX-License-Identifier: MIT */
/*
 * The type word's transitions, and the types whose contents need no table walk. The model and its rules are in
 * mm/type.h; page tables are validated in mm/table.c on top of this.
 */
#include <lib/errno.h>
#include <core/work.h>
#include <machine/fault.h>
#include <mm/domain.h>
#include <mm/flush.h>
#include <x86/desc.h>

static bool type_swap(struct frame *f, u32 *old, u32 new)
{
    interleave_point();
    return __atomic_compare_exchange_n(&f->type, old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/*
 * Translations of the frame made under its old type must be gone before the new type counts for anything. Not only the
 * owner's CPUs may have them: the frame may have been in a table of a domain that maps others' memory.
 */
static void type_change_flush(struct frame *f)
{
    flush_stale(READ_ONCE(f->stamp));
}

enum type_claim type_claim(struct mm_domain *mm, struct frame *f, enum page_type type)
{
    u32 want = (u32)type << TYPE_SHIFT;
    u32 old = READ_ONCE(f->type);

    for (;;) {
        if ((old & TYPE_COUNT_MASK) == 0) {
            if (!type_swap(f, &old, want | 1))
                continue;
            f->progress = 0;
            if (type_of(old) != TYPE_NONE && type_of(old) != type)
                type_change_flush(f);
            return CLAIM_VALIDATE;
        }
        if (type_of(old) != type || (old & TYPE_COUNT_MASK) == TYPE_COUNT_MASK)
            return CLAIM_BUSY;
        if (old & TYPE_VALIDATED) {
            if (type_swap(f, &old, old + 1))
                return CLAIM_HELD;
        } else if (old & TYPE_PARTIAL) {
            if (type_swap(f, &old, old & ~TYPE_PARTIAL))
                return CLAIM_RESUME;
        } else {
            lock_poll();                        /* another CPU is validating it */
            old = READ_ONCE(f->type);
        }
    }
}

void type_validated(struct frame *f)
{
    __atomic_or_fetch(&f->type, TYPE_VALIDATED, __ATOMIC_RELEASE);
}

void type_abandon(struct frame *f)
{
    u32 old = READ_ONCE(f->type);

    ASSERT((old & TYPE_COUNT_MASK) == 1);
    WRITE_ONCE(f->stamp, flush_clock_now());    /* before the count of 0 is visible */
    while (!type_swap(f, &old, old & ~(TYPE_COUNT_MASK | TYPE_VALIDATED | TYPE_PARTIAL)))
        ;
}

bool type_put_begin(struct frame *f)
{
    u32 old = READ_ONCE(f->type);

    for (;;) {
        ASSERT((old & TYPE_COUNT_MASK) != 0 && (old & TYPE_VALIDATED));
        if ((old & TYPE_COUNT_MASK) > 1) {
            if (type_swap(f, &old, old - 1))
                return false;
        } else if (type_swap(f, &old, old & ~TYPE_VALIDATED)) {
            return true;
        }
    }
}

bool type_take_partial(struct frame *f, enum page_type type)
{
    u32 old = READ_ONCE(f->type);

    do {
        if (type_of(old) != type || !(old & TYPE_PARTIAL))
            return false;
    } while (!type_swap(f, &old, old & ~TYPE_PARTIAL));
    return true;
}

void type_set_partial(struct frame *f)
{
    frame_get_own(f);
    __atomic_or_fetch(&f->type, TYPE_PARTIAL, __ATOMIC_RELEASE);
}

int type_get_existing(struct frame *f, enum page_type type)
{
    u32 base = (u32)type << TYPE_SHIFT | TYPE_VALIDATED, old = READ_ONCE(f->type);

    do {        /* what is left is the count: not 0, not full, and no other bit but the pin's */
        if (((old & ~TYPE_PINNED) - base) - 1 >= TYPE_COUNT_MASK - 1)
            return -EINVAL;
    } while (!type_swap(f, &old, old + 1));
    return 0;
}

/* The two usual cases of TYPE_WRITABLE in one step: it has been so, or nothing, with no use; or it is in use. */
static inline bool writable_get(struct frame *f)
{
    u32 base = (u32)TYPE_WRITABLE << TYPE_SHIFT, old = READ_ONCE(f->type), new = old + 1;

    if ((old & ~TYPE_COUNT_MASK) != (base | TYPE_VALIDATED)) {
        if (old != base && old != 0)
            return false;
        new = base | TYPE_VALIDATED | 1;
    } else if ((new & TYPE_COUNT_MASK) == 0) {
        return false;
    }
    return type_swap(f, &old, new);
}

int type_get(struct mm_domain *mm, struct frame *f, enum page_type type)
{
    ASSERT(type == TYPE_WRITABLE || type == TYPE_SEGDESC);
    if (type == TYPE_WRITABLE && writable_get(f))
        return 0;
    switch (type_claim(mm, f, type)) {
    case CLAIM_HELD:
        return 0;
    case CLAIM_VALIDATE:
        if (type == TYPE_SEGDESC) {
            u64 *desc = frame_map(frame_mfn(f));
            bool ok = desc_page_fix(desc);

            frame_unmap(desc);
            if (!ok) {
                type_abandon(f);
                return -EINVAL;
            }
        }
        type_validated(f);
        return 0;
    case CLAIM_RESUME:          /* these types are never PARTIAL */
    case CLAIM_BUSY:
        break;
    }
    return -EBUSY;
}

void type_put(struct frame *f)
{
    if (type_put_begin(f))
        type_abandon(f);
}

int frame_get_type(struct mm_domain *mm, mfn_t m, enum page_type type)
{
    int rc = frame_get(m, mm->domid);

    if (rc || (type == TYPE_WRITABLE && likely(writable_get(frame_entry(m)))))
        return rc;
    rc = type_get(mm, frame_entry(m), type);
    if (rc)
        frame_put(frame_entry(m));
    return rc;
}

void frame_put_type(struct frame *f)
{
    type_put(f);
    frame_put(f);
}
