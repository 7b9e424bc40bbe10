/* SPDX-License-Identifier: MIT */
/* 16550 serial ports, polled. State is set at boot; the caller serialises device access. See uart.h. */
#include <lib/errno.h>
#include <lib/string.h>
#include <machine/cpu.h>
#include <machine/io.h>
#include <machine/uart.h>

enum uart_reg { UART_DATA = 0, UART_IER = 1, UART_FCR = 2, UART_LCR = 3, UART_MCR = 4, UART_LSR = 5, UART_SCRATCH = 7 };
#define IER_RECEIVE  0x01
#define FCR_ENABLE   0x07       /* and clear both FIFOs */
#define IIR_FIFO     0xc0
#define LCR_DIVISOR  0x80
#define MCR_ON       0x0b       /* DTR, RTS, interrupt line to the bus */
#define LSR_DATA     0x01
#define LSR_EMPTY    0x20
#define TX_SPINS     1000000    /* a device that never gets ready loses bytes rather than hang us */
#define CLOCK_HZ     1843200
#define BAUD_DEFAULT 115200

struct uart {
    u32 baud;                   /* 0: as the firmware set it */
    u32 clock_hz;
    u8 lcr;                     /* word format */
    u8 irq;
    u8 fifo;                    /* bytes per transmit-ready */
    bool ready;
    u16 io;
};

static struct uart uarts[UART_PORTS] = {
    { .baud = BAUD_DEFAULT, .clock_hz = CLOCK_HZ, .lcr = 3, .irq = 4, .io = 0x3f8 },
    { .baud = BAUD_DEFAULT, .clock_hz = CLOCK_HZ, .lcr = 3, .irq = 3, .io = 0x2f8 },
};

static bool parse_number(const char *s, u64 max, u64 *v)
{
    return !str_parse_u64(&s, 0, v) && !*s && *v && *v <= max;
}

static int parse_baud(struct uart *u, char *item)
{
    char *clock = item;
    u64 baud, hz = u->clock_hz;

    item = str_next_item(&clock, '/');
    if (clock && !parse_number(clock, 1000000000, &hz))
        return -EINVAL;
    u->clock_hz = (u32)hz;
    if (!strcmp(item, "auto")) {
        u->baud = 0;
        return 0;
    }
    if (!parse_number(item, hz / 16, &baud))
        return -EINVAL;
    u->baud = (u32)baud;
    return 0;
}

/* Data bits 5-8, parity n o e m s, stop bits 1-2. */
static int parse_format(struct uart *u, const char *item)
{
    static const struct { char letter; u8 lcr; } parities[] = {
        { 'n', 0x00 }, { 'o', 0x08 }, { 'e', 0x18 }, { 'm', 0x28 }, { 's', 0x38 },
    };

    if (strlen(item) != 3 || item[0] < '5' || item[0] > '8' || item[2] < '1' || item[2] > '2')
        return -EINVAL;
    for (unsigned i = 0; i < ARRAY_SIZE(parities); i++)
        if (parities[i].letter == item[1]) {
            u->lcr = (u8)((item[0] - '5') | (item[2] - '1') << 2 | parities[i].lcr);
            return 0;
        }
    return -EINVAL;
}

static int parse_item(struct uart *u, unsigned position, char *item)
{
    u64 v;

    if (!*item)
        return 0;
    switch (position) {
    case 0:
        return parse_baud(u, item);
    case 1:
        return parse_format(u, item);
    case 2:
        if (!parse_number(item, 0xfff8, &v))
            return -EINVAL;
        u->io = (u16)v;
        return 0;
    case 3:
        if (!parse_number(item, 15, &v))
            return -EINVAL;
        u->irq = (u8)v;
        return 0;
    }
    return -EINVAL;
}

int uart_configure(unsigned port, char *config, const char **why)
{
    struct uart u = uarts[port];
    char *rest = config;

    for (unsigned position = 0; rest; position++)
        if (parse_item(&u, position, str_next_item(&rest, ','))) {
            *why = "not a serial port setting; give baud[/clock][,format[,io-base[,irq]]], e.g. 115200,8n1,0x3f8,4";
            return -EINVAL;
        }
    uarts[port] = u;
    return 0;
}

static u8 uart_in(const struct uart *u, enum uart_reg reg) { return inb((u16)(u->io + reg)); }
static void uart_out(const struct uart *u, enum uart_reg reg, unsigned v) { outb((u16)(u->io + reg), (u8)v); }

int uart_init(unsigned port)
{
    struct uart *u = &uarts[port];

    uart_out(u, UART_SCRATCH, 0x5a);
    if (uart_in(u, UART_SCRATCH) != 0x5a || uart_in(u, UART_LSR) == 0xff)
        return -ENODEV;
    uart_out(u, UART_IER, 0);
    if (u->baud) {
        u32 divisor = u->clock_hz / 16 / u->baud;

        uart_out(u, UART_LCR, u->lcr | LCR_DIVISOR);
        uart_out(u, UART_DATA, divisor & 0xff);
        uart_out(u, UART_IER, divisor >> 8);
        uart_out(u, UART_LCR, u->lcr);
    }
    uart_out(u, UART_FCR, FCR_ENABLE);
    u->fifo = (uart_in(u, UART_FCR) & IIR_FIFO) == IIR_FIFO ? 16 : 1;
    uart_out(u, UART_MCR, MCR_ON);
    u->ready = true;
    return 0;
}

void uart_write(unsigned port, const char *s, size_t n)
{
    const struct uart *u = &uarts[port];

    while (u->ready && n) {
        unsigned spins = TX_SPINS;

        while (!(uart_in(u, UART_LSR) & LSR_EMPTY) && --spins)
            cpu_relax();
        for (unsigned i = 0; i < u->fifo && n; i++, n--)
            uart_out(u, UART_DATA, (u8)*s++);
    }
}

int uart_getc(unsigned port)
{
    const struct uart *u = &uarts[port];

    return u->ready && (uart_in(u, UART_LSR) & LSR_DATA) ? uart_in(u, UART_DATA) : -1;
}

void uart_irq_enable(unsigned port, bool on)
{
    const struct uart *u = &uarts[port];

    if (u->ready)
        uart_out(u, UART_IER, on ? IER_RECEIVE : 0);
}

u16 uart_io_base(unsigned port)
{
    return uarts[port].ready ? uarts[port].io : 0;
}

u8 uart_irq(unsigned port)
{
    return uarts[port].irq;
}
