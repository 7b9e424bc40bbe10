/* SPDX-License-Identifier: MIT */
/*
 * memory_op: reservations and memory maps. The operation's number is in bits 5:0 of the command; above them the extent
 * a continued call goes on with. Reservation calls return how many extents were done, whatever stopped them.
 */
#include <core/work.h>
#include <hcall/hcall.h>
#include <hcall/memory.h>
#include <machine/boot.h>
#include <mm/heap.h>
#include <xen/memory.h>
#include <xen/xen.h>

#define EXTENT_SHIFT 6

struct reservation {
    struct xen_memory_reservation r;
    struct domain *d;
    u32 done;
};

static unsigned max_order(const struct domain *d)
{
    return d->rights & RIGHT_HARDWARE ? 12 : 9;
}

/* Width in bits of the frames' addresses that the flags ask for. */
static unsigned width_of(u32 mem_flags)
{
    u32 bits = XENMEMF_get_address_bits(mem_flags);

    return bits ? bits : HEAP_ANY_WIDTH;
}

static guest_ptr_t extent_at(const struct reservation *res, u32 i)
{
    return guest_elem(guest_ptr((u64)res->r.extent_start.p), i, sizeof(xen_pfn_t));
}

/* Allocates one extent; PV domains name the pfns that M2P gets, and are told the machine frames. */
static int populate_one(struct reservation *res, u32 i, bool physmap)
{
    xen_pfn_t pfn = 0;
    mfn_t m;

    if (physmap && guest_read(&pfn, extent_at(res, i), sizeof(pfn)))
        return -EFAULT;
    if (mm_populate(&res->d->mm, res->r.extent_order, width_of(res->r.mem_flags), &m))
        return -ENOMEM;
    for (u64 k = 0; physmap && k < 1UL << res->r.extent_order; k++)
        m2p_set(mfn_add(m, k), pfn + k);
    if (!physmap && guest_null(guest_ptr((u64)res->r.extent_start.p)))
        return 0;
    return guest_write(extent_at(res, i), &m.n, sizeof(m.n));
}

static int increase_one(struct reservation *res, u32 i) { return populate_one(res, i, false); }
static int physmap_one(struct reservation *res, u32 i) { return populate_one(res, i, true); }

static int decrease_one(struct reservation *res, u32 i)
{
    xen_pfn_t first;

    if (guest_read(&first, extent_at(res, i), sizeof(first)))
        return -EFAULT;
    for (u64 k = 0; k < 1UL << res->r.extent_order; k++) {
        struct frame *f;
        bool owned;

        if (frame_get(mfn(first + k), res->d->id))
            return -EINVAL;
        f = frame_entry(mfn(first + k));
        owned = frame_release(f);
        frame_put(f);
        if (!owned)
            return -EINVAL;
    }
    return 0;
}

static long reservation_op(struct hcall_args *args, int (*one)(struct reservation *, u32))
{
    u32 start = (u32)(args->a[0] >> EXTENT_SHIFT);
    struct reservation res = { .done = start };
    guest_ptr_t arg = hcall_ptr(args, 1);

    if (guest_read(&res.r, arg, sizeof(res.r)) || res.r.nr_extents > ~0U >> EXTENT_SHIFT || start > res.r.nr_extents)
        return start;
    if (hcall_target(__HYPERVISOR_memory_op, args->a[0] & (BIT(EXTENT_SHIFT) - 1), res.r.domid, &res.d) ||
        res.r.extent_order > max_order(res.d) ||
        !guest_array_ok(guest_ptr((u64)res.r.extent_start.p), res.r.nr_extents, sizeof(xen_pfn_t)))
        return start;
    for (; res.done < res.r.nr_extents; res.done++) {
        if (res.done > start && preempt_point()) {
            args->a[0] = (args->a[0] & (BIT(EXTENT_SHIFT) - 1)) | (u64)res.done << EXTENT_SHIFT;
            return -ERESTART;
        }
        if (one(&res, res.done))
            break;
    }
    return res.done;
}

/* What the guest itself says in its shared page; its p2m list is as long. */
static long maximum_gpfn(const struct domain *d)
{
    const struct shared_info *s = READ_ONCE(d->shared);

    return s ? (long)(READ_ONCE(s->arch.max_pfn) - 1) : -ESRCH;
}

static long account_op(guest_ptr_t arg, unsigned op)
{
    struct domain *d;
    domid_t domid;
    int rc;

    if (guest_read(&domid, arg, sizeof(domid)))
        return -EFAULT;
    rc = hcall_target(__HYPERVISOR_memory_op, op, domid, &d);
    if (rc)
        return rc;
    if (op == XENMEM_maximum_gpfn)
        return maximum_gpfn(d);
    return op == XENMEM_maximum_reservation ? d->mm.max_pages : d->mm.tot_pages;
}

/* The machine's map, as the firmware gave it: dom0 sees where devices and tables are. */
static long machine_memory_map(guest_ptr_t arg)
{
    struct xen_memory_map map;
    u32 n;

    if (hcall_allowed(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, NULL))
        return -EPERM;
    if (guest_read(&map, arg, sizeof(map)))
        return -EFAULT;
    for (n = 0; n < boot_info.nr_ranges && n < map.nr_entries; n++) {
        const struct memory_range *r = &boot_info.ranges[n];
        struct e820 e = { r->start, r->bytes, r->type };

        if (guest_write(guest_elem(guest_ptr((u64)map.buffer.p), n, sizeof(e)), &e, sizeof(e)))
            return -EFAULT;
    }
    if (n < boot_info.nr_ranges)
        return -EINVAL;
    map.nr_entries = n;
    return guest_write(arg, &map, sizeof(map));
}

static long machphys_mapping(guest_ptr_t arg)
{
    struct xen_machphys_mapping map = { .v_start = M2P_START, .v_end = M2P_START + frame_max * sizeof(u64),
                                        .max_mfn = frame_max - 1 };

    return guest_write(arg, &map, sizeof(map));
}

long hcall_memory_op(struct hcall_args *args)
{
    guest_ptr_t arg = hcall_ptr(args, 1);

    switch (args->a[0] & (BIT(EXTENT_SHIFT) - 1)) {
    case XENMEM_increase_reservation:
        return reservation_op(args, increase_one);
    case XENMEM_decrease_reservation:
        return reservation_op(args, decrease_one);
    case XENMEM_populate_physmap:
        return reservation_op(args, physmap_one);
    case XENMEM_exchange:
        return memory_exchange(arg);
    case XENMEM_maximum_ram_page:
        return (long)frame_max - 1;
    case XENMEM_current_reservation:
    case XENMEM_maximum_reservation:
    case XENMEM_maximum_gpfn:
        return account_op(arg, args->a[0] & (BIT(EXTENT_SHIFT) - 1));
    case XENMEM_machine_memory_map:
        return machine_memory_map(arg);
    case XENMEM_get_sharing_freed_pages:
    case XENMEM_get_sharing_shared_pages:
        return 0;                       /* no page is shared between domains */
    case XENMEM_machphys_mapping:
        return machphys_mapping(arg);
    case XENMEM_set_memory_map:
        return memory_map_set(arg);
    case XENMEM_memory_map:
        return memory_map_get(arg);
    case XENMEM_claim_pages:
        return memory_claim(arg);
    case XENMEM_acquire_resource:
        return memory_acquire_resource(arg);
    default:
        return -ENOSYS;
    }
}
