/* SPDX-License-Identifier: MIT */
/* What the files of machine/ share among themselves and nobody else includes. */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include <machine/asm.h>
#include <machine/cpu.h>
#include <x86/pte.h>

/* hospes.lds */
extern u8 image_start[], init_data_start[], init_end[], text_start[], text_end[], rodata_start[], rodata_end[],
    data_start[], image_end[];
static inline u64 image_to_maddr(const void *p) { return (u64)p - IMAGE_START + ASM_IMAGE_PHYS; }

/* Written by boot before machine_init_memory(), read-only afterwards. */
#define ro_after_init __attribute__((section(".ro_after_init")))

/* A byte lock: machine/ lies below core/lock.h. Held for a few instructions only, never while calling out. */
static inline void byte_lock(u8 *l)
{
    while (__atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE))
        cpu_relax();
}
static inline void byte_unlock(u8 *l) { __atomic_store_n(l, 0, __ATOMIC_RELEASE); }

/* What CPUID says and machine_cpu_features() allows. */
struct cpu_features {
    bool intel, amd, smep, smap, xsave, xsaveopt, invpcid, page_1g, x2apic, tsc_deadline, mtrr, pat, sysenter;
};
extern struct cpu_features cpu_features;

/* bootmem.c */
void bootmem_init(u32 magic, u64 info_maddr);
mfn_t bootmem_low_page(void);           /* RAM below 640 KiB that nobody needs any more */
void bootmem_all_reachable(void);       /* the direct map covers all RAM now */

/* paging.c: allocates and maps a CPU's stacks (main one unless it exists) in its block. */
void paging_init(void);
void paging_map_stacks(unsigned cpu);
void map_trampoline(mfn_t page, bool on);       /* executable at its own address */
/*
 * A CPU's block of STACK_SIZE addresses, in pages: 0 guard, 1-2 #DF, 3 guard, 4-5 NMI, 6 guard, 7-8 #MC, 9 guard, 10 #DB,
 * 11 guard, 12-15 main stack with struct cpu_info on top, which is therefore found from each of these stacks.
 */
static const struct { u8 first, pages; } ist_stacks[] = {
    [IST_DF] = { 1, 2 }, [IST_NMI] = { 4, 2 }, [IST_MC] = { 7, 2 }, [IST_DB] = { 10, 1 },
};
#define STACK_MAIN_PAGES      4u
#define STACK_MAIN_FIRST_PAGE ((unsigned)(STACK_SIZE / PAGE_SIZE) - STACK_MAIN_PAGES)
static inline u64 cpu_block(unsigned cpu) { return STACKS_START + (u64)cpu * STACK_SIZE; }
static inline struct cpu_info *cpu_info_at(unsigned cpu)
{
    return (struct cpu_info *)(cpu_block(cpu) + STACK_SIZE) - 1;
}

/* ap.c: memory for the CPUs to start, while there is a boot allocator */
void aps_prepare(void);

/* desc.c */
void desc_init_boot(void);              /* IDT, and the boot CPU's tables */
void desc_prepare_cpu(unsigned cpu);     /* boot CPU, for another: allocates its GDT page */
void desc_init_cpu(unsigned cpu);       /* GDT, TSS, IDT of the calling CPU */
void desc_init_syscall(void);           /* SYSCALL and SYSENTER, once the features are known */

/* features.c, xstate.c: of the calling CPU */
void cpu_init_control(void);            /* CR0, CR4, PAT, XCR0 */
void xstate_detect(void);
void xstate_init_cpu(void);

/* mtrr.c */
void mtrr_save(void);
void mtrr_init_cpu(void);

/* lapic.c */
void lapic_init_boot(void);
void lapic_init_cpu(unsigned cpu);
void lapic_timer_calibrate(void);       /* after time_init() */
u32 lapic_id(void);
void lapic_send_init(u32 apic_id);
void lapic_send_startup(u32 apic_id, u8 page);

/* start.c, power.c, time.c */
void power_init(void);
void time_init(void);
void time_check_warp(unsigned side);    /* run by the boot CPU (side 0) and a new one (side 1) at the same time */

#endif
