/* SPDX-License-Identifier: MIT */
/* Ends of the machine: ACPI sleep, the ways to reset, halting CPUs. Any context, also panic. See power.h. */
#include <machine/boot.h>
#include <machine/cpu.h>
#include <machine/internal.h>
#include <machine/io.h>
#include <machine/map.h>
#include <machine/power.h>

#define SLP_EN        0x2000
#define SETTLE_SPINS  1000000

static struct { bool known; u16 pm1a, pm1b; } sleep;
static u8 *reset_mmio;

static void settle(void)
{
    for (unsigned i = 0; i < SETTLE_SPINS; i++)
        cpu_relax();
}

void power_set_sleep(u16 pm1a_val, u16 pm1b_val)
{
    sleep.pm1a = pm1a_val;
    sleep.pm1b = pm1b_val;
    sleep.known = true;
}

static void pm1_write(const struct acpi_address *reg, u16 v)
{
    if (reg->space == ACPI_SPACE_PORT && reg->address)
        outw((u16)reg->address, v);
}

/* The sleep type is in the DSDT's code, which only dom0 interprets: without it there is nothing to write. */
void power_off(void)
{
    if (!sleep.known)
        return;
    pm1_write(&acpi_info.pm1a_control, sleep.pm1a);
    pm1_write(&acpi_info.pm1b_control, sleep.pm1b);
    pm1_write(&acpi_info.pm1a_control, sleep.pm1a | SLP_EN);
    pm1_write(&acpi_info.pm1b_control, sleep.pm1b | SLP_EN);
    settle();
}

void power_init(void)
{
    if (acpi_info.reset.space == ACPI_SPACE_MEMORY && acpi_info.reset.address)
        reset_mmio = mmio_map(acpi_info.reset.address, 1);
}

static void acpi_reset(void)
{
    const struct acpi_address *r = &acpi_info.reset;

    if (reset_mmio)
        *(volatile u8 *)reset_mmio = acpi_info.reset_value;
    else if (r->space == ACPI_SPACE_PORT && r->address)
        outb((u16)r->address, acpi_info.reset_value);
    else if (r->space == ACPI_SPACE_PCI && r->address)
        pci_conf_write((u16)((r->address >> 32 & 0x1f) << 3 | (r->address >> 16 & 7)), r->address & 0xff, 1,
                       acpi_info.reset_value);
}

static void keyboard_reset(void)
{
    for (unsigned i = 0; i < 10000 && (inb(0x64) & 2); i++)
        cpu_relax();
    outb(0x64, 0xfe);
}

void noreturn power_reset(void)
{
    static const struct { u16 limit; u64 base; } packed no_idt;

    cpu_irq_disable();
    acpi_reset();
    settle();
    keyboard_reset();
    settle();
    outb(0xcf9, 0x02);
    outb(0xcf9, 0x06);
    settle();
    __asm__ volatile("lidt %0; int3" ::"m"(no_idt));    /* no handler: the CPU shuts down, the board resets */
    power_halt();
}

void noreturn power_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" ::: "memory");
}

bool cpus_stopping;

void cpus_stop_others(void)
{
    unsigned cpu;

    __atomic_store_n(&cpus_stopping, true, __ATOMIC_SEQ_CST);

    for_each_cpu(cpu, &cpu_online_mask)
        if (cpu != cpu_id())
            cpu_send_nmi(cpu);
}
