/* SPDX-License-Identifier: MIT */
/* Contract of lib/printf.c. Where the C library defines the same, its snprintf() is the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <lib/printf.h>

static void check_same(const char *fmt, ...) format_printf(1, 2);

/* Formats into every buffer size around the text's length and compares text and returned length. */
static void check_same(const char *fmt, ...)
{
    char got[256], want[256];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(want, sizeof(want), fmt, args);
    va_end(args);
    for (size_t size = 1; size <= (size_t)len + 2; size++) {
        memset(got, 0x7e, sizeof(got));
        va_start(args, fmt);
        assert_int_equal(fmt_vsnprintf(got, size, fmt, args), len);
        va_end(args);
        want[min(size - 1, (size_t)len)] = '\0';
        assert_string_equal(got, want);
        assert_int_equal(got[size], 0x7e);
        va_start(args, fmt);
        vsnprintf(want, sizeof(want), fmt, args);
        va_end(args);
    }
}

static void test_numbers(void **state)
{
    static const long values[] = { 0, 1, -1, 9, 10, 127, 128, 255, 256, 32768, 65535, 65536, INT32_MAX, INT32_MIN,
                                   UINT32_MAX, INT64_MAX, INT64_MIN, -12345 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        long v = values[i];
        int n = (int)v;

        check_same("%d %i %u %x %X %o", n, n, (unsigned)n, (unsigned)n, (unsigned)n, (unsigned)n);
        check_same("%ld %lu %lx %lX %lo", v, (unsigned long)v, (unsigned long)v, (unsigned long)v, (unsigned long)v);
        check_same("%lld %llu %zu %zd", (long long)v, (unsigned long long)v, (size_t)v, (ssize_t)v);
        check_same("%hhd %hhu %hhx %hd %hu %hx", (signed char)v, (unsigned char)v, (unsigned char)v, (short)v,
                   (unsigned short)v, (unsigned short)v);
        check_same("[%8d] [%-8d] [%08d] [%+d] [% d] [%.5d] [%8.5d]", n, n, n, n, n, n, n);
        check_same("[%#x] [%#10x] [%-#10x] [%#010x] [%#X] [%2x]", (unsigned)n, (unsigned)n, (unsigned)n, (unsigned)n,
                   (unsigned)n, (unsigned)n);
        check_same("[%*d] [%-*d] [%.*d] [%*.*d]", 7, n, 7, n, 4, n, 9, 3, n);
        check_same("[%*d] [%.*d]", -7, n, -4, n);
        check_same("[%.0d] [%.d]", n, n);
    }
}

static void test_text(void **state)
{
    (void)state;
    check_same("plain");
    check_same("100%% %c%c", 'a', 'z');
    check_same("%s|%5s|%-5s|%.2s|%6.2s|%s", "abc", "abc", "abc", "abc", "abc", "");
    check_same("%.*s|%.*s", 2, "abc", -1, "abc");
    check_same("%3c|%-3c|", 'x', 'y');
    check_same("%p", (void *)0x1234abcd);
}

static void test_unbounded_string_is_not_read_past_precision(void **state)
{
    const char raw[3] = { 'a', 'b', 'c' };
    char buf[8];

    (void)state;
    assert_int_equal(fmt_snprintf(buf, sizeof(buf), "%.3s", raw), 3);
    assert_string_equal(buf, "abc");
}

static void test_own_rules(void **state)
{
    const char *volatile null = NULL, *volatile strange = "%y %d%";
    char buf[64] = "keep";

    (void)state;
    assert_int_equal(fmt_snprintf(buf, 0, "gone"), 4);
    assert_string_equal(buf, "keep");
    assert_int_equal(fmt_snprintf(NULL, 0, "%d", 12345), 5);
    assert_int_equal(fmt_snprintf(buf, sizeof(buf), "%s", null), 6);
    assert_string_equal(buf, "(null)");
    assert_int_equal(fmt_snprintf(buf, sizeof(buf), "%p", (void *)null), 3);
    assert_string_equal(buf, "0x0");
    assert_int_equal(fmt_snprintf(buf, sizeof(buf), "%123456789d", 1), 9999);
    assert_int_equal(fmt_snprintf(buf, sizeof(buf), "%*d", -100000, 1), 9999);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    assert_int_equal(fmt_snprintf(buf, sizeof(buf), strange, 7), 5);
#pragma GCC diagnostic pop
    assert_string_equal(buf, "%y 7%");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_unbounded_string_is_not_read_past_precision),
        cmocka_unit_test(test_own_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
