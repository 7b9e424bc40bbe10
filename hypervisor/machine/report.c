/* SPDX-License-Identifier: MIT */
/* Messages from machine/ before and after the console exists. See report.h. */
#include <lib/printf.h>
#include <lib/string.h>
#include <machine/cpu.h>
#include <machine/io.h>
#include <machine/map.h>
#include <machine/power.h>
#include <machine/report.h>

#define REPORT_LINE_MAX 240

static void (*report_emit)(enum machine_report_level level, const char *line);

static void early_putc(char c)
{
    static unsigned column;

    for (unsigned i = 0; i < 100000 && !(inb(0x3fd) & 0x20); i++)
        cpu_relax();
    outb(0x3f8, (u8)c);
    if (c >= ' ' && column < 80 * 25)
        ((volatile u16 *)frame_map(mfn(0xb8)))[column++] = (u16)(0x0f00 | (u8)c);
    else if (c == '\n')
        column = (column / 80 + 1) * 80 % (80 * 25);
}

void machine_set_report(void (*emit)(enum machine_report_level level, const char *line))
{
    report_emit = emit;
}

static void report(enum machine_report_level level, const char *fmt, va_list args)
{
    char line[REPORT_LINE_MAX];

    fmt_vsnprintf(line, sizeof(line), fmt, args);
    if (report_emit) {
        report_emit(level, line);
        return;
    }
    for (const char *p = line; *p; p++)
        early_putc(*p);
    early_putc('\r');
    early_putc('\n');
}

#define REPORT(level)                                                                      \
    do {                                                                                   \
        va_list args;                                                                      \
                                                                                           \
        va_start(args, fmt);                                                               \
        report(level, fmt, args);                                                          \
        va_end(args);                                                                      \
    } while (0)

void machine_info(const char *fmt, ...)
{
    REPORT(REPORT_INFO);
}

void machine_warn(const char *fmt, ...)
{
    REPORT(REPORT_WARNING);
}

void machine_fatal(const char *fmt, ...)
{
    REPORT(REPORT_FATAL);
    power_halt();
}
