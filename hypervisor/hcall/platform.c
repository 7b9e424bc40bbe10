/* SPDX-License-Identifier: MIT */
/* platform_op: what the domain with hardware rights does to, and learns of, the physical machine. */
#include <dom/run.h>
#include <hcall/hcall.h>
#include <hcall/platform.h>
#include <x86/cr.h>
#include <machine/boot.h>
#include <machine/power.h>
#include <xen/platform.h>

static int settime(struct domain *d, u64 secs, u32 nsecs, u64 system_time)
{
    if (nsecs >= 1000000000)
        return -EINVAL;
    spin_lock(&d->lock);
    wall_base_ns = secs * 1000000000 + nsecs - system_time;
    domain_wallclock_update(d);
    spin_unlock(&d->lock);
    return 0;
}

#define RESOURCES_MAX 3

static int op_settime32(struct xen_platform_op *op)
{
    return settime(current_domain(), op->u.settime32.secs, op->u.settime32.nsecs, op->u.settime32.system_time);
}

static int op_settime64(struct xen_platform_op *op)
{
    if (op->u.settime64.mbz)
        return -EINVAL;
    return settime(current_domain(), op->u.settime64.secs, op->u.settime64.nsecs, op->u.settime64.system_time);
}

/* Only S5 (and what firmware calls the same way): the values are written to PM1 as dom0 read them from its tables. */
static int op_enter_acpi_sleep(struct xen_platform_op *op)
{
    const struct xenpf_enter_acpi_sleep *s = &op->u.enter_acpi_sleep;

    if (s->sleep_state != 5)
        return -EOPNOTSUPP;
    if (s->flags & XENPF_ACPI_SLEEP_EXTENDED)
        return -EOPNOTSUPP;
    power_set_sleep((u16)s->val_a, (u16)s->val_b);
    domain_shutdown(current_domain(), 0);
    return 0;
}

static int op_get_cpuinfo(struct xen_platform_op *op)
{
    struct xenpf_pcpuinfo *info = &op->u.pcpu_info;
    u32 cpu = info->xen_cpuid;

    info->max_present = acpi_info.nr_cpus ? acpi_info.nr_cpus - 1 : 0;
    if (cpu >= NR_CPUS || !cpumask_test(&cpu_online_mask, cpu)) {
        info->flags = XEN_PCPU_FLAGS_INVALID;
        return 0;
    }
    info->flags = XEN_PCPU_FLAGS_ONLINE;
    info->apic_id = cpu_info_of(cpu)->apic_id;
    info->acpi_id = ~0u;
    for (unsigned i = 0; i < acpi_info.nr_cpus; i++)
        if (acpi_info.cpus[i].apic_id == info->apic_id)
            info->acpi_id = acpi_info.cpus[i].acpi_id;
    return 0;
}

/* Processor power information is taken note of by nobody: idle is HLT. Dom0 only wants its PDC bits back. */
static int op_set_pminfo(struct xen_platform_op *op)
{
    return op->u.set_pminfo.type == XEN_PM_PDC ? 0 : -ENOSYS;
}

/*
 * Registers of a CPU, one entry each, up to the first that is refused. What the interface knows beyond the time-stamp
 * counter, which is one for all CPUs, belongs to cache monitoring, which is not there.
 */
static int op_resource(struct xen_platform_op *op)
{
    const struct xenpf_resource_op *r = &op->u.resource_op;
    struct xenpf_resource_entry e;
    u32 done;

    if (r->nr_entries > RESOURCES_MAX)
        return -EINVAL;
    if (r->cpu >= NR_CPUS || !cpumask_test(&cpu_online_mask, r->cpu))
        return -ENODEV;
    for (done = 0; done < r->nr_entries; done++) {
        guest_ptr_t at = guest_elem(guest_ptr((u64)r->entries.p), done, sizeof(e));
        bool good;

        if (guest_read(&e, at, sizeof(e)))
            return -EFAULT;
        good = !e.rsvd && e.u.cmd == XEN_RESOURCE_OP_MSR_READ && e.idx == MSR_TSC;
        e.u.ret = good ? 0 : e.rsvd ? -EINVAL : e.u.cmd > XEN_RESOURCE_OP_MSR_WRITE ? -EOPNOTSUPP : -EPERM;
        e.val = good ? rdtsc() : e.val;
        if (guest_write(at, &e, sizeof(e)))
            return -EFAULT;
        if (!good)
            break;
    }
    return (int)done;
}

/* 0: nothing to copy back. */
static const struct {
    u32 cmd;
    int (*perform)(struct xen_platform_op *op);
    bool copy_back;
} ops[] = {
    { XENPF_settime32, op_settime32, false },
    { XENPF_settime64, op_settime64, false },
    { XENPF_enter_acpi_sleep, op_enter_acpi_sleep, false },
    { XENPF_get_cpuinfo, op_get_cpuinfo, true },
    { XENPF_set_processor_pminfo, op_set_pminfo, false },
    { XENPF_firmware_info, platform_firmware_info, true },
    { XENPF_resource_op, op_resource, false },
};

long hcall_platform_op(struct hcall_args *args)
{
    guest_ptr_t arg = hcall_ptr(args, 0);
    struct xen_platform_op op;
    int rc;

    if (guest_read(&op, arg, sizeof(op)))
        return -EFAULT;
    rc = hcall_allowed(__HYPERVISOR_platform_op, op.cmd, NULL);
    if (rc)
        return rc;
    if (op.interface_version != XENPF_INTERFACE_VERSION)
        return -EACCES;
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        if (ops[i].cmd != op.cmd)
            continue;
        rc = ops[i].perform(&op);
        if (rc == 0 && ops[i].copy_back)
            rc = guest_write(arg, &op, sizeof(op));
        return rc;
    }
    return -ENOSYS;
}
