/* SPDX-License-Identifier: MIT */
/* The boot CPU's way from boot_main() to a machine that runs: the steps of boot.h, and finding ACPI. Boot only. */
#include <lib/string.h>
#include <machine/boot.h>
#include <machine/internal.h>
#include <machine/ioapic.h>
#include <machine/map.h>
#include <machine/report.h>
#include <machine/vga.h>

#define EBDA_POINTER 0x40e
#define EBDA_SEARCH  1024
#define BIOS_START   0xe0000
#define BIOS_END     0x100000

struct acpi_info acpi_info;
cpumask_t cpu_online_mask;
unsigned cpu_online_count;
struct cpu_info *cpu_infos[NR_CPUS];

void machine_init_early(u32 magic, u64 info_maddr)
{
    cpu_infos[0] = cpu_info();
    cpumask_set(&cpu_online_mask, 0);
    cpu_online_count = 1;
    cpu_info()->cr3 = read_cr3();
    desc_init_boot();
    bootmem_init(magic, info_maddr);
}

void machine_init_memory(void)
{
    paging_init();
}

static const void *low_memory(u64 maddr)
{
    return frame_map(mfn(0)) + maddr;
}

static u64 scan_rsdp(u64 start, u64 end)
{
    for (u64 at = start; at < end; at += 16)
        if (acpi_rsdp_valid(low_memory(at), min(end - at, (u64)BOOT_RSDP_MAX)))
            return at;
    return 0;
}

static const void *find_rsdp(u32 *bytes)
{
    u64 ebda, at = 0;

    if (boot_info.rsdp_bytes) {
        *bytes = boot_info.rsdp_bytes;
        return boot_info.rsdp;
    }
    ebda = (u64)*(const volatile u16 *)low_memory(EBDA_POINTER) << 4;
    if (ebda >= 0x400 && ebda < 0xa0000)
        at = scan_rsdp(ebda, ebda + EBDA_SEARCH);
    if (!at)
        at = scan_rsdp(BIOS_START, BIOS_END);
    acpi_info.rsdp = at;
    *bytes = BOOT_RSDP_MAX;
    return at ? low_memory(at) : NULL;
}

static void acpi_report(const char *text)
{
    machine_warn("ACPI: %s.", text);
}

static const void *acpi_map(u64 maddr, u64 bytes)
{
    return firmware_map(maddr, bytes);
}

static void acpi_init(void)
{
    u32 bytes;
    const void *rsdp = find_rsdp(&bytes);

    if (acpi_parse(&acpi_info, rsdp, bytes, acpi_map, acpi_report))
        machine_warn("No ACPI tables found: no power-off, no other CPUs. Enable ACPI in the firmware setup.");
    if (!acpi_info.has_madt)
        machine_warn("No usable MADT (the ACPI table of CPUs): running on one CPU without IO-APICs. "
                     "Update the firmware or enable ACPI and APIC in its setup.");
    if (acpi_info.nr_cpus_ignored)
        machine_warn("%u CPUs beyond the %u supported are not used.", acpi_info.nr_cpus_ignored, NR_CPUS);
}

void machine_init_platform(void)
{
    acpi_init();
    power_init();
    ioapic_init();              /* before the local APIC: the 8259's request must fall while it is still wired */
    lapic_init_boot();
    time_init();
    lapic_timer_calibrate();
    aps_prepare();
    vga_init();
}
