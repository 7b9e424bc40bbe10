/* SPDX-License-Identifier: MIT */
/*
 * Page-table hypercalls of paravirtual guests: mmu_update, update_va_mapping, mmuext_op. Decoding only; the rules are
 * in mm/table.h. All of them first finish a table whose release was preempted earlier.
 */
#include <core/work.h>
#include <hcall/hcall.h>
#include <lib/string.h>
#include <machine/tlb.h>
#include <mm/entry.h>
#include <mm/flush.h>
#include <mm/table.h>
#include <pv/pv.h>
#include <xen/xen.h>

/* The guest sees this bit of count in a continued call. */
#define PREEMPTED 0x80000000u

struct mmu_targets {
    struct domain *tables;          /* whose page tables are written */
    struct domain *frames;          /* whose frames may be in the new entries */
    u16 special;                    /* DOMID_IO, DOMID_XEN: only theirs may be; DOMID_INVALID: those of frames */
};

/* Nearly every call: the caller's own tables and frames. */
static bool targets_self(u32 foreigndom, struct mmu_targets *t)
{
    if (foreigndom != DOMID_SELF)
        return false;
    *t = (struct mmu_targets){ current_domain(), current_domain(), DOMID_INVALID };
    return true;
}

/* foreigndom: bits 15:0 owner of the frames, 31:16 owner of the tables + 1, 0 for the caller. */
static int targets_lookup(unsigned call, u32 foreigndom, struct mmu_targets *t)
{
    u16 frames = (u16)foreigndom, tables = (u16)(foreigndom >> 16);
    struct domain *self = current_domain();

    t->tables = tables ? domain_lookup_self((u16)(tables - 1)) : self;
    t->special = frames == DOMID_IO || frames == DOMID_XEN ? frames : DOMID_INVALID;
    t->frames = t->special != DOMID_INVALID ? self : domain_lookup_self(frames);
    if (t->tables == NULL || t->frames == NULL)
        return -ESRCH;
    if (t->special == DOMID_XEN)
        return policy_check(self, RIGHT_CONTROL);
    if (t->tables != self && hcall_allowed(call, 0, t->tables))
        return -EPERM;
    return t->frames != self ? hcall_allowed(call, 0, t->frames) : 0;
}

/* A frame that is no page table: an ordinary write to the guest's own memory. */
static int plain_write(struct mm_domain *mm, struct frame *f, unsigned index, u64 value)
{
    int rc = type_get(mm, f, TYPE_WRITABLE);
    u64 *page;

    if (rc)
        return -EINVAL;
    page = frame_map(frame_mfn(f));
    WRITE_ONCE(page[index], value);
    frame_unmap(page);
    frame_dirty(frame_mfn(f));
    type_put(f);
    return 0;
}

/* Nothing of the hypervisor's may be mapped this way, and as I/O memory only what is. */
static bool special_refused(const struct mmu_targets *t, enum page_type type, pte_t e)
{
    return t->special != DOMID_INVALID && type == TYPE_L1 && (e & PTE_P) &&
           !(t->special == DOMID_IO && frame_is_device(pte_mfn(e)));
}

static int pt_update(struct mmu_targets *t, u64 ptr, u64 value, bool preserve_ad)
{
    struct mmu_ctx *ctx = &current()->pv.mmu;
    mfn_t m = maddr_to_mfn(ptr);
    unsigned index = (ptr & ~PAGE_MASK) / sizeof(pte_t);
    struct table_write w = { .index = index, .new = value, .subject = &t->frames->mm, .preserve_ad = preserve_ad };
    enum page_type type;
    int rc;

    if (t->tables != current_domain())
        return -EPERM;
    rc = frame_get(m, ctx->mm->domid);
    if (rc)
        return rc;
    w.table = frame_entry(m);
    type = frame_type(w.table);
    if (type >= TYPE_L1 && type <= TYPE_L4 && type_get_existing(w.table, type) == 0) {
        rc = special_refused(t, type, value) ? -EBUSY : table_write(ctx, &w);
        table_put(ctx, w.table);            /* drops the general reference too */
        return rc;
    }
    rc = plain_write(ctx->mm, w.table, index, value);
    frame_put(w.table);
    return rc;
}

static int machphys_update(struct mmu_targets *t, mfn_t m, u64 pfn)
{
    int rc = t->special != DOMID_INVALID ? -EINVAL : frame_get(m, t->frames->id);

    if (rc)
        return rc;
    m2p_set(m, pfn);
    frame_put(frame_entry(m));
    return 0;
}

static int mmu_update_one(void *ctx, void *elem)
{
    struct mmu_targets *t = ctx;
    const struct mmu_update *u = elem;
    unsigned cmd = u->ptr & (sizeof(pte_t) - 1);
    int rc = mmu_drain(&current()->pv.mmu);

    if (rc)
        return rc;
    switch (cmd) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        return pt_update(t, u->ptr & ~7UL, u->val, false);
    case MMU_PT_UPDATE_PRESERVE_AD:
        return pt_update(t, u->ptr & ~7UL, u->val, true);
    case MMU_MACHPHYS_UPDATE:
        return machphys_update(t, maddr_to_mfn(u->ptr), u->val);
    default:                                /* not aligned, too */
        return -ENOSYS;
    }
}

static const struct batch_row mmu_update_row = { sizeof(struct mmu_update), false, true, mmu_update_one };

/* Runs a page-table batch whose arguments are (array, count | PREEMPTED, done, foreigndom). */
batch_inline long run_counted_batch(struct hcall_args *args, const struct batch_row *row, void *ctx)
{
    u32 count = (u32)args->a[1] & ~PREEMPTED, done = 0, before = 0;
    guest_ptr_t array = hcall_ptr(args, 0), done_ptr = hcall_ptr(args, 2);
    int rc;

    if (((u32)args->a[1] & PREEMPTED) && !guest_null(done_ptr) && guest_read(&before, done_ptr, sizeof(before)))
        return -EFAULT;
    if (!guest_array_ok(array, count, row->size))
        return -EFAULT;
    rc = batch_run(row, array, count, &done, ctx);
    before += done;
    if (!guest_null(done_ptr) && guest_write(done_ptr, &before, sizeof(before)))
        return -EFAULT;
    if (rc == -ERESTART) {
        args->a[0] = guest_elem(array, done, row->size).va;
        args->a[1] = (count - done) | PREEMPTED;
    }
    return rc;
}

long hcall_mmu_update(struct hcall_args *args)
{
    struct mmu_targets t;
    int rc = targets_self((u32)args->a[3], &t) ? 0 : targets_lookup(__HYPERVISOR_mmu_update, (u32)args->a[3], &t);

    return rc ? rc : run_counted_batch(args, &mmu_update_row, &t);
}

/* ---- update_va_mapping ------------------------------------------------------------------------------------------ */

/* Which CPUs the vcpus in a guest's bitmap have entries on. vcpu_ptr: array of unsigned longs. */
static int vcpu_mask_read(guest_ptr_t p, cpumask_t *mask)
{
    struct domain *d = current_domain();

    memset(mask, 0, sizeof(*mask));
    for (u32 base = 0; base < d->max_vcpus; base += 64) {
        u64 word;

        if (guest_read(&word, guest_elem(p, base / 64, sizeof(word)), sizeof(word)))
            return -EFAULT;
        for (; word; word &= word - 1) {
            const struct vcpu *v = domain_vcpu(d, base + (u32)__builtin_ctzl(word));
            /* Read once: the vcpu may leave its CPU at any time, and then has no entries there. */
            u16 cpu = v ? READ_ONCE(v->loaded_cpu) : NO_CPU;

            interleave_point();
            if (cpu != NO_CPU)
                cpumask_set(mask, cpu);
        }
    }
    return 0;
}

static int va_mapping_flush(u64 va, u64 flags)
{
    unsigned kind = (flags & UVMF_FLUSHTYPE_MASK) == UVMF_TLB_FLUSH ? FLUSH_TLB : FLUSH_PAGE;
    u64 who = flags & ~(u64)UVMF_FLUSHTYPE_MASK;
    cpumask_t mask;

    if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_NONE)
        return 0;
    if (who == UVMF_LOCAL) {
        flush_local(va, kind);
        return 0;
    }
    if (who == UVMF_ALL)
        mask = current_domain()->mm.dirty_cpus;
    else if (vcpu_mask_read(guest_ptr(who), &mask))
        return -EFAULT;
    flush_mask(&mask, va, kind);
    return 0;
}

/* (va, entry, flush); subject: whose frame may be in the entry. */
static long va_mapping(struct hcall_args *args, struct mm_domain *subject)
{
    u64 va = args->a[0], flags = args->a[2];
    struct vcpu *v = current();
    struct mmu_ctx *ctx = &v->pv.mmu;
    struct table_write w = { .new = args->a[1], .index = pte_index(va, 1), .subject = subject };
    int rc = mmu_drain(ctx);

    if (rc)
        return rc;
    if (va_in_hole(va) || !va_is_canonical(va))
        return -EINVAL;
    w.table = table_hold_l1(ctx->mm, table_walk_l1(v->pv.root_kernel, va));
    if (w.table == NULL)
        return -EINVAL;
    rc = table_write(ctx, &w);
    table_put(ctx, w.table);
    return rc ? rc : va_mapping_flush(va, flags);
}

long hcall_update_va_mapping(struct hcall_args *args) { return va_mapping(args, &current_domain()->mm); }

/* The same with a frame of another domain's, argument 3. */
long hcall_update_va_mapping_otherdomain(struct hcall_args *args)
{
    struct mmu_targets t;
    int rc = targets_lookup(__HYPERVISOR_mmu_update, (u16)args->a[3], &t);

    if (rc)
        return rc;
    return t.special != DOMID_INVALID ? -EPERM : va_mapping(args, &t.frames->mm);
}

/* ---- mmuext_op -------------------------------------------------------------------------------------------------- */

/* Whose tables a batch is about: the caller's, or those of a domain it builds. */
struct ext_target {
    struct mmu_ctx *ctx;
    bool foreign;
};

static int ext_pin(const struct ext_target *t, struct mmuext_op *op)
{
    return table_pin(t->ctx, mfn(op->arg1.mfn), (enum page_type)(TYPE_L1 + op->cmd - MMUEXT_PIN_L1_TABLE));
}

static int ext_unpin(const struct ext_target *t, struct mmuext_op *op) { return table_unpin(t->ctx, mfn(op->arg1.mfn)); }

static int ext_new_baseptr(const struct ext_target *t, struct mmuext_op *op)
{
    return pv_set_kernel_root(current(), mfn(op->arg1.mfn));
}

static int ext_new_user_baseptr(const struct ext_target *t, struct mmuext_op *op)
{
    return pv_set_user_root(current(), op->arg1.mfn ? mfn(op->arg1.mfn) : MFN_INVALID);
}

static int ext_flush_local(const struct ext_target *t, struct mmuext_op *op)
{
    bool page = op->cmd == MMUEXT_INVLPG_LOCAL;

    if (page && va_in_hole(op->arg1.linear_addr))
        return 0;
    flush_local(op->arg1.linear_addr, page ? FLUSH_PAGE : FLUSH_TLB);
    return 0;
}

static int ext_flush_multi(const struct ext_target *t, struct mmuext_op *op)
{
    bool page = op->cmd == MMUEXT_INVLPG_MULTI;
    cpumask_t mask;

    if (vcpu_mask_read(guest_ptr((u64)op->arg2.vcpumask.p), &mask))
        return -EINVAL;
    flush_mask(&mask, op->arg1.linear_addr, page ? FLUSH_PAGE : FLUSH_TLB);
    return 0;
}

static int ext_flush_all(const struct ext_target *t, struct mmuext_op *op)
{
    bool page = op->cmd == MMUEXT_INVLPG_ALL;

    flush_mask(&current_domain()->mm.dirty_cpus, op->arg1.linear_addr, page ? FLUSH_PAGE : FLUSH_TLB);
    return 0;
}

static int ext_flush_cache(const struct ext_target *t, struct mmuext_op *op)
{
    if (!current_domain()->mm.cache_attributes)
        return -EACCES;
    if (op->cmd == MMUEXT_FLUSH_CACHE_GLOBAL)
        flush_mask(&cpu_online_mask, 0, FLUSH_CACHE);
    else
        cache_flush_local();
    return 0;
}

static int ext_set_ldt(const struct ext_target *t, struct mmuext_op *op)
{
    return pv_set_ldt(current(), op->arg1.linear_addr, op->arg2.nr_ents);
}

static int ext_clear_page(const struct ext_target *t, struct mmuext_op *op)
{
    struct gfn_held dst;
    void *page;

    if (gfn_hold(t->ctx->mm, gfn(op->arg1.mfn), HOLD_WRITE, &dst))
        return -EINVAL;                     /* in use as something else, too */
    page = frame_map(gfn_held_mfn(&dst));
    page_clear(page);
    frame_unmap(page);
    gfn_release(&dst);
    return 0;
}

static int ext_copy_page(const struct ext_target *t, struct mmuext_op *op)
{
    struct mm_domain *mm = t->ctx->mm;
    struct gfn_held src, dst;
    void *to, *from;

    if (gfn_hold(mm, gfn(op->arg2.src_mfn), HOLD_READ, &src))
        return -EINVAL;
    if (gfn_hold(mm, gfn(op->arg1.mfn), HOLD_WRITE, &dst)) {
        gfn_release(&src);
        return -EINVAL;
    }
    to = frame_map(gfn_held_mfn(&dst));
    from = frame_map(gfn_held_mfn(&src));
    memcpy(to, from, PAGE_SIZE);
    frame_unmap(from);
    frame_unmap(to);
    gfn_release(&dst);
    gfn_release(&src);
    return 0;
}

static int ext_unsupported(const struct ext_target *t, struct mmuext_op *op)
{
    return -EOPNOTSUPP;
}

static const struct ext_row {
    int (*perform)(const struct ext_target *t, struct mmuext_op *op);
    bool foreign;                   /* makes sense for a domain under construction */
} mmuext_rows[] = {
    [MMUEXT_PIN_L1_TABLE] = { ext_pin, true },              [MMUEXT_PIN_L2_TABLE] = { ext_pin, true },
    [MMUEXT_PIN_L3_TABLE] = { ext_pin, true },              [MMUEXT_PIN_L4_TABLE] = { ext_pin, true },
    [MMUEXT_UNPIN_TABLE] = { ext_unpin, true },             [MMUEXT_NEW_BASEPTR] = { ext_new_baseptr, false },
    [MMUEXT_NEW_USER_BASEPTR] = { ext_new_user_baseptr, false },
    [MMUEXT_TLB_FLUSH_LOCAL] = { ext_flush_local, false },  [MMUEXT_INVLPG_LOCAL] = { ext_flush_local, false },
    [MMUEXT_TLB_FLUSH_MULTI] = { ext_flush_multi, false },  [MMUEXT_INVLPG_MULTI] = { ext_flush_multi, false },
    [MMUEXT_TLB_FLUSH_ALL] = { ext_flush_all, false },      [MMUEXT_INVLPG_ALL] = { ext_flush_all, false },
    [MMUEXT_FLUSH_CACHE] = { ext_flush_cache, false },      [MMUEXT_FLUSH_CACHE_GLOBAL] = { ext_flush_cache, false },
    [MMUEXT_SET_LDT] = { ext_set_ldt, false },
    [MMUEXT_CLEAR_PAGE] = { ext_clear_page, true },         [MMUEXT_COPY_PAGE] = { ext_copy_page, true },
    [MMUEXT_MARK_SUPER] = { ext_unsupported, true },        [MMUEXT_UNMARK_SUPER] = { ext_unsupported, true },
};

static int mmuext_one(void *ctx, void *elem)
{
    const struct ext_target *t = ctx;
    struct mmuext_op *op = elem;
    const struct ext_row *row = op->cmd < ARRAY_SIZE(mmuext_rows) ? &mmuext_rows[op->cmd] : NULL;
    int rc = mmu_drain(t->ctx);

    if (rc)
        return rc;
    if (row == NULL || row->perform == NULL)
        return -ENOSYS;
    return t->foreign && !row->foreign ? -EPERM : row->perform(t, op);
}

static const struct batch_row mmuext_row = { sizeof(struct mmuext_op), false, true, mmuext_one };

/* The slot for a preempted release belongs to one domain's tables at a time. */
static int foreign_target(struct domain *d, struct ext_target *t)
{
    struct mmu_ctx *ctx = &current()->pv.foreign_mmu;
    int rc = mmu_drain(ctx);

    ctx->mm = &d->mm;
    *t = (struct ext_target){ ctx, true };
    return rc;
}

long hcall_mmuext_op(struct hcall_args *args)
{
    struct ext_target target = { &current()->pv.mmu, false };
    struct mmu_targets t;
    int rc = 0;

    if (!targets_self((u32)args->a[3], &t)) {
        rc = targets_lookup(__HYPERVISOR_mmuext_op, (u32)args->a[3], &t);
        if (rc == 0 && t.frames != current_domain())
            rc = foreign_target(t.frames, &target);
    }
    return rc ? rc : run_counted_batch(args, &mmuext_row, &target);
}
