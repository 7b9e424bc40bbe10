/* SPDX-License-Identifier: MIT */
/*
 * Segment descriptors that a paravirtual guest may have in its GDT and LDT. Its kernel and user space both run in
 * CPU ring 3, so no descriptor may give more than that: pages of descriptors (TYPE_SEGDESC) are checked and corrected
 * as a whole when they get the type, and entry by entry through update_descriptor.
 */
#ifndef X86_DESC_H
#define X86_DESC_H

#include <lib/types.h>

#define DESC_TYPE_SHIFT 40                  /* four bits of type */
#define DESC_CODE BIT(43)                   /* code, when DESC_S */
#define DESC_WRITE_READ BIT(41)             /* writable data or readable code */
#define DESC_EXPAND_DOWN BIT(42)            /* data */
#define DESC_S    BIT(44)                   /* code or data, else system */
#define DESC_DPL  (3UL << 45)
#define DESC_P    BIT(47)
#define DESC_L    BIT(53)                   /* 64-bit code */
#define DESC_D    BIT(54)                   /* 32-bit code or stack */
#define DESC_G    BIT(55)

#define DESCS_PER_PAGE 512

/*
 * Corrects a descriptor so that it is harmless: DPL 3 for code and data, DPL 0 for a call gate (its use faults).
 * False: it cannot be allowed (a system descriptor other than a call gate, a gate into the hypervisor's segments).
 */
bool must_check desc_fix(u64 *desc);
/* The same for a whole page, in place. False: at least one is refused; those before it may have been corrected. */
bool must_check desc_page_fix(u64 *page);

static inline u32 desc_base(u64 d) { return (u32)((d >> 16) & 0xffffff) | (u32)((d >> 32) & 0xff000000); }
/* Offset of the last byte. */
static inline u32 desc_limit(u64 d)
{
    u32 limit = (u32)(d & 0xffff) | (u32)((d >> 32) & 0xf0000);

    return d & DESC_G ? limit << 12 | 0xfff : limit;
}

/* Is [offset, offset + bytes) within a code or data segment whose descriptor is present? bytes > 0. */
bool desc_covers(u64 d, u64 offset, unsigned bytes);

#endif
