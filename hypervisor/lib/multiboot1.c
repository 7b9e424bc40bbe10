/* SPDX-License-Identifier: MIT */
/* The multiboot 1 information structure: fixed offsets with pointers to the rest, below 4 GiB. See multiboot.h. */
#include <lib/errno.h>
#include <lib/multiboot.h>
#include <lib/string.h>

enum mb1_flag { MB1_MEMORY = 1u << 0, MB1_CMDLINE = 1u << 2, MB1_MODULES = 1u << 3, MB1_MAP = 1u << 6,
                MB1_LOADER = 1u << 9, MB1_FRAMEBUFFER = 1u << 12 };

struct mb1_info {
    u32 flags, mem_lower_kib, mem_upper_kib, boot_device, cmdline, mods_count, mods_addr, symbols[4];
    u32 mmap_length, mmap_addr, drives[2], config_table, loader, apm, vbe[4];
    u64 framebuffer_addr;
    u32 framebuffer_pitch, framebuffer_width, framebuffer_height;
    u8 framebuffer_bpp, framebuffer_type;
    u8 color[6];                /* position and size of red, green, blue */
} packed;
_Static_assert(sizeof(struct mb1_info) == 116, "fixed by the multiboot specification");

#define MB1_INFO_MIN 88         /* without the framebuffer fields */

struct mb1_module { u32 start, end, string, reserved; };
struct mb1_range { u32 size; u64 start, bytes; u32 type; } packed;

static int bad_pointer(struct multiboot_reader *r)
{
    r->why = "the boot loader's information points outside memory; try another loader";
    return -EFAULT;
}

/* The text may end anywhere: take as much as is reachable. */
static int read_string(struct multiboot_reader *r, u32 maddr, const char **copy)
{
    u64 max = BOOT_STRINGS_MAX;
    const char *text = r->map(r->context, maddr, max);

    while (!text && max > 1)
        text = r->map(r->context, maddr, max /= 2);
    return text ? multiboot_string(r, text, max, copy) : bad_pointer(r);
}

static int read_modules(struct multiboot_reader *r, const struct mb1_info *mbi)
{
    for (u32 i = 0; i < mbi->mods_count; i++) {
        const void *entry = r->map(r->context, mbi->mods_addr + (u64)i * sizeof(struct mb1_module),
                                   sizeof(struct mb1_module));
        struct mb1_module module;
        int err;

        if (!entry)
            return bad_pointer(r);
        memcpy(&module, entry, sizeof(module));
        err = multiboot_module(r, module.start, module.end, "", 1);
        if (!err && module.string)
            err = read_string(r, module.string, &r->info->modules[i].cmdline);
        if (err)
            return err;
    }
    return 0;
}

static int read_map(struct multiboot_reader *r, const struct mb1_info *mbi)
{
    u64 end = (u64)mbi->mmap_addr + mbi->mmap_length;
    struct mb1_range range;

    for (u64 at = mbi->mmap_addr; at + sizeof(range) <= end; at += range.size + sizeof(range.size)) {
        const void *entry = r->map(r->context, at, sizeof(range));

        if (!entry)
            return bad_pointer(r);
        memcpy(&range, entry, sizeof(range));
        multiboot_range(r, range.start, range.bytes, range.type);
        if (range.size < sizeof(range) - sizeof(range.size))
            break;
    }
    return 0;
}

static void read_framebuffer(struct boot_framebuffer *fb, const struct mb1_info *mbi)
{
    *fb = (struct boot_framebuffer){
        .kind = mbi->framebuffer_type == 1 ? FRAMEBUFFER_RGB
              : mbi->framebuffer_type == 2 ? FRAMEBUFFER_TEXT : FRAMEBUFFER_NONE,
        .maddr = mbi->framebuffer_addr, .pitch_bytes = mbi->framebuffer_pitch,
        .width = mbi->framebuffer_width, .height = mbi->framebuffer_height, .bpp = mbi->framebuffer_bpp,
        .red_pos = mbi->color[0], .red_size = mbi->color[1], .green_pos = mbi->color[2],
        .green_size = mbi->color[3], .blue_pos = mbi->color[4], .blue_size = mbi->color[5],
    };
}

int multiboot1_read(struct multiboot_reader *r, u64 maddr)
{
    const void *raw = r->map(r->context, maddr, MB1_INFO_MIN);
    struct mb1_info mbi = { 0 };
    int err = 0;

    if (!raw)
        return bad_pointer(r);
    memcpy(&mbi, raw, MB1_INFO_MIN);
    if (mbi.flags & MB1_FRAMEBUFFER) {
        raw = r->map(r->context, maddr, sizeof(mbi));
        if (!raw)
            return bad_pointer(r);
        memcpy(&mbi, raw, sizeof(mbi));
        read_framebuffer(&r->info->framebuffer, &mbi);
    }
    r->info->info_start = maddr;
    r->info->info_end = maddr + sizeof(mbi);
    if (mbi.flags & MB1_LOADER)
        err = read_string(r, mbi.loader, &r->info->loader);
    if (!err && (mbi.flags & MB1_CMDLINE))
        err = read_string(r, mbi.cmdline, &r->info->cmdline);
    if (!err && (mbi.flags & MB1_MODULES))
        err = read_modules(r, &mbi);
    if (!err && (mbi.flags & MB1_MAP))
        err = read_map(r, &mbi);
    if (!err && !r->info->nr_ranges && (mbi.flags & MB1_MEMORY)) {
        multiboot_range(r, 0, (u64)mbi.mem_lower_kib << 10, MEMORY_RAM);
        multiboot_range(r, 1 << 20, (u64)mbi.mem_upper_kib << 10, MEMORY_RAM);
    }
    return err;
}
