/* SPDX-License-Identifier: MIT */
/* The whole state of a paravirtual vcpu: set before it first runs, read at any time. */
#ifndef PV_CONTEXT_H
#define PV_CONTEXT_H

#include <dom/domain.h>

struct vcpu_guest_context;
/* Checks everything before it changes anything but references. -EINVAL bad selector, address, GDT or root; -ERESTART
 * while validating the page tables: call again with the same context. */
int must_check pv_context_set(struct vcpu *v, const struct vcpu_guest_context *ctx);
/* The state of a vcpu that does not run, in the form in which it is set. */
void pv_context_get(struct vcpu *v, struct vcpu_guest_context *ctx);

#endif
