/* SPDX-License-Identifier: MIT */
/*
 * Fake CPUs: registers, MSRs, CPUID, interrupts. Interrupts wait until the CPU opens a window, until a test calls
 * fake_deliver(), or, for CPUs that no coroutine runs (they are "in their guest"), until another CPU spins.
 */
#include <string.h>

#include <lib/errno.h>
#include <machine/time.h>

#include "fake.h"

#define MSRS 64
#define CPUID_LEAVES 32

struct cpu_info *fake_cpu_info;
struct fake_cpu fake_cpus[NR_CPUS];
cpumask_t cpu_online_mask;
unsigned cpu_online_count;
struct cpu_info *cpu_infos[NR_CPUS];
void (*fake_irq_handler)(u8 vector);
bool fake_hold_irqs;
u32 fake_bad_selector;
u32 xstate_size = 832;
u64 xstate_mask = 7;

static struct { u32 msr; u64 value[NR_CPUS]; } msrs[MSRS];
static unsigned nr_msrs;
static struct { u32 leaf, sub; struct cpuid_regs r; } cpuids[CPUID_LEAVES];
static unsigned nr_cpuids;
static unsigned relaxed;

static struct fake_cpu *this_fake(void) { return &fake_cpus[cpu_id()]; }

void fake_cpu_set(unsigned cpu) { fake_cpu_info = &fake_cpus[cpu].info; }

void fake_online(unsigned cpus)
{
    memset(&cpu_online_mask, 0, sizeof(cpu_online_mask));
    cpu_online_count = cpus;
    for (unsigned cpu = 0; cpu < cpus; cpu++)
        cpumask_set(&cpu_online_mask, cpu);
}

void fake_cpu_reset(unsigned cpus)
{
    static const u32 always[] = { 0x1b, 0x277, 0xc0000080, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103 };

    memset(fake_cpus, 0, sizeof(fake_cpus));
    for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
        fake_cpus[cpu].info.cpu = cpu;
        fake_cpus[cpu].info.apic_id = cpu;
        fake_cpus[cpu].cr0 = 0x80050033;
        fake_cpus[cpu].timer_ns = ~0UL;
        fake_cpus[cpu].gdt_page = MFN_INVALID;
        cpu_infos[cpu] = cpu < cpus ? &fake_cpus[cpu].info : NULL;
    }
    nr_msrs = nr_cpuids = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(always); i++)
        fake_msr_set(always[i], 0);
    fake_cpuid_set(0, 0, (struct cpuid_regs){ 0xd, 0x68747541, 0x444d4163, 0x69746e65 });
    fake_cpuid_set(0x80000000, 0, (struct cpuid_regs){ 0x80000008, 0x68747541, 0x444d4163, 0x69746e65 });
    fake_irq_handler = NULL;
    fake_hold_irqs = false;
    fake_bad_selector = ~0u;
    fake_online(cpus);
    fake_cpu_set(0);
}

/* ---- interrupts ---- */

void cpu_send_ipi(unsigned cpu, u8 vector)
{
    if (!cpumask_test(&cpu_online_mask, cpu))
        fake_die("IPI 0x%02x to CPU %u, which is not online", vector, cpu);
    fake_cpus[cpu].ipis[vector]++;
    bit_set(fake_cpus[cpu].pending, vector);
}

void cpu_send_ipi_mask(const cpumask_t *mask, u8 vector)
{
    unsigned cpu;

    for_each_cpu(cpu, mask)
        cpu_send_ipi(cpu, vector);
}

void cpu_send_nmi(unsigned cpu) { fake_cpus[cpu].nmis++; }
void lapic_eoi(void) { this_fake()->eois++; }

unsigned fake_deliver(unsigned cpu)
{
    unsigned running = cpu_id(), delivered = 0;

    for (int vector = 255; vector >= 0; vector--) {
        if (!bit_test(fake_cpus[cpu].pending, (unsigned)vector))
            continue;
        bit_clear(fake_cpus[cpu].pending, (unsigned)vector);
        delivered++;
        fake_cpu_set(cpu);
        if (fake_irq_handler)
            fake_irq_handler((u8)vector);
    }
    fake_cpu_set(running);
    return delivered;
}

/* CPUs that no coroutine runs are in their guests and take interrupts at once. */
static unsigned deliver_to_others(void)
{
    unsigned delivered = 0;

    for (unsigned cpu = 0; cpu < cpu_online_count; cpu++)
        if (cpu != cpu_id() && !fake_coroutine_live(cpu))
            delivered += fake_deliver(cpu);
    return delivered;
}

void cpu_relax(void)
{
    bool progress = fake_yield();

    if (!fake_hold_irqs)
        progress |= deliver_to_others() != 0;
    relaxed = progress ? 0 : relaxed + 1;
    if (relaxed > 1000000)
        fake_die("CPU %u spins for ever", cpu_id());
}

void cpu_irq_window(void)
{
    interleave_point();
    fake_deliver(cpu_id());
}

void cpu_wait(void)
{
    struct fake_cpu *cpu = this_fake();

    interleave_point();
    if (!fake_deliver(cpu_id()) && !fake_coroutine_live(cpu_id()) && cpu->timer_ns != ~0UL) {
        fake_time_set(cpu->timer_ns);
        fake_deliver(cpu_id());
    }
}

/* ---- registers ---- */

static u64 *msr_find(u32 msr)
{
    for (unsigned i = 0; i < nr_msrs; i++)
        if (msrs[i].msr == msr)
            return &msrs[i].value[cpu_id()];
    return NULL;
}

void fake_msr_set(u32 msr, u64 v)
{
    unsigned i = 0;

    while (i < nr_msrs && msrs[i].msr != msr)
        i++;
    if (i == MSRS)
        fake_die("no room for another MSR");
    nr_msrs = max(nr_msrs, i + 1);
    msrs[i].msr = msr;
    for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
        msrs[i].value[cpu] = v;
}

void fake_msr_remove(u32 msr)
{
    for (unsigned i = 0; i < nr_msrs; i++)
        if (msrs[i].msr == msr)
            msrs[i] = msrs[--nr_msrs];
}

int rdmsr_safe(u32 msr, u64 *v)
{
    const u64 *p = msr_find(msr);

    if (!p)
        return -EFAULT;
    *v = *p;
    return 0;
}

int wrmsr_safe(u32 msr, u64 v)
{
    u64 *p = msr_find(msr);

    if (!p)
        return -EFAULT;
    *p = v;
    return 0;
}

u64 rdmsr(u32 msr)
{
    u64 v;

    if (rdmsr_safe(msr, &v))
        fake_die("RDMSR of 0x%x, which this machine lacks", msr);
    return v;
}

void wrmsr(u32 msr, u64 v)
{
    if (wrmsr_safe(msr, v))
        fake_die("WRMSR to 0x%x, which this machine lacks", msr);
}

void fake_cpuid_set(u32 leaf, u32 sub, struct cpuid_regs r)
{
    unsigned i = 0;

    while (i < nr_cpuids && (cpuids[i].leaf != leaf || cpuids[i].sub != sub))
        i++;
    if (i == CPUID_LEAVES)
        fake_die("no room for another CPUID leaf");
    nr_cpuids = max(nr_cpuids, i + 1);
    cpuids[i].leaf = leaf;
    cpuids[i].sub = sub;
    cpuids[i].r = r;
}

struct cpuid_regs cpuid(u32 leaf, u32 sub)
{
    for (unsigned i = 0; i < nr_cpuids; i++)
        if (cpuids[i].leaf == leaf && cpuids[i].sub == sub)
            return cpuids[i].r;
    return (struct cpuid_regs){ 0 };
}

u64 read_cr0(void) { return this_fake()->cr0; }
u64 read_cr2(void) { return this_fake()->cr2; }
u64 read_cr3(void) { return this_fake()->info.cr3; }
u64 read_cr4(void) { return this_fake()->cr4; }
void write_cr0(u64 v) { this_fake()->cr0 = v; }
void write_cr4(u64 v) { this_fake()->cr4 = v; }
u64 read_dr6(void) { return this_fake()->dr[6]; }
void write_dr(unsigned reg, u64 v) { this_fake()->dr[reg] = v; }
u16 read_seg(unsigned seg) { return this_fake()->seg[seg]; }
void xcr0_load(u64 v) { this_fake()->xcr0 = v; }

int write_seg(unsigned seg, u16 sel)
{
    bool bad = sel == fake_bad_selector;

    this_fake()->seg[seg] = bad ? 0 : sel;
    return bad ? -EFAULT : 0;
}

void cpu_swapgs(void)
{
    u64 base = read_gs_base();

    write_gs_base(read_gs_shadow());
    write_gs_shadow(base);
}

void cpu_load_gdt(u64 base, u16 limit_bytes)
{
    this_fake()->gdt_base = base;
    this_fake()->gdt_limit = limit_bytes;
}

void cpu_load_ldt(u64 base, unsigned entries)
{
    this_fake()->ldt_base = base;
    this_fake()->ldt_entries = entries;
}

mfn_t cpu_gdt_page(unsigned cpu) { return fake_cpus[cpu].gdt_page; }

void xstate_save(void *area) { memcpy(area, this_fake()->xstate, xstate_size); }
void xstate_restore(const void *area) { memcpy(this_fake()->xstate, area, xstate_size); }

/* The legacy part's reset values: FCW and MXCSR. */
void xstate_init_area(void *area)
{
    u8 *p = area;

    memset(p, 0, xstate_size);
    memcpy(p, &(u16){ 0x37f }, 2);
    memcpy(p + 24, &(u32){ 0x1f80 }, 4);
}
