/* SPDX-License-Identifier: MIT */
/* lib/multiboot*.c: what loaders hand over, whole and damaged, and what is said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lib/errno.h>
#include <lib/multiboot.h>

#define BASE 0x10000UL

static u8 image[32 << 10];
static struct boot_info info;
static const char *why;

static const void *map(void *context, u64 maddr, u64 bytes)
{
    assert_ptr_equal(context, image);
    return maddr >= BASE && maddr - BASE <= sizeof(image) && bytes <= sizeof(image) - (maddr - BASE) ?
           image + (maddr - BASE) : NULL;
}

static int start(void **state)
{
    (void)state;
    memset(image, 0, sizeof(image));
    why = "";
    return 0;
}

static void put32(unsigned at, u32 v) { memcpy(image + at, &v, 4); }
static void put64(unsigned at, u64 v) { memcpy(image + at, &v, 8); }
static void put_text(unsigned at, const char *text) { strcpy((char *)image + at, text); }
static int parse(u32 magic) { return multiboot_parse(&info, magic, BASE, map, image, &why); }

#define assert_refused(error, word) do {                        \
    assert_int_equal(parse_it(), error);                        \
    if (!strstr(why, word))                                     \
        fail_msg("\"%s\" does not say \"%s\"", why, word);      \
} while (0)

/* ---- multiboot 1 ---- */
enum { CMDLINE = 0x200, LOADER = 0x280, MODULES = 0x300, MAP = 0x400, NAME = 0x500 };

static void mb1(void)
{
    start(NULL);
    put32(0, 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
    put32(16, BASE + CMDLINE);
    put32(20, 2);
    put32(24, BASE + MODULES);
    put32(44, 48);
    put32(48, BASE + MAP);
    put32(64, BASE + LOADER);
    put_text(CMDLINE, "hospes.elf  console=com1 loglvl=all");
    put_text(LOADER, "qemu");
    put32(MODULES, 0x400000);
    put32(MODULES + 4, 0x500000);
    put32(MODULES + 8, BASE + NAME);
    put_text(NAME, "vmlinuz root=/dev/vda");
    put32(MODULES + 16, 0x500000);
    put32(MODULES + 20, 0x500001);
    put32(MAP, 20);
    put64(MAP + 12, 0x9fc00);
    put32(MAP + 20, 1);
    put32(MAP + 24, 20);
    put64(MAP + 28, 0x9fc00);
    put64(MAP + 36, 0x400);
    put32(MAP + 44, 12);                                /* a type of the loader's own */
}

static int parse_it(void) { return parse(MULTIBOOT1_MAGIC); }

static void qemu_hands_over(void **state)
{
    (void)state;
    mb1();
    assert_int_equal(parse_it(), 0);
    assert_string_equal(info.cmdline, "console=com1 loglvl=all");
    assert_string_equal(info.loader, "qemu");
    assert_int_equal(info.nr_modules, 2);
    assert_true(info.modules[0].start == 0x400000 && info.modules[0].end == 0x500000);
    assert_string_equal(info.modules[0].cmdline, "root=/dev/vda");
    assert_string_equal(info.modules[1].cmdline, "");
    assert_int_equal(info.nr_ranges, 2);
    assert_int_equal(info.ranges[1].type, MEMORY_RESERVED);
    assert_int_equal(info.framebuffer.kind, FRAMEBUFFER_NONE);
    assert_int_equal(info.info_start, BASE);
}

static void without_a_map_the_two_sizes_count(void **state)
{
    (void)state;
    mb1();
    put32(0, 1);
    put32(4, 639);
    put32(8, 1024);
    assert_int_equal(parse_it(), 0);
    assert_true(info.nr_ranges == 2 && info.ranges[0].bytes == 639 << 10 && info.ranges[1].start == 1 << 20);
    assert_string_equal(info.cmdline, "");
}

static void framebuffer_of_multiboot_1(void **state)
{
    (void)state;
    mb1();
    put32(0, 1 | 1 << 12 | 1 << 6);
    put64(88, 0xfd000000);
    put32(96, 4096);
    put32(100, 1024);
    put32(104, 768);
    image[108] = 32;
    image[109] = 1;
    memcpy(image + 110, "\x10\x08\x08\x08\x00\x08", 6);
    assert_int_equal(parse_it(), 0);
    assert_true(info.framebuffer.kind == FRAMEBUFFER_RGB && info.framebuffer.maddr == 0xfd000000);
    assert_true(info.framebuffer.red_pos == 16 && info.framebuffer.blue_size == 8);
}

static void damaged_multiboot_1(void **state)
{
    (void)state;
    mb1();
    put32(16, BASE + sizeof(image));
    assert_refused(-EFAULT, "points outside memory");
    mb1();
    put32(24, BASE + sizeof(image) - 8);
    assert_refused(-EFAULT, "points outside memory");
    mb1();
    put32(MODULES + 8, 0x10);
    assert_refused(-EFAULT, "points outside memory");
    mb1();
    put32(48, BASE + sizeof(image) - 8);
    assert_refused(-EFAULT, "points outside memory");
    mb1();
    put32(MODULES + 4, 0x3fffff);
    assert_refused(-EILSEQ, "module list is damaged");
    mb1();
    put32(20, 9);
    assert_refused(-E2BIG, "more boot modules than supported");
    mb1();
    memset(image + 0x1000, 'x', 0x6000);
    put32(16, BASE + 0x1000);
    assert_refused(-E2BIG, "too long");
    mb1();
    put32(MAP, 4);                                      /* the list ends there */
    assert_int_equal(parse_it(), 0);
    assert_int_equal(info.nr_ranges, 1);
    assert_int_equal(multiboot_parse(&info, MULTIBOOT1_MAGIC, BASE + sizeof(image) - 80, map, image, &why), -EFAULT);
}

static void no_usable_memory(void **state)
{
    (void)state;
    mb1();
    put32(MAP + 20, 2);
    assert_refused(-ENODATA, "no memory map with usable memory");
    mb1();
    put64(MAP + 12, 0);
    put64(MAP + 36, 0);
    assert_refused(-ENODATA, "try another loader");
    assert_int_equal(parse(0x12345678), -ENOEXEC);
    assert_non_null(strstr(why, "use GRUB's multiboot2 command"));
}

/* ---- multiboot 2 ---- */
static unsigned mb2_at;

static unsigned tag(u32 type, u32 bytes)
{
    unsigned body = mb2_at + 8;

    put32(mb2_at, type);
    put32(mb2_at + 4, bytes + 8);
    mb2_at = (mb2_at + 8 + bytes + 7) & ~7u;
    return body;
}

static void mb2_begin(void)
{
    start(NULL);
    mb2_at = 8;
}

static void memory_tag(void)
{
    unsigned at = tag(6, 8 + 24);

    put32(at, 24);
    put64(at + 8, 1 << 20);
    put64(at + 16, 1 << 28);
    put32(at + 24, 1);
}

static int mb2_end(void)
{
    tag(0, 0);
    put32(0, mb2_at);
    return parse(MULTIBOOT2_MAGIC);
}

static void grub_hands_over(void **state)
{
    unsigned at;

    (void)state;
    mb2_begin();
    put_text(tag(2, 16), "GRUB 2.06");
    put_text(tag(1, 16), "console=com1");
    at = tag(3, 8 + 8);
    put32(at, 0x400000);
    put32(at + 4, 0x500000);
    put_text(at + 8, "ro quiet");
    memory_tag();
    at = tag(8, 8 + 12 + 4 + 6);
    put64(at, 0xb8000);
    put32(at + 8, 160);
    put32(at + 12, 80);
    put32(at + 16, 25);
    image[at + 20] = 16;
    image[at + 21] = 2;
    put_text(tag(15, 36), "RSD PTR new");
    put_text(tag(14, 20), "RSD PTR old");
    put64(tag(12, 8), 0x7f000000);
    tag(99, 4);
    assert_int_equal(mb2_end(), 0);
    assert_string_equal(info.cmdline, "console=com1");
    assert_string_equal(info.modules[0].cmdline, "ro quiet");
    assert_int_equal(info.ranges[0].bytes, 1 << 28);
    assert_int_equal(info.framebuffer.kind, FRAMEBUFFER_TEXT);
    assert_int_equal(info.rsdp_bytes, 36);
    assert_memory_equal(info.rsdp, "RSD PTR new", 11);
    assert_int_equal(info.efi.system_table, 0x7f000000);
}

static void memory_from_efi(void **state)
{
    static const u32 types[] = { 7, 4, 10, 9, 8, 0, 11, 99 };
    static const u32 expected[] = { MEMORY_RAM, MEMORY_NVS, MEMORY_ACPI, MEMORY_UNUSABLE, MEMORY_RESERVED };
    unsigned at;

    (void)state;
    mb2_begin();
    at = tag(17, 8 + 9 * 48);
    put32(at, 48);
    put32(at + 4, 1);
    for (unsigned i = 0; i < 9; i++) {
        put32(at + 8 + i * 48, types[i % 8]);
        put64(at + 8 + i * 48 + 8, i << 20);
        put64(at + 8 + i * 48 + 24, i == 8 ? 1UL << 52 : 256);        /* one that cannot be */
    }
    assert_int_equal(mb2_end(), 0);
    assert_int_equal(info.nr_ranges, ARRAY_SIZE(expected));             /* neighbours of one type are one */
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
        assert_int_equal(info.ranges[i].type, expected[i]);
    assert_int_equal(info.efi.map_bytes, 9 * 48);
}

static void damaged_multiboot_2(void **state)
{
    static const struct { u32 type, bytes; } short_tags[] = { { 3, 4 }, { 6, 4 }, { 8, 12 }, { 12, 4 }, { 17, 4 } };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(short_tags); i++) {
        mb2_begin();
        memory_tag();
        tag(short_tags[i].type, short_tags[i].bytes);
        assert_int_equal(mb2_end(), -EILSEQ);
        assert_non_null(strstr(why, "damaged; try another loader"));
    }
    mb2_begin();
    put32(tag(6, 8 + 24), 8);                           /* entries too small */
    assert_int_equal(mb2_end(), -EILSEQ);
    mb2_begin();
    put32(tag(17, 8 + 48), 16);
    assert_int_equal(mb2_end(), -EILSEQ);
    mb2_begin();
    memory_tag();
    put32(8 + 4, 4);                                    /* a tag shorter than its head */
    assert_int_equal(mb2_end(), -EILSEQ);
    mb2_begin();
    memory_tag();
    put32(8 + 4, 0x10000);                              /* longer than all */
    assert_int_equal(mb2_end(), -EILSEQ);
    mb2_begin();
    memory_tag();
    put32(0, mb2_at);                                   /* no end */
    assert_int_equal(parse(MULTIBOOT2_MAGIC), -EILSEQ);
    put32(0, sizeof(image) + 1);
    assert_int_equal(parse(MULTIBOOT2_MAGIC), -EFAULT);
    put32(0, 0);
    assert_int_equal(parse(MULTIBOOT2_MAGIC), -EFAULT);
    mb2_begin();
    tag(1, 0);
    assert_int_equal(mb2_end(), -ENODATA);
}

static void more_ranges_than_fit(void **state)
{
    unsigned n = BOOT_MAX_RANGES + 20, at;

    (void)state;
    mb2_begin();
    at = tag(6, 8 + 24 * n);
    put32(at, 24);
    for (unsigned i = 0; i < n; i++) {
        put64(at + 8 + i * 24, (u64)i << 21);
        put64(at + 16 + i * 24, 1 << 20);
        put32(at + 24 + i * 24, 1);
    }
    assert_int_equal(mb2_end(), 0);
    assert_int_equal(info.nr_ranges, BOOT_MAX_RANGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(qemu_hands_over, start), cmocka_unit_test_setup(without_a_map_the_two_sizes_count, start),
        cmocka_unit_test_setup(framebuffer_of_multiboot_1, start), cmocka_unit_test_setup(damaged_multiboot_1, start),
        cmocka_unit_test_setup(no_usable_memory, start), cmocka_unit_test_setup(grub_hands_over, start),
        cmocka_unit_test_setup(memory_from_efi, start), cmocka_unit_test_setup(damaged_multiboot_2, start),
        cmocka_unit_test_setup(more_ranges_than_fit, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
