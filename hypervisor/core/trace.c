/* SPDX-License-Identifier: MIT */
/*
 * Owns the trace rings. Each is written by its CPU alone, without locks; readers may see a record half written. The
 * first slot is a header, so that a program finds the rings in a dump of memory.
 */
#include <core/printk.h>
#include <core/trace.h>
#include <machine/boot.h>
#include <machine/map.h>
#include <machine/time.h>

#define MAGIC 0x3143525453504f48UL      /* "HOPSTRC1" */
#define SHOWN 64                        /* records per CPU that the debug key prints */

struct ring {
    u64 magic;
    u32 cpu, tsc_khz;
    u32 size;               /* records after the header */
    u32 pad;
    u64 head;               /* records written since boot; record i is in slot i % size */
    struct trace_record records[];
};
_Static_assert(sizeof(struct ring) == sizeof(struct trace_record), "the header takes one slot");

unsigned trace_pages;
bool trace_on;
static struct ring *rings[NR_CPUS];

void trace_init(void)
{
    unsigned cpu;

    if (!trace_pages)
        return;
    for_each_cpu(cpu, &cpu_online_mask) {
        struct ring *ring = frame_map(boot_alloc_pages(trace_pages, 1, 0));

        ring->magic = MAGIC;
        ring->cpu = cpu;
        ring->tsc_khz = tsc_khz;
        ring->size = (u32)(trace_pages * PAGE_SIZE / sizeof(struct trace_record)) - 1;
        rings[cpu] = ring;
    }
    trace_on = true;
}

void trace_write(enum trace_event event, u32 a, u64 b, u64 c)
{
    struct ring *ring = rings[cpu_id()];

    ring->records[ring->head % ring->size] = (struct trace_record){ rdtsc(), (u16)event, (u16)cpu_id(), a, b, c };
    ring->head++;
}

static void ring_show(const struct ring *ring)
{
    u64 head = READ_ONCE(ring->head), shown = min(ring->size, (u32)SHOWN), first = head - min(head, shown);

    printk("trace: CPU %u, %lu records, TSC %u kHz", ring->cpu, head, ring->tsc_khz);
    for (u64 i = first; i < head; i++) {
        const struct trace_record *r = &ring->records[i % ring->size];

        printk("trace: %016lx %04x %04x %08x %016lx %016lx", r->tsc, r->event, r->cpu, r->a, r->b, r->c);
    }
}

void trace_show(void)
{
    unsigned cpu;

    if (!trace_on)
        printk("trace is off: boot with trace=<pages per CPU>");
    else
        for_each_cpu(cpu, &cpu_online_mask)
            ring_show(rings[cpu]);
}
