/* SPDX-License-Identifier: MIT */
/* Panic, backtrace with symbol names (of the host's made-up table), debug keys, counters, trace. */
#include <core/counters.h>
#include <core/panic.h>
#include <core/symbols.h>
#include <core/trace.h>

#include "core_fixture.h"

static int setup(void **state)
{
    panic_noreboot = false;
    return core_setup(state);
}

/* The frame in line n of the call chain. */
static const char *frame_line(unsigned n)
{
    const char *line = strstr(shown, "Call trace:");

    for (; line && n; n--)
        line = strstr(line + 1, "[<");
    assert_non_null(line);
    return line;
}

static void panic_stops_all_and_reboots(void **state)
{
    (void)state;
    cpu_info()->current = (struct vcpu *)0x1000;
    cpu_info()->guest_regs.rip = 0xabcdef;
    assert_true(fake_ends(panic("reason %d", 7)));
    cpu_info()->current = NULL;
    assert_int_equal(fake_ended, FAKE_RESET);
    assert_int_equal(fake_others_stopped, 1);
    assert_true(was_shown("Panic on CPU 0:\n(XEN) reason 7\n"));
    assert_true(was_shown("0000000000abcdef"));
    assert_int_not_equal(strncmp(frame_line(1), frame_line(2), 20), 0);     /* the first frame once */
    assert_true(was_shown("boot with noreboot"));
}

/* The panic above never came back: this machine is one that panics while it panics. */
static void nested_panic_only_adds_its_message(void **state)
{
    (void)state;
    panic_noreboot = true;
    assert_true(fake_ends(panic("again")));
    assert_int_equal(fake_ended, FAKE_HALT);
    assert_true(was_shown("Panic within a panic on CPU 0:\n(XEN) again\n"));
    assert_false(was_shown("Call trace:"));
    shown_clear();
    fake_cpu_set(1);                /* another CPU's waits for the first one's end */
    assert_true(fake_ends(panic("me too")));
    assert_int_equal(shown_bytes, 0);
    fake_cpu_set(0);
    assert_true(fake_ends(panic_at(&(struct regs){ 0 }, "third")));
}

static void backtrace_names_functions(void **state)
{
    static u64 aligned(16384) stack[64];

    (void)state;
    stack[10] = (u64)&stack[20];
    stack[11] = 0x1012;
    stack[20] = (u64)&stack[15];    /* backwards: the chain ends */
    stack[21] = 0x1045;
    backtrace_show(0x1000, (u64)&stack[10]);
    assert_true(was_shown("[<0000000000001000>] alpha+0x0/0x10\n"));
    assert_true(was_shown("[<0000000000001012>] beta+0x2/0x30\n"));
    assert_true(was_shown("[<0000000000001045>] gamma+0x5/0x10\n"));
    shown_clear();
    backtrace_show(0x5000, 7);
    assert_true(was_shown("[<0000000000005000>] ?\n"));
    stack[11] = 0;
    backtrace_show(0x1000, (u64)&stack[10]);
    assert_false(was_shown("gamma"));
}

static void symbols_are_found(void **state)
{
    u64 offset, size;

    (void)state;
    assert_null(symbol_lookup(0xfff, &offset, &size));
    assert_string_equal(symbol_lookup(0x103f, &offset, &size), "beta");
    assert_int_equal(offset, 0x2f);
    assert_int_equal(size, 0x30);
    assert_string_equal(symbol_lookup(0x104f, &offset, &size), "gamma");
    assert_null(symbol_lookup(0x1050, &offset, &size));
}

static void press(char c)
{
    shown_clear();
    keys_press(c);
    work_run();
}

static void keys_report(void **state)
{
    (void)state;
    press('h');
    assert_true(was_shown("'h' pressed -> this help"));
    assert_true(was_shown("key 'R' => reboot"));
    press('Z');
    assert_int_equal(shown_bytes, 0);
    press((char)0xff);
    assert_int_equal(shown_bytes, 0);
    press('t');
    assert_true(was_shown("TSC 1000000 kHz"));
    assert_true(was_shown("CPU 3: 0 timers"));
    press('T');
    assert_true(was_shown("trace is off"));
    keys_press('R');
    assert_true(fake_ends(work_run()));
    assert_int_equal(fake_ended, FAKE_RESET);
    expect_panic(key_register('h', "twice", NULL));
}

static void registers_of_every_cpu(void **state)
{
    (void)state;
    fake_cpus[2].info.current = (struct vcpu *)0x1000;
    fake_cpus[2].info.guest_regs.rax = 0x1234567;
    press('d');
    for (unsigned cpu = 1; cpu < 4; cpu++) {
        fake_cpu_set(cpu);
        work_run();
    }
    fake_cpu_set(0);
    assert_true(was_shown("CPU 0: no guest"));
    assert_true(was_shown("CPU 2: guest"));
    assert_true(was_shown("rax 0000000001234567"));
    assert_true(was_shown("CPU 3: no guest"));
}

static void counters_add_up(void **state)
{
    static const char *const names[] = { "set_trap_table", NULL };

    (void)state;
    memset(cpu_counters, 0, sizeof(cpu_counters));
    counters_name_hypercalls(names, 2);
    count_hypercall(0);
    fake_cpu_set(1);
    count_hypercall(0);
    count_hypercall(1);
    count_vector(14);
    count(COUNT_UPCALL);
    fake_cpu_set(0);
    assert_int_equal(counter_sum(COUNT_HYPERCALL), 2);
    press('c');
    assert_true(was_shown("2 hypercall set_trap_table"));
    assert_true(was_shown("1 hypercall 1\n"));
    assert_true(was_shown("1 vector 0x0e"));
    assert_true(was_shown("1 upcalls delivered"));
    assert_false(was_shown("switches"));
}

static void trace_keeps_the_last_records(void **state)
{
    (void)state;
    trace(TRACE_FLUSH, 1, 2, 3);     /* off: nothing happens */
    trace_init();
    assert_false(trace_on);
    trace_pages = 1;
    trace_init();
    assert_true(trace_on);
    for (u32 i = 0; i < 200; i++)
        trace(TRACE_FLUSH, i, 0xb0 + i, 0xc0);
    press('T');
    assert_true(was_shown("trace: CPU 0, 200 records"));
    assert_true(was_shown(" 0008 0000 000000c7 0000000000000177 00000000000000c0\n"));
    assert_false(was_shown(" 00000087 "));
    assert_true(was_shown(" 00000088 "));
    assert_true(was_shown("trace: CPU 3, 0 records"));
    trace_on = false;
    trace_pages = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(panic_stops_all_and_reboots, setup),
        cmocka_unit_test_setup(nested_panic_only_adds_its_message, setup),
        cmocka_unit_test_setup(backtrace_names_functions, setup),
        cmocka_unit_test_setup(symbols_are_found, setup),
        cmocka_unit_test_setup(keys_report, setup),
        cmocka_unit_test_setup(registers_of_every_cpu, setup),
        cmocka_unit_test_setup(counters_add_up, setup),
        cmocka_unit_test_setup(trace_keeps_the_last_records, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
