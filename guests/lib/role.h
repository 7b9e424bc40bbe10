/* SPDX-License-Identifier: MIT */
/*
 * What a guest does that is not domain 0. The first word of its command line names the role:
 *
 *     ROLE(name) { ... }
 *
 * It may use check(): what fails is a failure of the test that started it. When it returns, the domain powers off.
 */
#pragma once

#include <lib/types.h>

struct role {
    const char *name;
    void (*run)(void);
};

#define ROLE(name_)                                                                                                    \
    static void role_##name_(void);                                                                                    \
    static const struct role role_entry_##name_                                                                        \
        __attribute__((used, section(".roles"), aligned(8))) = {#name_, role_##name_};                                 \
    static void role_##name_(void)

/* The page that the role shares with whoever started it (builder.h). */
volatile u64 *role_mailbox(void);
/* Run the role that the command line names; false: there is none. */
bool role_run(void);
/* The number behind "name=" in the command line, of any domain. */
long guest_option(const char *name, long otherwise);
