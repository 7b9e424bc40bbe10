/* SPDX-License-Identifier: MIT */
/* Domain 0's first address space, as numbers. See dom0_layout.h. */
#include <init/dom0_layout.h>
#include <lib/errno.h>
#include <x86/pte.h>

#define SLACK_BYTES (512UL << 10)
#define END_ALIGN   (4UL << 20)

/* Tables of one level needed to map [start, end). */
static u64 tables_for(u64 start, u64 end, unsigned level)
{
    unsigned shift = PAGE_SHIFT + 9 * level;

    return ((end - 1) >> shift) - (start >> shift) + 1;
}

static void count_tables(struct dom0_layout *l)
{
    l->nr_l3 = tables_for(l->v_start, l->v_end, 3);
    l->nr_l2 = tables_for(l->v_start, l->v_end, 2);
    l->nr_l1 = tables_for(l->v_start, l->v_end, 1);
    l->nr_tables = 1 + l->nr_l3 + l->nr_l2 + l->nr_l1;
}

/* Where a guest may have something: one half of the address space, and not the hypervisor's part of it. */
static bool span_is_usable(u64 start, u64 end)
{
    return va_is_canonical(start) && va_is_canonical(end - 1) && start >> 63 == (end - 1) >> 63 &&
           (end <= HOLE_START || start >= HOLE_END);
}

/* The list in address space of its own, its pages and page tables behind the initial RAM disk's. */
static int place_list(struct dom0_layout *l)
{
    u64 v_end = l->v_p2m + (l->p2m_pages << PAGE_SHIFT);

    if (l->v_p2m >= l->v_start || v_end > l->v_start || (l->v_p2m & ~PAGE_MASK) || !span_is_usable(l->v_p2m, v_end))
        return -EINVAL;
    l->p2m_pfn = l->initrd_pfn + l->initrd_pages;
    l->p2m_tables_pfn = l->p2m_pfn + l->p2m_pages;
    l->p2m_tables = tables_for(l->v_p2m, v_end, 3) + tables_for(l->v_p2m, v_end, 2) + tables_for(l->v_p2m, v_end, 1);
    l->first_free_pfn = l->p2m_tables_pfn + l->p2m_tables;
    return 0;
}

int dom0_layout(struct dom0_layout *l, const struct dom0_sizes *s)
{
    u64 guess;
    int rc = 0;

    *l = (struct dom0_layout){ .v_start = s->virt_base, .v_p2m = s->init_p2m };
    if (!span_is_usable(s->virt_base, s->kernel_end))
        return -EINVAL;             /* what follows would wrap around, and not end */
    l->p2m_pages = (s->nr_pages * sizeof(u64) + PAGE_SIZE - 1) >> PAGE_SHIFT;
    l->v_start_info = round_up(s->kernel_end, PAGE_SIZE);
    if (!s->init_p2m) {
        l->v_p2m = l->v_start_info;
        l->p2m_pfn = (l->v_p2m - l->v_start) >> PAGE_SHIFT;
        l->v_start_info += l->p2m_pages << PAGE_SHIFT;
    }
    l->v_tables = l->v_start_info + PAGE_SIZE;
    l->nr_tables = 1;
    do {                            /* more tables may need more tables */
        guess = l->nr_tables;
        l->v_stack = l->v_tables + guess * PAGE_SIZE;
        l->v_end = round_up(l->v_stack + PAGE_SIZE + SLACK_BYTES, END_ALIGN);
        if (l->v_end <= l->v_start)
            return -EINVAL;         /* the list does not fit below the end of the address space */
        count_tables(l);
    } while (l->nr_tables != guess);
    if (!span_is_usable(l->v_start, l->v_end))
        return -EINVAL;

    l->initrd_pfn = (l->v_end - l->v_start) >> PAGE_SHIFT;
    l->initrd_pages = (s->initrd_bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
    l->first_free_pfn = l->initrd_pfn + l->initrd_pages;
    if (s->init_p2m)
        rc = place_list(l);
    if (rc)
        return rc;
    return l->first_free_pfn > s->nr_pages ? -ENOSPC : 0;
}
