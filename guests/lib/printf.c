/* SPDX-License-Identifier: MIT */
/* printf for a guest: formats into a buffer, which the console writes in one call. */
#include <lib/console.h>
#include <lib/string.h>

struct sink {
    char *to;
    size_t size, length; /* length counts what did not fit, too */
};

static void put(struct sink *s, char c)
{
    if (s->length + 1 < s->size)
        s->to[s->length] = c;
    s->length++;
}

static void put_padded(struct sink *s, const char *text, size_t length, size_t width, char pad)
{
    for (; width > length; width--)
        put(s, pad);
    while (length-- > 0)
        put(s, *text++);
}

static void put_number(struct sink *s, u64 value, unsigned int base, bool negative, size_t width, char pad)
{
    char digits[24];
    size_t at = sizeof(digits);

    do
        digits[--at] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    if (negative)
        digits[--at] = '-';
    put_padded(s, digits + at, sizeof(digits) - at, width, pad);
}

static void put_conversion(struct sink *s, char conversion, bool is_long, size_t width, char pad, va_list *args)
{
    const char *text;
    s64 value;

    switch (conversion) {
    case 'c':
        put(s, (char)va_arg(*args, int));
        break;
    case 's':
        text = va_arg(*args, const char *);
        put_padded(s, text, strlen(text), width, ' ');
        break;
    case 'd':
        value = is_long ? va_arg(*args, long) : va_arg(*args, int);
        put_number(s, value < 0 ? -(u64)value : (u64)value, 10, value < 0, width, pad);
        break;
    case 'u':
    case 'x':
        put_number(s, is_long ? va_arg(*args, unsigned long) : va_arg(*args, unsigned int), conversion == 'u' ? 10 : 16,
                   false, width, pad);
        break;
    case 'p':
        put_number(s, (u64)va_arg(*args, void *), 16, false, 16, '0');
        break;
    default:
        put(s, conversion);
    }
}

int vsnprintf(char *to, size_t size, const char *format, va_list args)
{
    struct sink s = {.to = to, .size = size};
    va_list rest;

    va_copy(rest, args);
    for (; *format != '\0'; format++) {
        bool is_long = false;
        size_t width = 0;
        char pad = ' ';

        if (*format != '%') {
            put(&s, *format);
            continue;
        }
        format++;
        if (*format == '0')
            pad = '0';
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + (size_t)(*format - '0');
        for (; *format == 'l' || *format == 'z'; format++)
            is_long = true;
        if (*format == '\0')
            break;
        put_conversion(&s, *format, is_long, width, pad, &rest);
    }
    va_end(rest);
    if (size > 0)
        to[s.length < size ? s.length : size - 1] = '\0';
    return (int)s.length;
}

int snprintf(char *to, size_t size, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(to, size, format, args);
    va_end(args);
    return length;
}

void printf(const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    console_write(line, strlen(line));
}
