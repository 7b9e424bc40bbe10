/* SPDX-License-Identifier: MIT */
/*
 * Formatted output. One conversion is parsed into a struct spec, then emitted as [spaces][prefix][zeros][body]
 * [spaces]; the sink counts everything and stores what fits. Used by printk, panic and the trace decoder.
 */
#include <lib/printf.h>
#include <lib/string.h>

#define COUNT_MAX 9999

struct sink {
    char *buf;
    size_t size; /* including the room for the NUL */
    size_t len;  /* characters produced so far, stored or not */
};

struct spec {
    bool left, zero, plus, space, alt, upper, has_precision;
    unsigned width, precision;
    char length; /* 'H' hh, 'h', 0, 'l' for l, ll and z */
    char conversion;
};

static void sink_put(struct sink *out, char c)
{
    if (out->len + 1 < out->size)
        out->buf[out->len] = c;
    out->len++;
}

static void sink_fill(struct sink *out, char c, unsigned n)
{
    while (n--)
        sink_put(out, c);
}

static void sink_bytes(struct sink *out, const char *s, unsigned n)
{
    while (n--)
        sink_put(out, *s++);
}

/* Emits prefix and body, padded to the width: zeros go between the two, spaces around. */
static void emit_field(struct sink *out, const struct spec *spec, const char *prefix, unsigned zeros,
                       const char *body, unsigned len)
{
    unsigned prefix_len = (unsigned)strlen(prefix), used = prefix_len + zeros + len;
    unsigned pad = spec->width > used ? spec->width - used : 0;

    if (!spec->left)
        sink_fill(out, ' ', pad);
    sink_bytes(out, prefix, prefix_len);
    sink_fill(out, '0', zeros);
    sink_bytes(out, body, len);
    if (spec->left)
        sink_fill(out, ' ', pad);
}

static void emit_string(struct sink *out, const struct spec *spec, const char *s)
{
    unsigned len = 0;

    if (!s)
        s = "(null)";
    while ((!spec->has_precision || len < spec->precision) && s[len])
        len++;
    emit_field(out, spec, "", 0, s, len);
}

static void emit_number(struct sink *out, const struct spec *spec, const char *prefix, u64 value, unsigned base)
{
    const char *digits = spec->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned prefix_len = (unsigned)strlen(prefix), len = 0, want = 1;
    char body[24]; /* 22 octal digits of 2^64 - 1 */

    for (; value; value /= base)
        body[sizeof(body) - ++len] = digits[value % base];
    if (spec->has_precision)
        want = spec->precision;
    else if (spec->zero && !spec->left && spec->width > prefix_len)
        want = max(want, spec->width - prefix_len);
    emit_field(out, spec, prefix, want > len ? want - len : 0, body + sizeof(body) - len, len);
}

static u64 take_unsigned(const struct spec *spec, va_list *args)
{
    if (spec->length == 'l')
        return va_arg(*args, unsigned long);

    unsigned v = va_arg(*args, unsigned);

    return spec->length == 'H' ? (u8)v : spec->length == 'h' ? (u16)v : v;
}

static void emit_signed(struct sink *out, const struct spec *spec, va_list *args)
{
    long v = (long)take_unsigned(spec, args);

    if (spec->length == 'H')
        v = (s8)v;
    else if (spec->length == 'h')
        v = (s16)v;
    else if (spec->length != 'l')
        v = (s32)v;
    emit_number(out, spec, v < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "", v < 0 ? -(u64)v : (u64)v, 10);
}

static void emit_unsigned(struct sink *out, const struct spec *spec, va_list *args)
{
    u64 v = take_unsigned(spec, args);

    if (spec->conversion == 'u')
        emit_number(out, spec, "", v, 10);
    else if (spec->conversion == 'o')
        emit_number(out, spec, spec->alt && v ? "0" : "", v, 8);
    else
        emit_number(out, spec, !spec->alt || !v ? "" : spec->upper ? "0X" : "0x", v, 16);
}

/* Returns false for a conversion it does not know, having consumed no argument. */
static bool emit_conversion(struct sink *out, const struct spec *spec, va_list *args)
{
    char c;

    switch (spec->conversion) {
    case 'c':
        c = (char)va_arg(*args, int);
        emit_field(out, spec, "", 0, &c, 1);
        return true;
    case 's':
        emit_string(out, spec, va_arg(*args, const char *));
        return true;
    case 'p':
        emit_number(out, spec, "0x", (u64)va_arg(*args, void *), 16);
        return true;
    case 'd':
    case 'i':
        emit_signed(out, spec, args);
        return true;
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        emit_unsigned(out, spec, args);
        return true;
    case '%':
        sink_put(out, '%');
        return true;
    default:
        return false;
    }
}

static const char *parse_flags(const char *p, struct spec *spec)
{
    for (;; p++) {
        bool *flag = *p == '-' ? &spec->left : *p == '0' ? &spec->zero : *p == '+' ? &spec->plus
                   : *p == ' ' ? &spec->space : *p == '#' ? &spec->alt : NULL;

        if (!flag)
            return p;
        *flag = true;
    }
}

/* A decimal number, or * for an int argument (which may be negative), cut to -COUNT_MAX..COUNT_MAX. */
static const char *parse_count(const char *p, va_list *args, int *count)
{
    if (*p == '*') {
        *count = min(va_arg(*args, int), COUNT_MAX);
        *count = max(*count, -COUNT_MAX);
        return p + 1;
    }
    for (*count = 0; *p >= '0' && *p <= '9'; p++)
        *count = min(*count * 10 + (*p - '0'), COUNT_MAX);
    return p;
}

static const char *parse_length(const char *p, struct spec *spec)
{
    if (*p == 'h') {
        spec->length = p[1] == 'h' ? 'H' : 'h';
        return p + (p[1] == 'h' ? 2 : 1);
    }
    if (*p == 'l' || *p == 'z') {
        spec->length = 'l';
        return p + (p[0] == 'l' && p[1] == 'l' ? 2 : 1);
    }
    return p;
}

/* Parses what follows a '%'; returns the position of the conversion character. */
static const char *parse_spec(const char *p, struct spec *spec, va_list *args)
{
    int count;

    *spec = (struct spec){ 0 };
    p = parse_count(parse_flags(p, spec), args, &count);
    if (count < 0) {
        spec->left = true;
        count = -count;
    }
    spec->width = (unsigned)count;
    if (*p == '.') {
        p = parse_count(p + 1, args, &count);
        spec->has_precision = count >= 0;
        spec->precision = spec->has_precision ? (unsigned)count : 0;
    }
    p = parse_length(p, spec);
    spec->conversion = *p;
    spec->upper = *p == 'X';
    return p;
}

int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
    struct sink out = { .buf = buf, .size = size };
    struct spec spec;
    va_list ap;

    va_copy(ap, args); /* a va_list parameter decays to a pointer; &ap is portable */
    while (*fmt) {
        const char *start = fmt++;

        if (*start != '%') {
            sink_put(&out, *start);
            continue;
        }
        fmt = parse_spec(fmt, &spec, &ap);
        if (emit_conversion(&out, &spec, &ap))
            fmt++;
        else
            sink_bytes(&out, start, (unsigned)(fmt - start));
    }
    va_end(ap);
    if (size)
        buf[min(out.len, size - 1)] = '\0';
    return (int)min(out.len, (size_t)INT32_MAX);
}

int fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = fmt_vsnprintf(buf, size, fmt, args);
    va_end(args);
    return len;
}
