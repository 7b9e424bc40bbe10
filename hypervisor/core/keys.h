/* SPDX-License-Identifier: MIT */
/*
 * Debug keys: one character, one report on the console. A layer registers its keys at boot; 'h' lists them all.
 * Handlers run from WORK_KEYS on the CPU that got the character, no lock held.
 */
#ifndef CORE_KEYS_H
#define CORE_KEYS_H

#include <lib/types.h>
#include <x86/regs.h>

/* help is a few words, shown by 'h'; static storage. The key must be free. */
void key_register(char key, const char *help, void (*fn)(void));
void keys_init(void);               /* core's own keys; boot */
/* Somebody typed c (console input, or the debug_keys operation of sysctl). Any context. */
void keys_press(char c);
void keys_run(void);                /* WORK_KEYS */

#endif
