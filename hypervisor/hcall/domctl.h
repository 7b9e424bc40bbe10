/* SPDX-License-Identifier: MIT */
/*
 * domctl: what a toolstack does to a domain. hcall/domctl.c decodes the operation and finds the domain; one function
 * for each operation performs it on a local copy, which goes back to the caller where the row says so. Lists that the
 * copy points to are read and written by the operations. Errors are the ABI's; -ERESTART executes the call again.
 */
#ifndef HCALL_DOMCTL_H
#define HCALL_DOMCTL_H

#include <hcall/hcall.h>
#include <xen/domctl.h>

struct xen_sysctl;

/* hcall/domctl_create.c; createdomain and getdomaininfo find their domain themselves. */
int domctl_createdomain(struct xen_domctl *op);
int domctl_getdomaininfo(struct xen_domctl *op);
int domctl_max_vcpus(struct domain *d, struct xen_domctl *op);

/* hcall/domctl_vcpu.c */
int domctl_setvcpucontext(struct domain *d, struct xen_domctl *op);
int domctl_getvcpucontext(struct domain *d, struct xen_domctl *op);
int domctl_getvcpuinfo(struct domain *d, struct xen_domctl *op);
int domctl_setvcpuaffinity(struct domain *d, struct xen_domctl *op);
int domctl_getvcpuaffinity(struct domain *d, struct xen_domctl *op);
int domctl_sendtrigger(struct domain *d, struct xen_domctl *op);

/* hcall/sched_adjust.c, also for sysctl */
struct xen_sysctl_scheduler_op;
int domctl_scheduler_op(struct domain *d, struct xen_domctl_scheduler_op *op);
int sysctl_scheduler_op(struct xen_sysctl_scheduler_op *op);

/* hcall/cpu_policy.c */
int domctl_get_cpu_policy(struct domain *d, struct xen_domctl *op);
int domctl_set_cpu_policy(struct domain *d, struct xen_domctl *op);
int sysctl_get_cpu_policy(struct xen_sysctl *op);
int sysctl_get_cpu_featureset(struct xen_sysctl *op);

/* What domctl and sysctl tell about a domain. */
void domain_describe(struct domain *d, struct xen_domctl_getdomaininfo *info);

/* Bitmaps in a caller's memory, of any length: bits beyond ours are dropped, or written as 0. -EFAULT. */
int must_check bitmap_read(const struct xenctl_bitmap *from, u64 *map, unsigned bits);
int must_check bitmap_write(const struct xenctl_bitmap *to, const u64 *map, unsigned bits);

#endif
