/* SPDX-License-Identifier: MIT */
/* 16550 serial ports com1 and com2. Polled; the caller serialises (RANK_UART). Taken away from dom0. */
#ifndef MACHINE_UART_H
#define MACHINE_UART_H

#include <lib/types.h>

#define UART_PORTS 2
#define UART_IO_PORTS 8         /* I/O ports one UART takes */

/*
 * Reads "baud[/clock][,format[,io-base[,irq]]]", e.g. 115200,8n1,0x3f8,4; baud may be "auto" (as the firmware set
 * it); "" keeps the defaults. Cuts config up. -EINVAL with *why set.
 */
int must_check uart_configure(unsigned port, char *config, const char **why);
/* Programs the device. -ENODEV: nothing answers at the I/O base. Until then writes are dropped. */
int must_check uart_init(unsigned port);
void uart_write(unsigned port, const char *s, size_t n);    /* as it is: the caller turns \n into \r\n */
int uart_getc(unsigned port);                               /* received byte or -1 */
void uart_irq_enable(unsigned port, bool on);               /* receive interrupt */
u16 uart_io_base(unsigned port);                            /* 0: not in use */
u8 uart_irq(unsigned port);                                 /* ISA interrupt number */

#endif
