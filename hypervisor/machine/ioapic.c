/* SPDX-License-Identifier: MIT */
/* IO-APICs and the 8259 pair at boot: found, counted, silenced. See ioapic.h. */
#include <machine/internal.h>
#include <machine/io.h>
#include <machine/ioapic.h>
#include <machine/map.h>
#include <machine/report.h>

#define IOAPIC_SELECT 0x00
#define IOAPIC_WINDOW 0x10
#define IOAPIC_BYTES  0x20
#define ENTRY_MASKED  0x10000

static u8 *ioapic_regs[ACPI_MAX_IOAPICS];

u32 ioapic_read(unsigned i, u8 reg)
{
    mmio_write32(ioapic_regs[i] + IOAPIC_SELECT, reg);
    return mmio_read32(ioapic_regs[i] + IOAPIC_WINDOW);
}

void ioapic_write(unsigned i, u8 reg, u32 v)
{
    mmio_write32(ioapic_regs[i] + IOAPIC_SELECT, reg);
    mmio_write32(ioapic_regs[i] + IOAPIC_WINDOW, v);
}

/* Both controllers: initialised to vectors that nothing else uses, in case of a spurious one, and masked. */
static void silence_8259(void)
{
    static const struct { u16 port; u8 v; } steps[] = {
        { 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, 0xf0 }, { 0xa1, 0xf0 },
        { 0x21, 0x04 }, { 0xa1, 0x02 }, { 0x21, 0x01 }, { 0xa1, 0x01 }, { 0x21, 0xff }, { 0xa1, 0xff },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++)
        outb(steps[i].port, steps[i].v);
}

static void init_one(unsigned i)
{
    struct acpi_ioapic *io = &acpi_info.ioapics[i];
    u32 version;

    ioapic_regs[i] = mmio_map(io->maddr, IOAPIC_BYTES);
    version = ioapic_regs[i] ? ioapic_read(i, IOAPIC_REG_VERSION) : ~0u;
    if (version == ~0u) {
        machine_warn("IO-APIC %u at %lx does not answer; its interrupts are lost. Update the firmware.", io->id,
                     io->maddr);
        io->pins = 0;
        return;
    }
    io->pins = (version >> 16 & 0xff) + 1;
    for (u32 pin = 0; pin < io->pins; pin++)
        ioapic_write(i, (u8)(IOAPIC_REG_ENTRY + 2 * pin), ENTRY_MASKED);
}

void ioapic_init(void)
{
    silence_8259();
    for (unsigned i = 0; i < acpi_info.nr_ioapics; i++)
        init_one(i);
}
