/* SPDX-License-Identifier: MIT */
/*
 * Hypercall entry points: long hcall_<name>(struct hcall_args *). Each decodes (copies in once, checks, asks policy),
 * then calls a perform function that sees no guest pointer. -ERESTART with args rewritten makes the dispatcher rewind
 * the guest (or the multicall entry) so that the call is executed again with those arguments.
 */
#ifndef HCALL_HCALL_H
#define HCALL_HCALL_H

#include <core/work.h>
#include <dom/domain.h>
#include <hypercalls.gen.h>
#include <lib/errno.h>
#include <mm/guest.h>

struct hcall_args {
    u64 a[6];
};

#define HCALL_DECLARE(number, name, nr_args, flags) long hcall_##name(struct hcall_args *args);
HCALLS_IMPL(HCALL_DECLARE)

static inline guest_ptr_t hcall_ptr(const struct hcall_args *args, unsigned i) { return guest_ptr(args->a[i]); }

/*
 * Whether the current domain may perform an operation of a hypercall (__HYPERVISOR_*): on object, NULL when it names no
 * domain. 0 or -EPERM. hcall_target() looks the domain up first, DOMID_SELF included: -ESRCH. hcall/target.c.
 */
int must_check hcall_allowed(unsigned call, unsigned op, const struct domain *object);
int must_check hcall_target(unsigned call, unsigned op, u16 domid, struct domain **d);

/*
 * The one batch loop: for each of n elements of size bytes at p: copy in, perform, copy back when the row says so;
 * poll for preemption between elements. Returns 0 when all are done, -ERESTART with *done < n, -EFAULT, or the
 * element's error where the row stops at the first one. Always in line: a constant row makes a loop of its own.
 */
struct batch_row {
    u16 size;                   /* at most ELEMENT_MAX */
    bool copy_back;             /* status is in the element */
    bool stop_on_error;         /* else the perform's return value is ignored (it is in the element) */
    int (*perform)(void *ctx, void *elem);
};
#define ELEMENT_MAX 64
#define batch_inline static inline __attribute__((always_inline))

/* Errors that end the batch; an element's own only where the row says so. */
batch_inline int must_check batch_one(const struct batch_row *row, guest_ptr_t at, void *ctx)
{
    u8 elem[ELEMENT_MAX] aligned(8);
    int rc;

    if (guest_read(elem, at, row->size))
        return -EFAULT;
    rc = row->perform(ctx, elem);
    if (row->copy_back && rc != -ERESTART && guest_write(at, elem, row->size))
        return -EFAULT;
    return rc == -ERESTART || row->stop_on_error ? rc : 0;
}

batch_inline int must_check batch_run(const struct batch_row *row, guest_ptr_t p, u32 n, u32 *done, void *ctx)
{
    u32 i = 0;
    int rc = 0;

    while (i < n && rc == 0) {
        rc = i && preempt_point() ? -ERESTART : batch_one(row, guest_elem(p, i, row->size), ctx);
        i += rc == 0;
    }
    *done = i;
    return rc;
}

#endif
