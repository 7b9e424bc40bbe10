/* SPDX-License-Identifier: MIT */
/* Contract of lib/string.c: bounded copy, numbers, sizes, boolean words, list items. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lib/errno.h>
#include <lib/string.h>

static void test_strlcpy(void **state)
{
    char buf[4] = "zzz";

    (void)state;
    assert_int_equal(strlcpy(buf, "ab", sizeof(buf)), 2);
    assert_string_equal(buf, "ab");
    assert_int_equal(strlcpy(buf, "abcdef", sizeof(buf)), 6);
    assert_string_equal(buf, "abc");
    assert_int_equal(strlcpy(buf, "x", 1), 1);
    assert_string_equal(buf, "");
    buf[0] = 'q';
    assert_int_equal(strlcpy(buf, "xyz", 0), 3);
    assert_int_equal(buf[0], 'q');
}

struct number_case {
    const char *text;
    unsigned base; /* of a number; the default shift of a size */
    int rc;
    u64 value;
    const char *rest;
};

static void test_parse_u64(void **state)
{
    static const struct number_case cases[] = {
        { "0", 0, 0, 0, "" },
        { "12,", 0, 0, 12, "," },
        { "0x1fG", 0, 0, 0x1f, "G" },
        { "0X1F", 16, 0, 0x1f, "" },
        { "ff", 16, 0, 0xff, "" },
        { "0x", 0, 0, 0, "x" },
        { "0xg", 16, 0, 0, "xg" },
        { "017", 0, 0, 15, "" },
        { "19", 8, 0, 1, "9" },
        { "18446744073709551615", 10, 0, ~0UL, "" },
        { "18446744073709551616", 10, -ERANGE, 0, NULL },
        { "0x10000000000000000", 0, -ERANGE, 0, NULL },
        { "99999999999999999999999", 10, -ERANGE, 0, NULL },
        { "", 0, -EINVAL, 0, NULL },
        { "-1", 0, -EINVAL, 0, NULL },
        { " 1", 0, -EINVAL, 0, NULL },
        { "g", 16, -EINVAL, 0, NULL },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *s = cases[i].text;
        u64 value = 0;

        assert_int_equal(str_parse_u64(&s, cases[i].base, &value), cases[i].rc);
        assert_int_equal(value, cases[i].value);
        if (cases[i].rc)
            assert_ptr_equal(s, cases[i].text);
        else
            assert_string_equal(s, cases[i].rest);
    }
}

static void test_parse_size(void **state)
{
    static const struct number_case cases[] = {
        { "512", 0, 0, 512, "" },
        { "512", 10, 0, 512UL << 10, "" },
        { "512b", 10, 0, 512, "" },
        { "1K", 0, 0, 1UL << 10, "" },
        { "3m,x", 0, 0, 3UL << 20, ",x" },
        { "2G", 10, 0, 2UL << 30, "" },
        { "1t", 0, 0, 1UL << 40, "" },
        { "0x10M", 0, 0, 16UL << 20, "" },
        { "1x", 0, 0, 1, "x" },
        { "16777216T", 0, -ERANGE, 0, NULL },
        { "16777215T", 0, 0, 16777215UL << 40, "" },
        { "M", 0, -EINVAL, 0, NULL },
        { "99999999999999999999M", 0, -ERANGE, 0, NULL },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *s = cases[i].text;
        u64 value = 0;

        assert_int_equal(str_parse_size(&s, cases[i].base, &value), cases[i].rc);
        assert_int_equal(value, cases[i].value);
        if (cases[i].rc)
            assert_ptr_equal(s, cases[i].text);
        else
            assert_string_equal(s, cases[i].rest);
    }
}

static void test_parse_bool(void **state)
{
    static const char *const yes[] = { "yes", "on", "true", "enable", "1" };
    static const char *const no[] = { "no", "off", "false", "disable", "0" };
    static const char *const neither[] = { "", "y", "YES", "10", "2", "onn", "enabled" };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(yes); i++)
        assert_int_equal(str_parse_bool(yes[i]), 1);
    for (unsigned i = 0; i < ARRAY_SIZE(no); i++)
        assert_int_equal(str_parse_bool(no[i]), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(neither); i++)
        assert_int_equal(str_parse_bool(neither[i]), -EINVAL);
}

static void test_next_item(void **state)
{
    char text[] = "com1,,vga", empty[] = "", *list = text;

    (void)state;
    assert_string_equal(str_next_item(&list, ','), "com1");
    assert_string_equal(str_next_item(&list, ','), "");
    assert_string_equal(str_next_item(&list, ','), "vga");
    assert_null(str_next_item(&list, ','));
    assert_null(str_next_item(&list, ','));
    list = empty;
    assert_string_equal(str_next_item(&list, ','), "");
    assert_null(str_next_item(&list, ','));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strlcpy),    cmocka_unit_test(test_parse_u64), cmocka_unit_test(test_parse_size),
        cmocka_unit_test(test_parse_bool), cmocka_unit_test(test_next_item),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
