/* SPDX-License-Identifier: MIT */
/* What the multiboot 1 and 2 parsers share: the string pool, modules, memory ranges. See multiboot.h. */
#include <lib/errno.h>
#include <lib/multiboot.h>
#include <lib/string.h>

int multiboot_string(struct multiboot_reader *r, const char *text, u64 max, const char **copy)
{
    struct boot_info *info = r->info;
    u32 left = BOOT_STRINGS_MAX - info->strings_used;
    char *dst = info->strings + info->strings_used;
    u64 n = 0;

    while (n < max && text[n])
        n++;
    if (n >= left) {
        r->why = "the command lines of image and modules are too long together; shorten them";
        return -E2BIG;
    }
    memcpy(dst, text, n);
    dst[n] = '\0';
    info->strings_used += (u32)n + 1;
    *copy = dst;
    return 0;
}

int multiboot_module(struct multiboot_reader *r, u64 start, u64 end, const char *text, u64 max)
{
    struct boot_info *info = r->info;
    struct boot_module *module = &info->modules[info->nr_modules];

    if (info->nr_modules == BOOT_MAX_MODULES) {
        r->why = "more boot modules than supported; load at most a kernel, an initrd and six others";
        return -E2BIG;
    }
    if (end < start) {
        r->why = "the boot loader's module list is damaged; try another loader";
        return -EILSEQ;
    }
    module->start = start;
    module->end = end;
    info->nr_modules++;
    return multiboot_string(r, text, max, &module->cmdline);
}

void multiboot_range(struct multiboot_reader *r, u64 start, u64 bytes, u32 type)
{
    struct boot_info *info = r->info;
    struct memory_range *last = info->nr_ranges ? &info->ranges[info->nr_ranges - 1] : NULL;

    if (!bytes || start + bytes < start)
        return;
    if (type < MEMORY_RAM || type > MEMORY_UNUSABLE)
        type = MEMORY_RESERVED;         /* loaders have types of their own, e.g. for EFI's run-time code */
    if (last && last->type == type && last->start + last->bytes == start)
        last->bytes += bytes;
    else if (info->nr_ranges < BOOT_MAX_RANGES)
        info->ranges[info->nr_ranges++] = (struct memory_range){ start, bytes, type };
}

/* GRUB 2 passes only the arguments; other loaders put the file's name first. */
static const char *without_name(const struct boot_info *info, const char *text)
{
    if (!strncmp(info->loader, "GRUB 2", 6))
        return text;
    while (*text && *text != ' ')
        text++;
    while (*text == ' ')
        text++;
    return text;
}

static bool has_ram(const struct boot_info *info)
{
    for (unsigned i = 0; i < info->nr_ranges; i++)
        if (info->ranges[i].type == MEMORY_RAM)
            return true;
    return false;
}

int multiboot_parse(struct boot_info *info, u32 magic, u64 maddr, multiboot_map_fn map, void *context,
                    const char **why)
{
    struct multiboot_reader r = { .info = info, .map = map, .context = context };
    int err = -ENOEXEC;

    memset(info, 0, sizeof(*info));
    info->loader = info->cmdline = "";
    r.why = "not started by a multiboot loader; use GRUB's multiboot2 command or QEMU's -kernel";
    if (magic == MULTIBOOT1_MAGIC)
        err = multiboot1_read(&r, maddr);
    else if (magic == MULTIBOOT2_MAGIC)
        err = multiboot2_read(&r, maddr);
    if (!err && !has_ram(info)) {
        r.why = "the boot loader gave no memory map with usable memory; try another loader or firmware setting";
        err = -ENODATA;
    }
    info->cmdline = without_name(info, info->cmdline);
    for (unsigned i = 0; i < info->nr_modules; i++)
        if (info->modules[i].cmdline)
            info->modules[i].cmdline = without_name(info, info->modules[i].cmdline);
    if (err)
        *why = r.why;
    return err;
}
