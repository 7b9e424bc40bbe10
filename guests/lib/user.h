/* SPDX-License-Identifier: MIT */
/*
 * User mode: a second root page table that has no kernel, and calls into it.
 *
 * A user function is marked USER_CODE, uses no static data, and calls only other USER_CODE functions.
 */
#pragma once

#include <lib/trap.h>

#define USER_CODE __attribute__((section(".user"), noinline, used))
#define USER_VA 0x400000ul       /* where user code appears */
#define USER_STACK_VA 0x600000ul /* the page of its stack */

typedef u64 user_function(u64 arg);

/* Build the user's address space; again is harmless. */
void user_init(void);
u64 user_root_mfn(void);
/* Call a function in user mode. When it returns, *result is its value and the fault's vector is NO_FAULT. */
struct fault user_run(user_function *function, u64 arg, u64 *result);
/* Registers with which user_run() would start, for tests that change them before trap_return(). */
struct regs user_regs(user_function *function, u64 arg);
