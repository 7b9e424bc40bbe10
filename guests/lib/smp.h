/* SPDX-License-Identifier: MIT */
/*
 * More virtual CPUs: start one at a C function, which must never return. It may use hypercalls, traps, event channels
 * and the time, but neither fault_of() nor page_alloc() and what is built on them.
 */
#pragma once

#include <lib/types.h>

#define GUEST_VCPUS 8 /* the most that a guest can use */

/* 0 or -errno; -ENOENT when the domain has no such vcpu. */
long vcpu_start(u32 vcpu, void (*run)(void));
/* The vcpu that calls. */
u32 vcpu_self(void);

/* Start the vcpus below `count` as workers for vcpus_run(), unless they are; false, and a skip: there are fewer. */
bool vcpus_start(u32 count);
/*
 * Call job(vcpu) on all workers and on vcpu 0 at once; true when all have returned within `ns`. After false the others
 * are still at it. Upcalls are masked at the start of a job.
 */
bool vcpus_run(void (*job)(u32 vcpu), u64 ns);
