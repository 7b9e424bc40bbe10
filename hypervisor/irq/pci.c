/* SPDX-License-Identifier: MIT */
/* PCI functions and who may write their MSI capabilities. Contracts: pci.h. */
#include <irq/msi.h>
#include <irq/pci.h>
#include <lib/errno.h>
#include <machine/io.h>
#include <mm/heap.h>

#define FIRST_CAP     0x40u
#define MAX_CAPS      48        /* as many as fit behind the header: a ring in the list ends here */
#define HEADER_CARDBUS 2

spinlock_t pci_device_lock = SPINLOCK_INIT(RANK_PCI_DEVICE);

static struct list devices = LIST_INIT(devices);

static u8 pci_find_cap(u16 bdf, u8 id)
{
    bool cardbus = (pci_conf_read(bdf, PCI_HEADER_TYPE, 1) & 0x7f) == HEADER_CARDBUS;
    unsigned pos;

    if (!(pci_conf_read(bdf, PCI_STATUS, 2) & PCI_STATUS_CAPS))
        return 0;
    pos = pci_conf_read(bdf, cardbus ? PCI_CAPS_CARDBUS : PCI_CAPS, 1) & ~3u;
    for (unsigned i = 0; i < MAX_CAPS && pos >= FIRST_CAP; i++) {
        u32 head = pci_conf_read(bdf, pos, 2);

        if ((head & 0xff) == id)
            return (u8)pos;
        pos = (head >> 8) & ~3u;
    }
    return 0;
}

static void pci_read_msi(struct pci_dev *dev)
{
    u32 control;

    dev->msi = pci_find_cap(dev->bdf, PCI_CAP_MSI);
    if (!dev->msi)
        return;
    control = pci_conf_read(dev->bdf, dev->msi + MSI_CONTROL, 2);
    dev->msi_64bit = control & MSI_64BIT;
    dev->msi_maskable = control & MSI_MASKABLE;
    pci_conf_write(dev->bdf, dev->msi + MSI_CONTROL, 2, control & ~(u32)(MSI_ENABLE | MSI_QUEUE_SIZE));
}

static void pci_read_msix(struct pci_dev *dev)
{
    u32 control;

    dev->msix = pci_find_cap(dev->bdf, PCI_CAP_MSIX);
    if (!dev->msix)
        return;
    control = pci_conf_read(dev->bdf, dev->msix + MSIX_CONTROL, 2);
    dev->msix_entries = (u16)((control & MSIX_SIZE) + 1);
    pci_conf_write(dev->bdf, dev->msix + MSIX_CONTROL, 2, control & ~(u32)MSIX_ENABLE);
}

static struct pci_dev *pci_find(u16 bdf)
{
    struct pci_dev *dev;

    list_for_each(dev, &devices, link)
        if (dev->bdf == bdf)
            return dev;
    return NULL;
}

int pci_device_get(u16 bdf, struct pci_dev **out)
{
    struct pci_dev *dev = pci_find(bdf);

    if (!dev) {
        if (pci_conf_read(bdf, PCI_VENDOR, 2) == 0xffff)
            return -ENODEV;
        dev = mem_alloc(sizeof(*dev));
        if (!dev)
            return -ENOMEM;
        dev->bdf = bdf;
        pci_read_msi(dev);
        pci_read_msix(dev);
        list_add_tail(&devices, &dev->link);
    }
    *out = dev;
    return 0;
}

int pci_device_add(u16 bdf)
{
    struct pci_dev *dev;
    int err;

    spin_lock(&pci_device_lock);
    err = pci_device_get(bdf, &dev);
    spin_unlock(&pci_device_lock);
    return err;
}

int pci_device_remove(u16 bdf)
{
    struct pci_dev *dev;
    int err = 0;

    spin_lock(&pci_device_lock);
    dev = pci_find(bdf);
    if (!dev) {
        err = -ENODEV;
    } else if (dev->irqs) {
        err = -EBUSY;
    } else {
        msix_unprotect(dev);
        list_del(&dev->link);
        mem_free(dev);
    }
    spin_unlock(&pci_device_lock);
    return err;
}

static unsigned msi_cap_bytes(const struct pci_dev *dev)
{
    return 10u + (dev->msi_64bit ? 4 : 0) + (dev->msi_maskable ? 10 : 0);
}

static bool in_cap(unsigned reg, unsigned cap, unsigned bytes) { return cap && reg >= cap && reg < cap + bytes; }

/* A write stays in one doubleword, and capabilities begin at doublewords: it is in one of them or outside. */
static int pci_intercept(struct pci_dev *dev, unsigned reg, unsigned bytes, u32 v)
{
    unsigned enable = dev->msix + MSIX_CONTROL + 1;     /* the byte with the enable bit */

    if (in_cap(reg, dev->msi, msi_cap_bytes(dev)))
        return -EPERM;
    if (!in_cap(reg, dev->msix, MSIX_CAP_BYTES))
        return 0;
    /* dom0 enables MSI-X before it maps the table: the moment to make the table read-only. */
    if (reg <= enable && enable < reg + bytes && (v >> (8 * (enable - reg))) & (MSIX_ENABLE >> 8))
        return msix_protect(dev) == -ENOMEM ? -ENOMEM : -EPERM;
    return -EPERM;
}

int pci_conf_write_intercept(u16 bdf, unsigned reg, unsigned bytes, u32 *v)
{
    struct pci_dev *dev;
    int err;

    if (reg < FIRST_CAP)
        return 0;
    spin_lock(&pci_device_lock);
    err = pci_device_get(bdf, &dev);
    if (!err)
        err = pci_intercept(dev, reg, bytes, *v);
    spin_unlock(&pci_device_lock);
    return err == -ENODEV ? 0 : err;
}
