/* SPDX-License-Identifier: MIT */
/* Twin of machine/io.h: ports, PCI configuration space and device registers go to what the test plugged in. */
#ifndef MACHINE_IO_H
#define MACHINE_IO_H

#include <lib/types.h>

u32 port_read(u16 p, unsigned bytes);
void port_write(u16 p, unsigned bytes, u32 v);

static inline u8 inb(u16 p) { return (u8)port_read(p, 1); }
static inline u16 inw(u16 p) { return (u16)port_read(p, 2); }
static inline u32 inl(u16 p) { return port_read(p, 4); }
static inline void outb(u16 p, u8 v) { port_write(p, 1, v); }
static inline void outw(u16 p, u16 v) { port_write(p, 2, v); }
static inline void outl(u16 p, u32 v) { port_write(p, 4, v); }

u32 pci_conf_read(u16 bdf, unsigned reg, unsigned bytes);
void pci_conf_write(u16 bdf, unsigned reg, unsigned bytes, u32 v);
u32 mmio_read32(const volatile void *p);
void mmio_write32(volatile void *p, u32 v);
u8 cmos_read(u8 index);
void cmos_write(u8 index, u8 v);

#endif
