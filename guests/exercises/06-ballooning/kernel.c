/* SPDX-License-Identifier: MIT */
/* Memory given back to the machine, and asked for again. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/string.h>

#define PAGES 64

static void *pages[PAGES];
static xen_pfn_t frames[PAGES];

static long owned(void)
{
    domid_t self = DOMID_SELF;

    return hypercall_memory_op(XENMEM_current_reservation, &self);
}

static long reservation(u32 op, u32 count)
{
    struct xen_memory_reservation r = {.nr_extents = count, .extent_order = 0, .domid = DOMID_SELF};

    set_xen_guest_handle(r.extent_start, frames);
    return hypercall_memory_op(op, &r);
}

/* A frame can only go when nothing maps it. The numbers are the machine's. */
static long inflate(void)
{
    for (u32 i = 0; i < PAGES; i++) {
        pages[i] = page_alloc();
        memset(pages[i], 0xaa, PAGE_SIZE);
        frames[i] = page_mfn(pages[i]);
        map_set(pages[i], 0);
        *p2m_slot(page_pfn(pages[i])) = ~0ul;
    }
    return reservation(XENMEM_decrease_reservation, PAGES);
}

/* The numbers are ours, where the new frames shall be; the machine's come back in their place. */
static long deflate(u32 count)
{
    long got;

    for (u32 i = 0; i < count; i++)
        frames[i] = page_pfn(pages[i]);
    got = reservation(XENMEM_populate_physmap, count);
    for (long i = 0; i < got; i++) {
        *p2m_slot(page_pfn(pages[i])) = frames[i];
        map_set(pages[i], frames[i] * PAGE_SIZE | PTE_KERNEL_RW);
    }
    return got;
}

static u64 rest_of(const void *page)
{
    u64 sum = 0;

    for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i++)
        sum |= ((const u64 *)page)[i];
    return sum;
}

void guest_main(void)
{
    long before = owned(), now;
    domid_t self = DOMID_SELF;

    upcalls_enable();
    printf("I have %ld pages and may have %ld more.\n", before,
           (long)hypercall_memory_op(XENMEM_maximum_reservation, &self) - before);
    printf("Giving back: %ld pages.\n", inflate());
    now = owned();
    printf("I have %ld less.\n", before - now);
    printf("One of those that I gave, once more: %ld pages.\n", reservation(XENMEM_decrease_reservation, 1));
    printf("Asking for them: %ld pages.\n", deflate(PAGES));
    printf("I have as many as before: %s. What was in them is %s.\n", owned() == before ? "yes" : "no",
           rest_of(pages[0]) == 0 && rest_of(pages[PAGES - 1]) == 0 ? "gone" : "still there");
}
