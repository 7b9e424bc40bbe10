/* SPDX-License-Identifier: MIT */
/* What a kind of screen offers to the console in vga.c, and the font. Private to machine/. */
#ifndef MACHINE_SCREEN_H
#define MACHINE_SCREEN_H

#include <lib/types.h>

struct screen {
    unsigned columns, rows;
    void (*draw)(unsigned column, unsigned row, char c);
    /* The line after the last: moves all up, or (where that is slow) clears the first. Returns the row to go on at. */
    unsigned (*next_page)(void);
};

#define FONT_COLUMNS 5
#define FONT_ROWS    7
/* The dots of a row, leftmost in bit 4. Nothing for what is not printable. */
u8 font_row(char c, unsigned row);

/* framebuffer.c: false when the loader gave none that can be used. */
bool framebuffer_screen(struct screen *screen);

#endif
