/* SPDX-License-Identifier: MIT */
/*
 * init/image/xz.c and lzma2.c against liblzma's encoder: every coding parameter, data that makes every kind of chunk,
 * several blocks, the branch filter on code full of near misses; and headers damaged behind a right checksum.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lzma.h>

#include <init/image/decode.h>
#include <init/image/decompress.h>
#include <init/image/lzma2.h>

#define DATA_MAX (5 << 20)
#define PACKED_MAX (DATA_MAX + DATA_MAX / 4)

static u8 *data, *packed_data;
static u32 random_state;

static u32 random_u32(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 8;
}

/* Bytes as in code: opcodes and sign bytes are frequent and near each other. */
static void fill_code(u8 *p, size_t bytes)
{
    static const u8 common[] = { 0xe8, 0xe9, 0x00, 0xff, 0xe8, 0x01, 0x48, 0x8b };

    for (size_t i = 0; i < bytes; i++)
        p[i] = random_u32() % 3 ? common[random_u32() % sizeof(common)] : (u8)random_u32();
}

static void fill_noise(u8 *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (u8)random_u32();
}

/* Repeats at every distance from 1 up, of every length from 1 up, between single new bytes. */
static void fill_repeats(u8 *p, size_t bytes)
{
    size_t i = 0;

    while (i < bytes) {
        size_t length = random_u32() % 300 + 1, distance = 1 + random_u32() % (random_u32() % 4 ? 20 : 5000);

        p[i++] = (u8)random_u32();
        for (; length-- && i < bytes; i++)
            p[i] = i >= distance ? p[i - distance] : 0;
    }
}

static void fill_zero(u8 *p, size_t bytes)
{
    memset(p, 0, bytes);
}

static void (*const fills[])(u8 *p, size_t bytes) = { fill_code, fill_noise, fill_repeats, fill_zero };

static int setup(void **state)
{
    (void)state;
    random_state = 20261122;
    data = malloc(DATA_MAX);
    packed_data = malloc(PACKED_MAX);
    return !data || !packed_data;
}

static int teardown(void **state)
{
    (void)state;
    free(data);
    free(packed_data);
    return 0;
}

/* A small dictionary: with the usual ones the encoder spends its time in allocation. */
static void preset(lzma_options_lzma *lzma2, unsigned level)
{
    assert_false(lzma_lzma_preset(lzma2, level));
    lzma2->dict_size = 1 << 14;
}

/* Packs data[0..bytes) in blocks of at most block bytes. */
static size_t pack(size_t bytes, size_t block, lzma_filter *filters, lzma_check check)
{
    lzma_stream s = LZMA_STREAM_INIT;

    assert_int_equal(lzma_stream_encoder(&s, filters, check), LZMA_OK);
    s.next_in = data;
    s.next_out = packed_data;
    s.avail_out = PACKED_MAX;
    for (size_t done = 0; done < bytes; done += block) {
        s.avail_in = min(block, bytes - done);
        assert_int_equal(lzma_code(&s, done + block < bytes ? LZMA_FULL_FLUSH : LZMA_FINISH), LZMA_STREAM_END);
    }
    lzma_end(&s);
    return PACKED_MAX - s.avail_out;
}

static enum outcome unpack_to(u8 *out, size_t out_len, size_t packed_len)
{
    u8 *in = malloc(packed_len), *arena = malloc(lzma2_state_bytes + 64);
    struct job job = { in, packed_len, out, out_len };
    enum outcome outcome;

    memcpy(in, packed_data, packed_len);
    decompress_init(arena, lzma2_state_bytes + 64);
    outcome = unpack_xz(&job);
    free(in);
    free(arena);
    return outcome;
}

static void check_round_trip(size_t bytes, size_t block, lzma_filter *filters, lzma_check check)
{
    size_t n = pack(bytes, block, filters, check);
    u8 *out = malloc(bytes);

    assert_int_equal(unpack_to(out, bytes, n), DONE);
    assert_memory_equal(out, data, bytes);
    free(out);
}

static void test_parameters(void **state)
{
    lzma_options_lzma lzma2;
    lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &lzma2 }, { LZMA_VLI_UNKNOWN, NULL } };

    (void)state;
    for (unsigned f = 0; f < ARRAY_SIZE(fills); f++) {
        fills[f](data, 8000);
        for (unsigned lc = 0; lc <= 4; lc++)
            for (unsigned lp = 0; lp + lc <= 4; lp++)
                for (unsigned pb = 0; pb <= 4; pb++) {
                    preset(&lzma2, (lc + pb) % 7);
                    lzma2.lc = lc;
                    lzma2.lp = lp;
                    lzma2.pb = pb;
                    check_round_trip(8000, 8000, filters, LZMA_CHECK_CRC32);
                }
    }
}

/* More than a chunk holds (2 MiB), kinds of data in turn: coded, stored and reset chunks in one stream. */
static void test_large_and_mixed(void **state)
{
    lzma_options_lzma lzma2;
    lzma_options_bcj x86 = { 0 };
    lzma_filter filters[] = { { LZMA_FILTER_X86, &x86 }, { LZMA_FILTER_LZMA2, &lzma2 }, { LZMA_VLI_UNKNOWN, NULL } };

    (void)state;
    preset(&lzma2, 1);
    for (size_t done = 0, part; done < DATA_MAX; done += part) {
        part = min(random_u32() % 200000 + 1ul, DATA_MAX - done);
        fills[random_u32() % ARRAY_SIZE(fills)](data + done, part);
    }
    check_round_trip(DATA_MAX, DATA_MAX, filters, LZMA_CHECK_CRC32);
    check_round_trip(DATA_MAX, 1 << 20, filters, LZMA_CHECK_CRC32);
    check_round_trip(DATA_MAX, 777777, filters + 1, LZMA_CHECK_NONE);
    x86.start_offset = 0xfffffff0;
    check_round_trip(100000, 30000, filters, LZMA_CHECK_CRC32);
}

/* Short code, so that the filter meets every position relative to the end. */
static void test_branch_filter(void **state)
{
    lzma_options_lzma lzma2;
    lzma_filter filters[] = { { LZMA_FILTER_X86, NULL }, { LZMA_FILTER_LZMA2, &lzma2 }, { LZMA_VLI_UNKNOWN, NULL } };

    (void)state;
    preset(&lzma2, 0);
    for (unsigned i = 0; i < 400; i++) {
        size_t bytes = 1 + random_u32() % 60;

        fill_code(data, bytes);
        check_round_trip(bytes, bytes, filters, LZMA_CHECK_CRC32);
    }
}

static void put_crc(size_t from, size_t to)
{
    u32 crc = lzma_crc32(packed_data + from, to - from, 0);

    memcpy(packed_data + to, &crc, 4);
}

/* Offsets into the smallest stream: header 12, block header {02 00 21 01 dict 00 00 00 crc}, data. */
static void test_refused(void **state)
{
    static const struct { unsigned at; u8 byte; enum outcome outcome; } cases[] = {
        { 13, 0x04, UNSUPPORTED },  /* reserved flag */
        { 13, 0x01, UNSUPPORTED },  /* LZMA2 with another filter behind it */
        { 13, 0x40, CORRUPT },      /* a size that runs into the filter */
        { 14, 0x03, UNSUPPORTED },  /* delta filter */
        { 14, 0x04, UNSUPPORTED },  /* a branch filter cannot be last */
        { 15, 0x02, UNSUPPORTED },  /* too many properties */
        { 15, 0x40, CORRUPT },      /* more properties than header */
        { 12, 0x00, CORRUPT },      /* an index in its place */
        { 24, 0x80, CORRUPT },      /* first chunk without properties */
        { 24, 0xa0, CORRUPT },      /* first chunk without new properties */
        { 24, 0xc0, CORRUPT },      /* first chunk without dictionary reset */
        { 24, 0x02, CORRUPT },      /* the same, stored */
        { 24, 0x03, CORRUPT },      /* no such control byte */
        { 24, 0x01, BAD_CHECKSUM }, /* a stored chunk; what follows happens to make some sense, or not */
    };
    lzma_options_lzma lzma2;
    lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &lzma2 }, { LZMA_VLI_UNKNOWN, NULL } };
    u8 out[2000];

    (void)state;
    preset(&lzma2, 6);
    fill_repeats(data, sizeof(out));
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t n = pack(sizeof(out), sizeof(out), filters, LZMA_CHECK_CRC32);
        enum outcome got;

        assert_int_equal(unpack_to(out, sizeof(out), n), DONE);
        packed_data[cases[i].at] = cases[i].byte;
        put_crc(12, 20);
        got = unpack_to(out, sizeof(out), n);
        if (cases[i].outcome == BAD_CHECKSUM)
            assert_true(got != DONE);
        else if (got != cases[i].outcome)
            fail_msg("case %u: %d", i, got);
    }
}

/* Damage behind the checksums: the decoder itself has to notice or at least to stay within its buffers. */
static void test_damaged_data(void **state)
{
    lzma_options_lzma lzma2;
    lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &lzma2 }, { LZMA_VLI_UNKNOWN, NULL } };
    static u8 out[6000];

    (void)state;
    preset(&lzma2, 6);
    for (unsigned f = 0; f < ARRAY_SIZE(fills); f++) {
        size_t n;

        fills[f](data, sizeof(out));
        n = pack(sizeof(out), sizeof(out), filters, LZMA_CHECK_NONE);
        for (unsigned i = 0; i < 300; i++) {
            u8 *victim = &packed_data[24 + random_u32() % (n - 24 - 12)], was = *victim;

            *victim ^= (u8)(1u << random_u32() % 8);
            (void)unpack_to(out, sizeof(out), n);
            *victim = was;
        }
        assert_int_equal(unpack_to(out, sizeof(out), n), DONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),    cmocka_unit_test(test_large_and_mixed),
        cmocka_unit_test(test_branch_filter), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damaged_data),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
