/* SPDX-License-Identifier: MIT */
/* See dom/policy.h. No state but the module, which is chosen at boot. */
#include <dom/domain.h>
#include <lib/errno.h>

const struct policy_module *policy_module;

int policy_check(const struct domain *subject, u32 rights)
{
    return (subject->rights & rights) == rights ? 0 : -EPERM;
}

int policy_ask(const struct policy_question *q)
{
    int rc = policy_check(q->subject, q->rights);

    return rc || !policy_module ? rc : policy_module->allows(q);
}
