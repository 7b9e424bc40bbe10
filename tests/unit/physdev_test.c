/* SPDX-License-Identifier: MIT */
/* physdev_op as a guest calls it: who may, every answer, every refusal. Two domains: 0 with rights, 1 without. */
#include "irq_fixture.h"

#include <hcall/hcall.h>
#include <xen/physdev.h>
#include <xen/xen.h>

static struct domain domains[2];
static struct vcpu vcpus[2];

struct domain *domain_lookup(u16 domid) { return domid < 2 ? &domains[domid] : NULL; }
struct domain *domain_lookup_self(u16 domid) { return domid == DOMID_SELF ? current_domain() : domain_lookup(domid); }

static void run_as(unsigned domid) { cpu_info()->current = &vcpus[domid]; }

static int op(u64 cmd, const void *arg)
{
    struct hcall_args args = { { cmd, (u64)arg } };

    return (int)hcall_physdev_op(&args);
}

static int physdev_setup(void **state)
{
    setup(state);
    memset(domains, 0, sizeof(domains));
    memset(vcpus, 0, sizeof(vcpus));
    fake_flat_guest(true);
    for (u16 i = 0; i < 2; i++) {
        domains[i].id = i;
        vcpus[i].domain = &domains[i];
        assert_int_equal(mm_domain_init(&domains[i].mm, i, 100), 0);
        pirq_domain_init(&domains[i].pirqs, &domains[i].evtchn, &domains[i].mm);
    }
    domains[0].rights = RIGHT_HARDWARE | RIGHT_CONTROL;
    run_as(0);
    return 0;
}

static int physdev_teardown(void **state)
{
    pirq_domain_fini(&domains[0].pirqs);
    pirq_domain_fini(&domains[1].pirqs);
    (void)!pci_device_remove(BDF);
    return teardown(state);
}

static int map(u16 domid, int type, int index, int pirq)
{
    struct physdev_map_pirq m = { .domid = domid, .type = type, .index = index, .pirq = pirq, .devfn = BDF & 0xff };
    int err = op(PHYSDEVOP_map_pirq, &m);

    return err ? err : m.pirq;
}

static void unknown_operations(void **state)
{
    static const unsigned missing[] = {
        PHYSDEVOP_IRQ_UNMASK_NOTIFY, PHYSDEVOP_manage_pci_add, PHYSDEVOP_manage_pci_remove,
        PHYSDEVOP_manage_pci_add_ext, PHYSDEVOP_restore_msi, PHYSDEVOP_restore_msi_ext,
        PHYSDEVOP_pci_mmcfg_reserved, PHYSDEVOP_dbgp_op,
        PHYSDEVOP_prepare_msix, PHYSDEVOP_release_msix, PHYSDEVOP_pirq_eoi_gmfn_v1, 0, 22, 32, 1000,
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(missing); i++)
        assert_int_equal(op(missing[i], NULL), -ENOSYS);
    assert_int_equal(op(~0UL, NULL), -ENOSYS);
}

static void bad_pointers(void **state)
{
    struct physdev_irq_status_query q = { .irq = 4 };

    (void)state;
    assert_int_equal(op(PHYSDEVOP_eoi, (void *)HOLE_START), -EFAULT);
    assert_int_equal(map(DOMID_SELF, MAP_PIRQ_TYPE_GSI, 4, 4), 4);
    fake_fault_range((u64)&q.flags, (u64)&q.flags + 3);
    assert_int_equal(op(PHYSDEVOP_irq_status_query, &q), -EFAULT);
    fake_fault_range(1, 0);
    assert_int_equal(op(PHYSDEVOP_irq_status_query, &q), 0);
}

static void rights(void **state)
{
    static const unsigned hardware[] = {
        PHYSDEVOP_apic_read, PHYSDEVOP_apic_write, PHYSDEVOP_alloc_irq_vector, PHYSDEVOP_free_irq_vector,
        PHYSDEVOP_setup_gsi, PHYSDEVOP_pci_device_add, PHYSDEVOP_pci_device_remove,
    };
    struct physdev_unmap_pirq unmap = { .domid = DOMID_SELF, .pirq = 4 };
    struct physdev_eoi eoi = { .irq = 17 };

    (void)state;
    assert_int_equal(map(1, MAP_PIRQ_TYPE_GSI, 17, 17), 17);    /* dom0 gives a line away */
    assert_int_equal(map(2, MAP_PIRQ_TYPE_GSI, 17, 17), -ESRCH);
    run_as(1);
    for (unsigned i = 0; i < ARRAY_SIZE(hardware); i++)
        assert_int_equal(op(hardware[i], NULL), -EPERM);
    assert_int_equal(map(DOMID_SELF, MAP_PIRQ_TYPE_GSI, 4, 4), -EPERM);
    assert_int_equal(op(PHYSDEVOP_unmap_pirq, &unmap), -EPERM);
    assert_int_equal(op(PHYSDEVOP_eoi, &eoi), 0);
    eoi.irq = 18;
    assert_int_equal(op(PHYSDEVOP_eoi, &eoi), -EINVAL);
    domains[1].rights = RIGHT_HARDWARE;                         /* a driver domain is no control domain */
    assert_int_equal(map(DOMID_SELF, MAP_PIRQ_TYPE_GSI, 4, 4), 4);
    assert_int_equal(map(0, MAP_PIRQ_TYPE_GSI, 4, 4), -EPERM);
    assert_int_equal(map(7, MAP_PIRQ_TYPE_GSI, 4, 4), -EPERM);
    assert_int_equal(op(PHYSDEVOP_unmap_pirq, &unmap), 0);
    assert_int_equal(op(PHYSDEVOP_unmap_pirq, &unmap), -EINVAL);
}

static void map_types(void **state)
{
    struct physdev_map_pirq m = { .domid = DOMID_SELF, .devfn = BDF & 0xff, .pirq = -1, .index = -1 };
    struct fake_pci *dev = pci_function(BDF);

    (void)state;
    pci_add_msi(dev, true, true);
    assert_int_equal(map(DOMID_SELF, MAP_PIRQ_TYPE_UNKNOWN, 4, 4), -EINVAL);
    assert_int_equal(map(DOMID_SELF, 5, 4, 4), -EINVAL);
    assert_int_equal(map(DOMID_SELF, MAP_PIRQ_TYPE_GSI, 24, -1), -EINVAL);
    assert_int_equal(map(DOMID_SELF, MAP_PIRQ_TYPE_MSI, -1, -1), GSIS);
    assert_int_equal(map(DOMID_SELF, MAP_PIRQ_TYPE_MSI, -1, -1), -EEXIST);
    assert_int_equal(pirq_unmap(&domains[0].pirqs, GSIS), 0);

    m.type = MAP_PIRQ_TYPE_MSI_SEG;
    m.bus = 1 << 16;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -ENODEV);      /* segment 1 */
    m.bus = 7;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -ENODEV);
    m.bus = 0;
    m.table_base = BAR4_MADDR;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -ENODEV);      /* no MSI-X */
    m.entry_nr = -1;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -EINVAL);
    m.entry_nr = 0x800;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -EINVAL);

    m.type = MAP_PIRQ_TYPE_MULTI_MSI;
    m.entry_nr = 0;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -EDOM);
    m.entry_nr = 33;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -EDOM);
    m.entry_nr = 2;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -EOPNOTSUPP);
    m.entry_nr = 1;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), 0);
    assert_in_range(m.pirq, GSIS, PIRQS_MAX);
}

static void map_msix(void **state)
{
    struct physdev_map_pirq m = {
        .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_MSI_SEG, .index = -1, .pirq = -1, .devfn = BDF & 0xff,
        .entry_nr = 2, .table_base = BAR4_MADDR,
    };

    (void)state;
    pci_add_msix(pci_function(BDF), 3, 4, 0x2000);
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -EPERM);
    assert_int_equal(rangeset_add(&domains[0].mm.iomem, 0, ~0UL), 0);
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), 0);
    assert_int_equal(m.pirq, GSIS);
    assert_int_equal(irq_lookup(GSIS)->entry, 2);
    m.entry_nr = 3;
    m.pirq = -1;
    assert_int_equal(op(PHYSDEVOP_map_pirq, &m), -EINVAL);
}

static void gsi_operations(void **state)
{
    struct physdev_setup_gsi setup_gsi = { .gsi = 16, .triggering = 1, .polarity = 1 };
    struct physdev_irq irq = { .irq = 16 };
    struct physdev_irq_status_query q = { .irq = 16 };
    struct physdev_apic apic = { .apic_physbase = IOAPIC_MADDR, .reg = 1 };

    (void)state;
    assert_int_equal(op(PHYSDEVOP_setup_gsi, &setup_gsi), 0);
    assert_int_equal(op(PHYSDEVOP_setup_gsi, &setup_gsi), -EEXIST);
    setup_gsi.gsi = -1;
    assert_int_equal(op(PHYSDEVOP_setup_gsi, &setup_gsi), -EINVAL);
    assert_int_equal(op(PHYSDEVOP_alloc_irq_vector, &irq), 0);
    assert_int_equal(irq.vector, 16);
    assert_int_equal(op(PHYSDEVOP_free_irq_vector, &irq), 0);
    irq.irq = 25;
    assert_int_equal(op(PHYSDEVOP_alloc_irq_vector, &irq), -EINVAL);
    assert_int_equal(op(PHYSDEVOP_free_irq_vector, &irq), -EINVAL);
    assert_int_equal(op(PHYSDEVOP_irq_status_query, &q), -EINVAL);
    assert_int_equal(map(DOMID_SELF, MAP_PIRQ_TYPE_GSI, 16, 16), 16);
    assert_int_equal(op(PHYSDEVOP_irq_status_query, &q), 0);
    assert_int_equal(q.flags, XENIRQSTAT_needs_eoi);
    assert_int_equal(op(PHYSDEVOP_apic_read, &apic), 0);
    assert_int_equal(apic.value, 0x170020);
    assert_int_equal(op(PHYSDEVOP_apic_write, &apic), -EPERM);
    apic.reg = 0x101;
    assert_int_equal(op(PHYSDEVOP_apic_read, &apic), -EINVAL);
    apic.reg = 1;
    apic.apic_physbase++;
    assert_int_equal(op(PHYSDEVOP_apic_read, &apic), -EINVAL);
}

static void free_numbers(void **state)
{
    struct physdev_get_free_pirq get = { .type = MAP_PIRQ_TYPE_UNKNOWN };

    (void)state;
    assert_int_equal(op(PHYSDEVOP_get_free_pirq, &get), -EINVAL);
    get.type = MAP_PIRQ_TYPE_GSI;
    assert_int_equal(op(PHYSDEVOP_get_free_pirq, &get), 0);
    assert_int_equal(get.pirq, 16);
    get.type = MAP_PIRQ_TYPE_MSI;
    assert_int_equal(op(PHYSDEVOP_get_free_pirq, &get), 0);
    assert_int_equal(get.pirq, GSIS);
    fake_fail_alloc(1);
    pirq_domain_fini(&domains[0].pirqs);
    assert_int_equal(op(PHYSDEVOP_get_free_pirq, &get), -ENOMEM);
}

static void eoi_page(void **state)
{
    struct physdev_pirq_eoi_gmfn eoi;
    mfn_t page;

    (void)state;
    assert_int_equal(mm_populate(&domains[0].mm, 0, HEAP_ANY_WIDTH, &page), 0);
    eoi.gmfn = FAKE_MAX_MFN - 1;
    assert_true(op(PHYSDEVOP_pirq_eoi_gmfn_v2, &eoi) < 0);
    eoi.gmfn = page.n;
    assert_int_equal(op(PHYSDEVOP_pirq_eoi_gmfn_v2, &eoi), 0);
    assert_int_equal(op(PHYSDEVOP_pirq_eoi_gmfn_v2, &eoi), -EBUSY);
    run_as(1);
    assert_true(op(PHYSDEVOP_pirq_eoi_gmfn_v2, &eoi) < 0);      /* not its own page */
}

static void pci_functions(void **state)
{
    struct physdev_pci_device_add add = { .devfn = BDF & 0xff };
    struct physdev_pci_device dev = { .devfn = BDF & 0xff };

    (void)state;
    assert_int_equal(op(PHYSDEVOP_pci_device_add, &add), -ENODEV);
    pci_function(BDF);
    assert_int_equal(op(PHYSDEVOP_pci_device_add, &add), 0);
    assert_int_equal(op(PHYSDEVOP_pci_device_remove, &dev), 0);
    assert_int_equal(op(PHYSDEVOP_pci_device_remove, &dev), -ENODEV);
    add.seg = dev.seg = 1;
    assert_int_equal(op(PHYSDEVOP_pci_device_add, &add), -ENODEV);
    assert_int_equal(op(PHYSDEVOP_pci_device_remove, &dev), -ENODEV);
}

static void io_privilege(void **state)
{
    struct physdev_set_iopl iopl = { .iopl = 3 };
    struct physdev_set_iobitmap bitmap = { .bitmap = { (void *)0x1000 }, .nr_ports = 65536 };

    (void)state;
    run_as(1);
    assert_int_equal(op(PHYSDEVOP_set_iopl, &iopl), 0);
    assert_int_equal(vcpus[1].pv.iopl, 3);
    iopl.iopl = 4;
    assert_int_equal(op(PHYSDEVOP_set_iopl, &iopl), -EINVAL);
    assert_int_equal(op(PHYSDEVOP_set_iobitmap, &bitmap), 0);
    assert_int_equal(vcpus[1].pv.iobmp.va, 0x1000);
    assert_int_equal(vcpus[1].pv.iobmp_ports, 65536);
    bitmap.nr_ports++;
    assert_int_equal(op(PHYSDEVOP_set_iobitmap, &bitmap), -EINVAL);
    bitmap.nr_ports = 8;
    bitmap.bitmap.p = (void *)HOLE_START;
    assert_int_equal(op(PHYSDEVOP_set_iobitmap, &bitmap), -EINVAL);
    assert_int_equal(vcpus[1].pv.iobmp_ports, 65536);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, physdev_setup, physdev_teardown)
    const struct CMUnitTest tests[] = {
        T(unknown_operations), T(bad_pointers), T(rights), T(map_types), T(map_msix), T(gsi_operations),
        T(free_numbers), T(eoi_page), T(pci_functions), T(io_privilege),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
