/* SPDX-License-Identifier: MIT */
/* Ports, PCI configuration space, device registers and CMOS: tests plug in what answers. */
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define PORT_HOOKS 16
#define PCI_DEVICES 16
#define MMIO_WINDOWS 32

struct mmio_window {
    u64 maddr;              /* page aligned */
    size_t bytes;
    u8 *mem;
    u64 hook_maddr;
    size_t hook_bytes;
    const struct fake_mmio_ops *ops;
    void *ctx;
};

u8 fake_cmos[256];

static struct { u16 first, last; const struct fake_port_ops *ops; void *ctx; } hooks[PORT_HOOKS];
static unsigned nr_hooks;
static struct fake_pci pci[PCI_DEVICES];
static unsigned nr_pci;
static struct mmio_window windows[MMIO_WINDOWS];
static unsigned nr_windows;

void fake_io_reset(void)
{
    for (unsigned i = 0; i < nr_windows; i++)
        free(windows[i].mem);
    memset(windows, 0, sizeof(windows));
    memset(fake_cmos, 0, sizeof(fake_cmos));
    nr_hooks = nr_pci = nr_windows = 0;
}

/* ---- ports; a later hook hides an earlier one ---- */

void fake_port_hook(u16 first, u16 last, const struct fake_port_ops *ops, void *ctx)
{
    if (nr_hooks == PORT_HOOKS)
        fake_die("no room for another port hook");
    hooks[nr_hooks].first = first;
    hooks[nr_hooks].last = last;
    hooks[nr_hooks].ops = ops;
    hooks[nr_hooks++].ctx = ctx;
}

u32 port_read(u16 p, unsigned bytes)
{
    u32 ones = bytes == 4 ? ~0u : (1u << (8 * bytes)) - 1;

    for (unsigned i = nr_hooks; i-- > 0;)
        if (p >= hooks[i].first && p <= hooks[i].last)
            return hooks[i].ops->read ? hooks[i].ops->read(hooks[i].ctx, p, bytes) & ones : ones;
    return ones;
}

void port_write(u16 p, unsigned bytes, u32 v)
{
    for (unsigned i = nr_hooks; i-- > 0;)
        if (p >= hooks[i].first && p <= hooks[i].last) {
            if (hooks[i].ops->write)
                hooks[i].ops->write(hooks[i].ctx, p, bytes, v);
            return;
        }
}

u8 cmos_read(u8 index) { return fake_cmos[index]; }
void cmos_write(u8 index, u8 v) { fake_cmos[index] = v; }

/* ---- PCI ---- */

struct fake_pci *fake_pci_add(u16 bdf, u16 vendor, u16 device)
{
    struct fake_pci *dev = &pci[nr_pci++];

    if (nr_pci > PCI_DEVICES)
        fake_die("no room for another PCI device");
    memset(dev, 0, sizeof(*dev));
    dev->bdf = bdf;
    memcpy(dev->config, &vendor, 2);
    memcpy(dev->config + 2, &device, 2);
    dev->writable[4] = dev->writable[5] = 0xff; /* command */
    return dev;
}

static struct fake_pci *pci_find(u16 bdf)
{
    for (unsigned i = 0; i < nr_pci; i++)
        if (pci[i].bdf == bdf)
            return &pci[i];
    return NULL;
}

static void pci_check(unsigned reg, unsigned bytes)
{
    if ((bytes != 1 && bytes != 2 && bytes != 4) || reg % bytes || reg + bytes > 256)
        fake_die("bad PCI configuration access: register 0x%x, %u bytes", reg, bytes);
}

u32 pci_conf_read(u16 bdf, unsigned reg, unsigned bytes)
{
    const struct fake_pci *dev = pci_find(bdf);
    u32 v = bytes == 4 ? ~0u : (1u << (8 * bytes)) - 1;

    pci_check(reg, bytes);
    if (dev) {
        v = 0;
        memcpy(&v, dev->config + reg, bytes);
    }
    return v;
}

void pci_conf_write(u16 bdf, unsigned reg, unsigned bytes, u32 v)
{
    struct fake_pci *dev = pci_find(bdf);

    pci_check(reg, bytes);
    if (!dev)
        return;
    for (unsigned i = 0; i < bytes; i++) {
        u8 mask = dev->writable[reg + i];

        dev->config[reg + i] = (u8)((dev->config[reg + i] & ~mask) | ((v >> (8 * i)) & mask));
    }
    if (dev->written)
        dev->written(dev, reg, bytes, v);
}

/* ---- device registers: plain memory unless hooked ---- */

static struct mmio_window *window_at(u64 maddr, size_t bytes)
{
    for (unsigned i = 0; i < nr_windows; i++)
        if (maddr >= windows[i].maddr && maddr + bytes <= windows[i].maddr + windows[i].bytes)
            return &windows[i];
    return NULL;
}

void *mmio_map(u64 maddr, size_t bytes)
{
    struct mmio_window *w = window_at(maddr, bytes);

    if (!w) {
        if (nr_windows == MMIO_WINDOWS)
            return NULL;
        w = &windows[nr_windows++];
        w->maddr = maddr & PAGE_MASK;
        w->bytes = round_up(maddr + bytes, PAGE_SIZE) - w->maddr;
        w->mem = calloc(1, w->bytes);
    }
    return w->mem + (maddr - w->maddr);
}

void fake_mmio_hook(u64 maddr, size_t bytes, const struct fake_mmio_ops *ops, void *ctx)
{
    struct mmio_window *w;

    if (!mmio_map(maddr, bytes))
        fake_die("no room for another MMIO window");
    w = window_at(maddr, bytes);
    w->hook_maddr = maddr;
    w->hook_bytes = bytes;
    w->ops = ops;
    w->ctx = ctx;
}

static const struct mmio_window *hooked(const volatile void *p, u64 *maddr)
{
    for (unsigned i = 0; i < nr_windows; i++) {
        const struct mmio_window *w = &windows[i];

        *maddr = w->maddr + (u64)((const volatile u8 *)p - w->mem);
        if (w->ops && *maddr >= w->hook_maddr && *maddr < w->hook_maddr + w->hook_bytes)
            return w;
    }
    return NULL;
}

u32 mmio_read32(const volatile void *p)
{
    u64 maddr;
    const struct mmio_window *w = hooked(p, &maddr);

    return w && w->ops->read ? w->ops->read(w->ctx, maddr) : *(const volatile u32 *)p;
}

void mmio_write32(volatile void *p, u32 v)
{
    u64 maddr;
    const struct mmio_window *w = hooked(p, &maddr);

    *(volatile u32 *)p = v;
    if (w && w->ops->write)
        w->ops->write(w->ctx, maddr, v);
}
