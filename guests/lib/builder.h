/* SPDX-License-Identifier: MIT */
/*
 * A builder of domains for a guest that is domain 0: its children run the image that it was given as its module (which
 * guests/run makes the guest's own file), in a role named by the first word of their command line (role.h).
 *
 * A child's memory starts at frame number 256, where guests are linked; the builder maps all of it. It has a console
 * ring, which child_drain() empties, and a mailbox page that both sides see, for whatever a test wants.
 */
#pragma once

#include <lib/types.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/io/console.h>

#define CHILD_PAGES 256     /* memory of a child, unless told otherwise */
#define CHILD_MAX_PAGES 512
#define CHILD_SLOTS 256     /* children at a time */
#define CHILD_FIRST_PFN 256

/* How far a child is built; each step needs the ones before. */
enum child_step { CHILD_NONE, CHILD_CREATED, CHILD_POPULATED, CHILD_LOADED, CHILD_PINNED, CHILD_READY };

struct child {
    u16 domid;
    u16 slot;
    u32 pages, vcpus;
    const char *words;                  /* its command line */
    u64 *frames;                        /* machine frame of each page, from CHILD_FIRST_PFN on */
    struct xencons_interface *console;  /* these two are mapped from CHILD_LOADED on */
    volatile u64 *mailbox;
    u64 entry, tables, stack, info;     /* where the vcpu starts; frame numbers of its root table, stack, start info */
    u64 console_pfn, mailbox_pfn;
    void (*on_line)(const struct child *c); /* instead of making checks of the lines that it prints */
    u32 line_bytes;                     /* what it has printed of a line */
    char line[160];
};

/* One domctl on a domain: 0 or -errno. */
long domctl(struct xen_domctl *op, u32 cmd, u16 domid);
/* What the hypervisor says of a domain: 0, or -ESRCH when there is none of this id. */
long domain_info(u16 domid, struct xen_domctl_getdomaininfo *info);

/* Map a frame of another domain: as map_page(). */
long map_foreign(unsigned long va, u64 mfn, u64 flags, u16 domid);

/* Build a child of `pages` pages (0: CHILD_PAGES) and `vcpus` (0: 1) up to a step; it stays paused. 0 or -errno. */
long child_build(struct child *c, const char *words, u32 pages, u32 vcpus, enum child_step last);
/* The same to the end, and let it run. */
long child_start(struct child *c, const char *words);
/* A frame of the child's memory, by its frame number. */
u64 child_frame(const struct child *c, u64 pfn);
/* Print the lines that the child has printed. Its failed checks become checks of the test that runs here. */
void child_drain(struct child *c);
/* Wait until it has shut down: its reason (SHUTDOWN_*), or -1 if it has not after `ns`. */
long child_wait(struct child *c, u64 ns);
/* Wait until a word of its mailbox has a value; false if it has not after `ns`. */
bool child_answers(struct child *c, u32 word, u64 value, u64 ns);
/* Unmap what is mapped here of it and kill it, which may be called again: 0 or -errno. */
long child_kill(struct child *c);
/* Wait until a domain is listed no longer; false if it still is after `ns`. */
bool domain_gone(u16 domid, u64 ns);
/* Kill it and wait until it has gone; checks that this worked. */
void child_end(struct child *c);
