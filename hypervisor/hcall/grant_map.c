/* SPDX-License-Identifier: MIT */
/*
 * Mapping of grants into the caller's page tables, and unmapping. A mapping is a handle (ipc/grant_map.c), which holds
 * the use of the grant, and for its host part an L1 entry, written by the one writer and holding what any entry holds.
 * Unmapping clears the entry if it still maps that frame with those rights, flushes, and only then ends the use: once
 * the granter sees his entry idle, nobody can reach the page.
 */
#include <hcall/grant.h>
#include <mm/flush.h>
#include <mm/table.h>

/* ---- entries ---- */

/* Where a mapping goes: the machine address of an L1 entry of the caller's, or a linear address of his. */
static bool spot_find(struct table_write *w, u64 addr, u32 flags)
{
    const struct vcpu *v = current();
    mfn_t table;

    if (flags & GNTMAP_contains_pte) {
        if (addr % sizeof(pte_t))
            return false;
        table = maddr_to_mfn(addr);
        w->index = (addr & ~PAGE_MASK) / sizeof(pte_t);
    } else {
        if (va_in_hole(addr) || !va_is_canonical(addr))
            return false;
        table = table_walk_l1(v->pv.root_kernel, addr);
        w->index = pte_index(addr, 1);
    }
    w->table = table_hold_l1(v->pv.mmu.mm, table);
    return w->table != NULL;
}

static s16 spot_write(struct table_write *w, u64 addr, u32 flags)
{
    struct mmu_ctx *ctx = &current()->pv.mmu;
    int rc;

    if (!spot_find(w, addr, flags))
        return GNTST_general_error;
    rc = table_write(ctx, w);
    table_put(ctx, w->table);
    return rc ? GNTST_general_error : GNTST_okay;
}

static pte_t grant_pte(mfn_t m, u32 flags)
{
    pte_t avail = (u64)(flags >> _GNTMAP_guest_avail0) << __builtin_ctzl(PTE_AVAIL) & PTE_AVAIL;

    return pte_make(m, PTE_P | PTE_A | PTE_D | avail | (flags & GNTMAP_readonly ? 0 : PTE_RW) |
                       (flags & GNTMAP_application_map ? PTE_US : 0));
}

static s16 host_map(const struct gnttab_map_grant_ref *op, const struct grant_map *map, mfn_t m)
{
    struct table_write w = { .new = grant_pte(m, op->flags), .subject = map->gt->mm };

    return spot_write(&w, op->host_addr, op->flags);
}

/* replacement: what is written instead, a present entry of the caller's own, but not for the same frame, or 0. */
static s16 host_unmap(const struct grant_map *map, mfn_t m, u64 addr, pte_t replacement)
{
    pte_t mapped = grant_pte(m, map->flags);
    struct table_write w = { .new = replacement, .subject = current()->pv.mmu.mm, .expect = &mapped,
                             .any = ~(PTE_ADDR_MASK | PTE_RW | PTE_P) };

    if ((replacement & PTE_P) && mfn_eq(pte_mfn(replacement), m))
        return GNTST_general_error;
    return spot_write(&w, addr, map->flags);
}

/* ---- mapping ---- */

static s16 map_one(struct gnttab_map_grant_ref *op)
{
    struct grant_table *self = &current_domain()->grants;
    struct grant_map map = { .ref = op->ref };
    u32 handle;
    s16 status;
    mfn_t m;

    map.flags = (u16)op->flags & (GNTMAP_device_map | GNTMAP_host_map | GNTMAP_readonly | GNTMAP_contains_pte);
    if (!(map.flags & (GNTMAP_device_map | GNTMAP_host_map)))
        return GNTST_bad_gntref;
    status = grant_find_table(GNTTABOP_map_grant_ref, op->dom, &map.gt);
    if (status == GNTST_okay)
        status = grant_map_begin(self, &map, &handle, &m);
    if (status)
        return status;
    if (map.flags & GNTMAP_host_map)
        status = host_map(op, &map, m);
    grant_map_settle(self, handle, status ? map.flags : 0);
    if (status == GNTST_okay) {
        op->handle = handle;
        op->dev_bus_addr = mfn_to_maddr(m).a;
    }
    return status;
}

int grant_op_map(void *ctx, void *elem)
{
    struct gnttab_map_grant_ref *op = elem;
    int rc = mmu_drain(&current()->pv.mmu);

    if (rc == 0)
        op->status = map_one(op);
    return rc;
}

/* ---- unmapping ---- */

void grant_batch_end(struct grant_batch *b)
{
    if (b->flush)
        flush_mask(&current_domain()->mm.dirty_cpus, 0, FLUSH_TLB);
    b->flush = false;
    while (b->n) {
        b->n--;
        grant_map_settle(&current_domain()->grants, b->pending[b->n].handle, b->pending[b->n].parts);
    }
}

/* The two parts of one mapping may come one after the other in a batch. */
static s16 claim(struct grant_batch *b, u32 handle, struct grant_map *map, mfn_t *m)
{
    struct grant_table *self = &current_domain()->grants;

    for (u32 i = 0; i < b->n; i++)
        if (b->pending[i].handle == handle)
            grant_batch_end(b);
    return grant_map_claim(self, handle, map, m);
}

static void batch_add(struct grant_batch *b, u32 handle, u16 parts)
{
    b->pending[b->n].handle = handle;
    b->pending[b->n++].parts = parts;
    if (parts & GNTMAP_host_map)
        b->flush = true;
    if (b->n == ARRAY_SIZE(b->pending))
        grant_batch_end(b);
}

static s16 unmap_one(struct grant_batch *b, u32 handle, u64 host_addr, u64 dev_bus_addr, pte_t replacement)
{
    struct grant_map map;
    u16 parts = 0;
    s16 status;
    mfn_t m;

    status = claim(b, handle, &map, &m);
    if (status)
        return status;
    if (dev_bus_addr && (map.flags & GNTMAP_device_map)) {
        parts = GNTMAP_device_map;
        if (dev_bus_addr != mfn_to_maddr(m).a)
            status = GNTST_bad_dev_addr;
    }
    if (status == GNTST_okay && host_addr && (map.flags & GNTMAP_host_map)) {
        parts |= GNTMAP_host_map;
        status = host_unmap(&map, m, host_addr, replacement);
    }
    batch_add(b, handle, status ? 0 : parts);
    return status;
}

int grant_op_unmap(void *ctx, void *elem)
{
    struct gnttab_unmap_grant_ref *op = elem;
    int rc = mmu_drain(&current()->pv.mmu);

    if (rc == 0)
        op->status = unmap_one(ctx, op->handle, op->host_addr, op->dev_bus_addr, 0);
    return rc;
}

/* Moves the entry at new_addr to where the grant is mapped; both hold their own references meanwhile. */
static s16 replace_one(struct grant_batch *b, const struct gnttab_unmap_and_replace *op)
{
    struct table_write w = { .subject = current()->pv.mmu.mm };
    pte_t *table, moved;
    s16 status;

    if (!op->new_addr)
        return unmap_one(b, op->handle, op->host_addr, 0, 0);
    if (!spot_find(&w, op->new_addr, 0))
        return GNTST_general_error;
    table = frame_map(frame_mfn(w.table));
    moved = READ_ONCE(table[w.index]);
    frame_unmap(table);
    table_put(&current()->pv.mmu, w.table);
    status = unmap_one(b, op->handle, op->host_addr, 0, moved);
    w.expect = &moved;
    if (status == GNTST_okay)
        (void)!spot_write(&w, op->new_addr, 0);     /* fails if another CPU has changed it: then it is another entry */
    return status;
}

int grant_op_replace(void *ctx, void *elem)
{
    struct gnttab_unmap_and_replace *op = elem;
    int rc = mmu_drain(&current()->pv.mmu);

    if (rc == 0)
        op->status = replace_one(ctx, op);
    return rc;
}
