/* SPDX-License-Identifier: MIT */
/*
 * PCI functions of segment 0 as far as interrupts need them: where their MSI and MSI-X capabilities are. A record is
 * made when dom0 announces the function, or at the first use; making it turns off what the firmware left enabled.
 * The hypervisor owns both capabilities: dom0 reads them, and its writes are dropped (pci_conf_write_intercept()).
 *
 * pci_device_lock (RANK_PCI_DEVICE) guards the list and the records; it is taken inside RANK_PIRQ, outside RANK_IRQ.
 */
#ifndef IRQ_PCI_H
#define IRQ_PCI_H

#include <core/lock.h>
#include <lib/list.h>

#define PCI_BDF(bus, devfn) ((u16)((bus) << 8 | (devfn)))

#define PCI_VENDOR         0x00
#define PCI_COMMAND        0x04
#define PCI_COMMAND_MEMORY BIT(1)
#define PCI_STATUS         0x06
#define PCI_STATUS_CAPS    BIT(4)
#define PCI_HEADER_TYPE    0x0e
#define PCI_BAR            0x10
#define PCI_CAPS           0x34
#define PCI_CAPS_CARDBUS   0x14
#define PCI_CAP_MSI        0x05
#define PCI_CAP_MSIX       0x11

#define MSI_CONTROL        2       /* 16 bits, from the capability's start */
#define MSI_ENABLE         BIT(0)
#define MSI_QUEUE_SIZE     (7u << 4)
#define MSI_64BIT          BIT(7)
#define MSI_MASKABLE       BIT(8)
#define MSI_ADDRESS        4
#define MSIX_CONTROL       2
#define MSIX_ENABLE        BIT(15)
#define MSIX_MASK_ALL      BIT(14)
#define MSIX_SIZE          0x7ffu  /* entries - 1 */
#define MSIX_TABLE         4       /* BAR number in bits 0-2, offset */
#define MSIX_CAP_BYTES     12

struct pci_dev {
    struct list link;           /* (l) */
    u16 bdf;                    /* (c) */
    u8 msi, msix;               /* (c) offsets of the capabilities; 0: it has none */
    bool msi_64bit, msi_maskable; /* (c) */
    u16 msix_entries;           /* (c) */
    u16 irqs;                   /* (l) messages in use */
    bool msix_active;           /* (l) they are MSI-X */
    u64 table_maddr;            /* (l) MSI-X table whose frames are in mmio_ro_ranges; 0: none yet */
    void *table;                /* (l) mapping of it; NULL: none yet */
};

extern spinlock_t pci_device_lock;

/* The caller holds pci_device_lock. -ENODEV: nothing answers there; -ENOMEM. */
int must_check pci_device_get(u16 bdf, struct pci_dev **out);

/* PHYSDEVOP_pci_device_add; adding it again is fine. As pci_device_get(). */
int must_check pci_device_add(u16 bdf);
/* PHYSDEVOP_pci_device_remove. -ENODEV unknown, -EBUSY messages are mapped. */
int must_check pci_device_remove(u16 bdf);

/*
 * Every write of dom0 to configuration space (segment 0, within a doubleword) asks here first: 0: do it; -EPERM: the
 * registers are the hypervisor's, drop the write silently; -ENOMEM: drop it, too. *v is left as it is.
 */
int must_check pci_conf_write_intercept(u16 bdf, unsigned reg, unsigned bytes, u32 *v);

#endif
