/* SPDX-License-Identifier: MIT */
/* Ports. Twin: tests/fake routes these to device models that tests plug in. */
#ifndef MACHINE_IO_H
#define MACHINE_IO_H

#include <lib/types.h>

static inline u8 inb(u16 p) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(p)); return v; }
static inline u16 inw(u16 p) { u16 v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(p)); return v; }
static inline u32 inl(u16 p) { u32 v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(p)); return v; }
static inline void outb(u16 p, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(p)); }
static inline void outw(u16 p, u16 v) { __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(p)); }
static inline void outl(u16 p, u32 v) { __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(p)); }

/* bytes is 1, 2 or 4. */
static inline u32 port_read(u16 p, unsigned bytes) { return bytes == 1 ? inb(p) : bytes == 2 ? inw(p) : inl(p); }
static inline void port_write(u16 p, unsigned bytes, u32 v)
{
    bytes == 1 ? outb(p, (u8)v) : bytes == 2 ? outw(p, (u16)v) : outl(p, v);
}

/* PCI configuration through 0xcf8/0xcfc (one machine-wide lock inside); sbdf = bus << 8 | devfn, segment 0. */
u32 pci_conf_read(u16 bdf, unsigned reg, unsigned bytes);
void pci_conf_write(u16 bdf, unsigned reg, unsigned bytes, u32 v);
/* Device registers mapped with mmio_map(). */
static inline u32 mmio_read32(const volatile void *p) { return *(const volatile u32 *)p; }
static inline void mmio_write32(volatile void *p, u32 v) { *(volatile u32 *)p = v; }
u8 cmos_read(u8 index);
void cmos_write(u8 index, u8 v);

#endif
