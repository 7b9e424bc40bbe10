/* SPDX-License-Identifier: MIT */
/*
 * The screen: VGA text at 0xb8000 or the loader's linear framebuffer, until it is released to dom0. The caller
 * serialises (RANK_CONSOLE).
 */
#ifndef MACHINE_VGA_H
#define MACHINE_VGA_H

#include <lib/types.h>

void vga_init(void);                            /* after machine_init_memory(); picks text or framebuffer */
void vga_write(const char *s, size_t n);        /* understands \n, \r, \b and \t; nothing after vga_release() */
void vga_release(void);                         /* dom0 owns the screen from now on */

struct dom0_vga_console_info;
/* Fills the ABI's description of the screen; returns the bytes used, 0 when there is none. */
size_t vga_describe(struct dom0_vga_console_info *info);

#endif
