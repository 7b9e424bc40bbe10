/* SPDX-License-Identifier: MIT */
/*
 * physdev_op: physical interrupts, PCI functions and I/O privileges. Each row of the table says how much is copied in,
 * who may call, and whether the answer is copied back; perform functions work on the copy alone.
 *
 * Not there (-ENOSYS): notices about MMCFG windows, which nothing here depends on; the calls of kernels older than
 * pci_device_add; restoring MSI after suspend to RAM; the EHCI debug port.
 */
#include <hcall/hcall.h>
#include <irq/gsi.h>
#include <irq/msi.h>
#include <lib/string.h>
#include <xen/xen.h>
#include <xen/physdev.h>

#define IO_PORTS 65536

/* ---- interrupts of the calling domain ---- */

static int do_status_query(void *arg)
{
    struct physdev_irq_status_query *q = arg;

    return pirq_status(&current_domain()->pirqs, q->irq, &q->flags);
}

static int do_eoi(void *arg)
{
    const struct physdev_eoi *eoi = arg;

    return pirq_eoi(&current_domain()->pirqs, eoi->irq);
}

static int do_pirq_eoi_gmfn(void *arg)
{
    const struct physdev_pirq_eoi_gmfn *eoi = arg;

    return pirq_share_eoi_map(&current_domain()->pirqs, gfn(eoi->gmfn));
}

static int do_get_free_pirq(void *arg)
{
    struct physdev_get_free_pirq *get = arg;
    int number;

    if (get->type != MAP_PIRQ_TYPE_GSI && get->type != MAP_PIRQ_TYPE_MSI)
        return -EINVAL;
    number = pirq_reserve(&current_domain()->pirqs, get->type == MAP_PIRQ_TYPE_GSI);
    if (number < 0)
        return number;
    get->pirq = (u32)number;
    return 0;
}

/* ---- mapping, for oneself or, with the right to control, for others ---- */

static int map_message(struct domain *d, const struct physdev_map_pirq *map)
{
    bool has_segment = map->type != MAP_PIRQ_TYPE_MSI;
    struct msi_request rq = {
        .bdf = PCI_BDF((u8)map->bus, (u8)map->devfn),
        .msix = map->table_base != 0,
        .entry = map->table_base ? (u16)map->entry_nr : 0,
    };

    if (has_segment && (u32)map->bus >> 16)
        return -ENODEV;
    if (map->table_base && (map->entry_nr < 0 || map->entry_nr > (int)MSIX_SIZE))
        return -EINVAL;
    return pirq_map_msi(&d->pirqs, &rq, map->pirq);
}

static int do_map_pirq(void *arg)
{
    struct physdev_map_pirq *map = arg;
    struct domain *d;
    int number = hcall_target(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, map->domid, &d);

    if (number)
        return number;
    switch (map->type) {
    case MAP_PIRQ_TYPE_GSI:
        number = pirq_map_gsi(&d->pirqs, map->index, map->pirq);
        break;
    case MAP_PIRQ_TYPE_MULTI_MSI:
        if (map->entry_nr < 1 || map->entry_nr > 32)
            return -EDOM;
        if (map->entry_nr > 1)
            return -EOPNOTSUPP;         /* needs consecutive vectors; the driver asks again for one */
        map->table_base = 0;
        number = map_message(d, map);
        break;
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG:
        number = map_message(d, map);
        break;
    default:
        return -EINVAL;
    }
    if (number < 0)
        return number;
    map->pirq = number;
    return 0;
}

static int do_unmap_pirq(void *arg)
{
    const struct physdev_unmap_pirq *unmap = arg;
    struct domain *d;
    int err = hcall_target(__HYPERVISOR_physdev_op, PHYSDEVOP_unmap_pirq, unmap->domid, &d);

    return err ? err : pirq_unmap(&d->pirqs, unmap->pirq);
}

/* ---- the machine's pins and functions ---- */

static int do_setup_gsi(void *arg)
{
    const struct physdev_setup_gsi *setup = arg;

    return setup->gsi < 0 ? -EINVAL : gsi_setup((u32)setup->gsi, setup->triggering, setup->polarity);
}

static int do_apic_read(void *arg)
{
    struct physdev_apic *apic = arg;

    return apic->reg > 0xff ? -EINVAL : gsi_read_register(apic->apic_physbase, (u8)apic->reg, &apic->value);
}

/* The pins are programmed by what is bound to them, never by a guest. */
static int do_apic_write(void *arg)
{
    (void)arg;
    return -EPERM;
}

/* Vectors are found when an interrupt is bound; what old interfaces gave out as one is the GSI itself. */
static int do_alloc_irq_vector(void *arg)
{
    struct physdev_irq *irq = arg;

    irq->vector = irq->irq;
    return gsi_valid(irq->irq) ? 0 : -EINVAL;
}

static int do_free_irq_vector(void *arg)
{
    const struct physdev_irq *irq = arg;

    return gsi_valid(irq->irq) ? 0 : -EINVAL;
}

static int do_pci_device_add(void *arg)
{
    const struct physdev_pci_device_add *add = arg;

    return add->seg ? -ENODEV : pci_device_add(PCI_BDF(add->bus, add->devfn));
}

static int do_pci_device_remove(void *arg)
{
    const struct physdev_pci_device *dev = arg;

    return dev->seg ? -ENODEV : pci_device_remove(PCI_BDF(dev->bus, dev->devfn));
}

/* ---- the calling vcpu's I/O privilege ---- */

static int do_set_iopl(void *arg)
{
    const struct physdev_set_iopl *set = arg;

    if (set->iopl > 3)
        return -EINVAL;
    current()->pv.iopl = (u8)set->iopl;
    return 0;
}

static int do_set_iobitmap(void *arg)
{
    const struct physdev_set_iobitmap *set = arg;
    guest_ptr_t bitmap = guest_ptr((u64)set->bitmap.p);

    if (set->nr_ports > IO_PORTS || !guest_array_ok(bitmap, (set->nr_ports + 7) / 8, 1))
        return -EINVAL;
    current()->pv.iobmp = bitmap;
    current()->pv.iobmp_ports = set->nr_ports;
    return 0;
}

/* ---- dispatch ---- */

union physdev_arg {
    struct physdev_irq_status_query status_query;
    struct physdev_eoi eoi;
    struct physdev_pirq_eoi_gmfn pirq_eoi_gmfn;
    struct physdev_get_free_pirq get_free_pirq;
    struct physdev_map_pirq map_pirq;
    struct physdev_unmap_pirq unmap_pirq;
    struct physdev_setup_gsi setup_gsi;
    struct physdev_apic apic;
    struct physdev_irq irq;
    struct physdev_pci_device_add pci_device_add;
    struct physdev_pci_device pci_device;
    struct physdev_set_iopl set_iopl;
    struct physdev_set_iobitmap set_iobitmap;
};

struct physdev_row {
    u16 size;                   /* 0: no such operation */
    bool answers;               /* copied back on success */
    int (*perform)(void *arg);
};

#define ROW(type, answers, perform) { sizeof(struct type), answers, perform }
static const struct physdev_row rows[] = {
    [PHYSDEVOP_irq_status_query] = ROW(physdev_irq_status_query, true, do_status_query),
    [PHYSDEVOP_set_iopl] = ROW(physdev_set_iopl, false, do_set_iopl),
    [PHYSDEVOP_set_iobitmap] = ROW(physdev_set_iobitmap, false, do_set_iobitmap),
    [PHYSDEVOP_apic_read] = ROW(physdev_apic, true, do_apic_read),
    [PHYSDEVOP_apic_write] = ROW(physdev_apic, false, do_apic_write),
    [PHYSDEVOP_alloc_irq_vector] = ROW(physdev_irq, true, do_alloc_irq_vector),
    [PHYSDEVOP_free_irq_vector] = ROW(physdev_irq, false, do_free_irq_vector),
    [PHYSDEVOP_eoi] = ROW(physdev_eoi, false, do_eoi),
    [PHYSDEVOP_map_pirq] = ROW(physdev_map_pirq, true, do_map_pirq),
    [PHYSDEVOP_unmap_pirq] = ROW(physdev_unmap_pirq, false, do_unmap_pirq),
    [PHYSDEVOP_setup_gsi] = ROW(physdev_setup_gsi, false, do_setup_gsi),
    [PHYSDEVOP_get_free_pirq] = ROW(physdev_get_free_pirq, true, do_get_free_pirq),
    /* Its options behind the fixed part are about memory nodes: not read. */
    [PHYSDEVOP_pci_device_add] = ROW(physdev_pci_device_add, false, do_pci_device_add),
    [PHYSDEVOP_pci_device_remove] = ROW(physdev_pci_device, false, do_pci_device_remove),
    [PHYSDEVOP_pirq_eoi_gmfn_v2] = ROW(physdev_pirq_eoi_gmfn, false, do_pirq_eoi_gmfn),
};

long hcall_physdev_op(struct hcall_args *args)
{
    const struct physdev_row *row = args->a[0] < ARRAY_SIZE(rows) ? &rows[args->a[0]] : NULL;
    union physdev_arg arg;
    int err;

    if (!row || !row->size)
        return -ENOSYS;
    err = hcall_allowed(__HYPERVISOR_physdev_op, (unsigned)args->a[0], NULL);
    if (err)
        return err;
    if (guest_read(&arg, hcall_ptr(args, 1), row->size))
        return -EFAULT;
    err = row->perform(&arg);
    if (!err && row->answers)
        err = guest_write(hcall_ptr(args, 1), &arg, row->size);
    return err;
}
