/* SPDX-License-Identifier: MIT */
/*
 * The static ACPI tables the hypervisor itself needs: MADT, FADT, HPET, MCFG. Dom0 interprets the rest. Lengths and
 * checksums are verified; a bad table is reported and left out. No state, no locks; runs once at boot.
 */
#ifndef LIB_ACPI_H
#define LIB_ACPI_H

#include <lib/bitmap.h>
#include <lib/types.h>

#define ACPI_MAX_IOAPICS   16
#define ACPI_MAX_OVERRIDES 16
#define ACPI_MAX_NMIS      16
#define ACPI_MAX_MCFG      4

struct acpi_address {           /* generic address */
    u8 space;                   /* ACPI_SPACE_* */
    u8 bits;
    u64 address;                /* 0: absent */
};
#define ACPI_SPACE_MEMORY 0
#define ACPI_SPACE_PORT   1
#define ACPI_SPACE_PCI    2

struct acpi_cpu {
    u32 apic_id, acpi_id;
};

struct acpi_ioapic {
    u8 id;
    u64 maddr;
    u32 gsi_base;
    u32 pins;                   /* machine/ioapic.c reads it from the device */
};

struct acpi_override {          /* ISA interrupt irq arrives as gsi */
    u8 irq;
    u32 gsi;
    u16 flags;                  /* bits 0-1 polarity (1 high, 3 low), 2-3 trigger (1 edge, 3 level), 0: bus default */
};

struct acpi_nmi {               /* a local NMI input */
    u32 acpi_id;                /* ~0: all CPUs */
    u16 flags;
    u8 lint;                    /* 0 or 1 */
};

struct acpi_mcfg {
    u64 maddr;                  /* configuration space of bus 0 of the segment */
    u16 segment;
    u8 bus_first, bus_last;
};

struct acpi_info {
    u64 rsdp;                   /* machine address, 0: none found */
    bool has_madt, has_fadt;
    bool has_8259;
    u64 lapic_maddr;
    unsigned nr_cpus, nr_ioapics, nr_overrides, nr_nmis, nr_mcfg;
    struct acpi_cpu cpus[NR_CPUS];      /* those that are enabled, in the table's order */
    unsigned nr_cpus_ignored;           /* beyond NR_CPUS */
    struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
    struct acpi_override overrides[ACPI_MAX_OVERRIDES];
    struct acpi_nmi nmis[ACPI_MAX_NMIS];
    struct acpi_mcfg mcfg[ACPI_MAX_MCFG];
    u16 sci;                    /* ISA number or GSI of the system control interrupt */
    struct acpi_address pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm_timer, reset;
    u8 pm1_event_bytes;
    bool pm_timer_32bit;
    u8 reset_value;
    u64 hpet_maddr;             /* 0: none */
};

/* Gives a readable view of [maddr, maddr + bytes), or NULL. Views stay valid to the end of the parse. */
typedef const void *(*acpi_map_fn)(u64 maddr, u64 bytes);
/* One call per problem: what is wrong and what to do about it. */
typedef void (*acpi_report_fn)(const char *text);

/* Whether the at most 36 readable bytes are a root pointer with the right checksum. */
bool acpi_rsdp_valid(const void *rsdp, size_t bytes);

/*
 * Reads the tables that the given root pointer leads to. 0, or -ENOENT when there is no root pointer or no usable
 * root table: info is then empty. Missing or damaged tables of their own leave their fields zero.
 */
int must_check acpi_parse(struct acpi_info *info, const void *rsdp, size_t bytes, acpi_map_fn map,
                          acpi_report_fn report);

/* -- the readers of single tables, acpi_tables.c: table points to bytes checked bytes -- */
void acpi_read_madt(struct acpi_info *info, const u8 *table, u32 bytes, acpi_report_fn report);
void acpi_read_fadt(struct acpi_info *info, const u8 *table, u32 bytes);
void acpi_read_hpet(struct acpi_info *info, const u8 *table, u32 bytes);
void acpi_read_mcfg(struct acpi_info *info, const u8 *table, u32 bytes);

#endif
