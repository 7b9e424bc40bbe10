/* SPDX-License-Identifier: MIT */
/* Vectors, pins, moves and the interrupt's path. */
#include "irq_fixture.h"

#include <lib/string.h>

static unsigned handled;

static void handler(void *data)
{
    assert_ptr_equal(data, &handled);
    handled++;
}

static u8 vector_of(u32 gsi) { return (u8)fake_ioapic_entry(gsi); }
static u64 dest_of(u32 gsi) { return fake_ioapic_entry(gsi) >> 56; }

static int bind_gsi(u32 gsi, u32 port, unsigned cpu)
{
    assert_int_equal(pirq_map_gsi(&pd, (int)gsi, (int)gsi), gsi);
    return pirq_bind(&pd, gsi, port, true, cpu);
}

static void pulse(u32 gsi)
{
    fake_ioapic_line(gsi, true);
    fake_ioapic_line(gsi, false);
    deliver_all();
}

static void messages(void **state)
{
    u64 rte = message_rte(2, 0x41, true, true, true);

    (void)state;
    fake_cpus[2].info.apic_id = 7;
    assert_int_equal(message_msi(2, 0x41).address, 0xfee07000);
    assert_int_equal(message_msi(2, 0x41).data, 0x41);
    assert_int_equal(rte, 0x020000000001a041UL);
    assert_int_equal(message_rte(1, 0x30, false, false, false), 0x0100000000000030UL);
    assert_true(message_reaches(2));
    assert_false(message_reaches(4));
    assert_false(message_reaches(NR_CPUS));
    fake_cpus[2].info.apic_id = 255;
    assert_false(message_reaches(2));
}

static void vectors_run_out(void **state)
{
    unsigned got = 0;
    int vector;

    (void)state;
    assert_int_equal(vector_alloc(1, 5, 0x91), 0x91);
    assert_int_equal(vector_irq(1, 0x91), 5);
    assert_int_equal(vector_irq(0, 0x91), IRQ_NONE);
    assert_int_equal(vector_irq(0, 0x10), IRQ_NONE);
    assert_int_equal(vector_irq(0, 0xf0), IRQ_NONE);
    assert_int_not_equal(vector_alloc(1, 6, 0x91), 0x91);       /* taken */
    while ((vector = vector_alloc(2, 7, 0)) >= 0) {
        assert_in_range(vector, 0x21, 0xef);
        assert_int_not_equal(vector, 0x80);
        assert_int_not_equal(vector, 0x82);
        got++;
    }
    assert_int_equal(vector, -ENOSPC);
    assert_int_equal(got, 0xef - 0x20 - 2);
    assert_int_equal(vector_count(2), got);
    vector_free(2, 0x55);
    assert_int_equal(vector_alloc(2, 8, 0), 0x55);
}

static void gsis_and_modes(void **state)
{
    bool level, low;

    (void)state;
    assert_int_equal(gsi_count(), GSIS);
    assert_true(gsi_valid(23) && gsi_valid(28));
    assert_false(gsi_valid(24) || gsi_valid(27) || gsi_valid(32));
    assert_null(irq_lookup(24));
    assert_null(irq_lookup(NR_IRQS));
    assert_int_equal(gsi_of_isa(0), 2);
    assert_int_equal(gsi_of_isa(4), 4);
    gsi_default_mode(4, &level, &low);
    assert_false(level || low);
    gsi_default_mode(16, &level, &low);
    assert_true(level && low);
    gsi_default_mode(SCI, &level, &low);
    assert_true(level && low);
    gsi_default_mode(2, &level, &low);
    assert_false(level || low);
    assert_true(rangeset_contains(&mmio_ro_ranges, IOAPIC_MADDR >> PAGE_SHIFT, IOAPIC_MADDR >> PAGE_SHIFT));
}

static void gsi_setup_answers(void **state)
{
    (void)state;
    assert_int_equal(gsi_setup(24, true, true), -EINVAL);
    assert_int_equal(gsi_setup(100000, true, true), -EINVAL);
    assert_int_equal(gsi_setup(16, true, true), 0);             /* the default, said for the first time */
    assert_int_equal(gsi_setup(16, true, true), -EEXIST);
    assert_int_equal(gsi_setup(16, true, false), 0);
    assert_int_equal(bind_gsi(16, 1, 0), 0);
    assert_int_equal(fake_ioapic_entry(16) & (RTE_LEVEL | RTE_LOW | RTE_MASKED), RTE_LEVEL);
    assert_int_equal(gsi_setup(16, false, false), -EBUSY);
    assert_int_equal(gsi_setup(16, true, false), -EEXIST);
}

static void ioapic_registers(void **state)
{
    u32 v;

    (void)state;
    assert_int_equal(gsi_read_register(IOAPIC_MADDR, IOAPIC_REG_VERSION, &v), 0);
    assert_int_equal(v, 0x170020);
    assert_int_equal(gsi_read_register(IOAPIC2_MADDR, IOAPIC_REG_ID, &v), 0);
    assert_int_equal(v, 1 << 24);
    assert_int_equal(gsi_read_register(0xfec20000, IOAPIC_REG_ID, &v), -EINVAL);
}

static void edge_is_acknowledged_at_once(void **state)
{
    unsigned eois = fake_cpus[1].eois;

    (void)state;
    assert_int_equal(bind_gsi(4, 1, 1), 0);
    assert_int_equal(dest_of(4), 1);
    pulse(4);
    pulse(4);
    assert_raised(1, 2);
    assert_int_equal(fake_cpus[1].eois - eois, 2);
    assert_int_equal(fake_ioapic_entry(4) & RTE_MASKED, 0);
    assert_int_equal(pirq_eoi(&pd, 4), 0);                      /* harmless */
    assert_int_equal(irq_lookup(4)->count, 2);
}

static void level_waits_for_the_guest(void **state)
{
    (void)state;
    assert_int_equal(bind_gsi(17, 3, 0), 0);
    fake_ioapic_line(17, true);
    for (unsigned i = 0; i < 10; i++)
        deliver_all();
    assert_raised(3, 1);                                        /* one, although the line stays up */
    assert_true(fake_ioapic_entry(17) & RTE_MASKED);
    assert_int_equal(pirq_eoi(&pd, 17), 0);
    deliver_all();
    assert_raised(3, 2);                                        /* it still is: again */
    fake_ioapic_line(17, false);
    assert_int_equal(pirq_eoi(&pd, 17), 0);
    assert_int_equal(pirq_eoi(&pd, 17), 0);
    deliver_all();
    assert_raised(3, 2);
    assert_int_equal(fake_ioapic_entry(17) & RTE_MASKED, 0);
}

static void hypervisor_handler(void **state)
{
    (void)state;
    handled = 0;
    assert_int_equal(irq_request(25, handler, &handled, 0), -EINVAL);
    assert_int_equal(irq_request(18, handler, &handled, 3), 0);
    assert_int_equal(irq_request(18, handler, &handled, 3), -EBUSY);
    assert_int_equal(bind_gsi(18, 1, 0), -EBUSY);
    assert_int_equal(gsi_setup(18, false, false), -EBUSY);
    assert_int_equal(irq_request(4, handler, &handled, 0), 0);
    pulse(4);
    assert_int_equal(handled, 1);
    fake_ioapic_line(18, true);
    deliver_all();
    assert_in_range(handled, 2, 20);                            /* the handler never quiets the device: no hang */
    fake_ioapic_line(18, false);
    deliver_all();
    assert_int_equal(fake_ioapic_entry(18) & (RTE_MASKED | RTE_REMOTE_IRR), 0);
    irq_show();
    assert_int_equal(bind_gsi(20, 1, 0), 0);
    assert_int_equal(irq_request(20, handler, &handled, 0), -EBUSY);
}

static void nobody_wants_it(void **state)
{
    u32 eois;

    (void)state;
    assert_int_equal(bind_gsi(5, 1, 0), 0);
    fake_ioapic_line(5, true);                                  /* pending at the CPU when the port closes */
    pirq_unbind(&pd, 5, 1);
    deliver_all();
    assert_raised(1, 0);
    assert_int_equal(irq_lookup(5)->unexpected, 1);
    assert_true(fake_ioapic_entry(5) & RTE_MASKED);
    eois = fake_cpus[0].eois;
    for (unsigned i = 0; i < 5; i++)
        irq_handle(0xe0);                                       /* a vector without irq */
    assert_int_equal(fake_cpus[0].eois, eois + 5);
}

static void move_keeps_interrupts(void **state)
{
    u8 vector;

    (void)state;
    assert_int_equal(irq_set_affinity(NR_IRQS, 0), -EINVAL);
    assert_int_equal(irq_set_affinity(4, 4), -EINVAL);
    assert_int_equal(bind_gsi(4, 1, 0), 0);
    vector = vector_of(4);
    fake_ioapic_line(4, true);                                  /* pending on CPU 0 */
    fake_ioapic_line(4, false);
    assert_int_equal(irq_set_affinity(4, 2), 0);
    assert_int_equal(dest_of(4), 2);
    assert_int_equal(vector_of(4), vector);
    fake_ioapic_line(4, true);                                  /* pending on CPU 2 */
    assert_int_equal(vector_irq(0, vector), 4);                 /* the old one still is its own */
    assert_int_equal(irq_set_affinity(4, 3), 0);                /* noted: a move is under way */
    assert_int_equal(dest_of(4), 2);
    fake_deliver(2);
    fake_deliver(0);
    assert_raised(1, 2);
    assert_int_equal(vector_irq(0, vector), IRQ_NONE);
    assert_int_equal(dest_of(4), 3);                            /* made up for at the clean-up */
    deliver_all();
    assert_int_equal(vector_irq(2, vector), IRQ_NONE);
    fake_ioapic_line(4, false);
    pulse(4);
    assert_raised(1, 3);
    assert_int_equal(irq_set_affinity(4, 3), 0);                /* nothing to do */
    assert_int_equal(vector_count(0) + vector_count(1) + vector_count(2), 0);
    irq_show();
}

static void level_moves_after_its_eoi(void **state)
{
    (void)state;
    assert_int_equal(bind_gsi(19, 1, 0), 0);
    fake_ioapic_line(19, true);
    assert_true(fake_ioapic_entry(19) & RTE_REMOTE_IRR);
    assert_int_equal(irq_set_affinity(19, 1), 0);
    assert_int_equal(dest_of(19), 0);                           /* the EOI must find the old vector */
    deliver_all();
    assert_int_equal(dest_of(19), 1);
    assert_int_equal(pirq_eoi(&pd, 19), 0);
    deliver_all();
    assert_raised(1, 2);
    assert_int_equal(irq_set_affinity(19, 2), 0);               /* masked until the guest's EOI: at once */
    assert_int_equal(dest_of(19), 2);
    assert_true(fake_ioapic_entry(19) & RTE_MASKED);
    assert_int_equal(pirq_eoi(&pd, 19), 0);
    deliver_all();
    assert_raised(1, 3);
    assert_int_equal(irq_set_affinity(19, 0), 0);               /* unmasked, line down */
    fake_ioapic_line(19, false);
    assert_int_equal(pirq_eoi(&pd, 19), 0);
    deliver_all();
    assert_int_equal(irq_set_affinity(19, 3), 0);
    assert_int_equal(dest_of(19), 3);
}

/* Takes every vector of a CPU but those above last. */
static void vectors_take(unsigned cpu)
{
    while (vector_alloc(cpu, 30, 0) >= 0)
        ;
}

static void move_needs_a_vector(void **state)
{
    u8 vector;

    (void)state;
    assert_int_equal(bind_gsi(4, 1, 0), 0);
    assert_int_equal(bind_gsi(16, 2, 0), 0);
    vectors_take(1);
    assert_int_equal(irq_set_affinity(4, 1), -ENOSPC);
    assert_int_equal(dest_of(4), 0);
    vector = vector_of(4);
    vector_free(1, vector == 0xe1 ? 0xe2 : 0xe1);
    assert_int_equal(irq_set_affinity(4, 1), -EBUSY);           /* an edge keeps its number */
    assert_int_equal(irq_lookup(4)->want_cpu, 0);
    assert_int_equal(irq_set_affinity(16, 1), 0);               /* a level line can be held */
    assert_int_equal(vector_of(16), vector == 0xe1 ? 0xe2 : 0xe1);
    pulse(4);
    assert_raised(1, 1);
}

static void bind_falls_back_to_another_cpu(void **state)
{
    (void)state;
    vectors_take(3);
    assert_int_equal(bind_gsi(4, 1, 3), 0);
    assert_int_not_equal(dest_of(4), 3);
    pulse(4);
    assert_raised(1, 1);
    for (unsigned cpu = 0; cpu < 3; cpu++)
        vectors_take(cpu);
    assert_int_equal(bind_gsi(5, 2, 0), -ENOSPC);
    assert_int_equal(irq_request(6, handler, &handled, 0), -ENOSPC);
    assert_int_equal(irq_request(6, handler, &handled, 0), -ENOSPC);    /* and not -EBUSY */
}

static void rebind_moves_first(void **state)
{
    (void)state;
    assert_int_equal(bind_gsi(4, 1, 0), 0);
    pirq_unbind(&pd, 4, 1);
    assert_true(fake_ioapic_entry(4) & RTE_MASKED);
    assert_int_equal(pirq_bind(&pd, 4, 2, false, 3), 0);
    assert_int_equal(dest_of(4), 3);
    deliver_all();
    pulse(4);
    assert_raised(1, 0);
    assert_raised(2, 1);
}

static void no_memory_for_the_pins(void **state)
{
    (void)state;
    fake_fail_alloc(3);
    expect_panic(irq_init());
}

/* Devices, event channels and moves in any order: no edge is lost, no vector leaks. */
static void random_moves(void **state)
{
    unsigned sent[8] = { 0 };

    (void)state;
    for (u32 gsi = 3; gsi < 8; gsi++)
        assert_int_equal(bind_gsi(gsi, gsi, gsi % 4), 0);
    for (u64 seed = fake_seed_first(20); fake_seed_more(20, seed); seed++) {
        fake_random_seed(seed);
        for (unsigned i = 0; i < 500; i++) {
            u32 gsi = (u32)(3 + fake_random() % 5);

            switch (fake_random() % 3) {
            case 0:
                assert_in_set(-irq_set_affinity(gsi, (unsigned)(fake_random() % 4)), ((uintmax_t[]){ 0, EBUSY }), 2);
                break;
            case 1:
                if (raised[gsi] == sent[gsi]) {         /* edges may merge while pending */
                    fake_ioapic_line(gsi, true);
                    fake_ioapic_line(gsi, false);
                    sent[gsi]++;
                }
                break;
            default:
                fake_deliver((unsigned)(fake_random() % 4));
            }
        }
        deliver_all();
        for (u32 gsi = 3; gsi < 8; gsi++)
            assert_raised(gsi, sent[gsi]);
    }
    deliver_all();
    assert_int_equal(vector_count(0) + vector_count(1) + vector_count(2) + vector_count(3), 5);
}

#define ROUNDS 12

/* CPU 0 binds, moves and unbinds an edge and a level line while the others' devices and interrupts go on. */
static void churn(unsigned cpu, void *ctx)
{
    (void)ctx;
    for (unsigned i = 0; i < ROUNDS; i++) {
        u32 gsi = i & 1 ? 17 : 4;

        if (cpu == 0) {
            ports_closed = false;
            assert_int_equal(pirq_bind(&pd, gsi, gsi, false, i % 4), 0);
            pirq_set_affinity(&pd, gsi, (unsigned)(fake_random() % 4));
            cpu_irq_window();
            assert_int_equal(pirq_eoi(&pd, gsi), 0);
            pirq_set_affinity(&pd, gsi, (unsigned)(fake_random() % 4));
            pirq_unbind(&pd, gsi, gsi);
            ports_closed = true;
        } else {
            fake_ioapic_line(gsi, true);
            cpu_irq_window();
            fake_ioapic_line(gsi, false);
        }
    }
}

static void interleavings(void **state)
{
    (void)state;
    assert_int_equal(pirq_map_gsi(&pd, 4, 4), 4);
    assert_int_equal(pirq_map_gsi(&pd, 17, 17), 17);
    for (u64 seed = fake_seed_first(200); fake_seed_more(200, seed); seed++) {
        ports_closed = true;
        fake_interleave(seed, 4, churn, NULL);
        deliver_all();
        assert_true(fake_ioapic_entry(4) & fake_ioapic_entry(17) & RTE_MASKED);
        assert_int_equal(vector_count(0) + vector_count(1) + vector_count(2) + vector_count(3), 2);
    }
    ports_closed = false;
    assert_int_equal(pirq_bind(&pd, 17, 20, false, 0), 0);      /* still alive */
    fake_ioapic_line(17, true);
    deliver_all();
    assert_raised(20, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(messages), T(vectors_run_out), T(gsis_and_modes), T(gsi_setup_answers), T(ioapic_registers),
        T(edge_is_acknowledged_at_once), T(level_waits_for_the_guest), T(hypervisor_handler), T(nobody_wants_it),
        T(move_keeps_interrupts), T(level_moves_after_its_eoi), T(move_needs_a_vector),
        T(bind_falls_back_to_another_cpu), T(rebind_moves_first), T(no_memory_for_the_pins), T(random_moves),
        T(interleavings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
