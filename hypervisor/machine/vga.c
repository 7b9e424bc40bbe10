/* SPDX-License-Identifier: MIT */
/*
 * The screen as a console: cursor, line ends, VGA text mode; framebuffer.c is the other kind. Given up for good by
 * vga_release(). See vga.h.
 */
#include <lib/string.h>
#include <machine/boot.h>
#include <machine/io.h>
#include <machine/map.h>
#include <machine/screen.h>
#include <machine/vga.h>
#include <xen/xen.h>

#define TEXT_MADDR   0xb8000
#define TEXT_COLUMNS 80
#define TEXT_ROWS    25
#define TEXT_GREY    0x0700
#define FONT_HEIGHT  16
#define CRTC_INDEX   0x3d4
#define CRTC_DATA    0x3d5
#define CRTC_CURSOR_HIGH 14     /* and 15: low */
#define TAB          8

static struct screen screen;    /* no draw(): there is none */
static unsigned cursor_x, cursor_y;
static bool released;

static volatile u16 *text_memory(void)
{
    return frame_map(maddr_to_mfn(TEXT_MADDR));
}

static void text_draw(unsigned column, unsigned row, char c)
{
    text_memory()[row * TEXT_COLUMNS + column] = (u16)(TEXT_GREY | (u8)c);
}

static unsigned text_next_page(void)
{
    volatile u64 *words = (volatile u64 *)text_memory();
    unsigned line = TEXT_COLUMNS * 2 / 8;

    for (unsigned i = 0; i < line * (TEXT_ROWS - 1); i++)
        words[i] = words[i + line];
    for (unsigned column = 0; column < TEXT_COLUMNS; column++)
        text_draw(column, TEXT_ROWS - 1, ' ');
    return TEXT_ROWS - 1;
}

static void text_show_cursor(void)
{
    unsigned at = cursor_y * TEXT_COLUMNS + cursor_x;

    outb(CRTC_INDEX, CRTC_CURSOR_HIGH);
    outb(CRTC_DATA, (u8)(at >> 8));
    outb(CRTC_INDEX, CRTC_CURSOR_HIGH + 1);
    outb(CRTC_DATA, (u8)at);
}

/* Is there memory behind the text screen? EFI machines may have none. */
static bool text_present(void)
{
    volatile u16 *cell = text_memory();
    u16 old = *cell, probe = (u16)~old;
    bool present;

    *cell = probe;
    present = *cell == probe;
    *cell = old;
    return present;
}

void vga_init(void)
{
    bool text = boot_info.framebuffer.kind != FRAMEBUFFER_RGB && !boot_info.efi.system_table && text_present();

    if (text)
        screen = (struct screen){ TEXT_COLUMNS, TEXT_ROWS, text_draw, text_next_page };
    else if (!framebuffer_screen(&screen))
        return;
    for (unsigned row = 0; row < screen.rows; row++)
        for (unsigned column = 0; column < screen.columns; column++)
            screen.draw(column, row, ' ');
}

static void newline(void)
{
    cursor_x = 0;
    if (++cursor_y == screen.rows)
        cursor_y = screen.next_page();
    else
        for (unsigned column = 0; column < screen.columns; column++)
            screen.draw(column, cursor_y, ' ');
}

static void put(char c)
{
    switch (c) {
    case '\n':
        newline();
        return;
    case '\r':
        cursor_x = 0;
        return;
    case '\b':
        cursor_x -= cursor_x > 0;
        return;
    case '\t':
        do
            put(' ');
        while (cursor_x % TAB);
        return;
    }
    if (cursor_x == screen.columns)
        newline();
    screen.draw(cursor_x++, cursor_y, c);
}

void vga_write(const char *s, size_t n)
{
    if (!screen.draw || released)
        return;
    while (n--)
        put(*s++);
    if (screen.draw == text_draw)
        text_show_cursor();
}

void vga_release(void)
{
    released = true;
}

static size_t describe_framebuffer(struct dom0_vga_console_info *info)
{
    const struct boot_framebuffer *fb = &boot_info.framebuffer;

    info->video_type = boot_info.efi.system_table ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
    info->u.vesa_lfb.width = (u16)fb->width;
    info->u.vesa_lfb.height = (u16)fb->height;
    info->u.vesa_lfb.bytes_per_line = (u16)fb->pitch_bytes;
    info->u.vesa_lfb.bits_per_pixel = fb->bpp;
    info->u.vesa_lfb.lfb_base = (u32)fb->maddr;
    info->u.vesa_lfb.ext_lfb_base = (u32)(fb->maddr >> 32);
    info->u.vesa_lfb.lfb_size = (u32)(((u64)fb->pitch_bytes * fb->height + 0xffff) >> 16);
    info->u.vesa_lfb.red_pos = fb->red_pos;
    info->u.vesa_lfb.red_size = fb->red_size;
    info->u.vesa_lfb.green_pos = fb->green_pos;
    info->u.vesa_lfb.green_size = fb->green_size;
    info->u.vesa_lfb.blue_pos = fb->blue_pos;
    info->u.vesa_lfb.blue_size = fb->blue_size;
    return sizeof(*info);
}

size_t vga_describe(struct dom0_vga_console_info *info)
{
    memset(info, 0, sizeof(*info));
    if (boot_info.framebuffer.kind == FRAMEBUFFER_RGB)
        return describe_framebuffer(info);
    if (screen.draw != text_draw)
        return 0;
    info->video_type = XEN_VGATYPE_TEXT_MODE_3;
    info->u.text_mode_3.font_height = FONT_HEIGHT;
    info->u.text_mode_3.cursor_x = (u16)min(cursor_x, TEXT_COLUMNS - 1u);
    info->u.text_mode_3.cursor_y = (u16)cursor_y;
    info->u.text_mode_3.rows = TEXT_ROWS;
    info->u.text_mode_3.columns = TEXT_COLUMNS;
    return sizeof(*info);
}
