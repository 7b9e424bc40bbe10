/* SPDX-License-Identifier: MIT */
/* The conformance suite on the fake machine: one test for each check, with two CPUs that take turns. */
#include "../unit/core_fixture.h"

#include <machine/boot.h>
#include <machine/tlb.h>
#include <mm/heap.h>
#include <pv/traps.h>

#include "conformance.h"

static const struct check *checked;
static const char *why;

static void take_interrupt(u8 vector) { entry_trap_hypervisor(&(struct regs){ .vector = vector }); }

static void body(unsigned cpu, void *ctx)
{
    (void)ctx;
    if (cpu) {
        conformance_serve();
        return;
    }
    why = checked->fn();
    conformance_stop();
}

static void run_check(void **state)
{
    checked = *state;
    core_setup(state);
    fake_online(2);
    fake_irq_handler = take_interrupt;
    fake_time_step_ns = 200;
    heap_init();
    frame_table_init();
    fake_msr_set(0xc0000100, 0);
    fake_pci_add(0, 0x8086, 0x29c0);
    fake_bad_selector = 0x7ffb;
    for (unsigned cpu = 2; cpu-- > 0;) {
        fake_cpu_set(cpu);
        cpu_info()->work = 0;
        root_load(boot_root);
    }
    conformance_start();
    fake_interleave(1, 2, body, NULL);
    if (why)
        fail_msg("not so: %s", why);
}

int main(void)
{
    struct CMUnitTest tests[64] = { { 0 } };

    assert_true(conformance_count <= ARRAY_SIZE(tests));
    for (unsigned i = 0; i < conformance_count; i++)
        tests[i] = (struct CMUnitTest){ conformance_checks[i].name, run_check, NULL, NULL, (void *)&conformance_checks[i] };
    return _cmocka_run_group_tests("conformance", tests, conformance_count, NULL, NULL);
}
