/* SPDX-License-Identifier: MIT */
/*
 * Grace periods: when one has passed, every CPU has left the hypervisor or idled since it was asked for, so no CPU has
 * kept a pointer that it looked up before. Whoever unlists an object asks for one and frees the object afterwards.
 */
#ifndef CORE_GRACE_H
#define CORE_GRACE_H

#include <lib/types.h>

struct grace {
    struct grace *next;
    void (*fn)(struct grace *g);
};

/* Calls fn(g), from a work handler of some CPU with no lock held, once a grace period has passed. g must stay until
 * then. Any CPU, holding no lock of rank RANK_GRACE or above. */
void grace_call(struct grace *g, void (*fn)(struct grace *g));

void grace_run(void);       /* WORK_GRACE */

#endif
