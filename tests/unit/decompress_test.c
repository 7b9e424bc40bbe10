/* SPDX-License-Identifier: MIT */
/*
 * Contract of init/image/decompress.c: each format unpacks what the real compressor made; every truncation, every
 * damaged byte, every wrong size and every size of arena up to enough is refused with its own error and message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lz4hc.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <fake/fake.h>
#include <init/image/decompress.h>
#include <lib/errno.h>

#define TEXT_LEN 70000
#define PACKED_MAX (2 * TEXT_LEN)
#define MSR_FS_BASE 0xc0000100
#define GUEST_FS_BASE 0x12345000

static u8 text[TEXT_LEN], packed_text[PACKED_MAX], out[TEXT_LEN];
static void *arena;

/* Code-like data: repetitive, with relative calls for the branch filter and a stretch that does not compress. */
static int setup(void **state)
{
    u32 random = 1;

    (void)state;
    fake_start(1, 1);
    fake_msr_set(MSR_FS_BASE, GUEST_FS_BASE);
    for (unsigned i = 0; i < TEXT_LEN; i++) {
        random = random * 1664525 + 1013904223;
        text[i] = i % 10000 < 700 ? (u8)(random >> 24) : (u8)"\xe8\x10\x20\0\0Hospes \x0f\x84"[(i + i / 97) % 14];
    }
    arena = malloc(DECOMPRESS_ARENA_BYTES);
    decompress_init(arena, DECOMPRESS_ARENA_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(arena);
    return 0;
}

static size_t pack_raw(size_t len)
{
    memcpy(packed_text, "\x7f" "ELF", 4);
    memcpy(packed_text + 4, text + 4, len - 4);
    return len;
}

static size_t pack_gzip(size_t len)
{
    z_stream s = { .next_in = text, .avail_in = (uInt)len, .next_out = packed_text, .avail_out = PACKED_MAX };

    assert_int_equal(deflateInit2(&s, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&s), Z_OK);
    return PACKED_MAX - s.avail_out;
}

static size_t pack_xz_check(size_t len, lzma_check check, u32 dict_size)
{
    size_t pos = 0;
    lzma_options_lzma lzma2;
    lzma_filter filters[] = { { LZMA_FILTER_X86, NULL }, { LZMA_FILTER_LZMA2, &lzma2 }, { LZMA_VLI_UNKNOWN, NULL } };

    assert_false(lzma_lzma_preset(&lzma2, 6));
    lzma2.dict_size = dict_size;
    assert_int_equal(lzma_stream_buffer_encode(filters, check, NULL, text, len, packed_text, &pos, PACKED_MAX),
                     LZMA_OK);
    return pos;
}

static size_t pack_xz(size_t len)
{
    return pack_xz_check(len, LZMA_CHECK_CRC32, 1 << 16);
}

static size_t pack_zstd(size_t len)
{
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    size_t rc;

    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1)));
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, 0))); /* as from a pipe */
    rc = ZSTD_compress2(ctx, packed_text, PACKED_MAX, text, len);
    assert_false(ZSTD_isError(rc));
    ZSTD_freeCCtx(ctx);
    return rc;
}

/* The legacy frame, in blocks smaller than its format has, to have several. */
static size_t pack_lz4(size_t len)
{
    size_t n = 4;

    memcpy(packed_text, "\x02\x21\x4c\x18", 4);
    for (size_t done = 0; done < len; done += 30000) {
        int want = (int)(len - done < 30000 ? len - done : 30000);
        int got = LZ4_compress_HC((char *)text + done, (char *)packed_text + n + 4, want, (int)(PACKED_MAX - n - 4), 9);

        assert_true(got > 0);
        memcpy(packed_text + n, &got, 4);
        n += 4 + (size_t)got;
    }
    return n;
}

static const struct {
    enum image_format format;
    size_t (*pack)(size_t len);
    bool checked;    /* has a checksum of the contents */
    bool allocates;
} formats[] = {
    { IMAGE_RAW, pack_raw, false, false }, { IMAGE_GZIP, pack_gzip, true, true },  { IMAGE_XZ, pack_xz, true, true },
    { IMAGE_ZSTD, pack_zstd, true, true }, { IMAGE_LZ4, pack_lz4, false, false },
};

/* Unpacks through buffers of the exact sizes, so that the sanitizer sees each access outside them. */
static int unpack(enum image_format format, size_t in_len, size_t out_len, const char **why)
{
    u8 *in = malloc(in_len ? in_len : 1), *exact = calloc(1, out_len);
    int rc;

    memcpy(in, packed_text, in_len);
    *why = NULL;
    rc = decompress(format, in, in_len, exact, out_len, why);
    memcpy(out, exact, out_len);
    free(exact);
    assert_int_equal(read_fs_base(), GUEST_FS_BASE);
    assert_true(rc ? *why && strstr(*why, ";") : !*why);
    free(in);
    return rc;
}

static void test_round_trip(void **state)
{
    static const size_t lengths[] = { 4, 5, 100, 4096, 32768, 65537, TEXT_LEN };
    const char *why;

    (void)state;
    for (unsigned f = 0; f < ARRAY_SIZE(formats); f++)
        for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
            size_t len = lengths[i], n = formats[f].pack(len);

            assert_int_equal(image_format_detect(packed_text, n), formats[f].format);
            assert_int_equal(unpack(formats[f].format, n, len, &why), 0);
            assert_memory_equal(out + 4, text + 4, len - 4);
        }
}

static void test_wrong_size(void **state)
{
    const char *why;

    (void)state;
    for (unsigned f = 0; f < ARRAY_SIZE(formats); f++) {
        size_t n = formats[f].pack(TEXT_LEN - 1);
        int rc = unpack(formats[f].format, n, TEXT_LEN - 2, &why);

        assert_int_equal(rc, formats[f].format == IMAGE_LZ4 ? -EILSEQ : -EMSGSIZE);
        assert_int_equal(unpack(formats[f].format, n, TEXT_LEN, &why), -EMSGSIZE);
    }
}

static void test_truncated(void **state)
{
    const char *why;

    (void)state;
    for (unsigned f = 0; f < ARRAY_SIZE(formats); f++) {
        size_t n = formats[f].pack(300);
        unsigned named = 0;

        for (size_t len = 0; len < n; len++) {
            int rc = unpack(formats[f].format, len, 300, &why);

            assert_true(rc < 0);
            named += rc == -ESPIPE && strstr(why, "too early");
        }
        if (formats[f].format != IMAGE_RAW)
            assert_true(named > n / 2);
        assert_int_equal(unpack(formats[f].format, n, 300, &why), 0);
    }
}

/* Every byte in turn; what is accepted nevertheless must have the right contents (unused header bits). */
static void test_damaged(void **state)
{
    const char *why;

    (void)state;
    for (unsigned f = 0; f < ARRAY_SIZE(formats); f++) {
        size_t n = formats[f].pack(1000);
        unsigned bad_checksum = 0;

        for (size_t at = 0; at < n; at++) {
            int rc;

            packed_text[at] ^= 0x55;
            rc = unpack(formats[f].format, n, 1000, &why);
            packed_text[at] ^= 0x55;
            if (!rc && formats[f].checked)
                assert_memory_equal(out, text, 1000);
            bad_checksum += rc == -EILSEQ && strstr(why, "checksum");
        }
        if (formats[f].checked)
            assert_true(bad_checksum > 0);
    }
}

static void test_small_arena(void **state)
{
    const char *why;

    (void)state;
    for (unsigned f = 0; f < ARRAY_SIZE(formats); f++) {
        size_t n = formats[f].pack(TEXT_LEN), bytes;
        unsigned failures = 0;
        int rc = -ENOMEM;

        for (bytes = 0; rc && bytes < (1 << 20); bytes += 256) {
            u8 *small = malloc(bytes ? bytes : 1);

            decompress_init(small, bytes);
            rc = unpack(formats[f].format, n, TEXT_LEN, &why);
            if (rc)
                assert_int_equal(rc, -ENOMEM);
            failures += rc != 0;
            free(small);
        }
        assert_int_equal(rc, 0);
        assert_int_equal(failures != 0, formats[f].allocates);
    }
    decompress_init(arena, DECOMPRESS_ARENA_BYTES);
}

static void test_xz_variants(void **state)
{
    const char *why;
    size_t n;

    (void)state;
    n = pack_xz_check(1000, LZMA_CHECK_NONE, 1 << 16);
    assert_int_equal(unpack(IMAGE_XZ, n, 1000, &why), 0);
    assert_memory_equal(out, text, 1000);
    n = pack_xz_check(1000, LZMA_CHECK_CRC64, 1 << 16);
    assert_int_equal(unpack(IMAGE_XZ, n, 1000, &why), -EOPNOTSUPP);
    n = pack_xz_check(1000, LZMA_CHECK_SHA256, 1 << 16);
    assert_int_equal(unpack(IMAGE_XZ, n, 1000, &why), -EOPNOTSUPP);
    n = pack_xz_check(1000, LZMA_CHECK_CRC32, 1 << 30); /* the dictionary is the output */
    assert_int_equal(unpack(IMAGE_XZ, n, 1000, &why), 0);
}

static void test_trailing_bytes(void **state)
{
    const char *why;

    (void)state;
    for (unsigned f = 0; f < ARRAY_SIZE(formats); f++) {
        size_t n = formats[f].pack(1000);

        memset(packed_text + n, 0xff, 8);
        assert_true(unpack(formats[f].format, n + 8, 1000, &why) < 0);
    }
}

static void test_unsupported(void **state)
{
    static const struct { const char *magic; enum image_format format; } others[] = {
        { "BZh9", IMAGE_BZIP2 }, { "\x5d\0\0\0", IMAGE_LZMA }, { "\x89LZO", IMAGE_LZO }, { "what", IMAGE_UNKNOWN },
    };
    const char *why;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        memcpy(packed_text, others[i].magic, 4);
        assert_int_equal(image_format_detect(packed_text, 4), others[i].format);
        assert_int_equal(unpack(others[i].format, 4, 100, &why), -EOPNOTSUPP);
    }
    memcpy(packed_text, "what", 4);
    assert_int_equal(unpack(IMAGE_ZSTD, 4, 100, &why), -EILSEQ); /* not what the caller says it is */
    assert_int_equal(image_format_detect("\x1f", 1), IMAGE_UNKNOWN);
    assert_int_equal(image_format_detect("", 0), IMAGE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_wrong_size),  cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_small_arena), cmocka_unit_test(test_xz_variants),
        cmocka_unit_test(test_trailing_bytes), cmocka_unit_test(test_unsupported),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
