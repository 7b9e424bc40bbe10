/* SPDX-License-Identifier: MIT */
/*
 * physdev - interrupts of devices: I/O APIC registers, GSIs, PIRQs
 */
#include <lib/event.h>
#include <lib/hypercall.h>
#include <lib/test.h>

#define IOAPIC 0xfec00000
#define GSI 5 /* nothing is connected to it on the machines of the tests */

static void check_ioapic(void)
{
    struct physdev_apic apic = {.apic_physbase = IOAPIC, .reg = 1};

    check_equal(hypercall_physdev_op(PHYSDEVOP_apic_read, &apic), 0, "read an I/O APIC's version register");
    check((apic.value >> 16 & 0xff) == 23, "it has 24 inputs (%x)", apic.value);
    apic.apic_physbase = 0x12345000;
    check_equal(hypercall_physdev_op(PHYSDEVOP_apic_read, &apic), -XEN_EINVAL, "an I/O APIC that is not there");
}

static void check_pirq(void)
{
    struct physdev_setup_gsi setup = {.gsi = GSI, .triggering = 0, .polarity = 0};
    struct physdev_map_pirq map = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = GSI, .pirq = GSI};
    struct physdev_irq_status_query status = {.irq = GSI};
    struct physdev_eoi eoi = {.irq = GSI};
    struct physdev_unmap_pirq unmap = {.domid = DOMID_SELF, .pirq = GSI};
    struct evtchn_bind_pirq bind = {.pirq = GSI};

    check_equal(hypercall_physdev_op(PHYSDEVOP_setup_gsi, &setup), 0, "setup_gsi");
    check_equal(hypercall_physdev_op(PHYSDEVOP_map_pirq, &map), 0, "map_pirq");
    check_equal(map.pirq, GSI, "the PIRQ");
    check_equal(hypercall_physdev_op(PHYSDEVOP_irq_status_query, &status), 0, "irq_status_query");
    check_equal(hypercall_event_channel_op(EVTCHNOP_bind_pirq, &bind), 0, "bind_pirq");
    check_equal(hypercall_event_channel_op(EVTCHNOP_bind_pirq, &bind), -XEN_EEXIST, "bind it twice");
    check_equal(hypercall_physdev_op(PHYSDEVOP_eoi, &eoi), 0, "eoi");
    check_equal(event_close(bind.port), 0, "close the port");
    check_equal(hypercall_physdev_op(PHYSDEVOP_unmap_pirq, &unmap), 0, "unmap_pirq");
    bind.pirq = 100000;
    check_equal(hypercall_event_channel_op(EVTCHNOP_bind_pirq, &bind), -XEN_EINVAL, "bind a PIRQ that is not there");
    eoi.irq = 100000;
    check_equal(hypercall_physdev_op(PHYSDEVOP_eoi, &eoi), -XEN_EINVAL, "eoi of a PIRQ that is not there");
    map = (struct physdev_map_pirq){.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 100000, .pirq = -1};
    check_equal(hypercall_physdev_op(PHYSDEVOP_map_pirq, &map), -XEN_EINVAL, "map a GSI that is not there");
    map.type = 77;
    check_equal(hypercall_physdev_op(PHYSDEVOP_map_pirq, &map), -XEN_EINVAL, "a kind of PIRQ that is not there");
}

TEST(physdev, "I/O APIC and PIRQs")
{
    struct physdev_irq irq = {.irq = GSI};

    if (!domain0_only())
        return;
    check_ioapic();
    check_equal(hypercall_physdev_op(PHYSDEVOP_alloc_irq_vector, &irq), 0, "alloc_irq_vector");
    check_pirq();
    check_equal(hypercall_physdev_op(99, &irq), -XEN_ENOSYS, "an unknown operation");
    check_equal(hypercall_physdev_op(PHYSDEVOP_eoi, (void *)8), -XEN_EFAULT, "a bad pointer");
}
