/* SPDX-License-Identifier: MIT */
/* Memory and string functions, one instruction or one loop each. */
#include <lib/string.h>

void *memcpy(void *to, const void *from, size_t bytes)
{
    void *dest = to;

    __asm__ volatile("rep movsb" : "+D"(dest), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    u8 *dest = to;
    const u8 *source = from;

    if (dest <= source)
        return memcpy(to, from, bytes);
    while (bytes-- > 0)
        ((volatile u8 *)dest)[bytes] = source[bytes];
    return to;
}

void *memset(void *to, int byte, size_t bytes)
{
    void *dest = to;

    __asm__ volatile("rep stosb" : "+D"(dest), "+c"(bytes) : "a"(byte) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const u8 *x = a, *y = b;

    for (size_t i = 0; i < bytes; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n] != '\0')
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b)
        a++, b++;
    return (u8)*a - (u8)*b;
}
