/* SPDX-License-Identifier: MIT */
/*
 * The boot order. Each line below depends on those above it; nothing else in the tree knows the order. Runs on the
 * boot CPU with interrupts off; the others wait in ap_main() until the first guest exists.
 */
#include <core/console.h>
#include <core/counters.h>
#include <core/keys.h>
#include <core/panic.h>
#include <core/trace.h>
#include <core/work.h>
#include <dom/keys.h>
#include <dom/run.h>
#include <hcall/platform.h>
#include <hypercall-names.gen.h>
#include <init/dom0.h>
#include <init/options.h>
#include <irq/gsi.h>
#include <irq/irq.h>
#include <machine/boot.h>
#include <machine/power.h>
#include <machine/report.h>
#include <machine/uart.h>
#include <machine/vga.h>
#include <mm/flush.h>
#include <mm/heap.h>
#include <mm/table.h>
#include <xen/xen.h>

static bool guests_may_run;
static struct timer resync_timer;

/* ---- consoles ---- */
static void com_write(unsigned port, const char *s, size_t n)
{
    while (n) {
        size_t line = 0;

        while (line < n && s[line] != '\n')
            line++;
        uart_write(port, s, line);
        if (line < n) {
            uart_write(port, "\r\n", 2);
            line++;
        }
        s += line;
        n -= line;
    }
}

static void com1_write(const char *s, size_t n) { com_write(0, s, n); }
static void com2_write(const char *s, size_t n) { com_write(1, s, n); }

static struct console_device consoles[] = {
    { .name = "com1", .write = com1_write }, { .name = "com2", .write = com2_write }, { .name = "vga", .write = vga_write },
};

static boot_text void console_start_serial(void)
{
    for (unsigned port = 0; port < UART_PORTS; port++)
        if (boot_options.console_com[port] && uart_init(port) == 0)
            console_register(&consoles[port]);
}

static void uart_interrupt(void *data)
{
    unsigned port = (unsigned)(u64)data;
    int c;

    while ((c = uart_getc(port)) >= 0)
        console_input((char)c);
}

static boot_text void console_start_input(void)
{
    for (unsigned port = 0; port < UART_PORTS; port++) {
        if (!uart_io_base(port))
            continue;
        if (irq_request(gsi_of_isa(uart_irq(port)), uart_interrupt, (void *)(u64)port, 0))
            pr_warn("com%u: its interrupt %u is not usable: no input from it\n", port + 1, uart_irq(port));
        else
            uart_irq_enable(port, true);
    }
}

static void machine_message(enum machine_report_level level, const char *line)
{
    if (level == REPORT_FATAL)
        panic("%s", line);
    printk_at(level == REPORT_WARNING ? LOG_WARNING : LOG_INFO, "%s\n", line);
}

static void virq_con_ring(void) { evtchn_raise_global_virq(&domain0->evtchn, VIRQ_CON_RING); }
static void virq_console(void) { evtchn_raise_global_virq(&domain0->evtchn, VIRQ_CONSOLE); }

/* ---- time ---- */
static void time_changed(void)
{
    struct vcpu *v = current();

    if (v) {
        vcpu_time_update(v);
        v->domain->ops->update_areas(v);
    }
}

static void resync(void *data)
{
    unsigned cpu;

    if (time_resync())
        for_each_cpu(cpu, &cpu_online_mask)
            work_raise_on(cpu, WORK_TIME);
    timer_set(&resync_timer, time_now_ns() + 1000000000);
}

/* ---- other CPUs ---- */
static void ap_main(void)
{
    while (!__atomic_load_n(&guests_may_run, __ATOMIC_ACQUIRE))
        lock_poll();
    run_first();
}

/* ---- the order ---- */
static boot_text void start_consoles(void)
{
    options_parse(boot_info.cmdline);
    console_start_serial();
    machine_set_report(machine_message);
    printk("Hospes, a hypervisor with the Xen 4.17 interface\n");
    pr_info("Boot loader: %s; options: %s\n", boot_info.loader, boot_info.cmdline);
}

static boot_text void start_services(void)
{
    static const char *const names[] = {
#define X(number, name) [number] = name,
        HCALL_NAMES(X)
#undef X
    };

    counters_name_hypercalls(names, ARRAY_SIZE(names));
    work_set_handler(WORK_TIME, time_changed);
    domains_init();
    keys_init();
    sched_init(boot_options.sched);
    irq_init();
    key_register('i', "interrupts", irq_show);
    platform_firmware_init();
    domain_keys_init();
    wall_base_ns = time_rtc_seconds() * 1000000000 - time_now_ns();
}

static boot_text void free_modules(void)
{
    for (unsigned i = 0; i < boot_info.nr_modules; i++) {
        u64 first = (boot_info.modules[i].start + PAGE_SIZE - 1) >> PAGE_SHIFT, end = boot_info.modules[i].end >> PAGE_SHIFT;

        if (end > first)
            heap_add(mfn(first), end - first);
    }
}

static boot_text void start_dom0(void)
{
    dom0_build(&boot_options.dom0);
    free_modules();
    console_set_hooks(virq_con_ring, virq_console);
    console_start_input();
    if (!boot_options.vga_keep) {
        console_unregister(&consoles[2]);
        vga_release();
    }
}

static u64 ram_pages;
static void count_ram(mfn_t first, u64 pages) { ram_pages += pages; }

/* What is neither domain 0's nor free is the hypervisor's. */
static void report_memory(void)
{
    u64 free = heap_free_pages();

    ram_pages = 0;
    boot_for_each_ram(count_ram);
    pr_info("Memory: %lu KiB, of which the hypervisor keeps %lu KiB; %lu MiB are free\n", (unsigned long)ram_pages << 2,
            (unsigned long)(ram_pages - free - domain0->mm.tot_pages) << 2, (unsigned long)free >> 8);
}

/* Not in .init, which it takes away. */
static noreturn __attribute__((noinline)) void run_guests(void)
{
    struct boot_range init = boot_init_range();

    machine_seal();
    __atomic_store_n(&guests_may_run, true, __ATOMIC_RELEASE);
    flush_mask(&cpu_online_mask, 0, FLUSH_TLB);
    heap_add(init.first, init.pages);
    report_memory();
    console_input_to_dom0();
    domain_wallclock_update(domain0);
    timer_init(&resync_timer, resync, NULL, 0);
    timer_set(&resync_timer, time_now_ns() + 1000000000);
    sched_unpause(&domain0->vcpus[0]->unit);
    run_first();
}

boot_text void boot_main(u32 magic, u64 info_maddr)
{
    machine_init_early(magic, info_maddr);
    timers_init();
    start_consoles();
    machine_cpu_features(boot_options.smep, boot_options.smap);
    machine_init_memory();
    if (boot_options.console_vga) {
        vga_init();
        console_register(&consoles[2]);
    }
    machine_init_platform();
    pr_info("%u CPUs online, clock: %s, %u kHz\n", machine_start_aps(ap_main), time_platform_name, tsc_khz);
    trace_init();
    heap_init();
    frame_table_init();
    table_hole_init();
    start_services();
    start_dom0();
    run_guests();
}
