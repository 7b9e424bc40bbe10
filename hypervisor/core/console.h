/* SPDX-License-Identifier: MIT */
/*
 * The console: a ring of everything printed (xl dmesg), the devices that show it, and the input switch between
 * domain 0 and the hypervisor's debug keys. printk() is on top of it.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include <lib/types.h>

/* An output device; static storage of its driver. write() runs under the console lock, on any CPU, also in a panic:
 * it takes no lock of lower rank and waits for no one. It adds the carriage returns it needs. */
struct console_device {
    const char *name;
    void (*write)(const char *s, size_t n);
    struct console_device *next;        /* (l: console lock) */
};

void console_register(struct console_device *dev);      /* shows what is in the ring first */
void console_unregister(struct console_device *dev);    /* e.g. VGA, released to domain 0 */

/* Whole lines of the hypervisor's own: ring and devices. Lines of several CPUs do not mix. */
void console_write(const char *s, size_t n);
/* Domain 0's raw output: devices only. */
void console_write_dom0(const char *s, size_t n);

/* Copies ring contents from *index (moved up to the oldest byte kept, and behind what was copied). Returns bytes. */
u32 console_ring_read(u32 *index, char *buf, u32 size);
u32 console_ring_start(void);                           /* index of the oldest byte not cleared */
void console_ring_clear(void);                          /* later reads start at the present end */

/* ---- input ---- */
/* A character from the serial line or keyboard, any CPU. */
void console_input(char c);
/* Takes what domain 0 may read; returns bytes. */
u32 console_read_dom0(char *buf, u32 size);
/* Boot, once domain 0 exists: from now on it gets the input. */
void console_input_to_dom0(void);

/* Called from WORK_CONSOLE after output (VIRQ_CON_RING) and after input for domain 0 (VIRQ_CONSOLE). */
void console_set_hooks(void (*output)(void), void (*input)(void));
void console_run(void);

/* Panic: whoever holds the lock will not come back. */
void console_force(void);

#endif
