/* SPDX-License-Identifier: MIT */
/* Debug key i: who gets which interrupt where. Reads without locks: a report of a living machine may be torn. */
#include <core/printk.h>
#include <irq/irq.h>
#include <irq/pci.h>
#include <irq/pirq.h>

static void show_source(const struct irq *irq)
{
    const char *mode = irq->level ? "level" : "edge";
    const struct pci_dev *dev = READ_ONCE(irq->dev);

    if (irq->kind == IRQ_GSI)
        printk(" irq %4u: GSI %s %s%s", irq->number, mode, irq->low ? "low" : "high",
               irq->configured ? "" : " (default)");
    else if (dev)
        printk(" irq %4u: %s %u of %02x:%02x.%u", irq->number, irq->kind == IRQ_MSIX ? "MSI-X" : "MSI", irq->entry,
               dev->bdf >> 8, (dev->bdf >> 3) & 31, dev->bdf & 7);
}

static void show_user(struct irq *irq)
{
    struct pirq *p;

    if (irq->handler)
        printk("           the hypervisor's own");
    spin_lock(&irq->lock);
    list_for_each(p, &irq->bound, bound)
        printk("           d%u pirq %u -> port %u%s%s", p->owner->mm->domid, p->number, p->port,
               p->share ? " shared" : "", p->unacked ? " in service" : "");
    spin_unlock(&irq->lock);
}

void irq_show(void)
{
    unsigned cpu;

    for (u32 number = 0; number < NR_IRQS; number++) {
        struct irq *irq = irq_lookup(number);

        if (!irq || !irq->vector)
            continue;
        show_source(irq);
        printk("           CPU %u vector %02x%s, %lu interrupts, %lu without a user", irq->cpu, irq->vector,
               irq->masked ? " masked" : "", irq->count, irq->unexpected);
        show_user(irq);
    }
    for_each_cpu(cpu, &cpu_online_mask)
        printk(" CPU %u: %u vectors in use", cpu, vector_count(cpu));
}
