/* SPDX-License-Identifier: MIT */
/*
 * Raw access to the IO-APICs in acpi_info.ioapics (index i; pins is filled in). irq/ owns their contents and calls
 * with RANK_IOAPIC held: an access is two device accesses.
 */
#ifndef MACHINE_IOAPIC_H
#define MACHINE_IOAPIC_H

#include <lib/acpi.h>

#define IOAPIC_REG_ID      0x00
#define IOAPIC_REG_VERSION 0x01
#define IOAPIC_REG_ENTRY   0x10     /* + 2 * pin: low half, then high half */

extern struct acpi_info acpi_info;

u32 ioapic_read(unsigned i, u8 reg);
void ioapic_write(unsigned i, u8 reg, u32 v);

/* Boot: maps the IO-APICs, counts pins, masks every entry, masks the 8259 pair. */
void ioapic_init(void);

#endif
