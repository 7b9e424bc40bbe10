/* SPDX-License-Identifier: MIT */
/*
 * Messages. printk() formats into the console ring and the registered consoles; any context, any CPU.
 * Levels as in Xen: loglvl= and guest_loglvl= choose what is shown. Every line gets the prefix "(XEN) " (what xl dmesg
 * shows). One call prints whole lines: a newline at the end may be left out; lines of several CPUs never mix.
 */
#ifndef CORE_PRINTK_H
#define CORE_PRINTK_H

#include <stdarg.h>

#include <lib/types.h>

enum log_level { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_GUEST = 8 /* or'ed: subject to guest_loglvl */ };

void printk_at(enum log_level level, const char *fmt, ...) format_printf(2, 3);
/* Whatever the thresholds say: answers to debug keys, panics. */
void printk(const char *fmt, ...) format_printf(1, 2);
void printk_va(const char *fmt, va_list args) format_printf(1, 0);
/* Options loglvl= and guest_loglvl= (OPTION_CUSTOM), console_timestamps= (OPTION_BOOL). */
int printk_parse_loglvl(char *value, const char **why);
int printk_parse_guest_loglvl(char *value, const char **why);
extern bool console_timestamps;
#define pr_err(...)   printk_at(LOG_ERR, __VA_ARGS__)
#define pr_warn(...)  printk_at(LOG_WARNING, __VA_ARGS__)
#define pr_info(...)  printk_at(LOG_INFO, __VA_ARGS__)
#define pr_debug(...) printk_at(LOG_DEBUG, __VA_ARGS__)
/* Caused by a guest: rate-limited, shown by guest_loglvl. */
#define pr_guest(...) printk_at(LOG_GUEST | LOG_DEBUG, __VA_ARGS__)

/* Prints the message, stops all CPUs, prints registers and a backtrace with symbol names, then halts or reboots. */
void noreturn panic(const char *fmt, ...) format_printf(1, 2);

#define BUG() panic("BUG at %s:%d", __FILE__, __LINE__)
#define BUG_ON(c) do { if (unlikely(c)) panic("BUG at %s:%d: %s", __FILE__, __LINE__, #c); } while (0)
#ifdef NDEBUG
#define ASSERT(c) do { if (0) (void)(c); } while (0)
#else
#define ASSERT(c) do { if (unlikely(!(c))) panic("ASSERT at %s:%d: %s", __FILE__, __LINE__, #c); } while (0)
#endif

#endif
