/* SPDX-License-Identifier: MIT */
/* Which vcpu a CPU runs: work bits, switches, the idle loop; runstate and time as the guest sees them. */
#ifndef DOM_RUN_H
#define DOM_RUN_H

#include <dom/domain.h>

/* Exit path: does all pending work of this CPU. On return current() is what it has to run now. */
void run_work(void);
/* A CPU that has never run a guest starts here and stays. */
void noreturn run_first(void);

/* Returns once the state of a vcpu that does not run is in memory, and not kept lazily in some CPU. */
void vcpu_save(struct vcpu *v);

/* RUNSTATE_* of a vcpu; times are accounted up to now. */
void runstate_change(struct vcpu *v, u32 state, u64 now_ns);
struct vcpu_runstate_info;
void runstate_get(struct vcpu *v, struct vcpu_runstate_info *info);
/* Writes the clock into the vcpu's info page if it has changed since the last time. */
void vcpu_time_update(struct vcpu *v);
/* Writes the wall clock into the domain's shared page. */
void domain_wallclock_update(struct domain *d);
/* The wall clock in ns since 1970 at system time 0. */
extern u64 wall_base_ns;

#endif
