/* SPDX-License-Identifier: MIT */
/*
 * Port accesses of a paravirtual guest. Ports in the domain's range set go to the machine. Of the rest, a few are
 * virtual: the PCI configuration mechanism, the CMOS clock, timer channel 2; what remains reads as ones. The latches
 * are the domain's; vcpus that race on them see what they would on a machine.
 */
#include <irq/pci.h>
#include <machine/io.h>
#include <machine/tlb.h>
#include <pv/ioport.h>
#include <pv/pit.h>
#include <xen/xen.h>

#define PORT_CMOS_INDEX 0x70
#define PORT_CMOS_DATA  0x71
#define PORT_PCI_INDEX  0xcf8
#define PORT_PCI_DATA   0xcfc

#define PCI_INDEX_ENABLE BIT(31)

static bool is_hardware(const struct vcpu *v) { return v->domain->rights & RIGHT_HARDWARE; }

bool iopl_allowed(const struct vcpu *v)
{
    bool architectural = v->domain->pv.vm_assist & BIT(VMASST_TYPE_architectural_iopl);

    return v->pv.iopl >= (v->pv.in_kernel ? (architectural ? 0 : 1) : 3);
}

/* The bitmap is in the guest kernel's address space. */
static int read_bitmap(struct vcpu *v, u64 offset, void *buf, unsigned bytes)
{
    int rc;

    if (!v->pv.in_kernel)
        root_toggle(v->pv.root_kernel);
    rc = guest_read(buf, guest_ptr(v->pv.iobmp.va + offset), bytes);
    if (!v->pv.in_kernel)
        root_toggle(v->pv.root_user);
    return rc;
}

bool ioport_allowed(struct vcpu *v, u16 port, unsigned bytes)
{
    unsigned last = port + bytes - 1;
    u16 denied = 0;

    if (iopl_allowed(v))
        return true;
    if (last >= v->pv.iobmp_ports || read_bitmap(v, port / 8, &denied, last / 8 - port / 8 + 1))
        return false;
    return !(denied >> (port % 8) & ((1u << bytes) - 1));
}

static bool is_owned(struct vcpu *v, u16 port, unsigned bytes)
{
    return mm_may_use_ports(&v->domain->mm, port, port + bytes - 1u);
}

/* Naturally aligned within the data register of the configuration mechanism? */
static bool is_pci_data(u16 port, unsigned bytes)
{
    return port >= PORT_PCI_DATA && port < PORT_PCI_DATA + 4 && !(port & (bytes - 1));
}

/* Which register the latch selects. False: none, or no rights on devices. */
static bool pci_target(const struct vcpu *v, u16 port, u16 *bdf, unsigned *reg)
{
    u32 index = READ_ONCE(v->domain->pv.cf8);

    *bdf = (u16)(index >> 8);
    *reg = (index & 0xfc) | (port & 3);
    return index & PCI_INDEX_ENABLE && is_hardware(v);
}

static u8 virtual_read(struct vcpu *v, u16 port)
{
    struct pv_domain *pv = &v->domain->pv;

    switch (port) {
    case PORT_PIT_COUNTER2:
    case PORT_PIT_GATE:
        return pit_read(&pv->pit, port);
    case PORT_CMOS_INDEX: return pv->cmos_index;
    case PORT_CMOS_DATA: return is_hardware(v) ? cmos_read(pv->cmos_index & 0x7f) : 0xff;
    default: return 0xff;
    }
}

static void virtual_write(struct vcpu *v, u16 port, u8 value)
{
    struct pv_domain *pv = &v->domain->pv;

    switch (port) {
    case PORT_PIT_COUNTER2:
    case PORT_PIT_CONTROL:
    case PORT_PIT_GATE:
        pit_write(&pv->pit, port, value);
        break;
    case PORT_CMOS_INDEX:
        pv->cmos_index = value;
        break;
    case PORT_CMOS_DATA:
        if (is_hardware(v))
            cmos_write(pv->cmos_index & 0x7f, value);
        break;
    default:
        break;
    }
}

u32 ioport_read(struct vcpu *v, u16 port, unsigned bytes)
{
    unsigned half = bytes / 2;
    unsigned reg;
    u16 bdf;

    if (is_owned(v, port, bytes))
        return port_read(port, bytes);
    if (port == PORT_PCI_INDEX && bytes == 4)
        return READ_ONCE(v->domain->pv.cf8);
    if (is_pci_data(port, bytes))
        return pci_target(v, port, &bdf, &reg) ? pci_conf_read(bdf, reg, bytes) : ~0u >> (32 - 8 * bytes);
    if (bytes == 1)
        return virtual_read(v, port);
    return ioport_read(v, port, half) | ioport_read(v, (u16)(port + half), half) << (8 * half);
}

void ioport_write(struct vcpu *v, u16 port, unsigned bytes, u32 value)
{
    unsigned half = bytes / 2;
    unsigned reg;
    u16 bdf;

    if (is_owned(v, port, bytes)) {
        port_write(port, bytes, value);
    } else if (port == PORT_PCI_INDEX && bytes == 4) {
        WRITE_ONCE(v->domain->pv.cf8, value);
    } else if (is_pci_data(port, bytes)) {
        if (pci_target(v, port, &bdf, &reg) && !pci_conf_write_intercept(bdf, reg, bytes, &value))
            pci_conf_write(bdf, reg, bytes, value);
    } else if (bytes == 1) {
        virtual_write(v, port, (u8)value);
    } else {
        ioport_write(v, port, half, value & (~0u >> (32 - 8 * half)));
        ioport_write(v, (u16)(port + half), half, value >> (8 * half));
    }
}
