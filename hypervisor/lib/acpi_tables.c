/* SPDX-License-Identifier: MIT */
/* Readers of single ACPI tables; the caller has checked length and checksum. See acpi.h. */
#include <lib/acpi.h>
#include <lib/string.h>

static u16 get16(const u8 *p) { u16 v; memcpy(&v, p, sizeof(v)); return v; }
static u32 get32(const u8 *p) { u32 v; memcpy(&v, p, sizeof(v)); return v; }
static u64 get64(const u8 *p) { u64 v; memcpy(&v, p, sizeof(v)); return v; }

/* -- MADT: entries of {type, length, ...} from offset 44 -- */
enum madt_type { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_LAPIC_NMI = 4, MADT_LAPIC_ADDRESS = 5,
                 MADT_X2APIC = 9, MADT_X2APIC_NMI = 10 };
#define MADT_ENTRIES  44
#define CPU_ENABLED   1u
#define XAPIC_ALL     0xff

static void add_cpu(struct acpi_info *info, u32 apic_id, u32 acpi_id, u32 flags)
{
    if (!(flags & CPU_ENABLED))
        return;
    for (unsigned i = 0; i < info->nr_cpus; i++)
        if (info->cpus[i].apic_id == apic_id)
            return;             /* listed as LAPIC and as x2APIC */
    if (info->nr_cpus < NR_CPUS)
        info->cpus[info->nr_cpus++] = (struct acpi_cpu){ apic_id, acpi_id };
    else
        info->nr_cpus_ignored++;
}

static void add_nmi(struct acpi_info *info, u32 acpi_id, u16 flags, u8 lint)
{
    if (info->nr_nmis < ACPI_MAX_NMIS)
        info->nmis[info->nr_nmis++] = (struct acpi_nmi){ acpi_id, flags, lint };
}

static void madt_entry(struct acpi_info *info, const u8 *e)
{
    switch (e[0]) {
    case MADT_LAPIC:
        add_cpu(info, e[3], e[2], get32(e + 4));
        break;
    case MADT_X2APIC:
        add_cpu(info, get32(e + 4), get32(e + 12), get32(e + 8));
        break;
    case MADT_IOAPIC:
        if (info->nr_ioapics < ACPI_MAX_IOAPICS)
            info->ioapics[info->nr_ioapics++] =
                (struct acpi_ioapic){ .id = e[2], .maddr = get32(e + 4), .gsi_base = get32(e + 8) };
        break;
    case MADT_OVERRIDE:
        if (info->nr_overrides < ACPI_MAX_OVERRIDES && e[3] < 16)
            info->overrides[info->nr_overrides++] =
                (struct acpi_override){ .irq = e[3], .gsi = get32(e + 4), .flags = get16(e + 8) };
        break;
    case MADT_LAPIC_NMI:
        add_nmi(info, e[2] == XAPIC_ALL ? ~0u : e[2], get16(e + 3), e[5] & 1);
        break;
    case MADT_X2APIC_NMI:
        add_nmi(info, get32(e + 4), get16(e + 2), e[8] & 1);
        break;
    case MADT_LAPIC_ADDRESS:
        info->lapic_maddr = get64(e + 4);
        break;
    }
}

void acpi_read_madt(struct acpi_info *info, const u8 *table, u32 bytes, acpi_report_fn report)
{
    static const u8 min_bytes[] = {
        [MADT_LAPIC] = 8, [MADT_IOAPIC] = 12, [MADT_OVERRIDE] = 10, [MADT_LAPIC_NMI] = 6, [MADT_LAPIC_ADDRESS] = 12,
        [MADT_X2APIC] = 16, [MADT_X2APIC_NMI] = 12,
    };

    if (bytes < MADT_ENTRIES || info->has_madt) {
        report(info->has_madt ? "the firmware has two MADTs; the first is used" : "the firmware's MADT is too short");
        return;
    }
    info->has_madt = true;
    info->lapic_maddr = get32(table + 36);
    info->has_8259 = get32(table + 40) & 1;
    for (u32 at = MADT_ENTRIES; bytes - at >= 2;) {
        const u8 *e = table + at;

        if (e[1] < 2 || e[1] > bytes - at || (e[0] < ARRAY_SIZE(min_bytes) && e[1] < min_bytes[e[0]])) {
            report("the firmware's MADT ends in a damaged entry; the CPUs and IO-APICs before it are used");
            return;
        }
        madt_entry(info, e);
        at += e[1];
    }
}

/* -- FADT: fixed offsets, longer with each revision -- */
static struct acpi_address get_address(const u8 *p)
{
    return (struct acpi_address){ .space = p[0], .bits = p[1], .address = get64(p + 4) };
}

/* The extended field where the table has one that is filled in, else the old port number. */
static struct acpi_address port_or_extended(const u8 *table, u32 bytes, u32 old, u32 extended, u8 bits)
{
    struct acpi_address a = { 0 };

    if (extended + 12 <= bytes)
        a = get_address(table + extended);
    if (!a.address && old + 4 <= bytes && get32(table + old))
        a = (struct acpi_address){ ACPI_SPACE_PORT, bits, get32(table + old) };
    return a;
}

#define FADT_FLAG_TIMER_32BIT (1u << 8)
#define FADT_FLAG_RESET       (1u << 10)

void acpi_read_fadt(struct acpi_info *info, const u8 *table, u32 bytes)
{
    u32 flags;

    if (bytes < 116)
        return;                 /* shorter than ACPI 1.0's */
    flags = get32(table + 112);
    info->has_fadt = true;
    info->sci = get16(table + 46);
    info->pm1a_event = port_or_extended(table, bytes, 56, 148, 32);
    info->pm1b_event = port_or_extended(table, bytes, 60, 160, 32);
    info->pm1a_control = port_or_extended(table, bytes, 64, 172, 16);
    info->pm1b_control = port_or_extended(table, bytes, 68, 184, 16);
    info->pm_timer = port_or_extended(table, bytes, 76, 208, 32);
    info->pm1_event_bytes = table[88];
    info->pm_timer_32bit = flags & FADT_FLAG_TIMER_32BIT;
    if (bytes >= 129 && (flags & FADT_FLAG_RESET)) {
        info->reset = get_address(table + 116);
        info->reset_value = table[128];
    }
}

void acpi_read_hpet(struct acpi_info *info, const u8 *table, u32 bytes)
{
    if (bytes >= 56 && table[40] == ACPI_SPACE_MEMORY && !info->hpet_maddr)
        info->hpet_maddr = get64(table + 44);
}

void acpi_read_mcfg(struct acpi_info *info, const u8 *table, u32 bytes)
{
    for (u32 at = 44; at + 16 <= bytes && info->nr_mcfg < ACPI_MAX_MCFG; at += 16)
        info->mcfg[info->nr_mcfg++] = (struct acpi_mcfg){
            .maddr = get64(table + at), .segment = get16(table + at + 8),
            .bus_first = table[at + 10], .bus_last = table[at + 11],
        };
}
