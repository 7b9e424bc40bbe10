/* SPDX-License-Identifier: MIT */
/* Who may do what: rights are bits of a domain, never "is domain 0". The mandatory-access-control hook sits here. */
#ifndef DOM_POLICY_H
#define DOM_POLICY_H

#include <lib/types.h>

#define RIGHT_HARDWARE BIT(0)   /* ports, device memory, interrupts, PCI, platform clock and power */
#define RIGHT_CONTROL  BIT(1)   /* other domains: create, map, configure */
#define RIGHT_STORE    BIT(2)   /* runs the XenStore */

struct domain;
/* 0 or -EPERM. */
int must_check policy_check(const struct domain *subject, u32 rights);

#endif
