/* SPDX-License-Identifier: MIT */
/* Any bytes as what a loader left in memory: every text ends, every range and module makes sense, every error has a
 * reason. The first byte chooses the protocol. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lib/multiboot.h>

#define BASE 0x1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *memory;
static size_t memory_bytes;

static const void *map(void *context, u64 maddr, u64 bytes)
{
    (void)context;
    return maddr >= BASE && maddr - BASE <= memory_bytes && bytes <= memory_bytes - (maddr - BASE) ?
           memory + (maddr - BASE) : NULL;
}

static bool text_ends(const struct boot_info *info, const char *text)
{
    return *text == '\0' || (text >= info->strings && memchr(text, '\0', (size_t)(info->strings + BOOT_STRINGS_MAX - text)));
}

static void check(const struct boot_info *info)
{
    if (!text_ends(info, info->cmdline) || !text_ends(info, info->loader) || info->nr_modules > BOOT_MAX_MODULES ||
        info->nr_ranges > BOOT_MAX_RANGES || info->rsdp_bytes > BOOT_RSDP_MAX)
        abort();
    for (unsigned i = 0; i < info->nr_modules; i++)
        if (info->modules[i].end < info->modules[i].start || !text_ends(info, info->modules[i].cmdline))
            abort();
    for (unsigned i = 0; i < info->nr_ranges; i++)
        if (!info->ranges[i].bytes || info->ranges[i].start + info->ranges[i].bytes < info->ranges[i].start)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    const char *why = NULL;
    u32 magic;

    if (!size)
        return 0;
    magic = data[0] & 1 ? MULTIBOOT2_MAGIC : data[0] & 2 ? MULTIBOOT1_MAGIC : 0;
    memory = data + 1;
    memory_bytes = size - 1;
    if (multiboot_parse(&info, magic, BASE, map, NULL, &why) == 0)
        check(&info);
    else if (!why || !*why)
        abort();
    return 0;
}
