/* SPDX-License-Identifier: MIT */
/* Sets the whole state of a paravirtual vcpu that has never run. */
#ifndef PV_CONTEXT_H
#define PV_CONTEXT_H

#include <dom/domain.h>

struct vcpu_guest_context;
/* Checks everything before it changes anything but references. -EINVAL bad selector, address, GDT or root; -ERESTART
 * while validating the page tables: call again with the same context. */
int must_check pv_context_set(struct vcpu *v, const struct vcpu_guest_context *ctx);

#endif
