/* SPDX-License-Identifier: MIT */
/*
 * The C library functions that compilers and the boot decompressors call. Only in the hypervisor image; host
 * programs have their own. Plain eight-byte loops for the short copies that dominate here, for which string
 * instructions take too long to start; these for what is as long as LONG_RUN, pages above all. Callable from anywhere.
 */
#include <lib/string.h>

#ifndef __clang__ /* else gcc recognises these very loops and turns them into calls of themselves */
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

typedef u64 word_t aligned(1) __attribute__((may_alias));

#define LONG_RUN 256

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    u8 *d = dst;
    const u8 *s = src;

    if (n >= LONG_RUN) {
        size_t words = n / 8;

        n %= 8;
        __asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
    }
    for (; n >= 32; n -= 32, d += 32, s += 32) {
        u64 a = ((const word_t *)s)[0], b = ((const word_t *)s)[1];
        u64 c = ((const word_t *)s)[2], e = ((const word_t *)s)[3];

        ((word_t *)d)[0] = a;
        ((word_t *)d)[1] = b;
        ((word_t *)d)[2] = c;
        ((word_t *)d)[3] = e;
    }
    for (; n >= 8; n -= 8, d += 8, s += 8)
        *(word_t *)d = *(const word_t *)s;
    while (n--)
        *d++ = *s++;
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    u8 *d = dst;
    const u8 *s = src;

    if (n >= LONG_RUN && (size_t)(d - s) >= n && (size_t)(s - d) >= n)
        return memcpy(dst, src, n);
    if (d < s) { /* ascending, and every word is read before a store can reach it */
        for (; n >= 8; n -= 8, d += 8, s += 8)
            *(word_t *)d = *(const word_t *)s;
        while (n--)
            *d++ = *s++;
        return dst;
    }
    for (; n >= 8; n -= 8)
        *(word_t *)(d + n - 8) = *(const word_t *)(s + n - 8);
    while (n--)
        d[n] = s[n];
    return dst;
}

void *memset(void *dst, int byte, size_t n)
{
    u64 pattern = (u8)byte * 0x0101010101010101UL;
    u8 *d = dst;

    if (n >= LONG_RUN) {
        size_t words = n / 8;

        n %= 8;
        __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
    }
    for (; n >= 32; n -= 32, d += 32) {
        ((word_t *)d)[0] = pattern;
        ((word_t *)d)[1] = pattern;
        ((word_t *)d)[2] = pattern;
        ((word_t *)d)[3] = pattern;
    }
    for (; n >= 8; n -= 8, d += 8)
        *(word_t *)d = pattern;
    while (n--)
        *d++ = (u8)byte;
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const u8 *p = a, *q = b;

    for (; n >= 8 && *(const word_t *)p == *(const word_t *)q; n -= 8) {
        p += 8;
        q += 8;
    }
    for (; n && *p == *q; n--) {
        p++;
        q++;
    }
    return n ? *p - *q : 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; n--) {
        a++;
        b++;
    }
    return n ? (u8)*a - (u8)*b : 0;
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++)
        if (!*s)
            return NULL;
    return (char *)s;
}
