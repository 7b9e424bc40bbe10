/* SPDX-License-Identifier: MIT */
/* IO-APIC pins. Contracts: gsi.h. The boot code has masked every entry, so a pin is programmed when it is bound. */
#include <irq/gsi.h>
#include <irq/message.h>
#include <lib/errno.h>
#include <machine/ioapic.h>

#define ISA_IRQS 16
#define FLAG_POLARITY(f) ((f) & 3)
#define FLAG_TRIGGER(f)  (((f) >> 2) & 3)
#define FLAG_LOW   3
#define FLAG_LEVEL 3

static spinlock_t ioapic_lock = SPINLOCK_INIT(RANK_IOAPIC);

u32 gsi_count(void)
{
    u32 count = 0;

    for (unsigned i = 0; i < acpi_info.nr_ioapics; i++)
        count = max(count, acpi_info.ioapics[i].gsi_base + acpi_info.ioapics[i].pins);
    return min(count, (u32)NR_IRQS / 2);        /* the other half is for messages */
}

/* Which IO-APIC has the GSI; nr_ioapics: none. */
static unsigned ioapic_of(u32 gsi)
{
    unsigned i;

    for (i = 0; i < acpi_info.nr_ioapics; i++)
        if (gsi >= acpi_info.ioapics[i].gsi_base && gsi - acpi_info.ioapics[i].gsi_base < acpi_info.ioapics[i].pins)
            break;
    return i;
}

bool gsi_valid(u32 gsi) { return gsi < gsi_count() && ioapic_of(gsi) < acpi_info.nr_ioapics; }

u32 gsi_of_isa(u8 isa)
{
    for (unsigned i = 0; i < acpi_info.nr_overrides; i++)
        if (acpi_info.overrides[i].irq == isa)
            return acpi_info.overrides[i].gsi;
    return isa;
}

void gsi_default_mode(u32 gsi, bool *level, bool *low)
{
    *level = *low = gsi >= ISA_IRQS;
    for (unsigned i = 0; i < acpi_info.nr_overrides; i++)
        if (acpi_info.overrides[i].gsi == gsi) {
            *level = FLAG_TRIGGER(acpi_info.overrides[i].flags) == FLAG_LEVEL;
            *low = FLAG_POLARITY(acpi_info.overrides[i].flags) == FLAG_LOW;
        }
}

int gsi_setup(u32 gsi, bool level, bool low)
{
    struct irq *irq = irq_lookup(gsi);
    int err = 0;

    if (!gsi_valid(gsi) || !irq)
        return -EINVAL;
    spin_lock(&irq->lock);
    if (irq->level == level && irq->low == low) {
        err = irq->configured ? -EEXIST : 0;
    } else if (irq->handler || !list_empty(&irq->bound)) {
        err = -EBUSY;
    } else {
        irq->level = level;
        irq->low = low;
    }
    irq->configured |= !err;
    spin_unlock(&irq->lock);
    return err;
}

/* ---- redirection entries ---- */

static u64 rte_of(const struct irq *irq)
{
    return message_rte(irq->cpu, irq->vector, irq->level, irq->low, irq->masked);
}

static u8 rte_register(const struct irq *irq, unsigned ioapic)
{
    return (u8)(IOAPIC_REG_ENTRY + 2 * (irq->number - acpi_info.ioapics[ioapic].gsi_base));
}

void gsi_program(const struct irq *irq)
{
    unsigned i = ioapic_of(irq->number);
    u64 rte = rte_of(irq);
    u8 reg = rte_register(irq, i);

    spin_lock(&ioapic_lock);
    if (irq->level)             /* none goes out with one half new; an edge would be lost, its vector stays */
        ioapic_write(i, reg, (u32)(rte | RTE_MASKED));
    ioapic_write(i, (u8)(reg + 1), (u32)(rte >> 32));
    ioapic_write(i, reg, (u32)rte);
    spin_unlock(&ioapic_lock);
}

void gsi_mask(const struct irq *irq)
{
    unsigned i = ioapic_of(irq->number);

    spin_lock(&ioapic_lock);
    ioapic_write(i, rte_register(irq, i), (u32)rte_of(irq));
    spin_unlock(&ioapic_lock);
}

bool gsi_in_service(const struct irq *irq)
{
    unsigned i = ioapic_of(irq->number);
    u32 low;

    spin_lock(&ioapic_lock);
    low = ioapic_read(i, rte_register(irq, i));
    spin_unlock(&ioapic_lock);
    return irq->level && (low & RTE_REMOTE_IRR);
}

int gsi_read_register(u64 maddr, u8 reg, u32 *v)
{
    unsigned i = 0;

    while (i < acpi_info.nr_ioapics && acpi_info.ioapics[i].maddr != maddr)
        i++;
    if (i == acpi_info.nr_ioapics)
        return -EINVAL;
    spin_lock(&ioapic_lock);
    *v = ioapic_read(i, reg);
    spin_unlock(&ioapic_lock);
    return 0;
}
