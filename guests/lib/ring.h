/* SPDX-License-Identifier: MIT */
/* The rings of split devices: the macros of <xen/io/ring.h>, with the barriers that they want. */
#pragma once

#include <lib/types.h>

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <xen/io/ring.h>
