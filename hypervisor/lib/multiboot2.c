/* SPDX-License-Identifier: MIT */
/* The multiboot 2 information: one block of 8-byte aligned tags. See multiboot.h. */
#include <lib/errno.h>
#include <lib/multiboot.h>
#include <lib/string.h>

enum mb2_tag { MB2_END = 0, MB2_CMDLINE = 1, MB2_LOADER = 2, MB2_MODULE = 3, MB2_MAP = 6, MB2_FRAMEBUFFER = 8,
               MB2_EFI64 = 12, MB2_RSDP_OLD = 14, MB2_RSDP_NEW = 15, MB2_EFI_MAP = 17 };

struct mb2_header { u32 type, bytes; };
struct mb2_map { u32 entry_bytes, version; };
struct mb2_range { u64 start, bytes; u32 type, reserved; };
struct mb2_module { u32 start, end; };
struct mb2_framebuffer {
    u64 maddr;
    u32 pitch, width, height;
    u8 bpp, type;
    u16 reserved;
    u8 color[6];
} packed;
struct mb2_efi_map { u32 desc_bytes, version; };
struct efi_descriptor { u32 type, pad; u64 start, virtual_start, pages, attributes; };

static int damaged(struct multiboot_reader *r)
{
    r->why = "the boot loader's information is damaged; try another loader";
    return -EILSEQ;
}

static int read_map(struct multiboot_reader *r, const u8 *data, u64 bytes)
{
    struct mb2_map head;
    struct mb2_range range;

    if (bytes < sizeof(head))
        return damaged(r);
    memcpy(&head, data, sizeof(head));
    if (head.entry_bytes < sizeof(range))
        return damaged(r);
    for (u64 at = sizeof(head); at + sizeof(range) <= bytes; at += head.entry_bytes) {
        memcpy(&range, data + at, sizeof(range));
        multiboot_range(r, range.start, range.bytes, range.type);
    }
    return 0;
}

static int read_framebuffer(struct multiboot_reader *r, const u8 *data, u64 bytes)
{
    struct mb2_framebuffer fb = { 0 };

    if (bytes < offsetof(struct mb2_framebuffer, color))
        return damaged(r);
    memcpy(&fb, data, min(bytes, (u64)sizeof(fb)));
    r->info->framebuffer = (struct boot_framebuffer){
        .kind = fb.type == 1 ? FRAMEBUFFER_RGB : fb.type == 2 ? FRAMEBUFFER_TEXT : FRAMEBUFFER_NONE,
        .maddr = fb.maddr, .pitch_bytes = fb.pitch, .width = fb.width, .height = fb.height, .bpp = fb.bpp,
        .red_pos = fb.color[0], .red_size = fb.color[1], .green_pos = fb.color[2], .green_size = fb.color[3],
        .blue_pos = fb.color[4], .blue_size = fb.color[5],
    };
    return 0;
}

static u32 efi_memory_type(u32 efi)
{
    static const u8 types[] = {
        [1 ... 4] = MEMORY_RAM,         /* loader and boot services: ours once those have ended */
        [7] = MEMORY_RAM, [8] = MEMORY_UNUSABLE, [9] = MEMORY_ACPI, [10] = MEMORY_NVS,
    };

    return efi < ARRAY_SIZE(types) && types[efi] ? types[efi] : MEMORY_RESERVED;
}

/* Kept for the firmware calls of later; the memory map too is taken from here when the loader gave no other. */
static int read_efi_map(struct multiboot_reader *r, const u8 *data, u64 bytes, u64 maddr)
{
    struct boot_efi *efi = &r->info->efi;
    struct mb2_efi_map head;

    if (bytes < sizeof(head))
        return damaged(r);
    memcpy(&head, data, sizeof(head));
    if (head.desc_bytes < sizeof(struct efi_descriptor))
        return damaged(r);
    efi->map = maddr + sizeof(head);
    efi->map_bytes = (u32)(bytes - sizeof(head)) / head.desc_bytes * head.desc_bytes;
    efi->desc_bytes = head.desc_bytes;
    efi->desc_version = head.version;
    return 0;
}

static void ranges_from_efi(struct multiboot_reader *r)
{
    const struct boot_efi *efi = &r->info->efi;
    const u8 *map = r->map(r->context, efi->map, efi->map_bytes);

    for (u32 at = 0; map && at < efi->map_bytes; at += efi->desc_bytes) {
        struct efi_descriptor d;

        memcpy(&d, map + at, sizeof(d));
        if (d.pages < 1UL << 40)
            multiboot_range(r, d.start, d.pages << PAGE_SHIFT, efi_memory_type(d.type));
    }
}

static int read_rsdp(struct multiboot_reader *r, u32 type, const u8 *data, u64 bytes)
{
    if (type == MB2_RSDP_OLD && r->info->rsdp_bytes)
        return 0;               /* the newer one is better */
    r->info->rsdp_bytes = (u32)min(bytes, (u64)BOOT_RSDP_MAX);
    memcpy(r->info->rsdp, data, r->info->rsdp_bytes);
    return 0;
}

static int read_tag(struct multiboot_reader *r, u32 type, const u8 *data, u64 bytes, u64 maddr)
{
    struct mb2_module module;

    switch (type) {
    case MB2_CMDLINE:
        return multiboot_string(r, (const char *)data, bytes, &r->info->cmdline);
    case MB2_LOADER:
        return multiboot_string(r, (const char *)data, bytes, &r->info->loader);
    case MB2_MODULE:
        if (bytes < sizeof(module))
            return damaged(r);
        memcpy(&module, data, sizeof(module));
        return multiboot_module(r, module.start, module.end, (const char *)data + sizeof(module),
                                bytes - sizeof(module));
    case MB2_MAP:
        return read_map(r, data, bytes);
    case MB2_FRAMEBUFFER:
        return read_framebuffer(r, data, bytes);
    case MB2_EFI64:
        if (bytes < sizeof(u64))
            return damaged(r);
        memcpy(&r->info->efi.system_table, data, sizeof(u64));
        return 0;
    case MB2_RSDP_OLD:
    case MB2_RSDP_NEW:
        return read_rsdp(r, type, data, bytes);
    case MB2_EFI_MAP:
        return read_efi_map(r, data, bytes, maddr);
    }
    return 0;
}

static int read_tags(struct multiboot_reader *r, const u8 *block, u64 bytes, u64 maddr)
{
    u64 at = 8;                 /* behind total size and a reserved word */
    struct mb2_header tag;

    while (at + sizeof(tag) <= bytes) {
        int err;

        memcpy(&tag, block + at, sizeof(tag));
        if (tag.type == MB2_END)
            return 0;
        if (tag.bytes < sizeof(tag) || tag.bytes > bytes - at)
            return damaged(r);
        err = read_tag(r, tag.type, block + at + sizeof(tag), tag.bytes - sizeof(tag), maddr + at + sizeof(tag));
        if (err)
            return err;
        at += round_up((u64)tag.bytes, 8);
    }
    return damaged(r);          /* no end tag */
}

int multiboot2_read(struct multiboot_reader *r, u64 maddr)
{
    const void *head = r->map(r->context, maddr, sizeof(u64));
    u32 bytes = 0;
    int err;

    if (head)
        memcpy(&bytes, head, sizeof(bytes));
    head = bytes ? r->map(r->context, maddr, bytes) : NULL;
    if (!head) {
        r->why = "the boot loader's information lies outside memory; try another loader";
        return -EFAULT;
    }
    r->info->info_start = maddr;
    r->info->info_end = maddr + bytes;
    err = read_tags(r, head, bytes, maddr);
    if (!err && !r->info->nr_ranges)
        ranges_from_efi(r);
    return err;
}
