/* SPDX-License-Identifier: MIT */
/* PCI functions, MSI, MSI-X, and dom0's writes to their registers. */
#include "irq_fixture.h"

#include <machine/io.h>

#define PORT 5
#define MSIX_ENTRIES 5
#define TABLE_OFFSET 0x2000
#define CONTROL(dev) get16((dev)->config + MSIX_POS + MSIX_CONTROL)

static const struct msi_request msi_rq = { .bdf = BDF };

static struct msi_request msix_rq(u16 entry)
{
    return (struct msi_request){ .bdf = BDF, .msix = true, .entry = entry };
}

static int msix_create(u16 entry)
{
    struct msi_request rq = msix_rq(entry);

    return msi_create(&rq, &mm);
}

static u32 *entry_of(u64 table, unsigned entry) { return mmio_map(table + entry * 16, 16); }

static void send_msix(u64 table, unsigned entry)
{
    u32 *e = entry_of(table, entry);

    if (!(e[3] & 1))
        fake_msi_send(e[0] | (u64)e[1] << 32, e[2]);
    deliver_all();
}

static struct fake_pci *msix_function(void)
{
    struct fake_pci *dev = pci_function(BDF);

    pci_add_msix(dev, MSIX_ENTRIES, 4, TABLE_OFFSET);
    return dev;
}

static u64 page_of(u64 maddr) { return maddr >> PAGE_SHIFT; }
static bool read_only(u64 maddr) { return rangeset_contains(&mmio_ro_ranges, page_of(maddr), page_of(maddr)); }

/* The list of functions outlives a machine: every test takes its own out again. */
static int msi_teardown(void **state)
{
    teardown(state);
    (void)!pci_device_remove(BDF);
    (void)!pci_device_remove(BDF + 1);
    return 0;
}

static void functions(void **state)
{
    struct fake_pci *dev = pci_function(BDF);

    (void)state;
    pci_add_msi(dev, true, false);
    dev->config[MSI_POS + MSI_CONTROL] |= MSI_ENABLE | MSI_QUEUE_SIZE;
    assert_int_equal(pci_device_add(BDF + 1), -ENODEV);
    fake_fail_alloc(1);
    assert_int_equal(pci_device_add(BDF), -ENOMEM);
    assert_int_equal(pci_device_remove(BDF), -ENODEV);
    assert_int_equal(pci_device_add(BDF), 0);
    assert_int_equal(dev->config[MSI_POS + MSI_CONTROL], MSI_64BIT);    /* what the firmware left on is off */
    assert_int_equal(pci_device_add(BDF), 0);
    assert_int_equal(mem_objects(), objects_before + 1);
    assert_int_equal(pci_device_remove(BDF), 0);
    assert_int_equal(pci_device_remove(BDF), -ENODEV);
    assert_int_equal(mem_objects(), objects_before);
}

static void odd_capability_lists(void **state)
{
    struct fake_pci *dev = pci_function(BDF), *bridge = pci_function(BDF + 1);
    const struct msi_request bridge_rq = { .bdf = BDF + 1 };

    (void)state;
    dev->config[PCI_CAPS] = 0x40;                               /* no list, says the status register */
    dev->config[0x40] = PCI_CAP_MSI;
    assert_int_equal(msi_create(&msi_rq, &mm), -ENODEV);
    assert_int_equal(pci_device_remove(BDF), 0);
    pci_add_cap(dev, 0x60, 1);
    dev->config[0x61] = 0x60;                                   /* a ring */
    assert_int_equal(msi_create(&msi_rq, &mm), -ENODEV);
    assert_int_equal(msix_create(0), -ENODEV);
    bridge->config[PCI_HEADER_TYPE] = 0x82;                     /* CardBus keeps its list elsewhere */
    pci_add_msi(bridge, false, false);
    bridge->config[PCI_CAPS_CARDBUS] = MSI_POS;
    bridge->config[PCI_CAPS] = 0;
    assert_true(msi_create(&bridge_rq, &mm) >= GSIS);
    assert_int_equal(pci_device_remove(BDF + 1), -EBUSY);
    msi_destroy(irq_lookup(GSIS));
}

/* Enable bit, address, data and mask bits of every layout of the capability. */
static void msi_layouts(void **state)
{
    (void)state;
    for (unsigned layout = 0; layout < 4; layout++) {
        bool wide = layout & 1, maskable = layout & 2;
        u16 bdf = PCI_BDF(1, layout << 3);
        struct fake_pci *dev = pci_function(bdf);
        const struct msi_request rq = { .bdf = bdf };
        u8 *cap = dev->config + MSI_POS, *data = cap + (wide ? 12 : 8);
        int pirq;

        pci_add_msi(dev, wide, maskable);
        pirq = pirq_map_msi(&pd, &rq, -1);
        assert_true(pirq >= GSIS);
        assert_int_equal(cap[MSI_CONTROL] & MSI_ENABLE, maskable);
        assert_int_equal(get32(data + 4), maskable ? ~0u : 0);
        assert_int_equal(pirq_bind(&pd, (u32)pirq, PORT, false, 2), 0);
        assert_int_equal(get32(cap + MSI_ADDRESS), 0xfee02000);
        assert_int_equal(cap[MSI_CONTROL] & MSI_ENABLE, MSI_ENABLE);
        assert_int_equal(get32(data + 4), 0);
        fake_msi_send(get32(cap + MSI_ADDRESS), get16(data));
        deliver_all();
        assert_raised(PORT, layout + 1);
        pirq_unbind(&pd, (u32)pirq, PORT);
        assert_int_equal(maskable ? get32(data + 4) : cap[MSI_CONTROL] & MSI_ENABLE, maskable);
        assert_int_equal(pirq_unmap(&pd, pirq), 0);
        assert_int_equal(cap[MSI_CONTROL] & MSI_ENABLE, 0);
        assert_int_equal(pci_device_remove(bdf), 0);
        deliver_all();
        assert_int_equal(vector_count(2), 0);
    }
}

static void msi_refusals(void **state)
{
    struct fake_pci *dev = msix_function();
    struct msi_request second = { .bdf = BDF, .entry = 1 };
    int irq;

    (void)state;
    pci_add_msi(dev, true, true);
    assert_int_equal(msi_create(&(struct msi_request){ .bdf = BDF + 7 }, &mm), -ENODEV);
    assert_int_equal(msi_create(&second, &mm), -EINVAL);
    irq = msi_create(&msi_rq, &mm);
    assert_int_equal(irq, GSIS);
    assert_int_equal(msi_create(&msi_rq, &mm), -EEXIST);
    assert_int_equal(msix_create(0), -EBUSY);
    msi_destroy(irq_lookup((u32)irq));
    assert_int_equal(msix_create(MSIX_ENTRIES), -EINVAL);
    irq = msix_create(1);
    assert_int_equal(irq, GSIS);
    assert_int_equal(msix_create(1), -EEXIST);
    assert_int_equal(msi_create(&msi_rq, &mm), -EBUSY);
    msi_destroy(irq_lookup((u32)irq));
}

static void irqs_run_out(void **state)
{
    struct fake_pci *dev = pci_function(BDF);
    int irq;

    (void)state;
    pci_add_msi(dev, true, true);
    assert_int_equal(pci_device_add(BDF), 0);
    fake_fail_alloc(1);
    assert_int_equal(msi_create(&msi_rq, &mm), -ENOMEM);
    while ((irq = irq_alloc(IRQ_MSI, NULL, 0)) >= 0)
        ;
    assert_int_equal(irq, -ENOSPC);
    assert_int_equal(msi_create(&msi_rq, &mm), -ENOSPC);
    irq_free(irq_lookup(NR_IRQS - 1));
    assert_int_equal(msi_create(&msi_rq, &mm), NR_IRQS - 1);
    msi_destroy(irq_lookup(NR_IRQS - 1));
}

static void msix_table(void **state)
{
    struct fake_pci *dev = msix_function();
    const u64 table = BAR4_MADDR + TABLE_OFFSET;
    struct msi_request rq = msix_rq(3);
    int first, second;

    (void)state;
    first = pirq_map_msi(&pd, &rq, -1);
    assert_true(first >= GSIS);
    assert_true(read_only(table));
    assert_false(read_only(table - PAGE_SIZE));
    assert_int_equal(CONTROL(dev) & (MSIX_ENABLE | MSIX_MASK_ALL), MSIX_ENABLE);
    for (unsigned i = 0; i < MSIX_ENTRIES; i++)
        assert_int_equal(entry_of(table, i)[3], 1);
    rq.entry = 4;
    second = pirq_map_msi(&pd, &rq, 77);
    assert_int_equal(second, 77);
    assert_int_equal(pirq_bind(&pd, (u32)first, PORT, false, 0), 0);
    assert_int_equal(pirq_bind(&pd, 77, PORT + 1, false, 3), 0);
    assert_int_equal(entry_of(table, 3)[0], 0xfee00000);
    assert_int_equal(entry_of(table, 4)[0], 0xfee03000);
    assert_int_equal(entry_of(table, 3)[3] | entry_of(table, 4)[3], 0);
    send_msix(table, 3);
    send_msix(table, 4);
    send_msix(table, 4);
    assert_raised(PORT, 1);
    assert_raised(PORT + 1, 2);
    pirq_set_affinity(&pd, 77, 1);
    assert_int_equal(entry_of(table, 4)[0], 0xfee01000);
    assert_int_equal(entry_of(table, 4)[3], 0);
    irq_show();
    send_msix(table, 4);
    assert_raised(PORT + 1, 3);
    assert_int_equal(pirq_unmap(&pd, first), 0);
    assert_true(CONTROL(dev) & MSIX_ENABLE);
    assert_int_equal(pirq_unmap(&pd, 77), 0);
    assert_false(CONTROL(dev) & MSIX_ENABLE);
    assert_int_equal(entry_of(table, 4)[3], 1);
    assert_int_equal(pci_device_remove(BDF), 0);
    assert_false(read_only(table));
}

static void msix_table_is_nowhere(void **state)
{
    struct fake_pci *dev = msix_function();

    (void)state;
    put16(dev->config + PCI_COMMAND, 0);
    assert_int_equal(msix_create(0), -ENXIO);
    put16(dev->config + PCI_COMMAND, PCI_COMMAND_MEMORY);
    put32(dev->config + MSIX_POS + MSIX_TABLE, 6);              /* no such BAR */
    assert_int_equal(msix_create(0), -ENXIO);
    put32(dev->config + MSIX_POS + MSIX_TABLE, 1);
    put32(dev->config + PCI_BAR + 4, 0xc001);                   /* I/O */
    assert_int_equal(msix_create(0), -ENXIO);
    put32(dev->config + PCI_BAR + 4, 0);
    assert_int_equal(msix_create(0), -ENXIO);
    put32(dev->config + PCI_BAR + 4, 0x200000);                 /* dom0 laid it over RAM */
    assert_int_equal(msix_create(0), -EINVAL);
    put32(dev->config + PCI_BAR + 4, BAR_MADDR);
    assert_int_equal(rangeset_remove(&mm.iomem, page_of(BAR_MADDR), page_of(BAR_MADDR)), 0);
    assert_int_equal(msix_create(0), -EPERM);
    assert_int_equal(irq_lookup(GSIS), NULL);
    assert_false(CONTROL(dev) & MSIX_ENABLE);
}

static void msix_out_of_resources(void **state)
{
    struct fake_pci *dev = msix_function();
    struct range one[1];

    (void)state;
    for (unsigned i = 0; mmio_map(0x80000000 + i * PAGE_SIZE * 2, 16); i++)
        ;
    assert_int_equal(msix_create(0), -ENOMEM);                  /* no window */
    assert_int_equal(pci_device_remove(BDF), 0);
    rangeset_init_fixed(&mmio_ro_ranges, one, 1);
    assert_int_equal(rangeset_add(&mmio_ro_ranges, 1, 1), 0);
    assert_int_equal(msix_create(0), -ENOMEM);                  /* the table cannot be protected */
    assert_int_equal(pci_conf_write_intercept(BDF, MSIX_POS + 2, 2, &(u32){ MSIX_ENABLE }), -ENOMEM);
    assert_int_equal(pci_device_remove(BDF), 0);
    assert_false(CONTROL(dev) & MSIX_ENABLE);
}

static void table_moves_with_its_bar(void **state)
{
    struct fake_pci *dev = msix_function();
    struct range two[2];

    (void)state;
    msi_destroy(irq_lookup((u32)msix_create(0)));
    put32(dev->config + PCI_BAR + 16, (u32)BAR4_MADDR + 0x100000 + 4);
    msi_destroy(irq_lookup((u32)msix_create(0)));
    assert_false(read_only(BAR4_MADDR + TABLE_OFFSET));
    assert_true(read_only(BAR4_MADDR + 0x100000 + TABLE_OFFSET));
    assert_int_equal(entry_of(BAR4_MADDR + 0x100000 + TABLE_OFFSET, 0)[3], 1);

    /* A range that cannot be split stays protected; the function goes nevertheless. */
    rangeset_init_fixed(&mmio_ro_ranges, two, 1);
    assert_int_equal(rangeset_add(&mmio_ro_ranges, 0, ~0UL), 0);
    assert_int_equal(pci_device_remove(BDF), 0);
    assert_true(read_only(BAR4_MADDR + 0x100000 + TABLE_OFFSET));
}

static void config_writes(void **state)
{
    struct fake_pci *dev = msix_function();
    const u64 table = BAR4_MADDR + TABLE_OFFSET;
    u32 v = 0x12345678, enable = MSIX_ENABLE | MSIX_MASK_ALL;

    (void)state;
    pci_add_msi(dev, true, true);
    assert_int_equal(pci_conf_write_intercept(BDF, PCI_BAR, 4, &v), 0);
    assert_int_equal(pci_conf_write_intercept(BDF + 5, 0x80, 4, &v), 0);        /* nobody there */
    assert_int_equal(pci_conf_write_intercept(BDF, MSI_POS - 4, 4, &v), 0);
    for (unsigned reg = MSI_POS; reg < MSI_POS + 24; reg += 4)
        assert_int_equal(pci_conf_write_intercept(BDF, reg, 4, &v), -EPERM);
    assert_int_equal(pci_conf_write_intercept(BDF, MSI_POS + 24, 4, &v), 0);
    assert_int_equal(pci_conf_write_intercept(BDF, MSIX_POS + 8, 4, &v), -EPERM);
    assert_int_equal(pci_conf_write_intercept(BDF, MSIX_POS + 12, 1, &v), 0);
    assert_int_equal(pci_conf_write_intercept(BDF, MSIX_POS, 2, &enable), -EPERM);
    assert_int_equal(pci_conf_write_intercept(BDF, MSIX_POS + 2, 2, &(u32){ 0x4000 }), -EPERM);
    assert_false(read_only(table));
    assert_int_equal(pci_conf_write_intercept(BDF, MSIX_POS + 2, 2, &enable), -EPERM);
    assert_true(read_only(table));                              /* before dom0 maps it */
    assert_false(CONTROL(dev) & MSIX_ENABLE);
    assert_int_equal(pci_device_remove(BDF), 0);
    assert_int_equal(pci_conf_write_intercept(BDF, MSIX_POS + 3, 1, &(u32){ 0x80 }), -EPERM);
    assert_true(read_only(table));
    assert_int_equal(pci_device_remove(BDF), 0);
    assert_int_equal(pci_conf_write_intercept(BDF, MSIX_POS, 4, &(u32){ 0x80000000 }), -EPERM);
    assert_true(read_only(table));
    assert_int_equal(pci_device_remove(BDF), 0);
    fake_fail_alloc(1);
    assert_int_equal(pci_conf_write_intercept(BDF, MSIX_POS, 4, &v), -ENOMEM);
}

static void message_without_mask_keeps_its_vector(void **state)
{
    struct fake_pci *dev = pci_function(BDF);
    u8 *cap = dev->config + MSI_POS;
    int pirq;
    u16 vector;

    (void)state;
    pci_add_msi(dev, false, false);
    pirq = pirq_map_msi(&pd, &msi_rq, -1);
    assert_int_equal(pirq_bind(&pd, (u32)pirq, PORT, false, 0), 0);
    vector = get16(cap + 8);
    assert_int_equal(vector_alloc(1, 30, (u8)vector), vector);
    assert_int_equal(irq_set_affinity(GSIS, 1), -EBUSY);
    assert_int_equal(get32(cap + 4), 0xfee00000);
    assert_int_equal(irq_set_affinity(GSIS, 2), 0);
    assert_int_equal(get32(cap + 4), 0xfee02000);
    assert_int_equal(get16(cap + 8), vector);
    assert_true(cap[MSI_CONTROL] & MSI_ENABLE);
}

/* An irq is not given to another message while something of the old one may be on its way. */
static void late_message_of_a_dead_irq(void **state)
{
    struct fake_pci *dev = pci_function(BDF);
    u8 *cap = dev->config + MSI_POS;
    int pirq;

    (void)state;
    pci_add_msi(dev, false, true);
    pirq = pirq_map_msi(&pd, &msi_rq, -1);
    assert_int_equal(pirq_bind(&pd, (u32)pirq, PORT, false, 0), 0);
    assert_int_equal(irq_set_affinity(GSIS, 1), 0);             /* the old vector on CPU 0 is still there */
    fake_msi_send(get32(cap + 4), get16(cap + 8));
    assert_int_equal(pirq_unmap(&pd, pirq), 0);
    assert_int_equal(pirq_map_msi(&pd, &msi_rq, -1), pirq);
    assert_null(irq_lookup(GSIS)->dev);
    assert_non_null(irq_lookup(GSIS + 1)->dev);
    deliver_all();
    assert_raised(PORT, 0);
    assert_int_equal(irq_lookup(GSIS)->count, 1);
    assert_int_equal(vector_count(0) + vector_count(1), 0);     /* both given back, one after the other */
    assert_int_equal(irq_alloc(IRQ_MSI, NULL, 0), GSIS);
    irq_free(irq_lookup(GSIS));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, msi_teardown)
    const struct CMUnitTest tests[] = {
        T(functions), T(odd_capability_lists), T(msi_layouts), T(msi_refusals), T(irqs_run_out), T(msix_table),
        T(msix_table_is_nowhere), T(msix_out_of_resources), T(table_moves_with_its_bar), T(config_writes),
        T(message_without_mask_keeps_its_vector), T(late_message_of_a_dead_irq),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
