/* SPDX-License-Identifier: MIT */
/*
 * Who may do what: rights are bits of a domain, never "is domain 0". Which operation needs which right is the WHO
 * column of hcall/hypercalls.tbl. Once the rights suffice, a mandatory-access-control module, if there is one, is
 * asked with both domains, their labels in them, and may only refuse.
 */
#ifndef DOM_POLICY_H
#define DOM_POLICY_H

#include <lib/types.h>

#define RIGHT_HARDWARE BIT(0)   /* ports, device memory, interrupts, PCI, platform clock and power */
#define RIGHT_CONTROL  BIT(1)   /* other domains: create, map, configure */
#define RIGHT_STORE    BIT(2)   /* runs the XenStore */

struct domain;

struct policy_question {
    const struct domain *subject, *object;      /* object: NULL when the operation names no domain */
    u32 rights;                                 /* that the subject needs, all of them */
    u16 call, op;                               /* hypercall and operation */
};

struct policy_module {
    const char *name;
    int (*allows)(const struct policy_question *q);     /* 0 or -EPERM; no lock held */
};
extern const struct policy_module *policy_module;       /* NULL: rights alone decide */

/* 0 or -EPERM. */
int must_check policy_ask(const struct policy_question *q);
/* Rights alone, where there is neither object nor operation. */
int must_check policy_check(const struct domain *subject, u32 rights);

#endif
