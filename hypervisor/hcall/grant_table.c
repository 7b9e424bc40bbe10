/* SPDX-License-Identifier: MIT */
/*
 * GRANT_TABLE_OP: arrays of one operation each, run by the batch loop; every element carries its own status. Frame
 * lists that an element points to are written here. Mapping is grant_map.c. Operations without a row are -ENOSYS.
 */
#include <hcall/grant.h>
#include <lib/string.h>

s16 grant_find_table(unsigned op, u16 domid, struct grant_table **gt)
{
    struct domain *d;

    switch (hcall_target(__HYPERVISOR_grant_table_op, op, domid, &d)) {
    case 0:
        *gt = &d->grants;
        return GNTST_okay;
    case -ESRCH:
        return GNTST_bad_domain;
    }
    return GNTST_permission_denied;
}

/* Writes the numbers of the first nr frames to the guest's list. */
static s16 put_list(struct grant_table *gt, gfn_t (*frame)(struct grant_table *gt, u32 i), guest_ptr_t list, u32 nr)
{
    for (u32 i = 0; i < nr; i++) {
        u64 n = frame(gt, i).n;

        if (guest_write(guest_elem(list, i, sizeof(n)), &n, sizeof(n)))
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

static int op_setup_table(void *ctx, void *elem)
{
    struct gnttab_setup_table *op = elem;
    guest_ptr_t list = guest_ptr((u64)op->frame_list.p);
    struct grant_table *gt;

    if (!guest_array_ok(list, op->nr_frames, sizeof(xen_pfn_t)))
        return -EFAULT;
    op->status = grant_find_table(GNTTABOP_setup_table, op->dom, &gt);
    if (op->status == GNTST_okay && grant_grow(gt, op->nr_frames))
        op->status = GNTST_general_error;
    if (op->status == GNTST_okay)
        op->status = put_list(gt, grant_shared_gfn, list, op->nr_frames);
    return 0;
}

static int op_query_size(void *ctx, void *elem)
{
    struct gnttab_query_size *op = elem;
    struct grant_table *gt;

    op->status = grant_find_table(GNTTABOP_query_size, op->dom, &gt);
    if (op->status == GNTST_okay) {
        op->nr_frames = READ_ONCE(gt->nr_frames);
        op->max_nr_frames = gt->max_frames;
    }
    return 0;
}

static int op_set_version(void *ctx, void *elem)
{
    struct gnttab_set_version *op = elem;
    int rc = grant_set_version(&current_domain()->grants, op->version);

    op->version = current_domain()->grants.version;
    return rc;
}

static int op_get_version(void *ctx, void *elem)
{
    struct gnttab_get_version *op = elem;
    struct grant_table *gt;

    switch (grant_find_table(GNTTABOP_get_version, op->dom, &gt)) {
    case GNTST_okay:
        op->version = READ_ONCE(gt->version);
        return 0;
    case GNTST_bad_domain:
        return -ESRCH;
    }
    return -EPERM;
}

static int op_get_status_frames(void *ctx, void *elem)
{
    struct gnttab_get_status_frames *op = elem;
    guest_ptr_t list = guest_ptr((u64)op->frame_list.p);
    struct grant_table *gt;

    if (!guest_array_ok(list, op->nr_frames, sizeof(u64)))
        return -EFAULT;
    op->status = grant_find_table(GNTTABOP_get_status_frames, op->dom, &gt);
    if (op->status == GNTST_okay && op->nr_frames > READ_ONCE(gt->nr_status))
        op->status = GNTST_general_error;
    if (op->status == GNTST_okay)
        op->status = put_list(gt, grant_status_gfn, list, op->nr_frames);
    return 0;
}

/* ---- copying ---- */

/* One side of a copy: a grant of another domain's, or a frame of the caller's own. */
struct copy_side {
    bool by_ref;
    struct grant_use use;       /* by_ref */
    struct gfn_held held;       /* else */
    u16 offset, length;         /* what may be touched */
};

/* A grant of the domain's, or one of a third domain that it passes on to the caller. */
static s16 side_acquire(struct copy_side *s, const struct gnttab_copy_ptr *p, bool write)
{
    struct grant_table *gt;
    s16 status = grant_find_table(GNTTABOP_copy, p->domid, &gt);

    if (status == GNTST_okay)
        status = grant_acquire_passed(gt, p->u.ref, current_domain()->id, write, &s->use);
    if (status == GNTST_okay && s->use.trans_domid != DOMID_INVALID) {
        struct domain *d = domain_lookup(s->use.trans_domid);

        status = grant_follow(&s->use, d ? &d->grants : NULL);
    }
    if (status)
        return status;
    s->held = s->use.held;
    s->offset = s->use.offset;
    s->length = s->use.length;
    return GNTST_okay;
}

static s16 side_open(struct copy_side *s, const struct gnttab_copy_ptr *p, bool by_ref, bool write)
{
    s->by_ref = by_ref;
    if (by_ref)
        return side_acquire(s, p, write);
    if (p->domid != DOMID_SELF)
        return GNTST_permission_denied;
    s->offset = 0;
    s->length = PAGE_SIZE;
    if (gfn_hold(&current_domain()->mm, gfn(p->u.gmfn), write ? HOLD_WRITE : HOLD_READ, &s->held))
        return write ? GNTST_general_error : GNTST_bad_page;
    return GNTST_okay;
}

static void side_close(struct copy_side *s)
{
    if (s->by_ref)
        grant_release(&s->use);
    else
        gfn_release(&s->held);
}

static bool side_covers(const struct copy_side *s, u32 offset, u32 len)
{
    return offset >= s->offset && offset + len <= (u32)s->offset + s->length;
}

static s16 copy_bytes(const struct gnttab_copy *op, const struct copy_side *src, const struct copy_side *dst)
{
    void *from, *to;

    if (op->source.offset + op->len > (int)PAGE_SIZE || op->dest.offset + op->len > (int)PAGE_SIZE)
        return GNTST_bad_copy_arg;
    if (!side_covers(src, op->source.offset, op->len) || !side_covers(dst, op->dest.offset, op->len))
        return GNTST_general_error;
    from = frame_map(gfn_held_mfn(&src->held));
    to = frame_map(gfn_held_mfn(&dst->held));
    memmove(to + op->dest.offset, from + op->source.offset, op->len);
    frame_unmap(to);
    frame_unmap(from);
    return GNTST_okay;
}

static int op_copy(void *ctx, void *elem)
{
    struct gnttab_copy *op = elem;
    struct copy_side src, dst;

    op->status = side_open(&src, &op->source, op->flags & GNTCOPY_source_gref, false);
    if (op->status != GNTST_okay)
        return 0;
    op->status = side_open(&dst, &op->dest, op->flags & GNTCOPY_dest_gref, true);
    if (op->status == GNTST_okay) {
        op->status = copy_bytes(op, &src, &dst);
        side_close(&dst);
    }
    side_close(&src);
    return 0;
}

/* ---- others ---- */

static int op_transfer(void *ctx, void *elem)
{
    struct gnttab_transfer *op = elem;
    struct grant_table *to;

    op->status = grant_find_table(GNTTABOP_transfer, op->domid, &to);
    if (op->status == GNTST_okay)
        op->status = grant_transfer(to, op->ref, &current_domain()->mm, mfn(op->mfn));
    return 0;
}

static int op_swap_grant_ref(void *ctx, void *elem)
{
    struct gnttab_swap_grant_ref *op = elem;

    op->status = grant_swap(&current_domain()->grants, op->ref_a, op->ref_b);
    return 0;
}

/* For machines whose devices do not see the CPUs' caches; on this one they do. */
static int op_cache_flush(void *ctx, void *elem) { return -EOPNOTSUPP; }

/* ---- the call ---- */

#define ROW(name) [GNTTABOP_##name] = { sizeof(struct gnttab_##name), true, true, op_##name }
static const struct batch_row rows[] = {
    ROW(setup_table), ROW(copy), ROW(query_size), ROW(set_version), ROW(get_status_frames), ROW(get_version),
    ROW(transfer), ROW(swap_grant_ref), ROW(cache_flush),
    [GNTTABOP_map_grant_ref] = { sizeof(struct gnttab_map_grant_ref), true, true, grant_op_map },
    [GNTTABOP_unmap_grant_ref] = { sizeof(struct gnttab_unmap_grant_ref), true, true, grant_op_unmap },
    [GNTTABOP_unmap_and_replace] = { sizeof(struct gnttab_unmap_and_replace), true, true, grant_op_replace },
};
/* These take exactly one element; the version operations do so whatever the count says. */
#define SINGLE (BIT(GNTTABOP_setup_table) | BIT(GNTTABOP_query_size) | BIT(GNTTABOP_get_status_frames))
#define UNCOUNTED (BIT(GNTTABOP_set_version) | BIT(GNTTABOP_get_version))

long hcall_grant_table_op(struct hcall_args *args)
{
    u32 op = (u32)args->a[0], count = (u32)args->a[2], done = 0;
    struct grant_batch batch;
    int rc;

    if ((s32)count < 0)
        return -EINVAL;
    if (op >= ARRAY_SIZE(rows) || !rows[op].perform)
        return -ENOSYS;
    if (count != 1 && (SINGLE >> op & 1))
        return -EINVAL;
    if (UNCOUNTED >> op & 1)
        count = 1;
    batch.n = 0;
    batch.flush = false;
    rc = batch_run(&rows[op], hcall_ptr(args, 1), count, &done, &batch);
    grant_batch_end(&batch);
    if (rc == -ERESTART) {
        args->a[1] = guest_elem(hcall_ptr(args, 1), done, rows[op].size).va;
        args->a[2] = count - done;
    }
    return rc;
}
