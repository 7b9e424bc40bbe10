/* SPDX-License-Identifier: MIT */
/* Messages of PCI functions: life of their irqs, and the registers behind them. Contracts: msi.h. */
#include <irq/message.h>
#include <irq/msi.h>
#include <lib/errno.h>
#include <machine/io.h>
#include <machine/map.h>
#include <mm/entry.h>

/* One entry of an MSI-X table. */
#define ENTRY_BYTES  16
#define ENTRY_ADDRESS_LOW  0
#define ENTRY_ADDRESS_HIGH 4
#define ENTRY_DATA         8
#define ENTRY_CONTROL      12
#define ENTRY_MASKED       1u

#define TABLE_BAR    7u         /* bits of MSIX_TABLE */
#define BAR_IO       1u
#define BAR_KIND     6u
#define BAR_64BIT    4u
#define BAR_FLAGS    0xfu
#define LAST_BAR     5u

/* ---- where an MSI-X table is, and who may write it ---- */

static int msix_locate(const struct pci_dev *dev, u64 *maddr)
{
    u32 table = pci_conf_read(dev->bdf, dev->msix + MSIX_TABLE, 4);
    unsigned bar = table & TABLE_BAR, reg = PCI_BAR + 4 * bar;
    u64 base;

    if (bar > LAST_BAR || !(pci_conf_read(dev->bdf, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
        return -ENXIO;
    base = pci_conf_read(dev->bdf, reg, 4);
    if (base & BAR_IO)
        return -ENXIO;
    if ((base & BAR_KIND) == BAR_64BIT && bar < LAST_BAR)
        base |= (u64)pci_conf_read(dev->bdf, reg + 4, 4) << 32;
    base &= ~(u64)BAR_FLAGS;
    if (!base)
        return -ENXIO;
    *maddr = base + (table & ~TABLE_BAR);
    return 0;
}

static u64 table_first(u64 maddr) { return maddr >> PAGE_SHIFT; }

static u64 table_last(const struct pci_dev *dev, u64 maddr)
{
    return (maddr + dev->msix_entries * ENTRY_BYTES - 1) >> PAGE_SHIFT;
}

void msix_unprotect(struct pci_dev *dev)
{
    if (dev->table_maddr && rangeset_remove(&mmio_ro_ranges, table_first(dev->table_maddr),
                                            table_last(dev, dev->table_maddr)))
        return;         /* no room to cut a range in two: it stays read-only */
    dev->table_maddr = 0;
    dev->table = NULL;
}

int msix_protect(struct pci_dev *dev)
{
    u64 maddr;
    int err = msix_locate(dev, &maddr);

    if (err || maddr == dev->table_maddr)
        return err;
    for (u64 n = table_first(maddr); n <= table_last(dev, maddr); n++)
        if (!frame_is_device(mfn(n)))
            return -EINVAL;
    msix_unprotect(dev);        /* the BAR was moved */
    err = rangeset_add(&mmio_ro_ranges, table_first(maddr), table_last(dev, maddr));
    if (!err)
        dev->table_maddr = maddr;
    return err;
}

/* ---- registers ---- */

static volatile u8 *msix_entry(const struct irq *irq)
{
    return (volatile u8 *)irq->dev->table + irq->entry * ENTRY_BYTES;
}

static unsigned msi_data_reg(const struct pci_dev *dev) { return dev->msi + MSI_ADDRESS + (dev->msi_64bit ? 8u : 4u); }
static unsigned msi_mask_reg(const struct pci_dev *dev) { return msi_data_reg(dev) + 4; }

static void msi_set_enable(const struct pci_dev *dev, bool on)
{
    u32 control = pci_conf_read(dev->bdf, dev->msi + MSI_CONTROL, 2) & ~(u32)MSI_ENABLE;

    pci_conf_write(dev->bdf, dev->msi + MSI_CONTROL, 2, control | (on ? (u32)MSI_ENABLE : 0));
}

static void msix_set_enable(const struct pci_dev *dev, bool on)
{
    u32 control = pci_conf_read(dev->bdf, dev->msix + MSIX_CONTROL, 2) & ~(u32)(MSIX_ENABLE | MSIX_MASK_ALL);

    pci_conf_write(dev->bdf, dev->msix + MSIX_CONTROL, 2, control | (on ? (u32)MSIX_ENABLE : 0));
}

bool msi_can_mask(const struct irq *irq) { return irq->kind == IRQ_MSIX || irq->dev->msi_maskable; }

/* The read waits until the write has arrived, behind every message sent before it. */
static void msix_set_mask(const struct irq *irq, bool masked)
{
    mmio_write32(msix_entry(irq) + ENTRY_CONTROL, masked ? ENTRY_MASKED : 0);
    (void)mmio_read32(msix_entry(irq) + ENTRY_CONTROL);
}

static void msi_set_mask(const struct irq *irq, bool masked)
{
    if (irq->kind == IRQ_MSIX) {
        msix_set_mask(irq, masked);
        return;
    }
    if (irq->dev->msi_maskable)
        pci_conf_write(irq->dev->bdf, msi_mask_reg(irq->dev), 4, masked);
    else
        msi_set_enable(irq->dev, !masked);
}

void msi_mask(const struct irq *irq) { msi_set_mask(irq, irq->masked); }

static void msi_write_message(const struct irq *irq, struct msi_message m)
{
    const struct pci_dev *dev = irq->dev;

    if (irq->kind == IRQ_MSIX) {
        mmio_write32(msix_entry(irq) + ENTRY_ADDRESS_LOW, (u32)m.address);
        mmio_write32(msix_entry(irq) + ENTRY_ADDRESS_HIGH, (u32)(m.address >> 32));
        mmio_write32(msix_entry(irq) + ENTRY_DATA, m.data);
        return;
    }
    pci_conf_write(dev->bdf, dev->msi + MSI_ADDRESS, 4, (u32)m.address);
    if (dev->msi_64bit)
        pci_conf_write(dev->bdf, dev->msi + MSI_ADDRESS + 4, 4, (u32)(m.address >> 32));
    pci_conf_write(dev->bdf, msi_data_reg(dev), 2, m.data);
}

void msi_program(const struct irq *irq)
{
    bool hold = !irq->masked && msi_can_mask(irq);      /* without a mask bit only the destination changes: one write */

    if (hold)
        msi_set_mask(irq, true);
    msi_write_message(irq, message_msi(irq->cpu, irq->vector));
    if (hold)
        msi_set_mask(irq, false);
}

/* ---- life of a message's irq ---- */

static struct irq *msi_find(const struct pci_dev *dev, u16 entry)
{
    for (u32 number = 0; number < NR_IRQS; number++) {
        struct irq *irq = irq_lookup(number);

        if (irq && irq->dev == dev && irq->entry == entry)
            return irq;
    }
    return NULL;
}

static int msi_check(const struct pci_dev *dev, const struct msi_request *rq)
{
    if (rq->msix ? !dev->msix : !dev->msi)
        return -ENODEV;
    if (dev->irqs && dev->msix_active != rq->msix)
        return -EBUSY;
    if (rq->entry >= (rq->msix ? dev->msix_entries : 1))
        return -EINVAL;
    return dev->irqs && msi_find(dev, rq->entry) ? -EEXIST : 0;
}

/* Table read-only to domains, mapped for us, all entries masked. The first message of a function needs this. */
static int msix_prepare(struct pci_dev *dev, struct mm_domain *mm)
{
    int err = msix_protect(dev);
    u8 *table;

    if (err)
        return err;
    if (!mm_may_map(mm, table_first(dev->table_maddr), table_last(dev, dev->table_maddr)))
        return -EPERM;
    if (!dev->table)
        dev->table = mmio_map(dev->table_maddr, dev->msix_entries * ENTRY_BYTES);
    table = dev->table;
    if (!table)
        return -ENOMEM;
    for (unsigned i = 0; i < dev->msix_entries; i++)
        mmio_write32(table + i * ENTRY_BYTES + ENTRY_CONTROL, ENTRY_MASKED);
    return 0;
}

/* First message of the function: masked, then enabled, so that masking can be undone message by message. */
static void msi_enable_function(struct pci_dev *dev, bool msix)
{
    dev->msix_active = msix;
    if (msix) {
        msix_set_enable(dev, true);
    } else if (dev->msi_maskable) {
        pci_conf_write(dev->bdf, msi_mask_reg(dev), 4, ~0u);
        msi_set_enable(dev, true);
    }
}

static int msi_create_locked(const struct msi_request *rq, struct mm_domain *mm)
{
    struct pci_dev *dev;
    int err = pci_device_get(rq->bdf, &dev), number;

    if (!err)
        err = msi_check(dev, rq);
    if (!err && rq->msix && !dev->irqs)
        err = msix_prepare(dev, mm);
    if (err)
        return err;
    number = irq_alloc(rq->msix ? IRQ_MSIX : IRQ_MSI, dev, rq->entry);
    if (number < 0)
        return number;
    if (!dev->irqs++)
        msi_enable_function(dev, rq->msix);
    return number;
}

int msi_create(const struct msi_request *rq, struct mm_domain *mm)
{
    int number;

    spin_lock(&pci_device_lock);
    number = msi_create_locked(rq, mm);
    spin_unlock(&pci_device_lock);
    return number;
}

void msi_destroy(struct irq *irq)
{
    struct pci_dev *dev = irq->dev;

    spin_lock(&pci_device_lock);
    irq_free(irq);
    if (!--dev->irqs)
        dev->msix_active ? msix_set_enable(dev, false) : msi_set_enable(dev, false);
    spin_unlock(&pci_device_lock);
}
