/* SPDX-License-Identifier: MIT */
/*
 * Domains that take all the CPU they get, and count the pieces of work that they do; for a guest that is domain 0
 * (builder.h). What each got is known twice: by the hypervisor's accounts, and by the hog's own count.
 */
#pragma once

#include <lib/builder.h>

#define WEIGHT_DEFAULT 256u

struct hog {
    struct child c;
    u32 weight, cap;    /* weight 0: nobody sets anything of it */
    u64 ran, work;      /* ns of CPU and pieces of work, in the time that was measured */
};

struct measured {
    u64 ns;             /* how long it took */
    u64 ran, work;      /* of all hogs */
    u64 own;            /* CPU time of domain 0 */
};

/* The scheduler in use, as toolstacks know it (XEN_SCHEDULER_*); weight and cap of a domain: 0 or -errno. */
u32 scheduler_id(void);
long scheduler_set(u16 domid, u32 weight, u32 cap);
/* CPU time that a domain has had. */
u64 domain_ran(u16 domid);

/* Build them and let them run for half a second. False, after a failed check: there are none. */
bool hogs_start(struct hog *hogs, u32 count);
/* Measure for `ns`, in which domain 0 sleeps or is busy. */
struct measured hogs_measure(struct hog *hogs, u32 count, u64 ns, bool busy);
void hogs_end(struct hog *hogs, u32 count);

/* Check that `got` is part/of of `all`, within so many percent of what it should be. */
void check_share(u64 got, u64 all, u64 part, u64 of, u32 percent, const char *what);
/* Check that all did as much work in their time as the others in theirs. */
void check_work(const struct hog *hogs, u32 count, const struct measured *m, u32 percent);
