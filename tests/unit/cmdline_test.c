/* SPDX-License-Identifier: MIT */
/* Contract of lib/cmdline.c: every kind, every form of a name, every message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lib/cmdline.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

static bool smep, noreboot;
static unsigned cpus;
static u64 heap_bytes, dom0_min, dom0_max, dom0_size;
static char serial[8], trace[256];

/* dom0_mem=[min:<size>,][max:<size>,]<size>, as the real table has it. */
static int parse_dom0_mem(char *value, const char **why)
{
    char *list = value, *item;

    while ((item = str_next_item(&list, ','))) {
        u64 *dest = !strncmp(item, "min:", 4) ? &dom0_min : !strncmp(item, "max:", 4) ? &dom0_max : &dom0_size;
        const char *text = dest == &dom0_size ? item : item + 4;

        if (str_parse_size(&text, 10, dest) || *text) {
            *why = "bad size";
            return -EINVAL;
        }
    }
    return 0;
}

/* Records what it was given; rejects "bad" without a reason of its own. */
static int parse_trace(char *value, const char **why)
{
    (void)why;
    if (!strcmp(value, "bad"))
        return -EINVAL;
    strncat(trace, "<", sizeof(trace) - strlen(trace) - 1);
    strncat(trace, value, sizeof(trace) - strlen(trace) - 1);
    strncat(trace, ">", sizeof(trace) - strlen(trace) - 1);
    return 0;
}

static const struct option options[] = {
    OPTION_BOOL("smep", &smep, "supervisor mode execution prevention"),
    OPTION_BOOL("noreboot", &noreboot, "halt instead of rebooting"),
    OPTION_UINT("cpus", &cpus, 1, 128, "CPUs to use"),
    OPTION_SIZE("heap", &heap_bytes, "bytes kept"),
    OPTION_STRING("com1", serial, "serial settings"),
    OPTION_CUSTOM("dom0_mem", parse_dom0_mem, "memory of domain 0"),
    OPTION_CUSTOM("trace", parse_trace, "test"),
};

static char reports[2048];

static void report(void *context, const char *word, const char *why)
{
    size_t len = strlen(reports);

    assert_ptr_equal(context, reports);
    assert_non_null(why);
    fmt_snprintf(reports + len, sizeof(reports) - len, "%.20s:%.20s;", word, why);
}

static void parse(const char *line)
{
    reports[0] = trace[0] = serial[0] = '\0';
    smep = noreboot = false;
    cpus = 0;
    heap_bytes = dom0_min = dom0_max = dom0_size = 0;
    cmdline_parse(line, options, ARRAY_SIZE(options), report, reports);
}

static void test_values(void **state)
{
    (void)state;
    parse("/boot/hospes.elf smep  cpus=4\theap=0x10M com1=9600,8n trace=a,b ");
    assert_string_equal(reports, "");
    assert_true(smep);
    assert_int_equal(cpus, 4);
    assert_int_equal(heap_bytes, 16UL << 20);
    assert_string_equal(serial, "9600,8n");
    assert_string_equal(trace, "<a,b>");
}

static void test_bool_forms(void **state)
{
    static const struct { const char *line; bool smep, noreboot; } cases[] = {
        { "smep", true, false },            { "smep=yes", true, false },   { "smep=on", true, false },
        { "smep=true", true, false },       { "smep=enable", true, false }, { "smep=1", true, false },
        { "smep smep=no", false, false },   { "smep smep=off", false, false }, { "smep smep=false", false, false },
        { "smep smep=disable", false, false }, { "smep smep=0", false, false }, { "smep no-smep", false, false },
        { "smep nosmep", false, false },    { "noreboot", false, true },   { "noreboot no-noreboot", false, false },
        { "noreboot=off", false, false },   { "smep=no smep", true, false }, { "smep=", true, false },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        parse(cases[i].line);
        assert_string_equal(reports, "");
        assert_int_equal(smep, cases[i].smep);
        assert_int_equal(noreboot, cases[i].noreboot);
    }
}

static void test_custom(void **state)
{
    (void)state;
    parse("dom0_mem=min:512M,max:1G,524288");
    assert_string_equal(reports, "");
    assert_int_equal(dom0_min, 512UL << 20);
    assert_int_equal(dom0_max, 1UL << 30);
    assert_int_equal(dom0_size, 512UL << 20);
    parse("x trace no-trace notrace trace=1 trace=");
    assert_string_equal(reports, "");
    assert_string_equal(trace, "<><no><no><1><>");
}

static void test_first_word(void **state)
{
    (void)state;
    parse("placeholder cpus=2");
    assert_string_equal(reports, "");
    assert_int_equal(cpus, 2);
    parse("smep");
    assert_true(smep);
    parse("what=ever");
    assert_string_equal(reports, "what=ever:unknown option; chec;");
    parse("kernel kernel");
    assert_string_equal(reports, "kernel:unknown option; chec;");
    parse("");
    parse("  \t\r\n ");
    assert_string_equal(reports, "");
}

static void test_rejected(void **state)
{
    static const struct { const char *word, *why; } cases[] = {
        { "smpe", "unknown option" },          { "no-such", "unknown option" },   { "no", "unknown option" },
        { "no-", "unknown option" },           { "nocpus", "unknown option" },    { "=5", "unknown option" },
        { "smep=maybe", "not a boolean" },     { "no-smep=1", "a negated option" },
        { "cpus", "value missing" },           { "cpus=", "not a number" },       { "cpus=two", "not a number" },
        { "cpus=4x", "not a number" },         { "cpus=0", "number out of range" }, { "cpus=129", "number out" },
        { "cpus=4294967297", "number out" },   { "cpus=99999999999999999999", "not a number" },
        { "heap=", "not a size" },             { "heap=1Q", "not a size" },       { "heap=99999999T", "not a size" },
        { "heap", "value missing" },           { "com1=12345678", "text too long" },
        { "dom0_mem=lots", "bad size" },       { "dom0_mem=1G,", "bad size" },    { "trace=bad", "malformed value" },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        char line[64], want[64];

        fmt_snprintf(line, sizeof(line), "image %s", cases[i].word);
        fmt_snprintf(want, sizeof(want), "%.20s:%s", cases[i].word, cases[i].why);
        parse(line);
        assert_memory_equal(reports, want, strlen(want));
        assert_false(smep);
        assert_int_equal(cpus, 0);
        assert_int_equal(heap_bytes, 0);
        assert_string_equal(serial, "");
    }
}

static void test_long_word(void **state)
{
    char line[600];

    (void)state;
    memset(line, 'a', sizeof(line));
    memcpy(line, "image com1=", 11);
    memcpy(line + 500, " cpus=3", 8);
    parse(line);
    assert_string_equal(reports, "com1=aaaaaaaaaaaaaaa:option longer than 2;");
    assert_int_equal(cpus, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_bool_forms), cmocka_unit_test(test_custom),
        cmocka_unit_test(test_first_word), cmocka_unit_test(test_rejected),   cmocka_unit_test(test_long_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
