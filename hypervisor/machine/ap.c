/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs, one after the other: INIT, start-up IPI, trampoline, own stack, ap_main(). Memory is taken
 * in aps_prepare(); numbers are dense, given in the order in which CPUs come up. A CPU that does not answer is
 * reported and skipped; should it come later, the trampoline turns it away. Boot CPU only, but for ap_main().
 */
#include <lib/string.h>
#include <machine/boot.h>
#include <machine/internal.h>
#include <machine/map.h>
#include <machine/report.h>
#include <machine/time.h>

#define INIT_SETTLE_US   10000
#define STARTUP_RETRY_US 1000
#define CLAIM_TIMEOUT_US 3000000        /* an emulator may stall a CPU for long */
#define READY_TIMEOUT_US 10000000
#define POLL_US          50
#define DESC_CODE64      0x00af9b000000ffffUL

extern const u8 trampoline_start[], trampoline_64[], trampoline_end[];

struct trampoline_fields {
    u64 gdt[2];
    u16 gdt_limit;
    u32 gdt_base;
    u16 pad;
    u32 far_offset;
    u16 far_selector, pad2;
    u64 cr3, stack, entry;
} packed;
#define FIELD_AT(field, where) \
    _Static_assert(TRAMPOLINE_FIELDS + offsetof(struct trampoline_fields, field) == (where), "asm.h has the offset")
FIELD_AT(gdt, TRAMPOLINE_GDT);
FIELD_AT(gdt_limit, TRAMPOLINE_GDT_POINTER);
FIELD_AT(far_offset, TRAMPOLINE_FAR);
FIELD_AT(cr3, TRAMPOLINE_CR3);
FIELD_AT(stack, TRAMPOLINE_STACK);
FIELD_AT(entry, TRAMPOLINE_ENTRY);

unsigned machine_max_cpus = NR_CPUS;

static unsigned prepared_cpus = 1;      /* stacks and descriptor pages exist for numbers below */
static mfn_t trampoline_page;
static struct trampoline_fields *fields;
static s64 *claim;                      /* the field TRAMPOLINE_STATE */
static void (*ap_entry)(void);

/* On the new CPU. The boot CPU waits for the bit in cpu_online_mask. */
static void ap_main(void)
{
    unsigned cpu = cpu_id();

    desc_init_cpu(cpu);
    cpu_init_control();
    desc_init_syscall();
    lapic_init_cpu(cpu);
    cpu_info()->cr3 = boot_root.n << PAGE_SHIFT;
    time_check_warp(1);
    __atomic_add_fetch(&cpu_online_count, 1, __ATOMIC_SEQ_CST);
    cpumask_set(&cpu_online_mask, cpu);
    ap_entry();
}

static void fill_trampoline(void)
{
    u64 base = trampoline_page.n << PAGE_SHIFT;
    u8 *page = frame_map(trampoline_page);

    memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    fields = (struct trampoline_fields *)(page + TRAMPOLINE_FIELDS);
    claim = (s64 *)(page + TRAMPOLINE_STATE);
    *claim = 0;
    *fields = (struct trampoline_fields){
        .gdt = { 0, DESC_CODE64 }, .gdt_limit = sizeof(fields->gdt) - 1, .gdt_base = (u32)base + TRAMPOLINE_GDT,
        .far_offset = (u32)(base + (u64)(trampoline_64 - trampoline_start)), .far_selector = 8,
        .cr3 = boot_root.n << PAGE_SHIFT, .entry = (u64)ap_main,
    };
}

void aps_prepare(void)
{
    unsigned wanted = min(acpi_info.nr_cpus, machine_max_cpus);

    if (wanted < 2)
        return;
    for (; prepared_cpus < wanted; prepared_cpus++) {
        paging_map_stacks(prepared_cpus);
        desc_prepare_cpu(prepared_cpus);
        cpu_infos[prepared_cpus] = cpu_info_at(prepared_cpus);
        cpu_infos[prepared_cpus]->cpu = prepared_cpus;
    }
    trampoline_page = bootmem_low_page();
    map_trampoline(trampoline_page, true);
}

static bool wait_until_claimed(unsigned us)
{
    for (; us > POLL_US; us -= POLL_US) {
        if (__atomic_load_n(claim, __ATOMIC_ACQUIRE) == TRAMPOLINE_CLAIMED)
            return true;
        time_delay_us(POLL_US);
    }
    return false;
}

/* Takes the offer back; false when the CPU has just accepted it. */
static bool withdraw(void)
{
    return __atomic_exchange_n(claim, 0, __ATOMIC_SEQ_CST) != TRAMPOLINE_CLAIMED;
}

static void wait_until_online(unsigned cpu)
{
    time_check_warp(0);
    for (unsigned us = READY_TIMEOUT_US; !cpumask_test(&cpu_online_mask, cpu); us -= POLL_US) {
        if (us < POLL_US)
            machine_fatal("CPU %u began to start and then hung. Boot with maxcpus=%u.", cpu, cpu);
        time_delay_us(POLL_US);
    }
}

static void start_one(unsigned cpu, u32 apic_id)
{
    struct cpu_info *info = cpu_info_of(cpu);

    info->apic_id = apic_id;
    fields->stack = (u64)info & ~15UL;
    __atomic_store_n(claim, (s64)apic_id + 1, __ATOMIC_SEQ_CST);
    lapic_send_init(apic_id);
    time_delay_us(INIT_SETTLE_US);
    lapic_send_startup(apic_id, (u8)trampoline_page.n);
    if (!wait_until_claimed(STARTUP_RETRY_US)) {
        lapic_send_startup(apic_id, (u8)trampoline_page.n);
        if (!wait_until_claimed(CLAIM_TIMEOUT_US) && withdraw()) {
            machine_warn("The CPU with APIC id %u does not start; going on without it.", apic_id);
            return;
        }
    }
    wait_until_online(cpu);
}

unsigned machine_start_aps(void (*entry)(void))
{
    if (prepared_cpus < 2)
        return cpu_online_count;
    ap_entry = entry;
    fill_trampoline();
    for (unsigned i = 0; i < acpi_info.nr_cpus && cpu_online_count < prepared_cpus; i++)
        if (acpi_info.cpus[i].apic_id != cpu_info()->apic_id)
            start_one(cpu_online_count, acpi_info.cpus[i].apic_id);
    map_trampoline(trampoline_page, false);
    return cpu_online_count;
}
