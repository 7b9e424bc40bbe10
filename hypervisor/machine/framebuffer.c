/* SPDX-License-Identifier: MIT */
/*
 * Text on the loader's linear framebuffer, 32 bits per pixel: cells of 8 x 16 pixels, the font's dots doubled in
 * height. Reading such memory is slow, so the text does not scroll: it starts again at the top, where each new line
 * clears itself and the one below.
 */
#include <machine/boot.h>
#include <machine/internal.h>
#include <machine/map.h>
#include <machine/screen.h>

#define FB_START    (MMIO_START + (1UL << 30))
#define CELL_WIDTH  8
#define CELL_HEIGHT 16
#define MARGIN      1           /* around the 5 x 14 dots */
#define PIXEL_TEXT  0xffc0c0c0u /* the same grey in any order of colours */

static u8 *fb_base;
static u32 fb_pitch;
static unsigned fb_columns, fb_rows;

static void fb_draw(unsigned column, unsigned row, char c)
{
    for (unsigned y = 0; y < CELL_HEIGHT; y++) {
        volatile u32 *pixel = (volatile u32 *)(fb_base + (u64)(row * CELL_HEIGHT + y) * fb_pitch) + column * CELL_WIDTH;
        u8 dots = y >= MARGIN ? font_row(c, (y - MARGIN) / 2) : 0;

        for (unsigned x = 0; x < CELL_WIDTH; x++)
            pixel[x] = x >= MARGIN && x < MARGIN + FONT_COLUMNS && (dots >> (FONT_COLUMNS - 1 - (x - MARGIN)) & 1)
                           ? PIXEL_TEXT : 0;
    }
}

static unsigned fb_next_page(void)
{
    for (unsigned column = 0; column < fb_columns; column++)
        fb_draw(column, 0, ' ');
    return 0;
}

bool framebuffer_screen(struct screen *screen)
{
    const struct boot_framebuffer *fb = &boot_info.framebuffer;
    u64 bytes = (u64)fb->pitch_bytes * fb->height;
    u64 offset = fb->maddr & ((2UL << 20) - 1);

    if (fb->kind != FRAMEBUFFER_RGB || fb->bpp != 32 || fb->pitch_bytes < fb->width * 4UL || !bytes ||
        bytes > 256UL << 20)
        return false;
    fb_columns = fb->width / CELL_WIDTH;
    fb_rows = fb->height / CELL_HEIGHT;
    if (!fb_columns || !fb_rows)
        return false;
    boot_map(FB_START, maddr_to_mfn(fb->maddr - offset), round_up(offset + bytes, 2UL << 20) >> PAGE_SHIFT,
             PTE_RW | PTE_NX | PTE_PCD | PTE_PWT);
    fb_base = (u8 *)FB_START + offset;
    fb_pitch = fb->pitch_bytes;
    *screen = (struct screen){ fb_columns, fb_rows, fb_draw, fb_next_page };
    return true;
}
