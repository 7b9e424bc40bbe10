/* SPDX-License-Identifier: MIT */
/*
 * Contract of lib/freestanding.c, included here under other names so that it stands beside the C library it is
 * compared with. Every length around the word sizes, at every alignment, is tried with guard bytes around it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define memcpy  own_memcpy
#define memmove own_memmove
#define memset  own_memset
#define memcmp  own_memcmp
#define strlen  own_strlen
#define strcmp  own_strcmp
#define strncmp own_strncmp
#define strchr  own_strchr
#define strlcpy own_strlcpy
#include "../../hypervisor/lib/freestanding.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strlcpy

#define SIZE 160
#define LEN_MAX 70

static u8 pattern[SIZE];

static int fill_pattern(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIZE; i++)
        pattern[i] = (u8)(i * 37 + 11);
    return 0;
}

static void test_memcpy(void **state)
{
    u8 got[SIZE], want[SIZE];

    (void)state;
    for (unsigned from = 0; from < 9; from++)
        for (unsigned to = 0; to < 9; to++)
            for (unsigned len = 0; len < LEN_MAX; len++) {
                memset(got, 0xee, SIZE);
                memset(want, 0xee, SIZE);
                memcpy(want + to, pattern + from, len);
                assert_ptr_equal(own_memcpy(got + to, pattern + from, len), got + to);
                assert_memory_equal(got, want, SIZE);
            }
}

static void test_memmove(void **state)
{
    u8 got[SIZE], want[SIZE];

    (void)state;
    for (unsigned from = 0; from < 40; from++)
        for (unsigned to = 0; to < 40; to++)
            for (unsigned len = 0; len < LEN_MAX; len++) {
                memcpy(got, pattern, SIZE);
                memcpy(want, pattern, SIZE);
                memmove(want + to, want + from, len);
                assert_ptr_equal(own_memmove(got + to, got + from, len), got + to);
                assert_memory_equal(got, want, SIZE);
            }
}

static void test_memset(void **state)
{
    u8 got[SIZE], want[SIZE];

    (void)state;
    for (unsigned to = 0; to < 9; to++)
        for (unsigned len = 0; len < LEN_MAX; len++) {
            memset(got, 0xee, SIZE);
            memset(want, 0xee, SIZE);
            memset(want + to, 0x1a5, len);
            assert_ptr_equal(own_memset(got + to, 0x1a5, len), got + to);
            assert_memory_equal(got, want, SIZE);
        }
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void test_memcmp(void **state)
{
    u8 other[SIZE];

    (void)state;
    memcpy(other, pattern, SIZE);
    for (unsigned len = 0; len < LEN_MAX; len++) {
        assert_int_equal(own_memcmp(pattern, other, len), 0);
        for (unsigned at = 0; at < LEN_MAX; at++) {
            other[at] ^= 0x80;
            assert_int_equal(sign(own_memcmp(pattern, other, len)), sign(memcmp(pattern, other, len)));
            other[at] ^= 0x80;
        }
    }
}

static void test_strings(void **state)
{
    static const char *const words[] = { "", "a", "ab", "abc", "abd", "b", "\xff", "ab\xff" };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        assert_int_equal(own_strlen(words[i]), strlen(words[i]));
        assert_ptr_equal(own_strchr(words[i], 'b'), strchr(words[i], 'b'));
        assert_ptr_equal(own_strchr(words[i], 0), strchr(words[i], 0));
        for (unsigned j = 0; j < ARRAY_SIZE(words); j++) {
            assert_int_equal(sign(own_strcmp(words[i], words[j])), sign(strcmp(words[i], words[j])));
            for (unsigned n = 0; n < 5; n++)
                assert_int_equal(sign(own_strncmp(words[i], words[j], n)), sign(strncmp(words[i], words[j], n)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memcpy), cmocka_unit_test(test_memmove), cmocka_unit_test(test_memset),
        cmocka_unit_test(test_memcmp), cmocka_unit_test(test_strings),
    };

    return cmocka_run_group_tests(tests, fill_pattern, NULL);
}
