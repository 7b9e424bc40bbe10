/* SPDX-License-Identifier: MIT */
/* Fake IO-APICs behind <machine/ioapic.h>, and messages of fake devices. */
#ifndef FAKE_IOAPIC_H
#define FAKE_IOAPIC_H

#include <lib/types.h>

/* Adds an IO-APIC to acpi_info, all entries masked. fake_start() takes them away. */
void fake_ioapic_add(u64 maddr, u32 gsi_base, u32 pins);
/* A device drives the pin. Edges at masked pins are lost; a level line fires whenever it can. */
void fake_ioapic_line(u32 gsi, bool on);
u64 fake_ioapic_entry(u32 gsi);         /* redirection entry, remote IRR included */
/* A device writes an interrupt message. */
void fake_msi_send(u64 address, u32 data);

#endif
