/* SPDX-License-Identifier: MIT */
/*
 * Any text as the hypervisor's command line, with its real options: what is set stays within what the rest relies on, a
 * word that is ignored is named, and the same line again sets the same. Then domain 0's share of any machine, and where
 * its first address space has everything.
 */
#include "../unit/core_fixture.h"

#include <core/panic.h>
#include <core/trace.h>
#include <init/dom0_layout.h>
#include <init/options.h>
#include <machine/boot.h>
#include <x86/pte.h>
#include <machine/uart.c>                       /* the parser of com1= and com2= is real */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

unsigned machine_max_cpus;

#define SIZES_BYTES 48
#define PAGES_MAX   (1UL << 36)                 /* 256 TiB */

static struct boot_options defaults;

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check_options(void)
{
    const struct dom0_options *d = &boot_options.dom0;

    require(memchr(boot_options.sched, '\0', sizeof(boot_options.sched)));
    require(d->max_vcpus <= MAX_VCPUS && trace_pages <= 1024 && machine_max_cpus <= NR_CPUS);
    for (const char *p = shown; (p = strstr(p, "option '")) != NULL; p++)
        require(strstr(p, "' ignored: "));
}

static void parse(const char *line)
{
    boot_options = defaults;
    machine_max_cpus = trace_pages = 0;
    preempt_always = panic_noreboot = console_timestamps = false;
    shown_clear();
    console_ring_clear();
    options_parse(line);
    check_options();
}

static void check_share(u64 free, u64 reserve)
{
    u64 max = 0, pages = 0;

    free %= PAGES_MAX;
    reserve %= PAGES_MAX;
    if (fake_ends(pages = dom0_pages(&boot_options.dom0, free, reserve, &max)))
        return;                                 /* too little: a panic that says so */
    require(pages <= max && (boot_options.dom0.mem_bytes || boot_options.dom0.min_bytes || pages <= free));
}

static void check_layout(const struct dom0_sizes *s)
{
    struct dom0_layout l;

    if (dom0_layout(&l, s))
        return;
    require(va_is_canonical(l.v_start) && va_is_canonical(l.v_end - 1) && l.v_start >> 47 == (l.v_end - 1) >> 47);
    require(l.v_end <= HOLE_START || l.v_start >= HOLE_END);
    require(l.v_start <= l.v_start_info && l.v_start_info < l.v_tables && l.v_tables < l.v_stack && l.v_stack < l.v_end);
    require(s->kernel_end <= l.v_start_info && l.v_start_info - l.v_start < s->nr_pages << PAGE_SHIFT);
    require(l.nr_tables == 1 + l.nr_l3 + l.nr_l2 + l.nr_l1);
    require(l.v_tables + (l.nr_tables << PAGE_SHIFT) <= l.v_stack);
    require(l.initrd_pfn + l.initrd_pages <= s->nr_pages && l.p2m_pfn + l.p2m_pages <= s->nr_pages);
    require(l.first_free_pfn <= s->nr_pages && l.p2m_pages >= s->nr_pages / (PAGE_SIZE / 8));
    require(l.initrd_pages << PAGE_SHIFT >= s->initrd_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct boot_options first;
    struct dom0_sizes sizes;
    u64 numbers[SIZES_BYTES / 8];
    char line[1024];

    if (size < SIZES_BYTES || size >= SIZES_BYTES + sizeof(line))
        return 0;
    if (!defaults.sched[0]) {
        core_setup(NULL);
        defaults = boot_options;
    }
    memcpy(numbers, data, sizeof(numbers));
    memcpy(line, data + SIZES_BYTES, size - SIZES_BYTES);
    line[size - SIZES_BYTES] = '\0';
    parse(line);
    first = boot_options;
    parse(line);
    require(!memcmp(&first, &boot_options, sizeof(first)));
    check_share(numbers[4], numbers[5]);
    if (numbers[0] + numbers[1] <= (numbers[0] & PAGE_MASK))
        return 0;                               /* elf_xen_parse() refuses it */
    sizes = (struct dom0_sizes){ .virt_base = numbers[0] & PAGE_MASK, .kernel_end = numbers[0] + numbers[1],
                                 .initrd_bytes = (u32)numbers[2],  /* as loaders say it */ .nr_pages = numbers[4] % PAGES_MAX,
                                 .init_p2m = numbers[3] & PAGE_MASK };
    check_layout(&sizes);
    return 0;
}
