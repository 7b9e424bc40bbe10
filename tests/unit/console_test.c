/* SPDX-License-Identifier: MIT */
/* What is printed reaches ring and devices as whole lines; levels, rate limit, ring reads, the input switch. */
#include "core_fixture.h"

static unsigned outputs, inputs;
static void output_hook(void) { outputs++; }
static void input_hook(void) { inputs++; }

static void type_in(const char *s)
{
    while (*s)
        console_input(*s++);
}

static void lines_get_prefix_and_newline(void **state)
{
    (void)state;
    pr_info("one %d", 1);
    pr_info("two\n");
    pr_err("three\nfour\n");
    assert_string_equal(shown, "(XEN) one 1\n(XEN) two\n(XEN) three\n(XEN) four\n");
    shown_clear();
    console_timestamps = true;
    fake_time_set(12345678901);
    pr_info("now");
    assert_string_equal(shown, "(XEN) [   12.345] now\n");
}

static void long_messages_are_cut(void **state)
{
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[1999] = '\0';
    pr_info("%s", text);
    assert_int_equal(shown_bytes, 6 + 511 + 1);
    assert_int_equal(shown[shown_bytes - 1], '\n');
}

static void set_level(int (*parse)(char *, const char **), const char *value, int expect)
{
    char text[32];
    const char *why = NULL;

    strcpy(text, value);
    assert_int_equal(parse(text, &why), expect);
    assert_int_equal(why != NULL, expect != 0);
}

static void levels_choose_what_is_shown(void **state)
{
    static const struct { const char *level; unsigned lines; } rows[] = {
        { "none", 0 }, { "error", 1 }, { "warning", 2 }, { "info", 3 }, { "debug", 4 }, { "all", 4 }, { "none/info", 3 },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned lines = 0;

        set_level(printk_parse_loglvl, rows[i].level, 0);
        fake_time_advance(60000000000);
        shown_clear();
        pr_err("e");
        pr_warn("w");
        pr_info("i");
        pr_debug("d");
        for (const char *p = shown; (p = strchr(p, '\n')) != NULL; p++)
            lines++;
        assert_int_equal(lines, rows[i].lines);
    }
    set_level(printk_parse_loglvl, "loud", -EINVAL);
    set_level(printk_parse_loglvl, "info/", -EINVAL);
    set_level(printk_parse_loglvl, "all", 0);
}

static void guest_messages_are_limited(void **state)
{
    (void)state;
    set_level(printk_parse_guest_loglvl, "none", 0);
    pr_guest("hidden");
    assert_int_equal(shown_bytes, 0);
    set_level(printk_parse_guest_loglvl, "none/all", 0);
    fake_time_advance(60000000000);
    for (unsigned i = 0; i < 50; i++)
        pr_guest("message %u", i);
    assert_true(was_shown("message 9\n"));
    assert_false(was_shown("message 10\n"));
    fake_time_advance(500000000);
    pr_guest("later");
    assert_true(was_shown("40 messages were left out"));
    assert_true(was_shown("later"));
    set_level(printk_parse_guest_loglvl, "all", 0);
    for (unsigned i = 0; i < 50; i++)
        pr_guest("free %u", i);
    assert_true(was_shown("free 49\n"));
}

static void ring_is_read_piecewise(void **state)
{
    char buf[8] = { 0 };
    u32 index = console_ring_start();

    (void)state;
    console_write("0123456789", 10);
    assert_int_equal(console_ring_read(&index, buf, 7), 7);
    assert_memory_equal(buf, "0123456", 7);
    assert_int_equal(console_ring_read(&index, buf, 7), 3);
    assert_memory_equal(buf, "789", 3);
    assert_int_equal(console_ring_read(&index, buf, 7), 0);
    index = console_ring_start();
    assert_int_equal(console_ring_read(&index, buf, 2), 2);
    console_ring_clear();
    index = console_ring_start();
    assert_int_equal(console_ring_read(&index, buf, 7), 0);
    index = 12345678; /* a guest's nonsense */
    console_write("ab", 2);
    assert_int_equal(console_ring_read(&index, buf, 7), 2);
}

static void old_text_is_overwritten(void **state)
{
    static char text[100000], got[100000];
    u32 index = console_ring_start(), n;

    (void)state;
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 26);
    console_write(text, sizeof(text));
    n = console_ring_read(&index, got, sizeof(got));
    assert_int_equal(n, 65536);
    assert_memory_equal(got, text + sizeof(text) - n, n);
}

static void devices_see_what_was_before(void **state)
{
    (void)state;
    console_unregister(&shown_device);
    pr_info("early");
    assert_int_equal(shown_bytes, 0);
    console_register(&shown_device);
    assert_string_equal(shown, "(XEN) early\n");
    shown_clear();
    console_write_dom0("raw", 3);
    assert_string_equal(shown, "raw");
    u32 index = console_ring_start();
    char buf[64];

    assert_int_equal(console_ring_read(&index, buf, sizeof(buf)), 12); /* domain 0's is not kept */
}

static unsigned q_pressed;
static void q_key(void) { q_pressed++; }

static void input_goes_where_it_is_switched(void **state)
{
    char buf[16];

    (void)state;
    q_pressed = outputs = inputs = 0;
    key_register('q', "test", q_key);
    console_set_hooks(output_hook, input_hook);
    type_in("q");
    work_run();
    assert_int_equal(q_pressed, 1);
    assert_int_equal(outputs, 1);
    assert_int_equal(console_read_dom0(buf, sizeof(buf)), 0);

    shown_clear();
    console_input_to_dom0();
    assert_string_equal(shown, "(XEN) *** Serial input to DOM0 (type 'CTRL-a' three times to switch input)\n");
    type_in("ab\001c\001\001d");
    work_run();
    assert_int_equal(inputs, 1);
    assert_int_equal(console_read_dom0(buf, 3), 3);
    assert_memory_equal(buf, "ab\001", 3);
    assert_int_equal(console_read_dom0(buf, sizeof(buf)), 4);
    assert_memory_equal(buf, "c\001\001d", 4);

    shown_clear();
    type_in("\001\001\001");
    assert_true(was_shown("*** Serial input to Hospes"));
    type_in("q\001x");
    work_run();
    assert_int_equal(q_pressed, 2);
    assert_int_equal(console_read_dom0(buf, sizeof(buf)), 0);
    type_in("\001\001\001");
    assert_true(was_shown("*** Serial input to DOM0"));
    for (unsigned i = 0; i < 2000; i++)
        type_in("z");
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(console_read_dom0(buf, 16), 16);
    assert_int_equal(console_read_dom0(buf, 16), 0);
    type_in("\001\001\001");
}

static void print_some(unsigned cpu, void *ctx)
{
    (void)ctx;
    for (unsigned i = 0; i < 5; i++)
        printk("cpu %u line %u", cpu, i);
}

static void lines_do_not_mix(void **state)
{
    (void)state;
    for (u64 seed = fake_seed_first(20); fake_seed_more(20, seed); seed++) {
        unsigned next[3] = { 0 }, cpu, line, used;

        shown_clear();
        fake_interleave(seed, 3, print_some, NULL);
        for (int at = 0; shown[at]; at += (int)used) {
            int n = 0;

            assert_int_equal(sscanf(shown + at, "(XEN) cpu %u line %u%n", &cpu, &line, &n), 2);
            used = (unsigned)n + 1;
            assert_true(cpu < 3 && line == next[cpu]);
            next[cpu]++;
        }
        assert_int_equal(next[0] + next[1] + next[2], 15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_get_prefix_and_newline, core_setup),
        cmocka_unit_test_setup(long_messages_are_cut, core_setup),
        cmocka_unit_test_setup(levels_choose_what_is_shown, core_setup),
        cmocka_unit_test_setup(guest_messages_are_limited, core_setup),
        cmocka_unit_test_setup(ring_is_read_piecewise, core_setup),
        cmocka_unit_test_setup(old_text_is_overwritten, core_setup),
        cmocka_unit_test_setup(devices_see_what_was_before, core_setup),
        cmocka_unit_test_setup(input_goes_where_it_is_switched, core_setup),
        cmocka_unit_test_setup(lines_do_not_mix, core_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
