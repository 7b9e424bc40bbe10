/* SPDX-License-Identifier: MIT */
/*
 * Where everything is in domain 0's first address space: one arithmetic, no memory touched, so that it is tested alone.
 * From VIRT_BASE on, virtual page n is pfn n: kernel, start info, page tables, stack, slack. Behind that, without a
 * mapping, the initial RAM disk, then the p2m list with page tables of its own, mapped where the kernel wants it. A
 * kernel that does not care finds the list behind itself, in the first mapping.
 */
#ifndef INIT_DOM0_LAYOUT_H
#define INIT_DOM0_LAYOUT_H

#include <lib/types.h>

struct dom0_layout {
    u64 v_start, v_end;             /* mapped from the start; v_end 4 MiB aligned, at least 512 KiB behind the stack */
    u64 v_start_info, v_tables, v_stack;
    u64 nr_tables;                  /* table frames from v_tables: L4, L3s, L2s, L1s */
    u64 nr_l3, nr_l2, nr_l1;
    u64 initrd_pfn, initrd_pages;
    u64 v_p2m;                      /* virtual address of the list */
    u64 p2m_pfn, p2m_pages;         /* the list */
    u64 p2m_tables_pfn, p2m_tables; /* L3, L2, L1 frames that map it, behind the list; 0: the first mapping has it */
    u64 first_free_pfn;
};

struct dom0_sizes {
    u64 virt_base, kernel_end;      /* virtual, kernel_end any alignment */
    u64 initrd_bytes, nr_pages;
    u64 init_p2m;                   /* virtual, page aligned, below virt_base; 0: behind the kernel */
};

/* -EINVAL: kernel or list where a guest has nothing, or one on the other; -ENOSPC: it does not fit nr_pages. */
int must_check dom0_layout(struct dom0_layout *l, const struct dom0_sizes *s);

#endif
