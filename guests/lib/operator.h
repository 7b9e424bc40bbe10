/* SPDX-License-Identifier: MIT */
/* What an operator sees: debug keys and their answers in the console ring. Domain 0 only. */
#pragma once

#include <lib/types.h>

#define REPORT_BYTES 256

/* Press a debug key; the rest of the line that has `mark` in it, in what is printed. False: there is none in a second. */
bool key_report(char key, const char *mark, char line[REPORT_BYTES]);

/* Whether the hypervisor is ours: it has a key for exact counts. */
bool have_counts(void);
/*
 * All that the hypervisor holds, as text that is the same when that is the same: memory, objects, domains, ports,
 * grants. Another hypervisor than ours, whose pools grow, is only asked for its domains.
 */
void counts_take(char counts[REPORT_BYTES]);
/* Check that they become what they were, within a second, and that all invariants hold. */
void counts_check(const char *before, const char *what);
