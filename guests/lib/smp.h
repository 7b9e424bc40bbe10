/* SPDX-License-Identifier: MIT */
/* More virtual CPUs: start one at a C function, which must never return and may use hypercalls but not the library. */
#pragma once

#include <lib/types.h>

/* 0 or -errno; -ENOENT when the domain has no such vcpu. */
long vcpu_start(u32 vcpu, void (*run)(void));
