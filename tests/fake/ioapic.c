/* SPDX-License-Identifier: MIT */
/*
 * Twin of machine/ioapic.c: IO-APICs that deliver to the fake CPUs. A level entry is in service (remote IRR) from
 * delivery until the CPU's next EOI; an EOI that finds another vector in the entry would hang the pin for ever on a
 * real machine, so it ends the test. Lines are looked at again at each register access.
 */
#include <lib/string.h>
#include <machine/ioapic.h>

#include "fake.h"
#include "ioapic.h"

#define MAX_PINS 64
#define RTE_LEVEL  (1UL << 15)
#define RTE_IRR    (1UL << 14)
#define RTE_MASKED (1UL << 16)

struct pin {
    u64 entry;
    bool line;
    u8 vector;              /* in service: as delivered */
    unsigned cpu, eois;     /* in service: where, and its EOIs before */
};

static struct { struct pin pins[MAX_PINS]; } ioapics[ACPI_MAX_IOAPICS];

void fake_ioapic_add(u64 maddr, u32 gsi_base, u32 pins)
{
    unsigned i = acpi_info.nr_ioapics++;

    acpi_info.ioapics[i] = (struct acpi_ioapic){ .id = (u8)i, .maddr = maddr, .gsi_base = gsi_base, .pins = pins };
    memset(&ioapics[i], 0, sizeof(ioapics[i]));
    for (unsigned pin = 0; pin < MAX_PINS; pin++)
        ioapics[i].pins[pin].entry = RTE_MASKED;
}

void ioapic_init(void) {}

static unsigned cpu_of_apic(u64 id)
{
    unsigned cpu;

    for_each_cpu(cpu, &cpu_online_mask)
        if (fake_cpus[cpu].info.apic_id == id)
            return cpu;
    fake_die("interrupt to APIC %lu, which no CPU has", id);
}

static unsigned deliver(u64 apic_id, u8 vector)
{
    unsigned cpu = cpu_of_apic(apic_id);

    if (vector < 16)
        fake_die("interrupt with vector 0x%02x", vector);
    bit_set(fake_cpus[cpu].pending, vector);
    return cpu;
}

void fake_msi_send(u64 address, u32 data)
{
    if (address >> 20 != 0xfee)
        fake_die("message to address 0x%lx, where no local APIC is", address);
    deliver((address >> 12) & 0xff, (u8)data);
}

static void pin_settle(struct pin *p)
{
    if (p->entry & RTE_IRR && fake_cpus[p->cpu].eois != p->eois) {
        if ((u8)p->entry != p->vector)
            fake_die("EOI of vector 0x%02x finds 0x%02x in the entry: the pin is dead", p->vector, (u8)p->entry);
        p->entry &= ~RTE_IRR;
    }
    if (!p->line || !(p->entry & RTE_LEVEL) || p->entry & (RTE_MASKED | RTE_IRR))
        return;
    p->entry |= RTE_IRR;
    p->vector = (u8)p->entry;
    p->cpu = deliver(p->entry >> 56, p->vector);
    p->eois = fake_cpus[p->cpu].eois;
}

static struct pin *pin_of(u32 gsi)
{
    for (unsigned i = 0; i < acpi_info.nr_ioapics; i++)
        if (gsi >= acpi_info.ioapics[i].gsi_base && gsi < acpi_info.ioapics[i].gsi_base + acpi_info.ioapics[i].pins)
            return &ioapics[i].pins[gsi - acpi_info.ioapics[i].gsi_base];
    fake_die("no pin has GSI %u", gsi);
}

void fake_ioapic_line(u32 gsi, bool on)
{
    struct pin *p = pin_of(gsi);
    bool rises = on && !p->line;

    p->line = on;
    if (rises && !(p->entry & (RTE_LEVEL | RTE_MASKED)))
        deliver(p->entry >> 56, (u8)p->entry);
    pin_settle(p);
}

u64 fake_ioapic_entry(u32 gsi)
{
    pin_settle(pin_of(gsi));
    return pin_of(gsi)->entry;
}

/* The pin whose entry the register is half of; NULL: none. */
static struct pin *pin_of_register(unsigned i, u8 reg)
{
    unsigned pin = (reg - IOAPIC_REG_ENTRY) / 2u;

    return reg >= IOAPIC_REG_ENTRY && pin < acpi_info.ioapics[i].pins ? &ioapics[i].pins[pin] : NULL;
}

u32 ioapic_read(unsigned i, u8 reg)
{
    struct pin *p = pin_of_register(i, reg);

    if (!p)
        return reg == IOAPIC_REG_VERSION ? ((acpi_info.ioapics[i].pins - 1) << 16 | 0x20) :
               reg == IOAPIC_REG_ID ? i << 24 : ~0u;
    pin_settle(p);
    return (u32)(reg & 1 ? p->entry >> 32 : p->entry);
}

void ioapic_write(unsigned i, u8 reg, u32 v)
{
    struct pin *p = pin_of_register(i, reg);

    if (!p)
        fake_die("write to IO-APIC register 0x%02x", reg);
    pin_settle(p);
    if (reg & 1)
        p->entry = (u32)p->entry | (u64)v << 32;
    else
        p->entry = (p->entry & (~0xffffffffUL | RTE_IRR)) | (v & ~(u32)RTE_IRR);
    pin_settle(p);
}
