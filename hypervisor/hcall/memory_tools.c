/* SPDX-License-Identifier: MIT */
/* memory_op: what a toolstack prepares for a domain: its memory map, memory set aside, tables of the hypervisor's. */
#include <hcall/hcall.h>
#include <hcall/memory.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <xen/memory.h>
#include <xen/xen.h>

#define E820_MAX 128

/* ---- the memory map ---- */

static void map_replace(struct domain *d, struct e820 *new, u32 n)
{
    struct e820 *old;

    spin_lock(&d->lock);
    old = d->memory_map;
    d->memory_map = new;
    d->nr_memory_map = n;
    spin_unlock(&d->lock);
    mem_free(old);
}

long memory_map_set(guest_ptr_t arg)
{
    struct xen_foreign_memory_map m;
    struct e820 *map;
    struct domain *d;
    int rc;

    if (guest_read(&m, arg, sizeof(m)))
        return -EFAULT;
    rc = hcall_target(__HYPERVISOR_memory_op, XENMEM_set_memory_map, m.domid, &d);
    if (rc)
        return rc;
    if (m.map.nr_entries > E820_MAX)
        return -EINVAL;
    map = mem_alloc(max(m.map.nr_entries, 1u) * sizeof(*map));
    if (map == NULL)
        return -ENOMEM;
    if (guest_read(map, guest_ptr((u64)m.map.buffer.p), m.map.nr_entries * sizeof(*map))) {
        mem_free(map);
        return -EFAULT;
    }
    map_replace(d, map, m.map.nr_entries);
    return 0;
}

static bool map_entry(struct domain *d, u32 i, struct e820 *e)
{
    bool there;

    spin_lock(&d->lock);
    there = i < d->nr_memory_map;
    if (there)
        *e = d->memory_map[i];
    spin_unlock(&d->lock);
    return there;
}

long memory_map_get(guest_ptr_t arg)
{
    struct domain *d = current_domain();
    struct xen_memory_map m;
    struct e820 e;
    u32 n;

    if (!READ_ONCE(d->nr_memory_map))
        return -ENOSYS;
    if (guest_read(&m, arg, sizeof(m)))
        return -EFAULT;
    for (n = 0; n < m.nr_entries && map_entry(d, n, &e); n++)
        if (guest_write(guest_elem(guest_ptr((u64)m.buffer.p), n, sizeof(e)), &e, sizeof(e)))
            return -EFAULT;
    m.nr_entries = n;
    return guest_write(arg, &m, sizeof(m));
}

/* ---- claims ---- */

long memory_claim(guest_ptr_t arg)
{
    struct xen_memory_reservation r;
    struct domain *d;
    int rc;

    if (guest_read(&r, arg, sizeof(r)))
        return -EFAULT;
    rc = hcall_target(__HYPERVISOR_memory_op, XENMEM_claim_pages, r.domid, &d);
    if (rc)
        return rc == -ESRCH ? -EINVAL : rc;
    if (r.extent_start.p || r.extent_order || r.mem_flags)
        return -EINVAL;
    return mm_claim(&d->mm, r.nr_extents);
}

/* ---- resources ---- */

static int grant_frames(struct domain *d, const struct xen_mem_acquire_resource *r, guest_ptr_t list)
{
    bool status = r->id == XENMEM_resource_grant_table_id_status;
    u64 end = r->frame + r->nr_frames;
    int rc = 0;

    if (r->id > XENMEM_resource_grant_table_id_status || end < r->frame || end > grant_frames_max(&d->grants, status))
        return -EINVAL;
    for (u32 i = 0; rc == 0 && i < r->nr_frames; i++) {
        mfn_t m;

        rc = grant_frame_get(&d->grants, status, (u32)r->frame + i, &m);
        if (rc == 0)
            rc = guest_write(guest_elem(list, i, sizeof(m.n)), &m.n, sizeof(m.n));
    }
    return rc;
}

long memory_acquire_resource(guest_ptr_t arg)
{
    struct xen_mem_acquire_resource r;
    struct domain *d;
    guest_ptr_t list;
    int rc;

    if (guest_read(&r, arg, sizeof(r)))
        return -EFAULT;
    rc = hcall_target(__HYPERVISOR_memory_op, XENMEM_acquire_resource, r.domid, &d);
    if (rc)
        return rc;
    if (r.pad || r.id > XENMEM_resource_grant_table_id_status)
        return -EINVAL;
    if (r.type != XENMEM_resource_grant_table)
        return -EOPNOTSUPP;
    list = guest_ptr((u64)r.frame_list.p);
    if (!guest_null(list))
        return r.nr_frames ? grant_frames(d, &r, list) : -EINVAL;
    if (r.nr_frames)
        return -EINVAL;
    r.nr_frames = grant_frames_max(&d->grants, r.id == XENMEM_resource_grant_table_id_status);
    return guest_write(arg, &r, sizeof(r));
}
