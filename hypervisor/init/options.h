/* SPDX-License-Identifier: MIT */
/* Boot options: the table of what the hypervisor's command line may say. Names are Xen's. */
#ifndef INIT_OPTIONS_H
#define INIT_OPTIONS_H

#include <init/dom0.h>

struct boot_options {
    struct dom0_options dom0;
    bool console_com[2], console_vga;
    char sched[16];
    bool smap, smep;
    bool vga_keep;
};
extern struct boot_options boot_options;

/* Reports unknown and malformed options and ignores them. */
void options_parse(const char *cmdline);

#endif
