/* SPDX-License-Identifier: MIT */
/* The exit path of paravirtual guests and what dom/run.c knows about them. */
#ifndef PV_EXIT_H
#define PV_EXIT_H

#include <dom/domain.h>

extern const struct guest_ops pv_guest_ops;
/* True: SYSRET, else IRET. */
bool exit_path(struct regs *regs);

#endif
