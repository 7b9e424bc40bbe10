/* SPDX-License-Identifier: MIT */
/*
 * What a multiboot 1 or 2 loader hands over, parsed into one form. The parser reads through the caller's function
 * and trusts nothing: sizes and pointers that lead outside what that function grants end in an error. No state.
 */
#ifndef LIB_MULTIBOOT_H
#define LIB_MULTIBOOT_H

#include <lib/types.h>

#define MULTIBOOT1_MAGIC 0x2badb002u
#define MULTIBOOT2_MAGIC 0x36d76289u

#define BOOT_MAX_MODULES 8
#define BOOT_MAX_RANGES  128
#define BOOT_STRINGS_MAX 6144   /* command lines of the image and of all modules together */
#define BOOT_RSDP_MAX    36

enum memory_type { MEMORY_RAM = 1, MEMORY_RESERVED, MEMORY_ACPI, MEMORY_NVS, MEMORY_UNUSABLE }; /* e820 numbers */

struct memory_range {
    u64 start, bytes;           /* start + bytes does not wrap, bytes > 0 */
    u32 type;
};

struct boot_module {
    u64 start, end;             /* machine addresses, [start, end) */
    const char *cmdline;        /* without the file's name */
};

enum framebuffer_kind { FRAMEBUFFER_NONE, FRAMEBUFFER_TEXT, FRAMEBUFFER_RGB };

struct boot_framebuffer {
    enum framebuffer_kind kind;
    u64 maddr;
    u32 pitch_bytes, width, height;     /* characters for TEXT, pixels for RGB */
    u8 bpp;
    u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};

struct boot_efi {
    u64 system_table;           /* machine address, 0: not started by EFI */
    u64 map;                    /* machine address of the memory descriptors inside the loader's information */
    u32 map_bytes, desc_bytes, desc_version;
};

struct boot_info {
    const char *loader, *cmdline;       /* never NULL; cmdline without the image's name */
    unsigned nr_modules, nr_ranges;
    struct boot_module modules[BOOT_MAX_MODULES];
    struct memory_range ranges[BOOT_MAX_RANGES];        /* as the loader gave them: any order, may overlap */
    u32 rsdp_bytes;             /* 0: the loader gave none */
    u8 rsdp[BOOT_RSDP_MAX];
    struct boot_framebuffer framebuffer;
    struct boot_efi efi;
    u64 info_start, info_end;   /* the loader's information itself, to be kept */
    u32 strings_used;
    char strings[BOOT_STRINGS_MAX];
};

/* Gives a readable view of [maddr, maddr + bytes), or NULL when that is not memory it can reach. */
typedef const void *(*multiboot_map_fn)(void *context, u64 maddr, u64 bytes);

/*
 * Fills info from the loader's registers. -ENOEXEC: not a multiboot magic; -EFAULT: pointers outside memory;
 * -EILSEQ: damaged information; -E2BIG: more modules or text than fit; -ENODATA: no memory map. *why then names
 * cause and remedy. Too many memory ranges are merged or left out, last first.
 */
int must_check multiboot_parse(struct boot_info *info, u32 magic, u64 maddr, multiboot_map_fn map, void *context,
                               const char **why);

/* -- the parts, for multiboot1.c and multiboot2.c only -- */
struct multiboot_reader {
    struct boot_info *info;
    multiboot_map_fn map;
    void *context;
    const char *why;
};
int must_check multiboot1_read(struct multiboot_reader *r, u64 maddr);
int must_check multiboot2_read(struct multiboot_reader *r, u64 maddr);
/* Copies at most max bytes of text up to its NUL into the string pool. */
int must_check multiboot_string(struct multiboot_reader *r, const char *text, u64 max, const char **copy);
int must_check multiboot_module(struct multiboot_reader *r, u64 start, u64 end, const char *text, u64 max);
void multiboot_range(struct multiboot_reader *r, u64 start, u64 bytes, u32 type);

#endif
