/* SPDX-License-Identifier: MIT */
/*
 * Byte and string primitives. The C names have the C library's meaning: the hypervisor gets them from
 * freestanding.c (the compiler may call them too), host builds from the C library. strlcpy() and str_*() are
 * ours on both and live in string.c. No state, no locks, callable from anywhere.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <lib/types.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);

/* Copies src into dst[size], cutting it if need be; always NUL-terminated unless size is 0. Returns strlen(src). */
size_t strlcpy(char *dst, const char *src, size_t size);

/*
 * Reads an unsigned number at *s and moves *s past it. base 0 takes decimal, 0x hexadecimal or 0 octal from the
 * prefix. -EINVAL: no digit there; -ERANGE: does not fit 64 bits; *s is unchanged in both cases.
 */
int must_check str_parse_u64(const char **s, unsigned base, u64 *value);

/*
 * As str_parse_u64(), then takes one optional suffix B, K, M, G or T of either case (powers of 1024). Without a
 * suffix the number counts units of 1 << default_shift bytes.
 */
int must_check str_parse_size(const char **s, unsigned default_shift, u64 *bytes);

/* Boolean word: 1 for yes/on/true/enable/1, 0 for no/off/false/disable/0, -EINVAL for anything else. */
int must_check str_parse_bool(const char *s);

/*
 * Cuts the next item off a separated list in place: returns it NUL-terminated and moves *list behind the
 * separator, or to NULL at the end. Returns NULL once *list is NULL. Empty items are returned as "".
 */
char *str_next_item(char **list, char separator);

#endif
