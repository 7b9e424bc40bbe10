/* SPDX-License-Identifier: MIT */
/*
 * Hypercall dispatch: the table generated from hypercalls.tbl, the entry from SYSCALL, multicalls, and the one batch
 * loop. A call that stops half-way leaves its arguments so that executing it again goes on; the guest's RIP is put
 * back onto its SYSCALL instruction, so events are delivered in between.
 */
#include <core/counters.h>
#include <core/trace.h>
#include <core/work.h>
#include <hcall/dispatch.h>
#include <hcall/hcall.h>
#include <hypercalls.gen.h>
#include <pv/pv.h>
#include <pv/traps.h>
#include <xen/xen.h>

#define SYSCALL_BYTES 2

#define X(nr, name, nargs, flags) long hcall_##name(struct hcall_args *args);
HCALLS_IMPL(X)
#undef X

static const struct hcall_row {
    long (*fn)(struct hcall_args *args);
    u8 flags;
} rows[64] = {
#define X(nr, name, nargs, flags) [nr] = { hcall_##name, flags },
    HCALLS_IMPL(X)
#undef X
};

/* nr is masked as well as compared, so that it cannot be misused speculatively. */
static inline const struct hcall_row *row_of(u64 nr, u8 kind)
{
    const struct hcall_row *row;

    if (nr >= ARRAY_SIZE(rows))
        return NULL;
    row = &rows[nr & (ARRAY_SIZE(rows) - 1)];
    return row->fn && (row->flags & kind) ? row : NULL;
}

void entry_syscall(struct regs *regs)
{
    struct vcpu *v = current();
    struct hcall_args args;
    const struct hcall_row *row;
    u64 nr = regs->rax;
    long rc;

    if (!v->pv.in_kernel) {
        pv_user_syscall(v, regs);
        return;
    }
    if (nr == __HYPERVISOR_iret) {
        pv_iret(v, regs);
        return;
    }
    row = row_of(nr, HCALL_PV);
    if (unlikely(row == NULL)) {
        regs->rax = (u64)-ENOSYS;
        return;
    }
    args = (struct hcall_args){ { regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9 } };
    count_hypercall((unsigned)nr);
    rc = row->fn(&args);
    trace(TRACE_HYPERCALL, (u32)nr, args.a[0], (u64)rc);
    if (unlikely(rc == -ERESTART)) {
        regs->rdi = args.a[0];
        regs->rsi = args.a[1];
        regs->rdx = args.a[2];
        regs->r10 = args.a[3];
        regs->r8 = args.a[4];
        regs->r9 = args.a[5];
        regs->rip -= SYSCALL_BYTES;
        regs->rcx = regs->rip;
        return;
    }
    regs->rax = (u64)rc;
}

static long multicall_one(struct multicall_entry *e)
{
    const struct hcall_row *row = row_of(e->op, HCALL_PV);
    struct hcall_args args;
    long rc;

    if (e->op == __HYPERVISOR_multicall)
        return -EINVAL;
    if (row == NULL || (row->flags & HCALL_NOBATCH))
        return -ENOSYS;
    for (unsigned i = 0; i < ARRAY_SIZE(args.a); i++)
        args.a[i] = e->args[i];
    count_hypercall((unsigned)e->op);
    rc = row->fn(&args);
    if (rc == -ERESTART)
        for (unsigned i = 0; i < ARRAY_SIZE(args.a); i++)
            e->args[i] = args.a[i];
    return rc;
}

/* (list, count). Each entry gets its own result; a bad list ends the call. */
long hcall_multicall(struct hcall_args *args)
{
    guest_ptr_t list = hcall_ptr(args, 0);
    u64 count = (u32)args->a[1];

    if (!guest_array_ok(list, count, sizeof(struct multicall_entry)))
        return -EFAULT;
    for (u64 i = 0; i < count; i++) {
        guest_ptr_t at = guest_elem(list, i, sizeof(struct multicall_entry));
        struct multicall_entry e;
        long rc;

        if (guest_read(&e, at, sizeof(e)))
            return -EFAULT;
        rc = multicall_one(&e);
        if (rc == -ERESTART) {
            if (guest_write(at, &e, sizeof(e)))
                return -EFAULT;
        } else {
            e.result = (xen_ulong_t)rc;
            if (guest_write(guest_ptr(at.va + offsetof(struct multicall_entry, result)), &e.result, sizeof(e.result)))
                return -EFAULT;
        }
        if (rc == -ERESTART || (i + 1 < count && preempt_point())) {
            u64 done = rc == -ERESTART ? i : i + 1;

            args->a[0] = guest_elem(list, done, sizeof(e)).va;
            args->a[1] = count - done;
            return -ERESTART;
        }
    }
    return 0;
}
