/* SPDX-License-Identifier: MIT */
/* Contract of init/image/bzimage.c: where the payload is, what each damaged header is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <init/image/bzimage.h>
#include <lib/errno.h>

#define SETUP_SECTS 2
#define PAYLOAD_AT  ((SETUP_SECTS + 1) * 512 + 0x40)
#define PAYLOAD_LEN 100
#define FILE_LEN    (PAYLOAD_AT + PAYLOAD_LEN + 28)

static u8 file[8192];

static void put(unsigned at, u32 value, unsigned bytes)
{
    memcpy(file + at, &value, bytes);
}

/* A bzImage whose payload starts with magic and ends with the unpacked size. */
static void build(const char *magic, size_t magic_len)
{
    memset(file, 0xcc, sizeof(file));
    put(0x1f1, SETUP_SECTS, 1);
    memcpy(file + 0x202, "HdrS", 4);
    put(0x206, 0x20f, 2);
    put(0x248, 0x40, 4);
    put(0x24c, PAYLOAD_LEN, 4);
    memcpy(file + PAYLOAD_AT, magic, magic_len);
    put(PAYLOAD_AT + PAYLOAD_LEN - 4, 0x345678, 4);
}

static int find(size_t size, struct kernel_payload *payload)
{
    const char *why = NULL;
    u8 *copy = malloc(size ? size : 1);
    int rc;

    memcpy(copy, file, size);
    rc = kernel_find_payload(copy, size, payload, &why);
    assert_true(!rc || (why && strstr(why, ";")));
    if (!rc)
        payload->data = file + ((const u8 *)payload->data - copy);
    free(copy);
    return rc;
}

static void test_formats(void **state)
{
    static const struct { const char *magic; size_t len; enum image_format format; size_t trailer; } cases[] = {
        { "\x1f\x8b\x08", 3, IMAGE_GZIP, 0 },     { "\xfd" "7zXZ\0", 6, IMAGE_XZ, 4 },
        { "\x28\xb5\x2f\xfd", 4, IMAGE_ZSTD, 4 }, { "\x02\x21\x4c\x18", 4, IMAGE_LZ4, 4 },
        { "BZh", 3, IMAGE_BZIP2, 4 },             { "\x5d\0\0", 3, IMAGE_LZMA, 4 },
        { "\x89LZO", 4, IMAGE_LZO, 4 },
    };
    struct kernel_payload p;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        build(cases[i].magic, cases[i].len);
        assert_int_equal(find(FILE_LEN, &p), 0);
        assert_int_equal(p.format, cases[i].format);
        assert_ptr_equal(p.data, file + PAYLOAD_AT);
        assert_int_equal(p.size, PAYLOAD_LEN - cases[i].trailer);
        assert_int_equal(p.unpacked_size, 0x345678);
    }
    build("what", 4);
    assert_int_equal(find(FILE_LEN, &p), -EOPNOTSUPP);
    build("\x7f" "ELF", 4); /* not compressed at all */
    assert_int_equal(find(FILE_LEN, &p), 0);
    assert_int_equal(p.format, IMAGE_RAW);
    assert_int_equal(p.unpacked_size, PAYLOAD_LEN);
}

static void test_plain_files(void **state)
{
    struct kernel_payload p;

    (void)state;
    memset(file, 0, sizeof(file));
    memcpy(file, "\x7f" "ELF", 4);
    assert_int_equal(find(1000, &p), 0);
    assert_int_equal(p.format, IMAGE_RAW);
    assert_ptr_equal(p.data, file);
    assert_int_equal(p.size, 1000);
    assert_int_equal(p.unpacked_size, 1000);
    memcpy(file, "\x1f\x8b\x08\0", 4);
    put(996, 4096, 4);
    assert_int_equal(find(1000, &p), 0);
    assert_int_equal(p.format, IMAGE_GZIP);
    assert_int_equal(p.size, 1000);
    assert_int_equal(p.unpacked_size, 4096);
    memcpy(file, "\xfd" "7zXZ\0", 6); /* without a size field its memory cannot be planned */
    assert_int_equal(find(1000, &p), -ENOEXEC);
    memset(file, 0, sizeof(file));
    assert_int_equal(find(1000, &p), -ENOEXEC);
    assert_int_equal(find(0, &p), -ENOEXEC);
}

static void test_damaged_headers(void **state)
{
    struct kernel_payload p;

    (void)state;
    build("\x1f\x8b\x08", 3);
    assert_int_equal(find(0x205, &p), -ENOEXEC);
    for (size_t size = 0x206; size < PAYLOAD_AT + PAYLOAD_LEN; size++)
        assert_int_equal(find(size, &p), -ESPIPE);
    assert_int_equal(find(PAYLOAD_AT + PAYLOAD_LEN, &p), 0);

    put(0x206, 0x207, 2);
    assert_int_equal(find(FILE_LEN, &p), -EOPNOTSUPP);
    build("\x1f\x8b\x08", 3);
    put(0x248, 0xffffffff, 4);
    assert_int_equal(find(FILE_LEN, &p), -ESPIPE);
    build("\x1f\x8b\x08", 3);
    put(0x24c, 0xffffffff, 4);
    assert_int_equal(find(FILE_LEN, &p), -ESPIPE);
    put(0x24c, 7, 4);
    assert_int_equal(find(FILE_LEN, &p), -ESPIPE);
    put(0x24c, 0, 4);
    assert_int_equal(find(FILE_LEN, &p), -EOPNOTSUPP);
}

static void test_unpacked_size(void **state)
{
    struct kernel_payload p;

    (void)state;
    build("\x28\xb5\x2f\xfd", 4);
    put(PAYLOAD_AT + PAYLOAD_LEN - 4, 0, 4);
    assert_int_equal(find(FILE_LEN, &p), -EILSEQ);
    put(PAYLOAD_AT + PAYLOAD_LEN - 4, KERNEL_UNPACKED_MAX + 1, 4);
    assert_int_equal(find(FILE_LEN, &p), -EILSEQ);
    put(PAYLOAD_AT + PAYLOAD_LEN - 4, KERNEL_UNPACKED_MAX, 4);
    assert_int_equal(find(FILE_LEN, &p), 0);
}

static void test_default_setup_sectors(void **state)
{
    struct kernel_payload p;

    (void)state;
    build("what", 4);
    put(0x1f1, 0, 1); /* stands for 4 */
    memcpy(file + 5 * 512 + 0x40, "\x28\xb5\x2f\xfd", 4);
    put(5 * 512 + 0x40 + PAYLOAD_LEN - 4, 77, 4);
    assert_int_equal(find(sizeof(file), &p), 0);
    assert_ptr_equal(p.data, file + 5 * 512 + 0x40);
    assert_int_equal(p.unpacked_size, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),         cmocka_unit_test(test_plain_files),
        cmocka_unit_test(test_damaged_headers), cmocka_unit_test(test_unpacked_size),
        cmocka_unit_test(test_default_setup_sectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
