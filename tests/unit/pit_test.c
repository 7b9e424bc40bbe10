/* SPDX-License-Identifier: MIT */
/* pv/pit.c: a guest's timer channel 2 counts time, is latched, gated and read back as the 8254's data sheet says. */
#include <pv/pit.h>

#include "host.h"

#define TICK_NS(n) ((n) * 1000000000UL / 1193182 + 1)
#define MODE(access, mode) (0x80 | (access) << 4 | (mode) << 1)
#define BOTH 3

static struct pv_pit pit;

static int setup(void **state)
{
    (void)state;
    fake_start(1, 16);
    pit = (struct pv_pit){ .mode = 0 };
    return 0;
}

static void load(u8 control, u16 count)
{
    pit_write(&pit, PORT_PIT_CONTROL, control);
    pit_write(&pit, PORT_PIT_COUNTER2, (u8)count);
    pit_write(&pit, PORT_PIT_COUNTER2, (u8)(count >> 8));
}

static u16 read_both(void)
{
    u16 low = pit_read(&pit, PORT_PIT_COUNTER2);

    return (u16)(low | pit_read(&pit, PORT_PIT_COUNTER2) << 8);
}

static bool out_high(void) { return pit_read(&pit, PORT_PIT_GATE) & 0x20; }

static void one_shot(void **state)
{
    (void)state;
    pit_write(&pit, PORT_PIT_GATE, 1);
    load(MODE(BOTH, 0), 1000);
    assert_int_equal(read_both(), 1000);
    assert_false(out_high());
    fake_time_advance(TICK_NS(400));
    assert_int_equal(read_both(), 600);
    fake_time_advance(TICK_NS(600));
    assert_true(out_high());
    fake_time_advance(TICK_NS(10));
    assert_in_range(read_both(), 0xfff4, 0xfff7);       /* goes on below zero */
    fake_time_advance(5000000000000UL);
    assert_true(out_high());
}

static void the_gate_stops_it(void **state)
{
    (void)state;
    load(MODE(BOTH, 0), 1000);
    fake_time_advance(TICK_NS(100));
    assert_int_equal(read_both(), 1000);
    pit_write(&pit, PORT_PIT_GATE, 1);
    fake_time_advance(TICK_NS(100));
    pit_write(&pit, PORT_PIT_GATE, 0);
    fake_time_advance(TICK_NS(100));
    assert_int_equal(read_both(), 900);
    load(MODE(BOTH, 1), 1000);
    fake_time_advance(TICK_NS(100));
    pit_write(&pit, PORT_PIT_GATE, 1);
    assert_int_equal(read_both(), 1000);                /* this mode starts with the edge */
}

static void periodic(void **state)
{
    (void)state;
    pit_write(&pit, PORT_PIT_GATE, 1);
    load(MODE(BOTH, 2), 100);
    fake_time_advance(TICK_NS(250));
    assert_int_equal(read_both(), 50);
    assert_true(out_high());
    load(MODE(BOTH, 3), 100);
    assert_true(out_high());
    fake_time_advance(TICK_NS(60));
    assert_false(out_high());
    assert_int_equal(read_both(), 80);                  /* counts by two */
    load(MODE(BOTH, 6), 0);                             /* 6 is 2; 0 is 65536 */
    fake_time_advance(TICK_NS(1));
    assert_int_equal(read_both(), 0xffff);
}

static void latch(void **state)
{
    (void)state;
    pit_write(&pit, PORT_PIT_GATE, 1);
    load(MODE(BOTH, 0), 1000);
    fake_time_advance(TICK_NS(100));
    pit_write(&pit, PORT_PIT_CONTROL, 0x80);
    fake_time_advance(TICK_NS(100));
    pit_write(&pit, PORT_PIT_CONTROL, 0x80);            /* the first one counts */
    assert_int_equal(read_both(), 900);
    assert_int_equal(read_both(), 800);
}

static void one_byte_at_a_time(void **state)
{
    (void)state;
    pit_write(&pit, PORT_PIT_GATE, 1);
    pit_write(&pit, PORT_PIT_CONTROL, MODE(1, 0));
    pit_write(&pit, PORT_PIT_COUNTER2, 200);
    assert_int_equal(pit_read(&pit, PORT_PIT_COUNTER2), 200);
    assert_int_equal(pit_read(&pit, PORT_PIT_COUNTER2), 200);
    pit_write(&pit, PORT_PIT_CONTROL, MODE(2, 0));
    pit_write(&pit, PORT_PIT_COUNTER2, 2);
    assert_int_equal(pit_read(&pit, PORT_PIT_COUNTER2), 2);
    pit_write(&pit, PORT_PIT_CONTROL, 0x80);
    assert_int_equal(pit_read(&pit, PORT_PIT_COUNTER2), 2);
    assert_false(pit.latched);
}

static void other_ports_and_channels(void **state)
{
    u8 first;

    (void)state;
    load(MODE(BOTH, 0), 1000);
    pit_write(&pit, PORT_PIT_CONTROL, 0x36);            /* channel 0 */
    pit_write(&pit, 0x40, 1);
    assert_int_equal(read_both(), 1000);
    assert_int_equal(pit_read(&pit, 0x40), 0xff);
    assert_int_equal(pit_read(&pit, PORT_PIT_CONTROL), 0xff);
    pit_write(&pit, PORT_PIT_GATE, 0xff);
    first = pit_read(&pit, PORT_PIT_GATE);
    assert_int_equal(first & 0xcf, 0x03);
    assert_int_equal(pit_read(&pit, PORT_PIT_GATE) ^ first, 0x10);     /* refresh toggles */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(one_shot), T(the_gate_stops_it), T(periodic), T(latch), T(one_byte_at_a_time), T(other_ports_and_channels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
