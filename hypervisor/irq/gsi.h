/* SPDX-License-Identifier: MIT */
/*
 * Pins of the IO-APICs by global number (GSI). Their registers are read and written under one lock (RANK_IOAPIC).
 */
#ifndef IRQ_GSI_H
#define IRQ_GSI_H

#include <irq/irq.h>

u32 gsi_count(void);            /* highest GSI + 1; there may be holes */
bool gsi_valid(u32 gsi);        /* an IO-APIC has it */
u32 gsi_of_isa(u8 isa);         /* the GSI at which an ISA interrupt arrives */
/* Trigger and polarity until somebody says otherwise: the override's, else ISA: rising edge, PCI: level low. */
void gsi_default_mode(u32 gsi, bool *level, bool *low);

/* PHYSDEVOP_setup_gsi. -EINVAL no such GSI; -EEXIST it is set up like this already; -EBUSY in use otherwise. */
int must_check gsi_setup(u32 gsi, bool level, bool low);

/* The caller holds irq->lock. */
void gsi_program(const struct irq *irq);        /* whole entry from irq's fields */
void gsi_mask(const struct irq *irq);           /* mask bit from irq->masked */
bool gsi_in_service(const struct irq *irq);     /* level: the entry must not change until the EOI comes */

/* A register as dom0 may read it. -EINVAL: no IO-APIC at that machine address. */
int must_check gsi_read_register(u64 maddr, u8 reg, u32 *v);

#endif
