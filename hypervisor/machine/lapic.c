/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of each CPU: IPIs, end of interrupt, one-shot timer. Memory-mapped, or through MSRs when the firmware
 * left it in x2APIC mode. Each CPU touches only its own; interrupts are off, so the two writes of an IPI are not torn.
 */
#include <machine/boot.h>
#include <machine/internal.h>
#include <machine/io.h>
#include <machine/map.h>
#include <machine/msr.h>
#include <machine/report.h>
#include <machine/time.h>

enum lapic_reg {
    LAPIC_ID = 0x20, LAPIC_TPR = 0x80, LAPIC_EOI = 0xb0, LAPIC_SPURIOUS = 0xf0, LAPIC_ESR = 0x280, LAPIC_ICR = 0x300,
    LAPIC_ICR_HIGH = 0x310, LAPIC_LVT_TIMER = 0x320, LAPIC_LVT_THERMAL = 0x330, LAPIC_LVT_PERF = 0x340,
    LAPIC_LVT_LINT0 = 0x350, LAPIC_LVT_LINT1 = 0x360, LAPIC_LVT_ERROR = 0x370, LAPIC_TIMER_INIT = 0x380,
    LAPIC_TIMER_NOW = 0x390, LAPIC_TIMER_DIVIDE = 0x3e0, LAPIC_VERSION = 0x30,
};
#define SPURIOUS_ENABLE   0x100
#define LVT_MASKED        0x10000
#define LVT_NMI           0x400
#define LVT_TSC_DEADLINE  0x40000
#define ICR_PENDING       0x1000
#define ICR_NMI           0x400
#define ICR_INIT          0x4500        /* assert */
#define ICR_STARTUP       0x4600
#define DIVIDE_BY_1       0xb
#define CALIBRATE_US      5000
#define CALIBRATE_TRIES   5

static volatile u8 *lapic_regs;
static bool lapic_x2;
static u64 timer_khz;                   /* of the count-down timer */

static u32 lapic_read(enum lapic_reg reg)
{
    return lapic_x2 ? (u32)rdmsr(MSR_X2APIC + (reg >> 4)) : mmio_read32(lapic_regs + reg);
}

static void lapic_write(enum lapic_reg reg, u32 v)
{
    if (lapic_x2)
        wrmsr(MSR_X2APIC + (reg >> 4), v);
    else
        mmio_write32(lapic_regs + reg, v);
}

u32 lapic_id(void)
{
    u32 id = lapic_read(LAPIC_ID);

    return lapic_x2 ? id : id >> 24;
}

void lapic_eoi(void)
{
    lapic_write(LAPIC_EOI, 0);
}

static void send(u32 apic_id, u32 low)
{
    if (lapic_x2) {
        wrmsr(MSR_X2APIC + (LAPIC_ICR >> 4), (u64)apic_id << 32 | low);
        return;
    }
    while (lapic_read(LAPIC_ICR) & ICR_PENDING)
        cpu_relax();
    lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
    lapic_write(LAPIC_ICR, low);
}

void cpu_send_ipi(unsigned cpu, u8 vector)
{
    send(cpu_info_of(cpu)->apic_id, vector);
}

void cpu_send_ipi_mask(const cpumask_t *mask, u8 vector)
{
    unsigned cpu;

    for_each_cpu(cpu, mask)
        cpu_send_ipi(cpu, vector);
}

void cpu_send_nmi(unsigned cpu)
{
    send(cpu_info_of(cpu)->apic_id, ICR_NMI);
}

void lapic_send_init(u32 apic_id)
{
    send(apic_id, ICR_INIT);
}

void lapic_send_startup(u32 apic_id, u8 page)
{
    send(apic_id, ICR_STARTUP | page);
}

/* -- the timer -- */
struct timer_sample { u64 tsc; u32 count; };

/* A count and its TSC value, from the tightest of several bracketed reads. */
static struct timer_sample take_sample(void)
{
    struct timer_sample best = { 0, 0 };
    u64 tightest = ~0UL;

    for (unsigned i = 0; i < CALIBRATE_TRIES; i++) {
        u64 before = rdtsc();
        u32 count = lapic_read(LAPIC_TIMER_NOW);
        u64 width = rdtsc() - before;

        if (width < tightest) {
            tightest = width;
            best = (struct timer_sample){ before + width / 2, count };
        }
    }
    return best;
}

/* Against the TSC, whose rate is known. */
void lapic_timer_calibrate(void)
{
    struct timer_sample a, b;

    lapic_write(LAPIC_TIMER_INIT, ~0u);
    a = take_sample();
    time_delay_us(CALIBRATE_US);
    b = take_sample();
    lapic_write(LAPIC_TIMER_INIT, 0);
    if (b.tsc > a.tsc)
        timer_khz = (u64)(a.count - b.count) * tsc_khz / (b.tsc - a.tsc);
    if (!timer_khz)
        machine_fatal("The local APIC timer does not run; Hospes cannot schedule. Update the firmware.");
}

void lapic_timer_set(u64 deadline_ns)
{
    u64 now, count;

    if (cpu_features.tsc_deadline) {
        wrmsr(MSR_TSC_DEADLINE, deadline_ns == ~0UL ? 0 : max(ns_to_tsc(deadline_ns), 1UL));
        return;
    }
    if (deadline_ns == ~0UL) {
        lapic_write(LAPIC_TIMER_INIT, 0);
        return;
    }
    now = time_now_ns();
    count = deadline_ns > now ? min(deadline_ns - now, 1000000000UL) * timer_khz / 1000000 : 0;
    lapic_write(LAPIC_TIMER_INIT, (u32)min(count + 1, 0xffffffffUL));
}

/* -- start -- */
static u32 lint_mode(unsigned cpu, u8 lint)
{
    u32 acpi_id = ~0u;

    for (unsigned i = 0; i < acpi_info.nr_cpus; i++)
        if (acpi_info.cpus[i].apic_id == cpu_info_of(cpu)->apic_id)
            acpi_id = acpi_info.cpus[i].acpi_id;
    for (unsigned i = 0; i < acpi_info.nr_nmis; i++) {
        const struct acpi_nmi *nmi = &acpi_info.nmis[i];

        if (nmi->lint == lint && (nmi->acpi_id == ~0u || nmi->acpi_id == acpi_id))
            return LVT_NMI;
    }
    return LVT_MASKED;
}

void lapic_init_cpu(unsigned cpu)
{
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER | (cpu_features.tsc_deadline ? LVT_TSC_DEADLINE : 0));
    lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LAPIC_LVT_LINT0, lint_mode(cpu, 0));
    lapic_write(LAPIC_LVT_LINT1, lint_mode(cpu, 1));
    lapic_write(LAPIC_LVT_ERROR, VECTOR_ERROR);
    if ((lapic_read(LAPIC_VERSION) >> 16 & 0xff) >= 4)
        lapic_write(LAPIC_LVT_PERF, LVT_MASKED);
    lapic_write(LAPIC_ESR, 0);
    lapic_eoi();
}

/* The firmware's mode is kept; without a MADT the architectural address is right. */
void lapic_init_boot(void)
{
    u64 base = rdmsr(MSR_APIC_BASE);

    if (!(cpuid(1, 0).d & BIT(9)))
        machine_fatal("The CPU has no local APIC. Use one that has; in QEMU, do not pass -apic.");
    lapic_x2 = (base & APIC_BASE_X2APIC) && (base & APIC_BASE_ENABLE);
    if (!(base & APIC_BASE_ENABLE))
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    if (!lapic_x2)
        lapic_regs = mmio_map(base & 0xffffff000UL, PAGE_SIZE);
    cpu_info()->apic_id = lapic_id();
    lapic_init_cpu(0);
}
