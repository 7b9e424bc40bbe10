/* SPDX-License-Identifier: MIT */
/* Index/data port pairs: PCI configuration space and CMOS; each pair behind its byte lock. */
#include <machine/internal.h>
#include <machine/io.h>

#define PCI_INDEX  0xcf8
#define PCI_DATA   0xcfc
#define PCI_ENABLE 0x80000000u
#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

static u8 pci_lock, cmos_lock;

static u16 pci_select(u16 bdf, unsigned reg)
{
    outl(PCI_INDEX, PCI_ENABLE | (u32)bdf << 8 | (reg & 0xfc));
    return (u16)(PCI_DATA + (reg & 3));
}

u32 pci_conf_read(u16 bdf, unsigned reg, unsigned bytes)
{
    u32 v;

    byte_lock(&pci_lock);
    v = port_read(pci_select(bdf, reg), bytes);
    byte_unlock(&pci_lock);
    return v;
}

void pci_conf_write(u16 bdf, unsigned reg, unsigned bytes, u32 v)
{
    byte_lock(&pci_lock);
    port_write(pci_select(bdf, reg), bytes, v);
    byte_unlock(&pci_lock);
}

u8 cmos_read(u8 index)
{
    u8 v;

    byte_lock(&cmos_lock);
    outb(CMOS_INDEX, index);
    v = inb(CMOS_DATA);
    byte_unlock(&cmos_lock);
    return v;
}

void cmos_write(u8 index, u8 v)
{
    byte_lock(&cmos_lock);
    outb(CMOS_INDEX, index);
    outb(CMOS_DATA, v);
    byte_unlock(&cmos_lock);
}
