/* SPDX-License-Identifier: MIT */
/* The option table and the parsers of options that are lists. Boot only. */
#include <core/panic.h>
#include <core/printk.h>
#include <core/trace.h>
#include <core/work.h>
#include <init/options.h>
#include <ipc/grant.h>
#include <lib/cmdline.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <machine/boot.h>
#include <machine/uart.h>

struct boot_options boot_options = { .console_com = { true, false }, .console_vga = true, .sched = "credit", .smap = true, .smep = true };

/* All or nothing: with the last console misspelt there is still the default. */
static int parse_console(char *value, const char **why)
{
    bool com[2] = { false, false }, vga = false;
    char *item;

    while ((item = str_next_item(&value, ',')) != NULL) {
        if (strcmp(item, "com1") == 0)
            com[0] = true;
        else if (strcmp(item, "com2") == 0)
            com[1] = true;
        else if (strcmp(item, "vga") == 0)
            vga = true;
        else if (strcmp(item, "none") != 0) {
            *why = "consoles are com1, com2, vga and none, separated by commas";
            return -EINVAL;
        }
    }
    boot_options.console_com[0] = com[0];
    boot_options.console_com[1] = com[1];
    boot_options.console_vga = vga;
    return 0;
}

static int parse_com1(char *value, const char **why) { return uart_configure(0, value, why); }
static int parse_com2(char *value, const char **why) { return uart_configure(1, value, why); }

/* [min:SIZE,][max:SIZE,][SIZE] */
static int parse_dom0_mem(char *value, const char **why)
{
    struct dom0_options parsed = { .max_vcpus = boot_options.dom0.max_vcpus };
    char *item;

    while ((item = str_next_item(&value, ',')) != NULL) {
        u64 *dest = &parsed.mem_bytes;
        const char *number = item;

        if (strncmp(item, "min:", 4) == 0 || strncmp(item, "max:", 4) == 0) {
            dest = item[1] == 'i' ? &parsed.min_bytes : &parsed.max_bytes;
            number = item + 4;
        }
        if (str_parse_size(&number, 10, dest) || *number != '\0' || *dest == 0) {
            *why = "sizes are numbers above 0 with K, M or G, e.g. dom0_mem=1G,max:2G";
            return -EINVAL;
        }
    }
    boot_options.dom0 = parsed;
    return 0;
}

static int parse_dom0(char *value, const char **why)
{
    if (strcmp(value, "pv") == 0)
        return 0;
    *why = "only dom0=pv is implemented";
    return -EOPNOTSUPP;
}

/* [current][,][keep] */
static int parse_vga(char *value, const char **why)
{
    bool keep = false;
    char *item;

    while ((item = str_next_item(&value, ',')) != NULL) {
        if (strcmp(item, "keep") == 0) {
            keep = true;
        } else if (strcmp(item, "current") != 0) {
            *why = "the boot loader chooses the screen's mode: only current and keep, separated by a comma";
            return -EINVAL;
        }
    }
    boot_options.vga_keep = keep;
    return 0;
}

static const struct option options[] = {
    OPTION_CUSTOM("console", parse_console, "where messages go: com1, com2, vga, none"),
    OPTION_CUSTOM("com1", parse_com1, "first serial port: baud,format,io-base,irq"),
    OPTION_CUSTOM("com2", parse_com2, "second serial port"),
    OPTION_BOOL("console_timestamps", &console_timestamps, "print the time before each line"),
    OPTION_CUSTOM("dom0", parse_dom0, "kind of domain 0: pv"),
    OPTION_CUSTOM("dom0_mem", parse_dom0_mem, "memory of domain 0: [min:SIZE,][max:SIZE,]SIZE"),
    OPTION_UINT("dom0_max_vcpus", &boot_options.dom0.max_vcpus, 1, MAX_VCPUS, "vcpus of domain 0"),
    OPTION_UINT("gnttab_max_frames", &grant_limit_frames, 1, GRANT_ABSOLUTE_MAX_FRAMES, "grant frames of a domain, at most"),
    OPTION_UINT("gnttab_max_maptrack_frames", &grant_limit_maps, 1, GRANT_ABSOLUTE_MAX_MAPS,
                "pages of records of grants that a domain maps, at most"),
    OPTION_CUSTOM("guest_loglvl", printk_parse_guest_loglvl, "which messages caused by guests are shown"),
    OPTION_CUSTOM("loglvl", printk_parse_loglvl, "which messages are shown: none, error, warning, info, debug, all"),
    OPTION_UINT("maxcpus", &machine_max_cpus, 1, NR_CPUS, "how many CPUs are used"),
    OPTION_BOOL("noreboot", &panic_noreboot, "halt after a panic or a crash of domain 0 instead of rebooting"),
    OPTION_BOOL("preempt", &preempt_always, "stop at every preemption point (test)"),
    OPTION_STRING("sched", boot_options.sched, "scheduler: credit, rr, null"),
    OPTION_BOOL("smap", &boot_options.smap, "use supervisor-mode access prevention"),
    OPTION_BOOL("smep", &boot_options.smep, "use supervisor-mode execution prevention"),
    OPTION_UINT("trace", &trace_pages, 0, 1024, "pages of trace buffer for each CPU"),
    OPTION_CUSTOM("vga", parse_vga, "keep: messages stay on the screen when domain 0 runs"),
};

static void report(void *context, const char *word, const char *why)
{
    pr_warn("option '%s' ignored: %s\n", word, why);
}

void options_parse(const char *cmdline)
{
    cmdline_parse(cmdline, options, ARRAY_SIZE(options), report, NULL);
}
