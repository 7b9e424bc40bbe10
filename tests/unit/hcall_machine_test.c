/* SPDX-License-Identifier: MIT */
/* Hypercalls about the machine and the hypervisor: xen_version, console_io, platform_op. */
#include "hcall_fixture.h"

#include <hcall/platform.h>
#include <xen/features.h>
#include <xen/platform.h>
#include <xen/version.h>

static long version(unsigned cmd, u64 arg) { return hypercall(__HYPERVISOR_xen_version, cmd, arg); }

static void versions(void **state)
{
    static const unsigned writing[] = { XENVER_extraversion, XENVER_compile_info, XENVER_capabilities, XENVER_changeset,
                                        XENVER_platform_parameters, XENVER_get_features, XENVER_guest_handle,
                                        XENVER_commandline };
    char *text = page_at(1);
    struct xen_compile_info *ci = page_at(1);

    (void)state;
    boot_info.cmdline = "loglvl=all";
    assert_int_equal(version(XENVER_version, HOLE_START), 0x00040011);
    assert_int_equal(version(XENVER_pagesize, 0), 4096);
    assert_int_equal(version(XENVER_pagesize, WINDOW), -EINVAL);
    assert_int_equal(version(XENVER_build_id, WINDOW), -ENOSYS);
    assert_int_equal(version(11, WINDOW), -ENOSYS);
    for (unsigned i = 0; i < ARRAY_SIZE(writing); i++)
        assert_efault(version(writing[i], bad));
    memset(text, 'x', PAGE_SIZE);
    assert_int_equal(version(XENVER_extraversion, va_of(text)), 0);
    assert_true(text[0] == '.' && memchr(text, 0, 16) && text[16] == 'x');
    memset(text, 'x', PAGE_SIZE);
    assert_int_equal(version(XENVER_capabilities, va_of(text)), 0);
    assert_non_null(strstr(text, "xen-3.0-x86_64 "));
    assert_true(text[1023] == 0 && text[1024] == 'x');
    assert_int_equal(version(XENVER_changeset, va_of(text)), 0);
    assert_int_equal(version(XENVER_compile_info, va_of(ci)), 0);
    assert_string_equal(ci->compile_by, "hospes");
    assert_int_equal(version(XENVER_guest_handle, va_of(text)), 0);
    assert_memory_equal(text, g->d->uuid, 16);
    assert_int_equal(version(XENVER_platform_parameters, va_of(text)), 0);
    assert_int_equal(*(u64 *)text, 0xffff800000000000UL);
    assert_int_equal(version(XENVER_commandline, va_of(text)), 0);
    assert_string_equal(text, "loglvl=all");
    as(&g5);
    text = page_at(1);
    assert_int_equal(version(XENVER_commandline, va_of(text)), 0);
    assert_string_equal(text, "<denied>");
}

static void features(void **state)
{
    struct xen_feature_info f = { .submap_idx = 1 };
    const u32 all = BIT(5) | BIT(6) | BIT(7) | BIT(13) | BIT(17);

    (void)state;
    assert_int_equal(command(__HYPERVISOR_xen_version, XENVER_get_features, &f, sizeof(f)), -EINVAL);
    f.submap_idx = 0;
    assert_int_equal(command(__HYPERVISOR_xen_version, XENVER_get_features, &f, sizeof(f)), 0);
    assert_int_equal(f.submap, all | BIT(XENFEAT_dom0));
    as(&g5);
    assert_int_equal(hypercall(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_pae_extended_cr3), 0);
    assert_int_equal(command(__HYPERVISOR_xen_version, XENVER_get_features, &f, sizeof(f)), 0);
    assert_int_equal(f.submap, all | BIT(XENFEAT_pae_pgdir_above_4gb));
}

/* ---- console_io ---- */

static long console(unsigned cmd, u32 count, u64 buf) { return hypercall(__HYPERVISOR_console_io, cmd, count, buf); }

static void writing_to_the_console(void **state)
{
    char *text = page_at(1);

    (void)state;
    shown_clear();
    memset(text, 'a', 1000);
    text[999] = '\n';
    for (unsigned always = 0; always < 2; always++) {
        preempt_always = always;
        shown_clear();
        assert_int_equal(console(CONSOLEIO_write, 1000, va_of(text)), 0);
        assert_int_equal(restarts, always ? 7 : 0);
        run_work();
        assert_true(was_shown(text + 1) || shown_bytes >= 999);
        assert_int_equal(strspn(strchr(shown, 'a'), "a"), 999);
    }
    assert_int_equal(console(CONSOLEIO_write, 0, HOLE_START), 0);
    assert_efault(console(CONSOLEIO_write, 2, bad));
    assert_int_equal(console(CONSOLEIO_write, ~0u, HOLE_START - 4), -EFAULT);
    assert_int_equal(console(2, 1, WINDOW), -ENOSYS);
    as(&g5);
    assert_int_equal(console(CONSOLEIO_write, 1, WINDOW), -EPERM);
    assert_int_equal(console(CONSOLEIO_read, 1, WINDOW), -EPERM);
}

static void reading_from_the_console(void **state)
{
    char *text = page_at(1);

    (void)state;
    console_input_to_dom0();
    assert_int_equal(console(CONSOLEIO_read, 10, va_of(text)), 0);
    for (const char *s = "hello"; *s; s++)
        console_input(*s);
    run_work();
    assert_int_equal(console(CONSOLEIO_read, 3, va_of(text)), 3);
    assert_memory_equal(text, "hel", 3);
    assert_int_equal(console(CONSOLEIO_read, 3, HOLE_START), -EFAULT);
    assert_int_equal(console(CONSOLEIO_read, 3, HOLE_START - 1), -EFAULT);
    assert_int_equal(console(CONSOLEIO_read, 3000, va_of(text)), 2);
    console_input('x');
    run_work();
    assert_int_equal(console(CONSOLEIO_read, 3, NOT_MAPPED), -EFAULT);
}

/* ---- platform_op ---- */

static struct xen_platform_op op;

static long platform(u32 cmd)
{
    long rc;

    op.cmd = cmd;
    op.interface_version = XENPF_INTERFACE_VERSION;
    rc = hypercall(__HYPERVISOR_platform_op, put_arg(&op, sizeof(op)));
    memcpy(&op, g->mem, sizeof(op));
    return rc;
}

static void platform_operations_that_do_not_exist(void **state)
{
    (void)state;
    for (u32 cmd = 0; cmd < 70; cmd++)
        if (cmd != XENPF_settime32 && cmd != XENPF_settime64 && cmd != XENPF_firmware_info &&
            cmd != XENPF_enter_acpi_sleep && cmd != XENPF_set_processor_pminfo && cmd != XENPF_get_cpuinfo &&
            cmd != XENPF_resource_op)
            assert_int_equal(platform(cmd), -ENOSYS);
    op.cmd = XENPF_get_cpuinfo;
    op.interface_version = XENPF_INTERFACE_VERSION + 1;
    assert_int_equal(hypercall(__HYPERVISOR_platform_op, put_arg(&op, sizeof(op))), -EACCES);
    assert_efault(hypercall(__HYPERVISOR_platform_op, bad));
    as(&g5);
    assert_int_equal(platform(XENPF_get_cpuinfo), -EPERM);
}

static long resources(u32 n, u32 cpu)
{
    op.u.resource_op = (struct xenpf_resource_op){ .nr_entries = n, .cpu = cpu };
    op.u.resource_op.entries.p = (void *)va_of(page_at(1));
    return platform(XENPF_resource_op);
}

static void registers_of_cpus(void **state)
{
    struct xenpf_resource_entry *e = page_at(1);

    (void)state;
    e[0] = (struct xenpf_resource_entry){ .u.cmd = XEN_RESOURCE_OP_MSR_READ, .idx = 0x10 };
    e[1] = (struct xenpf_resource_entry){ .u.cmd = XEN_RESOURCE_OP_MSR_READ, .idx = 0xc8f };
    assert_int_equal(resources(2, 1), 1);               /* up to the one that is refused */
    assert_true(e[0].u.ret == 0 && e[1].u.ret == -EPERM);
    e[0] = (struct xenpf_resource_entry){ .u.cmd = XEN_RESOURCE_OP_MSR_WRITE, .idx = 0x10 };
    assert_int_equal(resources(1, 0), 0);
    assert_int_equal(e[0].u.ret, -EPERM);
    e[0] = (struct xenpf_resource_entry){ .u.cmd = 9, .idx = 0x10 };
    assert_int_equal(resources(1, 0), 0);
    assert_int_equal(e[0].u.ret, -EOPNOTSUPP);
    e[0] = (struct xenpf_resource_entry){ .idx = 0x10, .rsvd = 1 };
    assert_int_equal(resources(1, 0), 0);
    assert_int_equal(e[0].u.ret, -EINVAL);
    assert_int_equal(resources(4, 0), -EINVAL);
    assert_int_equal(resources(1, 4), -ENODEV);
    op.u.resource_op = (struct xenpf_resource_op){ .nr_entries = 1 };
    op.u.resource_op.entries.p = (void *)NOT_MAPPED;
    assert_int_equal(platform(XENPF_resource_op), -EFAULT);
}

static void the_wall_clock(void **state)
{
    (void)state;
    op.u.settime64 = (struct xenpf_settime64){ .secs = 0x100000005, .nsecs = 7, .system_time = 2000000000 };
    assert_int_equal(platform(XENPF_settime64), 0);
    assert_int_equal(g->d->shared->wc_sec, 3);
    assert_int_equal(g->d->shared->wc_sec_hi, 1);
    assert_int_equal(g->d->shared->wc_nsec, 7);
    assert_int_equal(g->d->shared->wc_version & 1, 0);
    op.u.settime64.mbz = 1;
    assert_int_equal(platform(XENPF_settime64), -EINVAL);
    op.u.settime64.mbz = 0;
    op.u.settime64.nsecs = 1000000000;
    assert_int_equal(platform(XENPF_settime64), -EINVAL);
    op.u.settime32 = (struct xenpf_settime32){ .secs = 10, .nsecs = 999999999, .system_time = 0 };
    assert_int_equal(platform(XENPF_settime32), 0);
    assert_true(g->d->shared->wc_sec == 10 && g->d->shared->wc_sec_hi == 0 && g->d->shared->wc_nsec == 999999999);
    op.u.settime32.nsecs = 1000000000;
    assert_int_equal(platform(XENPF_settime32), -EINVAL);
    assert_int_equal(g->d->shared->wc_sec, 10);
}

static void sleeping(void **state)
{
    (void)state;
    op.u.enter_acpi_sleep = (struct xenpf_enter_acpi_sleep){ .sleep_state = 3 };
    assert_int_equal(platform(XENPF_enter_acpi_sleep), -EOPNOTSUPP);
    op.u.enter_acpi_sleep.sleep_state = 5;
    op.u.enter_acpi_sleep.flags = XENPF_ACPI_SLEEP_EXTENDED;
    assert_int_equal(platform(XENPF_enter_acpi_sleep), -EOPNOTSUPP);
    op.u.enter_acpi_sleep.flags = 0;
    assert_true(fake_ends((void)platform(XENPF_enter_acpi_sleep)));
    assert_int_equal(fake_ended, FAKE_OFF);
}

static void cpus(void **state)
{
    (void)state;
    acpi_info.nr_cpus = 4;
    for (u32 i = 0; i < 4; i++)
        acpi_info.cpus[i] = (struct acpi_cpu){ .apic_id = i, .acpi_id = 10 + i };
    acpi_info.cpus[3].apic_id = 77;             /* the tables do not know CPU 3 */
    op.u.pcpu_info.xen_cpuid = 2;
    assert_int_equal(platform(XENPF_get_cpuinfo), 0);
    assert_true(op.u.pcpu_info.max_present == 3 && op.u.pcpu_info.apic_id == 2 && op.u.pcpu_info.acpi_id == 12);
    assert_int_equal(op.u.pcpu_info.flags, XEN_PCPU_FLAGS_ONLINE);
    op.u.pcpu_info.xen_cpuid = 3;
    assert_int_equal(platform(XENPF_get_cpuinfo), 0);
    assert_int_equal(op.u.pcpu_info.acpi_id, ~0u);
    for (unsigned i = 0; i < 3; i++) {
        op.u.pcpu_info.xen_cpuid = i == 0 ? 4 : i == 1 ? NR_CPUS : ~0u;
        assert_int_equal(platform(XENPF_get_cpuinfo), 0);
        assert_int_equal(op.u.pcpu_info.flags, XEN_PCPU_FLAGS_INVALID);
    }
    acpi_info.nr_cpus = 0;
    assert_int_equal(platform(XENPF_get_cpuinfo), 0);
    assert_int_equal(op.u.pcpu_info.max_present, 0);
    op.u.set_pminfo.type = XEN_PM_PDC;
    assert_int_equal(platform(XENPF_set_processor_pminfo), 0);
    op.u.set_pminfo.type = XEN_PM_CX;
    assert_int_equal(platform(XENPF_set_processor_pminfo), -ENOSYS);
}

/* ---- firmware ---- */

static long efi(u32 index)
{
    op.u.firmware_info.type = XEN_FW_EFI_INFO;
    op.u.firmware_info.index = index;
    return platform(XENPF_firmware_info);
}

static void firmware_without_efi(void **state)
{
    const u32 types[] = { 0, XEN_FW_DISK_INFO, XEN_FW_DISK_MBR_SIGNATURE, XEN_FW_VBEDDC_INFO, XEN_FW_KBD_SHIFT_FLAGS, 99 };

    (void)state;
    platform_firmware_init();
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        op.u.firmware_info.type = types[i];
        assert_int_equal(platform(XENPF_firmware_info), -ENOSYS);
    }
    for (u32 i = 0; i < 10; i++)
        assert_int_equal(efi(i), -ENODEV);
}

/* Last in the list: the system table stays known. */
static void firmware_with_efi(void **state)
{
    u64 page = populate(0).n << PAGE_SHIFT;
    u8 *st = frame_map(maddr_to_mfn(page));
    u16 *vendor = (u16 *)(st + 512), *out = page_at(2);
    struct { u32 type, pad; u64 start, virt, pages, attributes; } *map = (void *)(st + 1024);
    union xenpf_efi_info *info = &op.u.firmware_info.u.efi_info;

    (void)state;
    *(u32 *)(st + 8) = 0x20046;
    *(u64 *)(st + 24) = page + 512;
    *(u32 *)(st + 32) = 0x55;
    *(u64 *)(st + 104) = 3;
    *(u64 *)(st + 112) = 0x1234000;
    for (unsigned i = 0; i < 100; i++)
        vendor[i] = (u16)('A' + i % 26);
    boot_info.efi.system_table = page;
    platform_firmware_init();
    assert_int_equal(efi(XEN_FW_EFI_VERSION), 0);
    assert_int_equal(info->version, 0x20046);
    assert_int_equal(efi(XEN_FW_EFI_CONFIG_TABLE), 0);
    assert_true(info->cfg.nent == 3 && info->cfg.addr == 0x1234000);
    assert_int_equal(efi(99), -EINVAL);

    info->vendor.bufsz = 8;
    info->vendor.name.p = (void *)va_of(out);
    assert_int_equal(efi(XEN_FW_EFI_VENDOR), 0);
    assert_true(info->vendor.revision == 0x55 && out[0] == 'A' && out[2] == 'C' && out[3] == 0);
    info->vendor.bufsz = 1000;
    assert_int_equal(efi(XEN_FW_EFI_VENDOR), 0);
    assert_true(out[62] && out[63] == 0);
    info->vendor.bufsz = 0;
    assert_int_equal(efi(XEN_FW_EFI_VENDOR), 0);
    vendor[1] = 0;
    info->vendor.bufsz = 100;
    out[2] = 0xffff;
    assert_int_equal(efi(XEN_FW_EFI_VENDOR), 0);
    assert_true(out[1] == 0 && out[2] == 0xffff);
    info->vendor.name.p = (void *)HOLE_START;
    assert_int_equal(efi(XEN_FW_EFI_VENDOR), -EFAULT);

    boot_info.efi.map = page + 1024;
    boot_info.efi.desc_bytes = sizeof(*map);
    boot_info.efi.map_bytes = 2 * sizeof(*map);
    map[0].type = 7;
    map[0].start = 0x100000;
    map[0].pages = 16;
    map[1].type = 6;
    map[1].start = 0x200000;
    map[1].pages = 4;
    map[1].attributes = BIT(63) | 15;
    info->mem.addr = 0x201000;
    info->mem.size = 0x1000;
    assert_int_equal(efi(XEN_FW_EFI_MEM_INFO), 0);
    assert_true(info->mem.type == 6 && info->mem.attr == (BIT(63) | 15) && info->mem.size == 0x1000);
    info->mem.size = 0x4000;
    assert_int_equal(efi(XEN_FW_EFI_MEM_INFO), 0);
    assert_int_equal(info->mem.size, 0x3000);
    info->mem.size = ~0UL;
    assert_int_equal(efi(XEN_FW_EFI_MEM_INFO), 0);
    assert_int_equal(info->mem.size, 0x3000);
    info->mem.addr = 0x204000;
    assert_int_equal(efi(XEN_FW_EFI_MEM_INFO), -ESRCH);
    info->mem.addr = 0;
    assert_int_equal(efi(XEN_FW_EFI_MEM_INFO), -ESRCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(versions), TEST(features), TEST(writing_to_the_console), TEST(reading_from_the_console),
        TEST(platform_operations_that_do_not_exist), TEST(registers_of_cpus),
        TEST(the_wall_clock), TEST(sleeping), TEST(cpus),
        TEST(firmware_without_efi), TEST(firmware_with_efi),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
