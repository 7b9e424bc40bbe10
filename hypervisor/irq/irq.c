/* SPDX-License-Identifier: MIT */
/* The irqs themselves: table, start and stop of a source, the interrupt's path. Contracts and rules: irq.h. */
#include <core/printk.h>
#include <irq/gsi.h>
#include <irq/message.h>
#include <irq/msi.h>
#include <irq/pirq.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <machine/ioapic.h>
#include <mm/domain.h>
#include <mm/heap.h>

static struct irq *irqs[NR_IRQS];       /* entries appear once, published with release order */
/* Behind mmio_ro_ranges: never moves, so that page-table code may look without a lock. */
static struct range ro_ranges[256];
static u64 stray_vectors;               /* (a) interrupts at vectors that no irq owns */

struct irq *irq_lookup(u32 number)
{
    return number < NR_IRQS ? __atomic_load_n(&irqs[number], __ATOMIC_ACQUIRE) : NULL;
}

static struct irq *irq_create(u32 number)
{
    struct irq *irq = mem_alloc(sizeof(*irq));

    if (!irq)
        return NULL;
    spin_lock_init(&irq->lock, RANK_IRQ);
    irq->number = (u16)number;
    irq->masked = true;
    list_init(&irq->bound);
    __atomic_store_n(&irqs[number], irq, __ATOMIC_RELEASE);
    return irq;
}

static void gsi_irq_create(u32 gsi)
{
    struct irq *irq = irq_create(gsi);

    if (!irq)
        panic("No memory for the interrupt of GSI %u; give the machine more memory", gsi);
    irq->kind = IRQ_GSI;
    gsi_default_mode(gsi, &irq->level, &irq->low);
}

void irq_init(void)
{
    memset(irqs, 0, sizeof(irqs));
    vector_init();
    rangeset_init_fixed(&mmio_ro_ranges, ro_ranges, ARRAY_SIZE(ro_ranges));
    for (u32 gsi = 0; gsi < gsi_count(); gsi++)
        if (gsi_valid(gsi))
            gsi_irq_create(gsi);
    for (unsigned i = 0; i < acpi_info.nr_ioapics; i++)
        if (rangeset_add(&mmio_ro_ranges, acpi_info.ioapics[i].maddr >> PAGE_SHIFT,
                         acpi_info.ioapics[i].maddr >> PAGE_SHIFT))
            BUG();
    pr_info("irq: %u GSIs at %u IO-APICs\n", gsi_count(), acpi_info.nr_ioapics);
}

int irq_alloc(enum irq_kind kind, struct pci_dev *dev, u16 entry)
{
    for (u32 number = gsi_count(); number < NR_IRQS; number++) {
        struct irq *irq = irqs[number];
        bool free;

        if (!irq && !(irq = irq_create(number)))
            return -ENOMEM;
        spin_lock(&irq->lock);
        free = irq->kind == IRQ_UNUSED && !irq->vector && !irq->old_vector;     /* the last user's have died away */
        if (free) {
            irq->kind = kind;
            irq->dev = dev;
            irq->entry = entry;
        }
        spin_unlock(&irq->lock);
        if (free)
            return (int)number;
    }
    return -ENOSPC;
}

void irq_free(struct irq *irq)
{
    spin_lock(&irq->lock);
    irq->kind = IRQ_UNUSED;
    irq->dev = NULL;
    irq->masked = true;
    irq_retire_vector(irq);
    spin_unlock(&irq->lock);
}

/* ---- the source: what differs between a pin and a message ---- */

static void irq_mask_source(struct irq *irq, bool masked)
{
    if (irq->masked == masked)
        return;
    irq->masked = masked;
    irq->kind == IRQ_GSI ? gsi_mask(irq) : msi_mask(irq);
}

void irq_program(struct irq *irq) { irq->kind == IRQ_GSI ? gsi_program(irq) : msi_program(irq); }
void irq_unmask(struct irq *irq) { irq_mask_source(irq, false); }

static int irq_take_vector(struct irq *irq, unsigned cpu)
{
    int vector = message_reaches(cpu) ? vector_alloc(cpu, irq->number, 0) : -ENOSPC;

    for (unsigned other = 0; vector < 0 && other < NR_CPUS; other++)
        if (message_reaches(other)) {
            vector = vector_alloc(other, irq->number, 0);
            cpu = other;
        }
    if (vector < 0)
        return vector;
    irq->vector = (u8)vector;
    irq->cpu = irq->want_cpu = (u16)cpu;
    return 0;
}

int irq_startup(struct irq *irq, unsigned cpu)
{
    if (!irq->vector) {
        int err = irq_take_vector(irq, cpu);

        if (err)
            return err;
        irq_program(irq);
    } else if (message_reaches(cpu)) {
        (void)!irq_move(irq, cpu);      /* a preference: it works where it is, too */
    }
    irq_unmask(irq);
    return 0;
}

void irq_shutdown(struct irq *irq)
{
    irq_mask_source(irq, true);
    irq->unacked = 0;
}

int irq_request(u32 gsi, void (*handler)(void *data), void *data, unsigned cpu)
{
    struct irq *irq = gsi_valid(gsi) ? irq_lookup(gsi) : NULL;
    int err = -EBUSY;

    if (!irq)
        return -EINVAL;
    spin_lock(&irq->lock);
    if (!irq->handler && list_empty(&irq->bound)) {
        irq->data = data;
        irq->handler = handler;
        err = irq_startup(irq, cpu);
        if (err)
            irq->handler = NULL;
    }
    spin_unlock(&irq->lock);
    return err;
}

/* ---- an interrupt ---- */

/* Said at the 1st, 2nd, 4th, 8th... time: a storm must not fill the log. */
static bool worth_saying(u64 times) { return !(times & (times - 1)); }

static void irq_unexpected(struct irq *irq)
{
    irq_mask_source(irq, true);
    if (worth_saying(++irq->unexpected))
        pr_warn("irq %u: interrupt without a user, %lu so far; masked\n", irq->number, irq->unexpected);
}

static void irq_deliver(struct irq *irq)
{
    struct pirq *p;

    if (list_empty(&irq->bound)) {
        irq_unexpected(irq);
        return;
    }
    list_for_each(p, &irq->bound, bound) {
        if (irq->level && !p->unacked) {
            p->unacked = true;
            irq->unacked++;
        }
        evtchn_raise_pirq(p->owner->evtchn, p->port);
    }
}

static void irq_stray(u8 vector)
{
    u64 times = __atomic_add_fetch(&stray_vectors, 1, __ATOMIC_RELAXED);

    if (worth_saying(times))
        pr_warn("irq: CPU %u got vector 0x%02x, which no interrupt owns; %lu so far\n", cpu_id(), vector, times);
}

void irq_handle(u8 vector)
{
    struct irq *irq = irq_lookup(vector_irq(cpu_id(), vector));
    bool level;

    if (!irq) {
        lapic_eoi();
        vector == VECTOR_CLEANUP ? irq_cleanup() : irq_stray(vector);
        return;
    }
    spin_lock(&irq->lock);
    irq->count++;
    level = irq->level;
    if (level)
        irq_mask_source(irq, true);     /* before the EOI, or the pin fires again at once */
    lapic_eoi();
    if (!irq->handler && irq->kind != IRQ_UNUSED)      /* unused: the last message of a device that is gone */
        irq_deliver(irq);
    irq_move_postponed(irq);
    spin_unlock(&irq->lock);
    if (!irq->handler)
        return;
    irq->handler(irq->data);
    spin_lock(&irq->lock);
    irq_unmask(irq);
    spin_unlock(&irq->lock);
}
