/* SPDX-License-Identifier: MIT */
/* What vcpu_op and domctl both do to a vcpu. */
#ifndef HCALL_VCPU_H
#define HCALL_VCPU_H

#include <dom/domain.h>

struct vcpu_guest_context;
/* The first context of a vcpu that does not run. -EEXIST, -EBUSY (being set), and pv_context_set()'s. */
int must_check vcpu_context_set(struct vcpu *v, const struct vcpu_guest_context *ctx);
/* It may run from now on; nothing when it might already. */
void vcpu_up(struct vcpu *v);
void vcpu_send_nmi(struct vcpu *v);

#endif
