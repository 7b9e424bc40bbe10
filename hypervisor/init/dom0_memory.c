/* SPDX-License-Identifier: MIT */
/* How much memory domain 0 gets. Arithmetic only. The heap's low reserve and a little more stay with the hypervisor. */
#include <init/dom0.h>

u64 dom0_pages(const struct dom0_options *o, u64 free, u64 reserve, u64 *max_pages)
{
    u64 keep = reserve + free / 128;
    u64 pages = o->mem_bytes ? o->mem_bytes >> PAGE_SHIFT : free - min(free, keep);

    if (o->min_bytes >> PAGE_SHIFT > pages)
        pages = o->min_bytes >> PAGE_SHIFT;
    if (o->max_bytes && pages > o->max_bytes >> PAGE_SHIFT)
        pages = o->max_bytes >> PAGE_SHIFT;
    *max_pages = o->max_bytes ? max(pages, o->max_bytes >> PAGE_SHIFT) : o->mem_bytes ? 0xffffffff : pages;
    return pages;
}
