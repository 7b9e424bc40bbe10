/* SPDX-License-Identifier: MIT */
/* Any bytes as the firmware's memory, from the root pointer on: nothing outside of them is read, all counts fit. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lib/acpi.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *memory;
static size_t memory_bytes;

static const void *map(u64 maddr, u64 bytes)
{
    return maddr <= memory_bytes && bytes <= memory_bytes - maddr ? memory + maddr : NULL;
}

static void report(const char *text)
{
    if (!strstr(text, "firmware"))
        abort();
}

/* Checksums would keep nearly every input out: they are put right, in a copy, wherever a table seems to start. */
static void mend(uint8_t *p, size_t size)
{
    static const char *const names[] = { "XSDT", "RSDT", "APIC", "FACP", "HPET", "MCFG" };

    for (size_t at = 0; at + 36 <= size; at++)
        for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
            u32 bytes;
            u8 sum = 0;

            memcpy(&bytes, p + at + 4, 4);
            if (memcmp(p + at, names[i], 4) || bytes > size - at || bytes < 36)
                continue;
            for (u32 k = 0; k < bytes; k++)
                sum = (u8)(sum + p[at + k]);
            p[at + 9] = (u8)(p[at + 9] - sum);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct acpi_info info;
    uint8_t *copy = malloc(size + 1), rsdp[36] = "RSD PTR ", sum = 0;

    memcpy(copy, data, size);
    mend(copy, size);
    memory = copy;
    memory_bytes = size;
    if (size > 8)
        memcpy(rsdp + 16, copy, 4);             /* where the RSDT is */
    for (unsigned i = 0; i < 20; i++)
        sum = (uint8_t)(sum + rsdp[i]);
    rsdp[8] = (uint8_t)-sum;
    info.rsdp = 0;
    if (acpi_parse(&info, rsdp, 20, map, report) == 0 &&
        (info.nr_cpus > NR_CPUS || info.nr_ioapics > ACPI_MAX_IOAPICS || info.nr_overrides > ACPI_MAX_OVERRIDES ||
         info.nr_nmis > ACPI_MAX_NMIS || info.nr_mcfg > ACPI_MAX_MCFG))
        abort();
    free(copy);
    return 0;
}
