/* SPDX-License-Identifier: MIT */
/*
 * String helpers that no C library offers in this form: bounded copy, number, size and boolean words, list
 * splitting. Used by the option table and the image parsers; pure functions.
 */
#include <lib/errno.h>
#include <lib/string.h>

size_t strlcpy(char *dst, const char *src, size_t size)
{
    size_t len = strlen(src), n = min(len, size - 1);

    if (size) {
        memcpy(dst, src, n);
        dst[n] = '\0';
    }
    return len;
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20; /* lower case */
    return c >= 'a' && c <= 'z' ? c - 'a' + 10u : ~0u;
}

/* The base of the number at *s; moves *s behind a 0x that a hexadecimal digit follows. */
static unsigned number_base(const char **s, unsigned base)
{
    const char *p = *s;

    if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 0x20) == 'x' && digit_value(p[2]) < 16) {
        *s = p + 2;
        return 16;
    }
    if (base == 0)
        return p[0] == '0' ? 8 : 10;
    return base;
}

int str_parse_u64(const char **s, unsigned base, u64 *value)
{
    const char *p = *s, *first;
    unsigned digit;
    u64 v = 0;

    base = number_base(&p, base);
    for (first = p; (digit = digit_value(*p)) < base; p++)
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
            return -ERANGE;
    if (p == first)
        return -EINVAL;
    *s = p;
    *value = v;
    return 0;
}

int str_parse_size(const char **s, unsigned default_shift, u64 *bytes)
{
    static const char suffixes[] = "bkmgt";
    unsigned shift = default_shift;
    const char *p = *s, *suffix;
    u64 v;
    int rc = str_parse_u64(&p, 0, &v);

    if (rc)
        return rc;
    suffix = *p ? strchr(suffixes, *p | 0x20) : NULL;
    if (suffix) {
        shift = 10 * (unsigned)(suffix - suffixes);
        p++;
    }
    if (v > ~0UL >> shift)
        return -ERANGE;
    *s = p;
    *bytes = v << shift;
    return 0;
}

int str_parse_bool(const char *s)
{
    static const char words[][2][8] = {
        { "no", "yes" }, { "off", "on" }, { "false", "true" }, { "disable", "enable" }, { "0", "1" },
    };

    for (unsigned i = 0; i < 2 * ARRAY_SIZE(words); i++)
        if (!strcmp(s, words[i / 2][i % 2]))
            return (int)(i % 2);
    return -EINVAL;
}

char *str_next_item(char **list, char separator)
{
    char *item = *list, *end;

    if (!item)
        return NULL;
    end = strchr(item, separator);
    if (end)
        *end++ = '\0';
    *list = end;
    return item;
}
