/* SPDX-License-Identifier: MIT */
/*
 * Error numbers. The hypervisor ABI's values are Linux's, whose header only holds macros and is safe to use
 * both freestanding and next to the host's <errno.h>. Functions return 0 or a negative one of these.
 */
#ifndef LIB_ERRNO_H
#define LIB_ERRNO_H

#include <asm-generic/errno.h>

/* Not part of the user-visible set: the call made progress, must be re-executed and has saved where to go on. */
#ifndef ERESTART
#define ERESTART 85
#endif

#endif
