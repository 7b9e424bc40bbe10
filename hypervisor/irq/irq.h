/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupts. An irq is one source: a pin of an IO-APIC (its number is the GSI) or a message of a PCI device
 * (numbers from gsi_count() up). It owns a vector on one CPU, and goes either to a handler of the hypervisor or to the
 * pirqs bound to it. Each irq has its lock (RANK_IRQ); struct irq is never freed, only reused, so that an interrupt
 * which is still under way finds it.
 *
 * Level-triggered pins are masked at the interrupt and get their EOI at once; the guest's PHYSDEVOP_eoi unmasks them.
 * So no interrupt waits in a local APIC for a guest. Edges and messages are acknowledged at once and never masked.
 *
 * Moving to another CPU: a vector is taken there, the source is programmed anew, and the old vector stays the irq's
 * until VECTOR_CLEANUP, sent to the old CPU, comes behind everything that was still pending there.
 */
#ifndef IRQ_IRQ_H
#define IRQ_IRQ_H

#include <core/lock.h>
#include <irq/vector.h>
#include <lib/list.h>

#define NR_IRQS 2048

enum irq_kind { IRQ_UNUSED, IRQ_GSI, IRQ_MSI, IRQ_MSIX };

struct pci_dev;
struct pirq;

struct irq {
    spinlock_t lock;            /* RANK_IRQ; (l) below */
    u16 number;                 /* (c) */
    enum irq_kind kind;         /* (l) */
    bool level, low;            /* (l) GSI: trigger and polarity */
    bool configured;            /* (l) GSI: PHYSDEVOP_setup_gsi has said so */
    bool masked;                /* (l) at the source */
    u8 vector;                  /* (l) 0: none yet */
    u16 cpu;                    /* (l) of vector */
    u16 want_cpu;               /* (l) where to move as soon as possible; = cpu: nowhere */
    u16 old_cpu;                /* (l) of old_vector */
    u8 old_vector;              /* (l) given back at VECTOR_CLEANUP; 0: none */
    u16 entry;                  /* (l) MSI-X: table entry */
    struct pci_dev *dev;        /* (l) MSI, MSI-X */
    void (*handler)(void *data); /* (c) once requested; else bound pirqs are served */
    void *data;
    struct list bound;          /* (l) struct pirq */
    u32 unacked;                /* (l) bound pirqs that owe an EOI */
    u64 count, unexpected;      /* (l) interrupts; those that nobody wanted */
};

/* Boot, once CPUs and ACPI tables are known: an irq for each pin. Panics when there is no memory. */
void irq_init(void);
/* NULL: there is none. */
struct irq *irq_lookup(u32 number);
/* An unused irq for a message; the caller serialises (PCI device lock). Number, -ENOSPC or -ENOMEM. */
int must_check irq_alloc(enum irq_kind kind, struct pci_dev *dev, u16 entry);
/* Gives it back; nothing is bound. The source must be quiet for good. */
void irq_free(struct irq *irq);

/* An interrupt at any vector the machine does not keep for itself came. Interrupts off, no lock held. Does the EOI. */
void irq_handle(u8 vector);

/* The hypervisor's own interrupt. The handler runs with interrupts off and no lock held, on cpu.
 * -EINVAL no such GSI, -EBUSY taken, -ENOSPC no vector. */
int must_check irq_request(u32 gsi, void (*handler)(void *data), void *data, unsigned cpu);
/* Delivers on cpu from now on, or as soon as an interrupt in service and a move under way allow.
 * -EINVAL: no such irq, or no device reaches that CPU; -ENOSPC no vector; -EBUSY: an edge or a message without mask bit
 * can only keep its vector, which is taken there. On error it stays where it is. */
int must_check irq_set_affinity(u32 number, unsigned cpu);

/* -- for pirq.c; the caller holds irq->lock -- */
/* First binding: a vector on cpu, else on any, and unmask. -ENOSPC. */
int must_check irq_startup(struct irq *irq, unsigned cpu);
void irq_shutdown(struct irq *irq);
void irq_unmask(struct irq *irq);

/* -- between irq.c and affinity.c; the caller holds irq->lock -- */
int must_check irq_move(struct irq *irq, unsigned cpu);
void irq_move_postponed(struct irq *irq);
void irq_program(struct irq *irq);
/* Gives the vector of an unused irq back, now or at the end of the move that is under way. */
void irq_retire_vector(struct irq *irq);
void irq_cleanup(void);         /* VECTOR_CLEANUP came: no lock held */

/* Debug key i: irqs that have been used, their CPUs, vectors, users and counts. */
void irq_show(void);

#endif
