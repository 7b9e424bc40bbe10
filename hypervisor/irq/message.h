/* SPDX-License-Identifier: MIT */
/*
 * How an interrupt names a CPU and a vector: the message of an MSI or MSI-X entry and the redirection entry of an
 * IO-APIC pin. The only place that composes them, so that interrupt remapping has one place to change. Pure.
 */
#ifndef IRQ_MESSAGE_H
#define IRQ_MESSAGE_H

#include <lib/types.h>

struct msi_message {
    u64 address;
    u32 data;
};

#define RTE_REMOTE_IRR BIT(14)  /* level: accepted by a local APIC, EOI has not come back yet */
#define RTE_LEVEL      BIT(15)
#define RTE_LOW        BIT(13)
#define RTE_MASKED     BIT(16)

/* Whether a device can interrupt this CPU: without remapping there are 8 bits for its APIC id. */
bool message_reaches(unsigned cpu);
struct msi_message message_msi(unsigned cpu, u8 vector);
u64 message_rte(unsigned cpu, u8 vector, bool level, bool low, bool masked);

#endif
