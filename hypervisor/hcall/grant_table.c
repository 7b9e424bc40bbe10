/* SPDX-License-Identifier: MIT */
/*
 * GRANT_TABLE_OP: arrays of one operation each, run by the batch loop; every element carries its own status. Frame
 * lists that an element points to are written here. Operations without a row are -ENOSYS.
 */
#include <hcall/hcall.h>
#include <lib/string.h>

/* A domain named by an operation: the caller itself, or with the control right any other. */
static s16 find_table(u16 domid, struct grant_table **gt)
{
    struct domain *d = domain_lookup_self(domid);

    if (!d)
        return GNTST_bad_domain;
    if (d != current_domain() && policy_check(current_domain(), RIGHT_CONTROL))
        return GNTST_permission_denied;
    *gt = &d->grants;
    return GNTST_okay;
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
    op->status = find_table(op->dom, &gt);
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

    op->status = find_table(op->dom, &gt);
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

    switch (find_table(op->dom, &gt)) {
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
    op->status = find_table(op->dom, &gt);
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

static s16 side_open(struct copy_side *s, const struct gnttab_copy_ptr *p, bool by_ref, bool write)
{
    struct domain *d = domain_lookup_self(p->domid);
    s16 status;

    if (!by_ref && p->domid != DOMID_SELF)
        return GNTST_permission_denied;
    if (!d)
        return GNTST_bad_domain;
    s->by_ref = by_ref;
    if (by_ref) {
        status = grant_acquire(&d->grants, p->u.ref, current_domain()->id, write, &s->use);
        s->held = s->use.held;
        s->offset = s->use.offset;
        s->length = s->use.length;
        return status;
    }
    s->offset = 0;
    s->length = PAGE_SIZE;
    if (gfn_hold(&d->mm, gfn(p->u.gmfn), write ? HOLD_WRITE : HOLD_READ, &s->held))
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

/* ---- the call ---- */

#define ROW(name) [GNTTABOP_##name] = { sizeof(struct gnttab_##name), true, true, op_##name }
static const struct batch_row rows[] = {
    ROW(setup_table), ROW(copy), ROW(query_size), ROW(set_version), ROW(get_status_frames), ROW(get_version),
};
/* These take exactly one element; the version operations do so whatever the count says. */
#define SINGLE (BIT(GNTTABOP_setup_table) | BIT(GNTTABOP_query_size) | BIT(GNTTABOP_get_status_frames))
#define UNCOUNTED (BIT(GNTTABOP_set_version) | BIT(GNTTABOP_get_version))

long hcall_grant_table_op(struct hcall_args *args)
{
    u32 op = (u32)args->a[0], count = (u32)args->a[2], done = 0;
    int rc;

    if ((s32)count < 0)
        return -EINVAL;
    if (op >= ARRAY_SIZE(rows) || !rows[op].perform)
        return -ENOSYS;
    if (count != 1 && (SINGLE >> op & 1))
        return -EINVAL;
    if (UNCOUNTED >> op & 1)
        count = 1;
    rc = batch_run(&rows[op], hcall_ptr(args, 1), count, &done, NULL);
    if (rc == -ERESTART) {
        args->a[1] = guest_elem(hcall_ptr(args, 1), done, rows[op].size).va;
        args->a[2] = count - done;
    }
    return rc;
}
