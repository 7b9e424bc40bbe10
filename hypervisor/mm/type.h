/* SPDX-License-Identifier: MIT */
/*
 * Page types: what a frame is used as by the guest that owns it. The types exclude each other; that is the whole
 * safety of paravirtual paging. A frame may be mapped writable only while its type is TYPE_WRITABLE, and be used as
 * a page table only while its type is that table's level, so no guest can write what the CPU walks.
 *
 * The type word: type, flags and a count of uses. Rules (each is an invariant of mm/audit.c):
 *   - the type changes only while the count is 0, in type_get(), after a TLB flush of every CPU that may still hold
 *     a translation made under the old type (mm/flush.h);
 *   - VALIDATED: every entry has been checked and holds its references. A table that is neither VALIDATED nor PARTIAL
 *     and has a count is being worked on by one CPU; others wait;
 *   - PARTIAL: work was preempted. Entries [0, progress) hold their references; the frame itself holds one type and
 *     one general reference, which the next type_get() or type_put() of this type takes over;
 *   - PINNED: the guest asked for one standing type reference.
 */
#ifndef MM_TYPE_H
#define MM_TYPE_H

#include <mm/frame.h>

enum page_type { TYPE_NONE, TYPE_L1, TYPE_L2, TYPE_L3, TYPE_L4, TYPE_SEGDESC, TYPE_WRITABLE };

#define TYPE_SHIFT      29
#define TYPE_PINNED     (1u << 28)
#define TYPE_VALIDATED  (1u << 27)
#define TYPE_PARTIAL    (1u << 26)
#define TYPE_COUNT_MASK ((1u << 26) - 1)

static inline enum page_type type_of(u32 word) { return (enum page_type)(word >> TYPE_SHIFT); }
static inline enum page_type frame_type(const struct frame *f) { return type_of(READ_ONCE(f->type)); }
static inline u32 type_count(const struct frame *f) { return READ_ONCE(f->type) & TYPE_COUNT_MASK; }

struct mm_domain;

/* Reference to a frame that is used, or may become used, as TYPE_WRITABLE or TYPE_SEGDESC. The caller holds a general
 * reference. -EBUSY: in use as something else, or count full; -EINVAL: descriptors refused. */
int must_check type_get(struct mm_domain *mm, struct frame *f, enum page_type type);
/* One more reference of a type the frame has and keeps: validated, count not 0. Else -EINVAL. Any type, never waits. */
int must_check type_get_existing(struct frame *f, enum page_type type);
/* Drops one of TYPE_WRITABLE or TYPE_SEGDESC, or one of a table that is surely not the last. */
void type_put(struct frame *f);

/* Both references at once: general (owner must be mm's domain) and type; TYPE_WRITABLE and TYPE_SEGDESC only. */
int must_check frame_get_type(struct mm_domain *mm, mfn_t m, enum page_type type);
void frame_put_type(struct frame *f);

/* Building blocks for mm/table.c: the transitions at both ends of a type's life. */
enum type_claim { CLAIM_HELD, CLAIM_VALIDATE, CLAIM_RESUME, CLAIM_BUSY };
/* Tries to get a reference. HELD: done. VALIDATE: the type is new, the flush is done, and the caller must check the
 * contents and call type_validated() or type_abandon(). RESUME: same, from a PARTIAL state it has taken over, together
 * with the general reference PARTIAL had. BUSY: refused. mm: the owner; what a change of type asks of an IOMMU. */
enum type_claim type_claim(struct mm_domain *mm, struct frame *f, enum page_type type);
void type_validated(struct frame *f);
void type_abandon(struct frame *f);         /* count to 0; nothing validated any more */
/* Drops a reference; true when it was the last one of a validated table: contents are the caller's to put, who then
 * calls type_abandon(), or type_set_partial(). */
bool type_put_begin(struct frame *f);
/* Takes over a PARTIAL frame (with its general reference); false when it is not PARTIAL (any more). */
bool type_take_partial(struct frame *f, enum page_type type);
void type_set_partial(struct frame *f);     /* takes the general reference that PARTIAL stands for */

#endif
