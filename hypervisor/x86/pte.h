/* SPDX-License-Identifier: MIT */
/* Page-table entries of 4-level paging: bits, indices, and the fixed split of the virtual address space. */
#ifndef X86_PTE_H
#define X86_PTE_H

#include <lib/types.h>

typedef u64 pte_t;

#define PTE_P    BIT(0)
#define PTE_RW   BIT(1)
#define PTE_US   BIT(2)
#define PTE_PWT  BIT(3)
#define PTE_PCD  BIT(4)
#define PTE_A    BIT(5)
#define PTE_D    BIT(6)
#define PTE_PS   BIT(7)     /* levels 2 and 3 */
#define PTE_PAT  BIT(7)     /* level 1 */
#define PTE_G    BIT(8)
#define PTE_AVAIL      (7UL << 9)
#define PTE_AVAIL_HIGH (0x7ffUL << 52)
#define PTE_GUEST_KERNEL BIT(52)    /* set by the hypervisor in L1 entries the guest wrote without US */
#define PTE_NX   BIT(63)
#define PTE_ADDR_MASK 0x000ffffffffff000UL

#define PTES_PER_PAGE 512

static inline mfn_t pte_mfn(pte_t e) { return mfn((e & PTE_ADDR_MASK) >> PAGE_SHIFT); }
static inline u64 pte_flags(pte_t e) { return e & ~PTE_ADDR_MASK; }
static inline pte_t pte_make(mfn_t m, u64 flags) { return (m.n << PAGE_SHIFT) | flags; }

/* Index into the table of the given level (1..4) for a virtual address. */
static inline unsigned pte_index(u64 va, unsigned level) { return (va >> (PAGE_SHIFT + 9 * (level - 1))) & 511; }

static inline bool va_is_canonical(u64 va) { return (u64)((s64)(va << 16) >> 16) == va; }

/* The hypervisor's part of every address space (ABI: only these bounds and the M2P are visible to guests). */
#define HOLE_START      0xffff800000000000UL
#define HOLE_END        0xffff880000000000UL
#define HOLE_FIRST_SLOT 256
#define HOLE_LAST_SLOT  271

#define M2P_START       0xffff800000000000UL    /* slot 256: read-only to guests */
#define PERDOMAIN_START 0xffff820000000000UL    /* slot 260: GDT and LDT of each vcpu of the current domain */
#define HV_START        0xffff828000000000UL    /* slot 261: everything that is the hypervisor's own */
#define FRAME_TABLE_START HV_START              /*   descriptors, 16 bytes per frame, up to 256 GiB */
#define IMAGE_START     0xffff82c040000000UL    /*   the image, 1 GiB aligned (must match hospes.lds) */
#define MMIO_START      0xffff82d000000000UL    /*   device registers, uncached */
#define STACKS_START    0xffff82e000000000UL    /*   per-CPU stacks with guard pages */
#define M2P_RW_START    0xffff82f000000000UL    /*   the M2P, writable */
#define DIRECTMAP_START 0xffff830000000000UL    /* slots 262..271: all RAM */
#define DIRECTMAP_END   HOLE_END

static inline bool va_in_hole(u64 va) { return va >= HOLE_START && va < HOLE_END; }

#endif
