/* SPDX-License-Identifier: MIT */
/*
 * What the tests of irq/ share: a machine of 4 CPUs with two IO-APICs, a domain's interrupt side, PCI functions with
 * MSI and MSI-X, and event channels that only count. Included once by each test program.
 */
#ifndef IRQ_FIXTURE_H
#define IRQ_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include <fake/fake.h>
#include <fake/ioapic.h>
#include <irq/gsi.h>
#include <irq/message.h>
#include <irq/msi.h>
#include <irq/pirq.h>
#include <lib/errno.h>
#include <machine/ioapic.h>
#include <mm/flush.h>
#include <mm/heap.h>

#define IOAPIC_MADDR  0xfec00000UL
#define IOAPIC2_MADDR 0xfec10000UL
#define GSIS          32        /* 0..23 and 28..31 */
#define SCI           9
#define PORTS         64
#define BDF           PCI_BDF(0, 3 << 3)
#define BAR_MADDR     0xfebf1000UL
#define BAR4_MADDR    0x4000000000UL
#define MSI_POS       0x50
#define MSIX_POS      0x70

static unsigned raised[PORTS];          /* events per port */
static bool ports_closed;               /* an event now is an error */
static struct mm_domain mm;
static struct pirq_domain pd;
static u64 objects_before;

void evtchn_raise_pirq(struct evtchn_domain *e, u32 port)
{
    (void)e;
    assert_in_range(port, 1, PORTS - 1);
    assert_false(ports_closed);
    raised[port]++;
}

/* What the layers above give mm/. */
void domain_memory_gone(void) {}
struct mm_domain *mm_domain_of(u16 domid) { return domid == mm.domid ? &mm : NULL; }
void flush_drop_root(void) {}

static void take_interrupt(u8 vector)
{
    if (vector == VECTOR_FLUSH)
        flush_poll();
    else
        irq_handle(vector);
}

static void machine_up(void)
{
    fake_start(4, 64);
    fake_irq_handler = take_interrupt;
    heap_init();
    frame_table_init();
    fake_ioapic_add(IOAPIC_MADDR, 0, 24);
    fake_ioapic_add(IOAPIC2_MADDR, 28, 4);
    acpi_info.overrides[0] = (struct acpi_override){ .irq = 0, .gsi = 2, .flags = 0 };
    acpi_info.overrides[1] = (struct acpi_override){ .irq = SCI, .gsi = SCI, .flags = 0xf };
    acpi_info.nr_overrides = 2;
    irq_init();
    memset(raised, 0, sizeof(raised));
    ports_closed = false;
}

static int setup(void **state)
{
    (void)state;
    machine_up();
    assert_int_equal(mm_domain_init(&mm, 0, 1000), 0);
    assert_int_equal(rangeset_add(&mm.iomem, 0, ~0UL >> PAGE_SHIFT), 0);
    assert_int_equal(rangeset_add(&mm.irqs, 0, NR_IRQS - 1), 0);
    pirq_domain_init(&pd, (struct evtchn_domain *)&raised, &mm);
    objects_before = mem_objects();
    return 0;
}

static void deliver_all(void)
{
    for (unsigned round = 0; round < 4; round++)
        for (unsigned cpu = 0; cpu < 4; cpu++)
            fake_deliver(cpu);
}

static int teardown(void **state)
{
    (void)state;
    pirq_domain_fini(&pd);
    deliver_all();
    return 0;
}

static inline void put16(u8 *p, u16 v) { memcpy(p, &v, 2); }
static inline void put32(u8 *p, u32 v) { memcpy(p, &v, 4); }
static inline u16 get16(const u8 *p) { u16 v; memcpy(&v, p, 2); return v; }
static inline u32 get32(const u8 *p) { u32 v; memcpy(&v, p, 4); return v; }

/* A function with BAR 1 (32 bits) and BAR 4 (64 bits), memory decoding on, and no capability. */
static inline struct fake_pci *pci_function(u16 bdf)
{
    struct fake_pci *dev = fake_pci_add(bdf, 0x8086, 0x10d3);

    put16(dev->config + PCI_COMMAND, PCI_COMMAND_MEMORY);
    put32(dev->config + PCI_BAR + 4, BAR_MADDR);
    put32(dev->config + PCI_BAR + 16, (u32)BAR4_MADDR | 4);
    put32(dev->config + PCI_BAR + 20, (u32)(BAR4_MADDR >> 32));
    return dev;
}

static inline void pci_add_cap(struct fake_pci *dev, u8 pos, u8 id)
{
    dev->config[PCI_STATUS] |= PCI_STATUS_CAPS;
    dev->config[pos] = id;
    dev->config[pos + 1] = dev->config[PCI_CAPS];
    dev->config[PCI_CAPS] = pos;
}

static inline void pci_add_msi(struct fake_pci *dev, bool wide, bool maskable)
{
    pci_add_cap(dev, MSI_POS, PCI_CAP_MSI);
    put16(dev->config + MSI_POS + MSI_CONTROL, (u16)((wide ? MSI_64BIT : 0) | (maskable ? MSI_MASKABLE : 0)));
    dev->writable[MSI_POS + MSI_CONTROL] = 0x71;
    memset(dev->writable + MSI_POS + MSI_ADDRESS, 0xff, 4u + (wide ? 4 : 0) + 2);
    memset(dev->writable + MSI_POS + (wide ? 16 : 12), maskable ? 0xff : 0, 4);
}

static inline void pci_add_msix(struct fake_pci *dev, unsigned entries, unsigned bar, u32 offset)
{
    pci_add_cap(dev, MSIX_POS, PCI_CAP_MSIX);
    put16(dev->config + MSIX_POS + MSIX_CONTROL, (u16)(entries - 1));
    put32(dev->config + MSIX_POS + MSIX_TABLE, offset | bar);
    dev->writable[MSIX_POS + MSIX_CONTROL + 1] = 0xc0;
}

/* The event port of a pirq gets what the device sends next. */
#define assert_raised(port, times) assert_int_equal(raised[port], times)

#endif
