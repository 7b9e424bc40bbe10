/* SPDX-License-Identifier: MIT */
/* The hypervisor's command line: what each option does, and that a malformed one is reported and changes nothing. */
#include "core_fixture.h"

#include <core/panic.h>
#include <core/trace.h>
#include <init/options.h>
#include <machine/boot.h>
#include <machine/uart.c>                       /* the parser of com1= and com2= is real */

unsigned machine_max_cpus;

static struct boot_options defaults;

static int options_setup(void **state)
{
    core_setup(state);
    if (!defaults.sched[0])
        defaults = boot_options;
    boot_options = defaults;
    machine_max_cpus = 0;
    trace_pages = 0;
    preempt_always = panic_noreboot = false;
    return 0;
}

static void parse(const char *line)
{
    shown_clear();
    options_parse(line);
}

#define assert_good(line) do { parse(line); assert_string_equal(shown, ""); } while (0)
/* Ignored with a warning that names the word, and nothing changed. */
#define assert_ignored(word) do {                                                       \
    struct boot_options ignored_before = boot_options;                                  \
    parse("hospes " word);                                                              \
    assert_true(was_shown("option '") && was_shown("' ignored: "));                     \
    assert_memory_equal(&ignored_before, &boot_options, sizeof(boot_options));          \
} while (0)

static void defaults_without_options(void **state)
{
    (void)state;
    assert_good("");
    assert_good("hospes.elf");
    assert_true(boot_options.console_com[0] && !boot_options.console_com[1] && boot_options.console_vga);
    assert_true(boot_options.smap && boot_options.smep);
    assert_string_equal(boot_options.sched, "credit");
    assert_true(!boot_options.dom0.mem_bytes && !boot_options.dom0.max_vcpus);
}

static void options_that_are_understood(void **state)
{
    (void)state;
    assert_good("hospes console=com2,vga dom0=pv dom0_mem=1G,max:2G,min:512M dom0_max_vcpus=3 maxcpus=2 no-smap smep=off "
                "gnttab_max_frames=128 gnttab_max_maptrack_frames=8 preempt noreboot trace=16 sched=rr com1=9600,8n1,0x3e8,5");
    assert_true(!boot_options.console_com[0] && boot_options.console_com[1] && boot_options.console_vga);
    assert_true(grant_limit_frames == 128 && grant_limit_maps == 8);
    assert_int_equal(boot_options.dom0.mem_bytes, 1UL << 30);
    assert_int_equal(boot_options.dom0.max_bytes, 2UL << 30);
    assert_int_equal(boot_options.dom0.min_bytes, 512UL << 20);
    assert_int_equal(boot_options.dom0.max_vcpus, 3);
    assert_true(machine_max_cpus == 2 && trace_pages == 16 && preempt_always && panic_noreboot);
    assert_true(!boot_options.smap && !boot_options.smep);
    assert_true(uart_io_base(0) == 0x3e8 || uart_io_base(0) == 0);      /* 0 until the device answers */
    assert_good("hospes console=none");
    assert_true(!boot_options.console_com[0] && !boot_options.console_com[1] && !boot_options.console_vga);
    assert_good("hospes dom0_mem=700000");                              /* KiB */
    assert_int_equal(boot_options.dom0.mem_bytes, 700000UL << 10);
    assert_int_equal(boot_options.dom0.max_bytes, 0);                   /* the list is given as a whole */
    assert_int_equal(boot_options.dom0.max_vcpus, 3);
}

static void sizes_that_are_not(void **state)
{
    (void)state;
    assert_good("hospes dom0_mem=64M,max:128M");
    assert_ignored("dom0_mem=0");
    assert_ignored("dom0_mem=max:0");
    assert_ignored("dom0_mem=");
    assert_ignored("dom0_mem=G");
    assert_ignored("dom0_mem=1X");
    assert_ignored("dom0_mem=-1G");
    assert_ignored("dom0_mem=1G,");
    assert_ignored("dom0_mem=1G,2Z");
    assert_ignored("dom0_mem=mid:1G");
    assert_ignored("dom0_mem=min:");
    assert_ignored("dom0_mem=99999999999999999999G");
    assert_ignored("dom0_mem=99999999999G");
    assert_int_equal(boot_options.dom0.mem_bytes, 64UL << 20);
}

static void numbers_out_of_range(void **state)
{
    (void)state;
    assert_ignored("dom0_max_vcpus=0");
    assert_ignored("dom0_max_vcpus=513");
    assert_ignored("dom0_max_vcpus=-1");
    assert_ignored("dom0_max_vcpus=4294967297");
    assert_ignored("dom0_max_vcpus");
    assert_ignored("maxcpus=0");
    assert_ignored("maxcpus=many");
    assert_ignored("trace=1025");
    assert_true(machine_max_cpus == 0 && trace_pages == 0);
}

static void words_that_are_not_known(void **state)
{
    (void)state;
    assert_ignored("dom0=pvh");
    assert_true(was_shown("only dom0=pv"));
    assert_ignored("dom0=");
    assert_ignored("no_such_option=1");
    assert_ignored("no-such-option");
    assert_ignored("smap=perhaps");
    assert_ignored("preempt=2x");
    assert_ignored("loglvl=loud");
    assert_ignored("guest_loglvl=");
    assert_ignored("sched=a-name-longer-than-its-buffer");
    assert_ignored("com1=fast");
    assert_ignored("com1=9600,9n1");
    assert_ignored("com2=9600,8x1");
    assert_ignored("com2=9600,8n1,0x10000");
    assert_ignored("com2=9600,8n1,0x2f8,16");
    assert_ignored("com2=9600,8n1,0x2f8,3,4");
    assert_ignored("com1=99999999");
}

/* A machine whose only console was misspelt would be silent: a list with an unknown word changes nothing. */
static void consoles_that_are_not_known(void **state)
{
    (void)state;
    assert_ignored("console=com3");
    assert_true(was_shown("consoles are com1, com2, vga and none"));
    assert_true(boot_options.console_com[0] && boot_options.console_vga);
    assert_ignored("console=com2,com3");
    assert_ignored("console=");
    assert_good("hospes console=com2,none");
    assert_ignored("console=com1,tty0");
    assert_true(!boot_options.console_com[0] && boot_options.console_com[1]);
}

static void the_screen_is_kept(void **state)
{
    (void)state;
    assert_false(boot_options.vga_keep);
    assert_good("hospes vga=current,keep");
    assert_true(boot_options.vga_keep);
    assert_ignored("vga=text-80x25");
    assert_true(was_shown("the boot loader chooses the screen's mode"));
    assert_ignored("vga=keep,ask");
    assert_good("hospes vga=current");
    assert_false(boot_options.vga_keep);
    assert_ignored("vga=keep,ask");
    assert_good("hospes vga=keep");
    assert_true(boot_options.vga_keep);
}

static void long_lines(void **state)
{
    static char line[8192];

    (void)state;
    memset(line, 'x', sizeof(line) - 1);
    memcpy(line, "hospes ", 7);
    parse(line);
    assert_true(was_shown("' ignored: "));
    for (unsigned i = 7; i < sizeof(line) - 1; i += 100)
        line[i] = ' ';
    shown_clear();
    memcpy(line + sizeof(line) - 20, " dom0_max_vcpus=7\0\0", 19);
    parse(line);
    assert_int_equal(boot_options.dom0.max_vcpus, 7);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, options_setup)
    const struct CMUnitTest tests[] = {
        T(defaults_without_options), T(options_that_are_understood), T(sizes_that_are_not), T(numbers_out_of_range),
        T(words_that_are_not_known), T(consoles_that_are_not_known), T(the_screen_is_kept),
        T(long_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
