/* SPDX-License-Identifier: MIT */
/* The conformance suite as an image: boots as the hypervisor does (init/main.c), runs it in place of domain 0, and
 * resets the machine. One line for each check on the serial console. */
#include <core/console.h>
#include <core/keys.h>
#include <core/panic.h>
#include <core/printk.h>
#include <core/timer.h>
#include <core/trace.h>
#include <dom/domain.h>
#include <irq/irq.h>
#include <machine/boot.h>
#include <machine/power.h>
#include <machine/report.h>
#include <machine/uart.h>
#include <mm/heap.h>
#include <mm/table.h>
#include <sched/sched.h>

#include "conformance.h"

static void serial_write(const char *s, size_t n) { uart_write(0, s, n); }
static struct console_device serial = { .name = "com1", .write = serial_write };

static void machine_message(enum machine_report_level level, const char *line)
{
    if (level == REPORT_FATAL)
        panic("%s", line);
    printk("%s", line);
}

static void other_cpu(void)
{
    conformance_serve();
    power_halt();
}

static void run_checks(void)
{
    for (unsigned i = 0; i < conformance_count; i++) {
        const char *why = conformance_checks[i].fn();

        if (why)
            printk("not ok %s: not so: %s", conformance_checks[i].name, why);
        else
            printk("ok %s", conformance_checks[i].name);
    }
}

void boot_main(u32 magic, u64 info_maddr)
{
    machine_init_early(magic, info_maddr);
    timers_init();
    if (uart_init(0) == 0)
        console_register(&serial);
    machine_set_report(machine_message);
    machine_cpu_features(true, true);
    machine_init_memory();
    machine_init_platform();
    conformance_start();
    printk("%u CPUs", machine_start_aps(other_cpu));
    trace_init();
    heap_init();
    frame_table_init();
    table_hole_init();
    keys_init();
    sched_init("rr");
    irq_init();
    domains_init();
    run_checks();
    conformance_stop();
    printk("conformance: end");
    power_reset();
}
