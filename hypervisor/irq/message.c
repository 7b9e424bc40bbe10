/* SPDX-License-Identifier: MIT */
/* Composition of interrupt messages: fixed delivery, physical destination, without remapping. Contracts: message.h. */
#include <irq/message.h>
#include <machine/cpu.h>

#define MSI_ADDRESS      0xfee00000UL
#define MSI_DEST_SHIFT   12
#define RTE_DEST_SHIFT   56
#define APIC_ID_LAST     254u   /* 255 is everybody */

bool message_reaches(unsigned cpu)
{
    return cpu < NR_CPUS && cpumask_test(&cpu_online_mask, cpu) && cpu_info_of(cpu)->apic_id <= APIC_ID_LAST;
}

struct msi_message message_msi(unsigned cpu, u8 vector)
{
    return (struct msi_message){ MSI_ADDRESS | ((u64)cpu_info_of(cpu)->apic_id << MSI_DEST_SHIFT), vector };
}

u64 message_rte(unsigned cpu, u8 vector, bool level, bool low, bool masked)
{
    return (u64)cpu_info_of(cpu)->apic_id << RTE_DEST_SHIFT | vector | (level ? RTE_LEVEL : 0) | (low ? RTE_LOW : 0) |
           (masked ? RTE_MASKED : 0);
}
