/* SPDX-License-Identifier: MIT */
/* The string functions that compilers call, and printf. */
#pragma once

#include <lib/types.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

/* The usual conversions d u x p s c, the sizes l and z, and a width with or without a leading zero. */
int vsnprintf(char *to, size_t size, const char *format, va_list args);
__attribute__((format(printf, 3, 4))) int snprintf(char *to, size_t size, const char *format, ...);
/* To the console, at most 255 characters at a time. */
__attribute__((format(printf, 1, 2))) void printf(const char *format, ...);
