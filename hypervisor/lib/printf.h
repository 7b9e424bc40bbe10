/* SPDX-License-Identifier: MIT */
/* Bounded formatted output into a buffer; no state, no locks, no allocation, callable from any context. */
#ifndef LIB_PRINTF_H
#define LIB_PRINTF_H

#include <stdarg.h>

#include <lib/types.h>

/*
 * The C library's snprintf() for %c %s %d %i %u %x %X %o %p %%, flags 0 - + space #, width and precision (either may
 * be *, both are cut at 9999), and lengths hh h l ll z. Writes at most size bytes including the NUL (none if size is
 * 0) and returns the length the whole text would have had. A NULL %s prints "(null)"; an unknown conversion is printed
 * as it stands.
 */
int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list args) format_printf(3, 0);
int fmt_snprintf(char *buf, size_t size, const char *fmt, ...) format_printf(3, 4);

#endif
