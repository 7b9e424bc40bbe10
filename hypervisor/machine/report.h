/* SPDX-License-Identifier: MIT */
/*
 * Messages from machine/, which lies below printk. Until machine_set_report() they go to the first serial port as the
 * firmware left it and to the VGA text screen, so that even the first boot step can say why it stops.
 */
#ifndef MACHINE_REPORT_H
#define MACHINE_REPORT_H

#include <lib/types.h>

enum machine_report_level { REPORT_FATAL, REPORT_WARNING, REPORT_INFO };

/* emit gets one line without a newline. It need not return for REPORT_FATAL; when it does, the machine halts. */
void machine_set_report(void (*emit)(enum machine_report_level level, const char *line));

void machine_info(const char *fmt, ...) format_printf(1, 2);
void machine_warn(const char *fmt, ...) format_printf(1, 2);
void noreturn machine_fatal(const char *fmt, ...) format_printf(1, 2);

#endif
