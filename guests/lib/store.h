/* SPDX-License-Identifier: MIT */
/*
 * A client of the XenStore: a tree of names and texts kept by a daemon in another domain, reached through a ring in a page
 * that the builder of the domain shared with it. Calls wait for the answer; they are for vcpu 0, with upcalls enabled.
 *
 * Paths that do not begin with / are below the domain's own /local/domain/ID. The daemon's errors come back as -errno.
 */
#pragma once

#include <lib/types.h>

#define STORE_TEXT 256 /* the longest path or value that the calls below make or pass on, with its end */

/* The value of a name, as text that ends with 0: its length, or -errno; -E2BIG when it does not fit. */
long store_read(const char *path, char *value, size_t size);
/* The value as a number; `otherwise` when there is none. */
long store_read_number(const char *path, long otherwise);
/* Make the name, and those above it, and set the value. 0 or -errno. */
__attribute__((format(printf, 2, 3))) long store_write(const char *path, const char *format, ...);
long store_vwrite(const char *path, const char *format, va_list args);
/* Remove a name and all below it. */
long store_remove(const char *path);
/* The names directly below one, each ended by 0: how many, or -errno. */
long store_list(const char *path, char *names, size_t size);

/* Ask to be told of changes at and below a path. The first notice comes at once. */
long store_watch(const char *path, const char *token);
long store_unwatch(const char *path, const char *token);
/* Wait for the next notice, whatever its watch: the path that has changed; false if none comes within `ns`. Notices that
 * come while an answer is waited for are kept, as many as STORE_NOTICES; what comes beyond is forgotten. */
#define STORE_NOTICES 16
bool store_notice(char *path, size_t size, u64 ns);

/* The number of this domain. */
u16 store_domid(void);
