/* SPDX-License-Identifier: MIT */
/*
 * platform - platform_op, domain 0's view of the machine
 */
#include <lib/hypercall.h>
#include <lib/test.h>

static struct xen_platform_op new_op(u32 cmd)
{
    return (struct xen_platform_op){.cmd = cmd, .interface_version = XENPF_INTERFACE_VERSION};
}

TEST(platform, "platform_op")
{
    struct xen_platform_op op = new_op(XENPF_get_cpuinfo);

    if (!domain0_only())
        return;
    check_equal(hypercall_platform_op(&op), 0, "get_cpuinfo of CPU 0");
    check((op.u.pcpu_info.flags & XEN_PCPU_FLAGS_ONLINE) != 0, "it is online");
    check_equal(op.u.pcpu_info.apic_id, 0, "its APIC id");
    op = new_op(XENPF_get_cpuinfo);
    op.u.pcpu_info.xen_cpuid = 4000;
    check_equal(hypercall_platform_op(&op), 0, "get_cpuinfo of a CPU that is not there");
    check((op.u.pcpu_info.flags & XEN_PCPU_FLAGS_INVALID) != 0, "it is invalid");
    op.interface_version++;
    check_equal(hypercall_platform_op(&op), -XEN_EACCES, "another version of the interface");
    op = new_op(9999);
    check_equal(hypercall_platform_op(&op), -XEN_ENOSYS, "an unknown operation");
    check_equal(hypercall_platform_op((void *)8), -XEN_EFAULT, "a bad pointer");
}
