/* SPDX-License-Identifier: MIT */
/*
 * out_parameters - let the hypervisor write over itself
 *
 * Attack: give each hypercall that stores something a pointer into the hypervisor's memory, just below it so that the
 * result reaches in, and beyond the end of the address space.
 */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/test.h>

struct call {
    u32 number, cmd;
    const char *name;
    bool hardware; /* others than domain 0 may be refused before anything is read */
};

/* Calls of the form f(cmd, pointer). */
static const struct call calls[] = {
    {__HYPERVISOR_xen_version, XENVER_extraversion, "extraversion", false},
    {__HYPERVISOR_xen_version, XENVER_compile_info, "compile_info", false},
    {__HYPERVISOR_xen_version, XENVER_capabilities, "capabilities", false},
    {__HYPERVISOR_xen_version, XENVER_changeset, "changeset", false},
    {__HYPERVISOR_xen_version, XENVER_platform_parameters, "platform_parameters", false},
    {__HYPERVISOR_xen_version, XENVER_get_features, "get_features", false},
    {__HYPERVISOR_xen_version, XENVER_guest_handle, "guest_handle", false},
    {__HYPERVISOR_xen_version, XENVER_commandline, "commandline", false},
    {__HYPERVISOR_memory_op, XENMEM_machine_memory_map, "machine_memory_map", true},
    {__HYPERVISOR_memory_op, XENMEM_machphys_mapping, "machphys_mapping", false},
    {__HYPERVISOR_memory_op, XENMEM_exchange, "exchange", false},
    {__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, "alloc_unbound", false},
    {__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, "bind_virq", false},
    {__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, "bind_ipi", false},
    {__HYPERVISOR_event_channel_op, EVTCHNOP_status, "status", false},
    {__HYPERVISOR_physdev_op, PHYSDEVOP_irq_status_query, "irq_status_query", false},
    {__HYPERVISOR_physdev_op, PHYSDEVOP_apic_read, "apic_read", true},
    {__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, "map_pirq", true},
};

static const u64 addresses[] = {0xffff800000000000, 0xffff820000000000, 0xffff830000000000, 0xffff82d040000000,
                                0xffff87ffffffffff, 0xffff7fffffffffff, 0x0000800000000000, 0x00007fffffffffff, 1};

static void check_other_calls(u64 address)
{
    struct vcpu_register_runstate_memory_area area = {.addr.p = address};
    char *pointer = (char *)address;

    if (address == addresses[0])
        return; /* the machine-to-frame table, which can be read */
    check_equal(hypercall_vcpu_op(VCPUOP_get_runstate_info, 0, pointer), -XEN_EFAULT, "get_runstate_info");
    if (address >= addresses[0])
        check_equal(hypercall_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area), -XEN_EFAULT, "runstate area");
    check_equal(hypercall_mmu_update((mmu_update_t *)pointer, 1, NULL, DOMID_SELF), -XEN_EFAULT, "mmu_update");
    check_equal(hypercall_mmuext_op((struct mmuext_op *)pointer, 1, NULL, DOMID_SELF), -XEN_EFAULT, "mmuext_op");
    check_equal(hypercall_memory_op(XENMEM_populate_physmap, pointer), 0, "populate_physmap: none done");
    check_equal(hypercall_grant_table_op(GNTTABOP_query_size, pointer, 1), -XEN_EFAULT, "query_size");
    check_equal(hypercall_multicall((multicall_entry_t *)pointer, 1), -XEN_EFAULT, "multicall");
    check_equal(hypercall_platform_op((void *)pointer), -XEN_EFAULT, "platform_op");
    check_equal(hypercall_console_io(CONSOLEIO_write, 16, pointer), is_domain0() ? -XEN_EFAULT : -XEN_EPERM,
                "console_io");
}

TEST(out_parameters, "results into the hypervisor's memory")
{
    for (unsigned int i = 0; i < ARRAY_SIZE(addresses); i++) {
        unsigned int wrong = 0;

        for (unsigned int j = 0; j < ARRAY_SIZE(calls); j++) {
            long ret = hypercall_raw(calls[j].number, calls[j].cmd, addresses[i], 0, 0, 0);

            if (ret != -XEN_EFAULT && !(calls[j].hardware && !is_domain0() && ret == -XEN_EPERM)) {
                check(false, "%s answers %ld", calls[j].name, ret);
                wrong++;
            }
        }
        check(wrong == 0, "%lu calls with address %lx", ARRAY_SIZE(calls), addresses[i]);
        check_other_calls(addresses[i]);
    }
}
