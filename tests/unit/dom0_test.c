/* SPDX-License-Identifier: MIT */
/*
 * Domain 0's builder: the layout number by number, how much memory, the first address space as the kernel sees it, and
 * what is refused with which words: no kernel, no room, images that are not what they should be.
 */
#include "hcall_fixture.h"

#include <init/dom0.h>
#include <init/dom0_layout.h>
#include <machine/uart.h>
#include <machine/vga.h>
#include <xen/elfnote.h>

#include "elf_build.h"

#define BASE ELF_BUILD_BASE
#define MIB  (1UL << 20)

/* ---- what the machine gives ---- */
u16 uart_io_base(unsigned port) { return port == 0 ? 0x3f8 : 0; }
size_t vga_describe(struct dom0_vga_console_info *info) { memset(info, 0x7a, 8); return 8; }

/* ---- arithmetic ---- */

static struct dom0_sizes debian(void)
{
    return (struct dom0_sizes){ .virt_base = BASE, .kernel_end = BASE + 0x4a00000, .initrd_bytes = 30000001,
                                .nr_pages = 262144, .init_p2m = 0x8000000000 };
}

/* As measured with Debian's kernel under Xen 4.17. */
static void the_measured_layout(void **state)
{
    struct dom0_sizes s = debian();
    struct dom0_layout l;

    (void)state;
    assert_int_equal(dom0_layout(&l, &s), 0);
    assert_int_equal(l.v_start, BASE);
    assert_int_equal(l.v_start_info, BASE + 0x4a00000);
    assert_int_equal(l.v_tables, BASE + 0x4a01000);
    assert_int_equal(l.nr_tables, 41);
    assert_true(l.nr_l3 == 1 && l.nr_l2 == 1 && l.nr_l1 == 38);
    assert_int_equal(l.v_stack, BASE + 0x4a2a000);
    assert_int_equal(l.v_end, BASE + 0x4c00000);
    assert_int_equal(l.initrd_pfn, 0x4c00);
    assert_int_equal(l.initrd_pages, 7325);
    assert_int_equal(l.v_p2m, 0x8000000000);
    assert_int_equal(l.p2m_pfn, 0x4c00 + 7325);
    assert_int_equal(l.p2m_pages, 512);
    assert_int_equal(l.p2m_tables_pfn, l.p2m_pfn + 512);
    assert_int_equal(l.p2m_tables, 3);
    assert_int_equal(l.first_free_pfn, l.p2m_tables_pfn + 3);
}

static void a_list_behind_the_kernel(void **state)
{
    struct dom0_sizes s = { .virt_base = BASE, .kernel_end = BASE + 0x123456, .nr_pages = 8192 };
    struct dom0_layout l;

    (void)state;
    assert_int_equal(dom0_layout(&l, &s), 0);
    assert_int_equal(l.v_p2m, BASE + 0x124000);
    assert_true(l.p2m_pfn == 0x124 && l.p2m_pages == 16 && l.p2m_tables == 0);
    assert_int_equal(l.v_start_info, BASE + 0x134000);
    assert_int_equal(l.v_tables, BASE + 0x135000);
    assert_int_equal(l.nr_tables, 5);
    assert_int_equal(l.v_stack, BASE + 0x13a000);
    assert_int_equal(l.v_end, BASE + 0x400000);
    assert_true(l.initrd_pfn == 0x400 && l.initrd_pages == 0 && l.first_free_pfn == 0x400);
}

/* At least 512 KiB behind the stack, whatever the kernel's size, and every table counted that the mapping needs. */
static void the_slack_is_kept(void **state)
{
    (void)state;
    for (u64 end = 1; end < 20 * MIB; end += 4093) {
        struct dom0_sizes s = { .virt_base = BASE, .kernel_end = BASE + end, .nr_pages = 1 << 20, .init_p2m = PAGE_SIZE };
        struct dom0_layout l;

        assert_int_equal(dom0_layout(&l, &s), 0);
        assert_true(l.v_end - (l.v_stack + PAGE_SIZE) >= 512 << 10);
        assert_true(l.v_end - (l.v_stack + PAGE_SIZE) < (512 << 10) + 4 * MIB);
        assert_int_equal(l.v_end & (4 * MIB - 1), 0);
        assert_int_equal(l.nr_tables, 3 + (l.v_end - BASE) / (2 * MIB));
        assert_int_equal(l.v_stack, l.v_tables + l.nr_tables * PAGE_SIZE);
    }
}

static void layouts_that_are_refused(void **state)
{
    struct dom0_sizes s = debian();
    struct dom0_layout l;

    (void)state;
#define layout(error, ...) do { s = debian(); __VA_ARGS__; assert_int_equal(dom0_layout(&l, &s), error); } while (0)
    layout(-EINVAL, s.init_p2m = BASE);
    layout(-EINVAL, s.init_p2m = BASE + 0x100000);
    layout(-EINVAL, s.init_p2m = BASE - PAGE_SIZE);             /* reaches into the kernel */
    layout(0, s.init_p2m = BASE - 512 * PAGE_SIZE);
    layout(-EINVAL, s.init_p2m = 0x8000000001);
    layout(-EINVAL, s.init_p2m = 0x800000000000);
    layout(-EINVAL, s.init_p2m = HOLE_START);
    layout(-EINVAL, s.init_p2m = HOLE_END - PAGE_SIZE);
    layout(0, s.init_p2m = HOLE_END);
    layout(-EINVAL, s.kernel_end = ~0UL - PAGE_SIZE);           /* no room up there */
    layout(-EINVAL, s.virt_base = HOLE_START; s.kernel_end = HOLE_START + MIB);         /* among the hypervisor's addresses */
    layout(-EINVAL, s.virt_base = HOLE_END - MIB; s.kernel_end = HOLE_END + MIB);
    layout(-EINVAL, s.virt_base = 0x800000000000 - MIB; s.kernel_end = s.virt_base + MIB / 2);  /* reaches out of a half */
    layout(-EINVAL, s.virt_base = 0x900000000000; s.kernel_end = s.virt_base + MIB);
    layout(0, s.virt_base = HOLE_END; s.kernel_end = HOLE_END + MIB);
    layout(-EINVAL, s.virt_base = 0; s.kernel_end = 0xffff000000100000);
    layout(-ENOSPC, s.virt_base = HOLE_END; s.kernel_end = 0xfffff00000000000);     /* 54 million tables, counted soon */
    layout(0, s.nr_pages = 0x4c00 + 7325 + 53 + 3);             /* the least that does */
    layout(-ENOSPC, s.nr_pages = 0x4c00 + 7325 + 53 + 2);
    layout(-ENOSPC, s.initrd_bytes = 1UL << 30);
    layout(-ENOSPC, s.nr_pages = 0);
#undef layout
}

static void how_much_memory(void **state)
{
    struct dom0_options o = { 0 };
    u64 most;

    (void)state;
    assert_int_equal(dom0_pages(&o, 128000, 2000, &most), 125000);      /* all but the reserve and 1/128 */
    assert_int_equal(most, 125000);
    assert_int_equal(dom0_pages(&o, 1000, 2000, &most), 0);
    o.mem_bytes = 64 * MIB;
    assert_int_equal(dom0_pages(&o, 128000, 2000, &most), 16384);
    assert_int_equal(most, 0xffffffff);
    o.min_bytes = 128 * MIB;
    assert_int_equal(dom0_pages(&o, 128000, 2000, &most), 32768);
    o.max_bytes = 96 * MIB;
    assert_int_equal(dom0_pages(&o, 128000, 2000, &most), 24576);       /* the most counts more than the least */
    assert_int_equal(most, 24576);
    o = (struct dom0_options){ .mem_bytes = 64 * MIB, .max_bytes = 96 * MIB };
    assert_int_equal(dom0_pages(&o, 128000, 2000, &most), 16384);
    assert_int_equal(most, 24576);
}

/* ---- building ---- */

static struct elf_build kernel;
static struct boot_module *module_add(u64 bytes, const char *cmdline)
{
    struct boot_module *m = &boot_info.modules[boot_info.nr_modules++];

    m->start = boot_alloc_pages((bytes + PAGE_SIZE - 1) >> PAGE_SHIFT, 1, 64 * MIB).n << PAGE_SHIFT;
    m->end = m->start + bytes;
    m->cmdline = cmdline;
    return m;
}

static u8 *module_bytes(const struct boot_module *m) { return frame_map(maddr_to_mfn(m->start)); }

/* A machine with a kernel and an initial RAM disk in the lower half of its 128 MiB, up to where dom0_build() is called. */
static void dom0_machine(u64 initrd_bytes)
{
    static const struct fake_ram ram[] = { { 0, 64 << 8 }, { 64 << 8, 64 << 8 } };

    core_setup(NULL);
    fake_start_ram(4, ram, 2);
    fake_irq_handler = hcall_irq;
    preempt_always = false;
    boot_info.cmdline = boot_info.loader = "";
    memset(&mmio_ro_ranges, 0, sizeof(mmio_ro_ranges));
    for (unsigned i = 0; i < sizeof(kernel.bytes) - ELF_BUILD_TEXT; i++)
        kernel.bytes[ELF_BUILD_TEXT + i] = (u8)(i * 7 + 1);
    memcpy(module_bytes(module_add(sizeof(kernel), "root=/dev/xvda1 quiet")), &kernel, sizeof(kernel));
    if (initrd_bytes)
        module_bytes(module_add(initrd_bytes, ""))[initrd_bytes - 1] = 0x99;
    acpi_info.lapic_maddr = 0xfee00000;
    acpi_info.hpet_maddr = 0xfed00000;
    heap_init();
    frame_table_init();
    keep_zero_frame();
    table_hole_init();
    sched_init("rr");
    fake_ioapic_add(0xfec00000, 0, 24);
    irq_init();
    for (unsigned cpu = 4; cpu-- > 0;) {
        fake_cpu_set(cpu);
        cpu_info()->work = 0;
        cpu_info()->current = NULL;
    }
}

static const struct dom0_options mem32 = { .mem_bytes = 32 * MIB };

static void build(const struct dom0_options *o)
{
    dom0_build(o);
    zero_frame = pte_mfn(entry_of(domain0->pv.perdomain_l1[0], 0));
}

static void build_default(void)
{
    elf_build_kernel(&kernel);
    dom0_machine(5000);
    build(&mem32);
}

/* Page n of the kernel's pfns, through the list that the kernel will read. */
static u64 p2m_of(u64 pfn)
{
    u64 m = 0;

    assert_int_equal(fake_guest_read(0, 0x8000000000 + pfn * 8, &m, 8), 0);
    return m;
}

static void enter_dom0(void)
{
    sched_unpause(&domain0->vcpus[0]->unit);
    work_raise(WORK_SCHED);
    assert_true(fake_ends(run_first()));
    assert_ptr_equal(current(), domain0->vcpus[0]);
}

static void registers_at_the_start(void **state)
{
    const struct regs *r;

    (void)state;
    build_default();
    r = &domain0->vcpus[0]->regs;
    assert_int_equal(r->rip, ELF_BUILD_ENTRY);
    assert_int_equal(r->rsi, BASE + 0x1004000);
    assert_int_equal(r->rsp, BASE + 0x1013000);
    assert_true(r->cs == 0xe033 && r->ss == 0xe02b && (r->rflags & 0x200));
    assert_true(!r->rax && !r->rbx && !r->rcx && !r->rdx && !r->rdi && !r->rbp && !r->r8 && !r->r15);
    assert_true(domain0->vcpus[0]->pv.in_kernel && domain0->vcpus[0]->initialised && !domain0->vcpus[0]->down);
    assert_true(domain0->vcpus[1]->down && !domain0->vcpus[1]->initialised);
    assert_int_equal(domain0->max_vcpus, 4);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(domain0->shared->vcpu_info[i].evtchn_upcall_mask, 1);
    assert_int_equal(domain0->vcpus[0]->pv.gdt_entries, 0);
    assert_null(audit_frames());
    assert_null(heap_audit());
}

static void start_information(void **state)
{
    start_info_t si;
    u8 screen[8];

    (void)state;
    build_default();
    enter_dom0();
    assert_int_equal(fake_guest_read(0, BASE + 0x1004000, &si, sizeof(si)), 0);
    assert_string_equal(si.magic, "xen-3.0-x86_64p");
    assert_int_equal(si.nr_pages, 8192);
    assert_int_equal(si.shared_info, domain0->shared_mfn.n << PAGE_SHIFT);
    assert_int_equal(si.flags, 1 | 2 | 8);
    assert_true(si.store_mfn == 0 && si.store_evtchn == 0);
    assert_true(si.console.dom0.info_off == 1168 && si.console.dom0.info_size == 8);
    assert_int_equal(si.pt_base, BASE + 0x1005000);
    assert_int_equal(si.nr_pt_frames, 13);
    assert_int_equal(si.mfn_list, 0x8000000000);
    assert_true(si.mod_start == 0x1400 && si.mod_len == 5000);
    assert_string_equal((char *)si.cmd_line, "root=/dev/xvda1 quiet");
    assert_int_equal(si.first_p2m_pfn, 0x1402);
    assert_int_equal(si.nr_p2m_frames, 16 + 3);
    assert_int_equal(fake_guest_read(0, BASE + 0x1004000 + 1168, screen, 8), 0);
    assert_int_equal(screen[7], 0x7a);
}

static void memory_at_the_start(void **state)
{
    u8 page[PAGE_SIZE], *initrd;

    (void)state;
    build_default();
    enter_dom0();
    assert_int_equal(domain0->mm.tot_pages, 8192);
    for (u64 pfn = 0; pfn < 8192; pfn++) {
        mfn_t m = mfn(p2m_of(pfn));

        assert_int_equal(frame_owner(frame_entry(m)), 0);
        assert_int_equal(m2p_get(m), pfn);
    }
    assert_int_equal(fake_guest_read(0, 0x8000000000 + 16 * PAGE_SIZE, page, 1), -EFAULT);
    assert_int_equal(fake_guest_read(0, ELF_BUILD_ENTRY - 0x100, page, PAGE_SIZE), 0);
    assert_memory_equal(page, kernel.bytes + ELF_BUILD_TEXT, 0x200);
    for (unsigned i = 0x200; i < PAGE_SIZE; i++)
        assert_int_equal(page[i], 0);
    assert_int_equal(fake_guest_read(0, BASE + ELF_BUILD_PADDR + 0x1000, page, PAGE_SIZE), 0);  /* the hypercall page */
    assert_int_equal(page[17 * 32], 0x51);
    initrd = frame_map(mfn(p2m_of(0x1401)));
    assert_int_equal(initrd[5000 - PAGE_SIZE - 1], 0x99);
    /* Everything below v_end is mapped, tables read-only, nothing behind it. */
    for (u64 va = BASE; va < BASE + 0x1400000; va += PAGE_SIZE) {
        bool table = va >= BASE + 0x1005000 && va < BASE + 0x1012000;
        mfn_t l1 = table_walk_l1(domain0->vcpus[0]->pv.root_kernel, va);
        pte_t e = entry_of(l1, pte_index(va, 1));

        assert_int_equal(pte_mfn(e).n, p2m_of((va - BASE) >> PAGE_SHIFT));
        assert_int_equal(e & (PTE_P | PTE_RW | PTE_A), PTE_P | PTE_A | (table ? 0 : PTE_RW));
    }
    assert_int_equal(fake_guest_read(0, BASE + 0x1400000, page, 1), -EFAULT);
    assert_int_equal(fake_guest_read(0, BASE - 1, page, 1), -EFAULT);
}

static void rights_at_the_start(void **state)
{
    const u16 kept[] = { 0x20, 0x21, 0xa0, 0x40, 0x43, 0x61, 0xcf8, 0xcff, 0x70, 0x71, 0x3f8, 0x3ff };
    const u16 given[] = { 0, 0x22, 0x60, 0x64, 0x2f8, 0x400, 0xffff };
    struct mm_domain *mm;

    (void)state;
    build_default();
    mm = &domain0->mm;
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
        assert_false(rangeset_contains(&mm->ioports, kept[i], kept[i]));
    for (unsigned i = 0; i < ARRAY_SIZE(given); i++)
        assert_true(rangeset_contains(&mm->ioports, given[i], given[i]));
    assert_true(rangeset_contains(&mm->iomem, 0xfebf0, 0xfebff));
    assert_false(rangeset_contains(&mm->iomem, 0xfee00, 0xfee00));
    assert_false(rangeset_contains(&mm->iomem, 0xfeeff, 0xfeeff));
    assert_true(rangeset_contains(&mm->iomem, 0xfef00, 0xfef00));
    assert_true(rangeset_contains(&mmio_ro_ranges, 0xfed00, 0xfed00));
    assert_true(rangeset_contains(&mmio_ro_ranges, 0xfec00, 0xfec00));
    assert_int_equal(domain0->rights, RIGHT_HARDWARE | RIGHT_CONTROL | RIGHT_STORE);
}

/* Notes of an old kernel: the list behind it, the RAM disk by address, no PAE mark. */
static void a_kernel_that_asks_for_little(void **state)
{
    start_info_t si;

    (void)state;
    elf_build_init(&kernel);
    elf_build_text(&kernel, XEN_ELFNOTE_GUEST_OS, "linux");
    elf_build_text(&kernel, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    elf_build_number(&kernel, XEN_ELFNOTE_VIRT_BASE, BASE);
    elf_build_number(&kernel, XEN_ELFNOTE_ENTRY, ELF_BUILD_ENTRY);
    elf_build_text(&kernel, XEN_ELFNOTE_LOADER, "generic");
    dom0_machine(5000);
    build(&mem32);
    enter_dom0();
    assert_int_equal(current()->regs.rsi, BASE + 0x1014000);
    assert_int_equal(fake_guest_read(0, BASE + 0x1014000, &si, sizeof(si)), 0);
    assert_string_equal(si.magic, "xen-3.0-x86_64");
    assert_int_equal(si.mfn_list, BASE + 0x1004000);
    assert_true(si.first_p2m_pfn == 0 && si.nr_p2m_frames == 0);
    assert_true((si.flags & 8) == 0 && si.mod_start == BASE + 0x1400000 && si.mod_len == 5000);
}

/* ---- refusals ---- */

static void refused(u64 initrd, const struct dom0_options *o, const char *words)
{
    dom0_machine(initrd);
    expect_panic(dom0_build(o));
    if (!was_shown(words))
        print_error("shown: %s\n", shown);
    assert_true(was_shown(words));
    preempt_always = false;
}

static void machines_that_are_too_small(void **state)
{
    (void)state;
    elf_build_kernel(&kernel);
    refused(0, &(struct dom0_options){ .mem_bytes = 1UL << 30 }, "dom0_mem: 1024 MiB asked for");
    refused(0, &(struct dom0_options){ .mem_bytes = 16 * MIB }, "raise dom0_mem=");
    refused(20 * MIB, &mem32, "initrd (20 MiB) and would get 32 MiB");
    refused(60 * MIB, &(struct dom0_options){ 0 }, "domain 0 needs at least");
}

static void kernels_that_are_refused(void **state)
{
    (void)state;
    elf_build_kernel(&kernel);
    memset(kernel.bytes, 0, 4);
    refused(0, &mem32, "domain 0 kernel: ");
    elf_build_init(&kernel);
    refused(0, &mem32, "domain 0 kernel: ");                    /* no notes */
    elf_build_kernel(&kernel);
    elf_build_note(&kernel, "Xen", XEN_ELFNOTE_SUPPORTED_FEATURES, "\1\0\0\0", 4);
    refused(0, &mem32, "use one with CONFIG_XEN_PV_DOM0");
    elf_build_kernel(&kernel);
    elf_build_number(&kernel, XEN_ELFNOTE_INIT_P2M, HOLE_START);
    refused(0, &mem32, "INIT_P2M note overlaps");
    elf_build_kernel(&kernel);
    dom0_machine(0);
    boot_info.nr_modules = 0;
    expect_panic(dom0_build(&mem32));
    assert_true(was_shown("no domain 0 kernel: give the boot loader"));
    dom0_machine(0);
    boot_info.modules[0].end = boot_info.modules[0].start + 10;
    expect_panic(dom0_build(&mem32));
    assert_true(was_shown("domain 0 kernel: "));
}

/* Whichever allocation fails, the words say what to do; nothing goes on without memory. */
static void memory_that_runs_out_while_building(void **state)
{
    unsigned first, total;

    (void)state;
    build_default();
    dom0_machine(5000);
    first = fake_allocs;
    dom0_build(&mem32);
    total = fake_allocs - first;
    assert_true(total > 20);
    for (unsigned nth = 1; nth <= total; nth++) {
        dom0_machine(5000);
        fake_fail_alloc(nth);
        if (fake_ends(dom0_build(&mem32)))
            assert_true(was_shown("give less with dom0_mem=") || was_shown("give fewer with dom0_max_vcpus=") ||
                        was_shown("in one piece") || was_shown("BUG at") || was_shown("do not validate"));
        else
            assert_int_equal(domain0->mm.tot_pages, 8192);      /* it asked again for less at a time */
        fake_fail_alloc(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_measured_layout), cmocka_unit_test(a_list_behind_the_kernel),
        cmocka_unit_test(the_slack_is_kept), cmocka_unit_test(layouts_that_are_refused), cmocka_unit_test(how_much_memory),
        cmocka_unit_test(registers_at_the_start), cmocka_unit_test(start_information), cmocka_unit_test(memory_at_the_start),
        cmocka_unit_test(rights_at_the_start), cmocka_unit_test(a_kernel_that_asks_for_little),
        cmocka_unit_test(machines_that_are_too_small), cmocka_unit_test(kernels_that_are_refused),
        cmocka_unit_test(memory_that_runs_out_while_building),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
