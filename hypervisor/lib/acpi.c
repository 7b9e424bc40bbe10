/* SPDX-License-Identifier: MIT */
/* From the ACPI root pointer to the tables: lengths, checksums, which table goes where. See acpi.h. */
#include <lib/acpi.h>
#include <lib/errno.h>
#include <lib/string.h>

#define RSDP_V1_BYTES  20
#define RSDP_V2_BYTES  36
#define TABLE_MAX      (4u << 20)       /* no sane table is larger */
#define ROOT_ENTRY_MAX 256

struct acpi_header {
    char signature[4];
    u32 bytes;
    u8 revision, checksum;
    char oem_id[6], oem_table[8];
    u32 oem_revision, creator, creator_revision;
} packed;

struct parser {
    struct acpi_info *info;
    acpi_map_fn map;
    acpi_report_fn report;
};

static bool sum_is_zero(const u8 *p, size_t n)
{
    u8 sum = 0;

    while (n--)
        sum = (u8)(sum + *p++);
    return sum == 0;
}

bool acpi_rsdp_valid(const void *rsdp, size_t bytes)
{
    const u8 *p = rsdp;

    if (bytes < RSDP_V1_BYTES || memcmp(p, "RSD PTR ", 8) || !sum_is_zero(p, RSDP_V1_BYTES))
        return false;
    return p[15] < 2 || (bytes >= RSDP_V2_BYTES && sum_is_zero(p, RSDP_V2_BYTES));
}

/* A whole checked table, or NULL. */
static const u8 *load_table(const struct parser *p, u64 maddr, struct acpi_header *header)
{
    const u8 *table = p->map(maddr, sizeof(*header));

    if (!table)
        return NULL;
    memcpy(header, table, sizeof(*header));
    if (header->bytes < sizeof(*header) || header->bytes > TABLE_MAX)
        return NULL;
    table = p->map(maddr, header->bytes);
    return table && sum_is_zero(table, header->bytes) ? table : NULL;
}

static void read_table(const struct parser *p, u64 maddr)
{
    struct acpi_header header;
    const u8 *table;

    memset(&header, 0, sizeof(header));
    table = load_table(p, maddr, &header);
    if (!table) {
        if (!memcmp(header.signature, "APIC", 4))
            p->report("the firmware's MADT (CPU table) is damaged");
        else if (!memcmp(header.signature, "FACP", 4))
            p->report("the firmware's FADT is damaged: no power-off, no reset register");
        return;
    }
    if (!memcmp(header.signature, "APIC", 4))
        acpi_read_madt(p->info, table, header.bytes, p->report);
    else if (!memcmp(header.signature, "FACP", 4))
        acpi_read_fadt(p->info, table, header.bytes);
    else if (!memcmp(header.signature, "HPET", 4))
        acpi_read_hpet(p->info, table, header.bytes);
    else if (!memcmp(header.signature, "MCFG", 4))
        acpi_read_mcfg(p->info, table, header.bytes);
}

static int read_root(const struct parser *p, u64 maddr, const char *signature, unsigned entry_bytes)
{
    struct acpi_header header;
    const u8 *root = maddr ? load_table(p, maddr, &header) : NULL;
    u32 entries;

    if (!root || memcmp(header.signature, signature, 4))
        return -ENOENT;
    entries = min((header.bytes - (u32)sizeof(header)) / entry_bytes, (u32)ROOT_ENTRY_MAX);
    for (u32 i = 0; i < entries; i++) {
        u64 at = 0;

        memcpy(&at, root + sizeof(header) + (size_t)i * entry_bytes, entry_bytes);
        read_table(p, at);
    }
    return 0;
}

int acpi_parse(struct acpi_info *info, const void *rsdp, size_t bytes, acpi_map_fn map, acpi_report_fn report)
{
    struct parser p = { info, map, report };
    u64 rsdp_maddr = info->rsdp, xsdt = 0;
    u32 rsdt;
    int err = -ENOENT;

    memset(info, 0, sizeof(*info));
    info->rsdp = rsdp_maddr;
    if (!rsdp || !acpi_rsdp_valid(rsdp, bytes))
        return -ENOENT;
    memcpy(&rsdt, (const u8 *)rsdp + 16, sizeof(rsdt));
    if (((const u8 *)rsdp)[15] >= 2)
        memcpy(&xsdt, (const u8 *)rsdp + 24, sizeof(xsdt));
    if (xsdt)
        err = read_root(&p, xsdt, "XSDT", 8);
    if (err)
        err = read_root(&p, rsdt, "RSDT", 4);
    return err;
}
