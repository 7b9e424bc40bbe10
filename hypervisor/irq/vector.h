/* SPDX-License-Identifier: MIT */
/*
 * Interrupt vectors of each CPU: which irq owns which. Slots are claimed and freed by compare-and-swap, so there is no
 * lock; who owns a slot is the irq's business (its lock, irq/irq.h).
 */
#ifndef IRQ_VECTOR_H
#define IRQ_VECTOR_H

#include <lib/types.h>
#include <machine/cpu.h>

/* Never given out: as the lowest of all, it is delivered after every other vector that waited in the local APIC. */
#define VECTOR_CLEANUP VECTOR_DYN_FIRST

#define IRQ_NONE (~0u)

void vector_init(void);
/* A free vector of the CPU, the preferred one if it is free (0: no preference). -ENOSPC: all in use. */
int must_check vector_alloc(unsigned cpu, u32 irq, u8 prefer);
void vector_free(unsigned cpu, u8 vector);
/* The owner or IRQ_NONE. */
u32 vector_irq(unsigned cpu, u8 vector);
unsigned vector_count(unsigned cpu);    /* in use */

#endif
