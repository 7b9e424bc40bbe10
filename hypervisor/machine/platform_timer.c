/* SPDX-License-Identifier: MIT */
/* The three platform timers. See platform_timer.h. */
#include <machine/boot.h>
#include <machine/internal.h>
#include <machine/io.h>
#include <machine/map.h>
#include <machine/platform_timer.h>

#define HPET_CAP_LOW     0x000
#define HPET_CAP_PERIOD  0x004
#define HPET_CONFIG      0x010
#define HPET_COUNT       0x0f0
#define HPET_BYTES       0x400
#define HPET_ON          1u
#define HPET_LEGACY      2u
#define FEMTO            1000000000000000UL
#define HPET_PERIOD_MAX  100000000u     /* fs */
#define PM_TIMER_HZ      3579545
#define PIT_HZ           1193182
#define ALIVE_SPINS      100000

static u8 *hpet_regs;
static u16 pm_port;

static u64 hpet_count(void)
{
    return mmio_read32(hpet_regs + HPET_COUNT);
}

static bool hpet_start(struct platform_timer *t)
{
    u32 period;

    hpet_regs = acpi_info.hpet_maddr ? mmio_map(acpi_info.hpet_maddr, HPET_BYTES) : NULL;
    if (!hpet_regs)
        return false;
    period = mmio_read32(hpet_regs + HPET_CAP_PERIOD);
    if (!period || period > HPET_PERIOD_MAX || mmio_read32(hpet_regs + HPET_CAP_LOW) == ~0u)
        return false;
    mmio_write32(hpet_regs + HPET_CONFIG, (mmio_read32(hpet_regs + HPET_CONFIG) & ~HPET_LEGACY) | HPET_ON);
    t->hz = FEMTO / period;
    return true;
}

static u64 pm_count(void)
{
    return inl(pm_port);
}

static bool pm_start(struct platform_timer *t)
{
    if (acpi_info.pm_timer.space != ACPI_SPACE_PORT || !acpi_info.pm_timer.address)
        return false;
    pm_port = (u16)acpi_info.pm_timer.address;
    t->mask = acpi_info.pm_timer_32bit ? 0xffffffff : 0xffffff;
    return true;
}

/* Channel 2, whose gate is port 0x61; the speaker stays silent. Counts down, read as up. */
static bool pit_start(struct platform_timer *t)
{
    outb(0x61, (inb(0x61) & ~2) | 1);
    outb(0x43, 0xb4);                   /* channel 2, low then high byte, mode 2 */
    outb(0x42, 0);
    outb(0x42, 0);
    return true;
}

static u64 pit_count(void)
{
    u8 low;

    outb(0x43, 0x80);                   /* latch channel 2 */
    low = inb(0x42);
    return 0x10000UL - (low | (u64)inb(0x42) << 8);
}

static struct platform_timer timers[] = {
    { .name = "HPET", .mask = 0xffffffff, .lasting = true, .start = hpet_start, .count = hpet_count },
    { .name = "ACPI PM timer", .hz = PM_TIMER_HZ, .lasting = true, .start = pm_start, .count = pm_count },
    { .name = "PIT", .hz = PIT_HZ, .mask = 0xffff, .start = pit_start, .count = pit_count },
};

static bool counts(const struct platform_timer *t)
{
    u64 first = t->count();

    for (unsigned i = 0; i < ALIVE_SPINS; i++)
        if (t->count() != first)
            return true;
    return false;
}

struct platform_timer *platform_timer_find(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
        if (timers[i].start(&timers[i]) && counts(&timers[i]))
            return &timers[i];
    return NULL;
}
