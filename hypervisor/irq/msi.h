/* SPDX-License-Identifier: MIT */
/*
 * MSI and MSI-X: one irq per message. One message per function for MSI (several would need consecutive vectors);
 * MSI-X tables are mapped by the hypervisor and read-only to every domain.
 */
#ifndef IRQ_MSI_H
#define IRQ_MSI_H

#include <irq/irq.h>
#include <irq/pci.h>

struct mm_domain;

struct msi_request {
    u16 bdf;
    bool msix;
    u16 entry;          /* of the MSI-X table */
};

/*
 * A masked irq for the message; mm: the domain that must hold the right to the table's frames. Its number, or
 * -ENODEV no such function or capability; -EINVAL no such entry, or the table is not in device memory; -ENXIO the
 * table's BAR is not set or decoding is off; -EPERM no right; -EEXIST the message has an irq; -EBUSY the function uses
 * the other kind; -ENOSPC, -ENOMEM.
 */
int must_check msi_create(const struct msi_request *rq, struct mm_domain *mm);
/* Silences the message and frees its irq; nothing is bound. */
void msi_destroy(struct irq *irq);

/* Makes the MSI-X table's frames read-only before dom0 maps them, as soon as it wants to use MSI-X. The caller holds
 * pci_device_lock. Errors as msi_create(). */
int must_check msix_protect(struct pci_dev *dev);
void msix_unprotect(struct pci_dev *dev);

/* -- the caller holds irq->lock -- */
void msi_program(const struct irq *irq);        /* message from irq's fields */
void msi_mask(const struct irq *irq);           /* from irq->masked */
bool msi_can_mask(const struct irq *irq);       /* without losing a message */

#endif
