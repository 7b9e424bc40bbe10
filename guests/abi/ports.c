/* SPDX-License-Identifier: MIT */
/*
 * ports - port I/O, and the virtual I/O privilege level
 *
 * With an I/O privilege level of 0 the kernel gets #GP; with 1 it may. The interrupt controller is not domain 0's, the
 * PCI configuration ports work through a latch that the hypervisor keeps.
 */
#include <lib/cpu.h>
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/test.h>

static long set_iopl(u32 level)
{
    struct physdev_set_iopl op = {.iopl = level};

    return hypercall_physdev_op(PHYSDEVOP_set_iopl, &op);
}

TEST(ports, "port I/O, iopl and iobitmap")
{
    static u8 bitmap[8192];
    struct physdev_set_iobitmap map = {.nr_ports = 65536};

    check_equal(set_iopl(0), 0, "iopl 0");
    check_fault(fault_of(inb(0x71)), VECTOR_GP, 0, "in with iopl 0");
    check_equal(set_iopl(4), -XEN_EINVAL, "iopl 4");
    check_equal(set_iopl(1), 0, "iopl 1");
    check_fault(fault_of(inb(0x71)), NO_FAULT, 0, "in with iopl 1");
    check_equal(inb(0x21), 0xff, "the interrupt controller reads as all ones");
    check_fault(fault_of(outb(0x21, 0)), NO_FAULT, 0, "and writes are dropped");
    check_equal(inb(0x21), 0xff, "it still reads as all ones");
    check_fault(fault_of(outl(0xcf8, 0x80000000)), NO_FAULT, 0, "select device 0:0.0");
    check(inl(0xcf8) == 0x80000000, "the latch reads back");
    check((inl(0xcfc) & 0xffff) == (is_domain0() ? 0x8086 : 0xffff), "device 0:0.0 is by Intel, or nobody's (%x)",
          inl(0xcfc));
    outb(0x70, 0x0d);
    check((inb(0x71) & 0x80) == 0x80, "the clock's battery is good");
    check_fault(fault_of(__asm__ volatile("cli; sti")), NO_FAULT, 0, "cli and sti are accepted");
    set_xen_guest_handle(map.bitmap, bitmap);
    check_equal(hypercall_physdev_op(PHYSDEVOP_set_iobitmap, &map), 0, "iobitmap");
    map.nr_ports = 65537;
    check_equal(hypercall_physdev_op(PHYSDEVOP_set_iobitmap, &map), -XEN_EINVAL, "iobitmap with 65537 ports");
    map.nr_ports = 0;
    check_equal(hypercall_physdev_op(PHYSDEVOP_set_iobitmap, &map), 0, "iobitmap with none");
    set_iopl(0);
}
