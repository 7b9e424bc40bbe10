/* SPDX-License-Identifier: MIT */
/*
 * This CPU: its block at the top of its stack, control registers, MSRs, interrupts. Twin: tests/fake/machine/cpu.h.
 *
 * The hypervisor runs with interrupts disabled. They are taken only from a guest, in the idle wait and in
 * cpu_irq_window(), so no lock needs an interrupt-safe variant and no handler nests inside hypervisor work.
 */
#ifndef MACHINE_CPU_H
#define MACHINE_CPU_H

#include <lib/bitmap.h>
#include <x86/regs.h>

struct vcpu;

/*
 * Each CPU has an aligned block of STACK_SIZE addresses: at its end the main stack (four pages), below it the stacks of
 * #DF, NMI, #MC and #DB, each with unmapped guard pages. So cpu_info() works on all of them.
 */
#define STACK_ORDER 4
#define STACK_SIZE  (PAGE_SIZE << STACK_ORDER)

/* Sits at the very top of each main stack (16-byte aligned end): entry from a guest pushes into guest_regs. */
struct cpu_info {
    struct regs guest_regs;     /* the guest's registers while the hypervisor works for it */
    struct vcpu *current;       /* whose registers and address space are loaded; NULL before the first guest */
    u32 cpu;                    /* dense number, boot CPU 0 */
    u32 work;                   /* work bits (core/work.h), set by anyone atomically, tested at each exit to a guest */
    u64 cr3;                    /* what CR3 holds */
    u32 apic_id;
    u32 pad;
};

static inline struct cpu_info *cpu_info(void)
{
    u64 sp;

    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct cpu_info *)((sp | (STACK_SIZE - 1)) + 1) - 1;
}

static inline unsigned cpu_id(void) { return cpu_info()->cpu; }
static inline struct vcpu *current(void) { return cpu_info()->current; }

/* CPUs that run the hypervisor; set by boot, never shrinks. cpu_info_of() works for each of them. */
extern cpumask_t cpu_online_mask;
extern unsigned cpu_online_count;
extern struct cpu_info *cpu_infos[NR_CPUS];
static inline struct cpu_info *cpu_info_of(unsigned cpu) { return cpu_infos[cpu]; }

static inline void cpu_relax(void) { __asm__ volatile("pause"); }
static inline void barrier(void) { __asm__ volatile("" ::: "memory"); }

/* Lets pending interrupts in for a moment; used at preemption points. */
static inline void cpu_irq_window(void) { __asm__ volatile("sti; nop; cli" ::: "memory"); }
/* Sleeps until an interrupt has been handled. The caller has checked, interrupts off, that there is no work. */
static inline void cpu_wait(void) { __asm__ volatile("sti; hlt; cli" ::: "memory"); }
static inline void cpu_irq_disable(void) { __asm__ volatile("cli" ::: "memory"); }

static inline u64 rdtsc(void)
{
    u32 lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return ((u64)hi << 32) | lo;
}

struct cpuid_regs { u32 a, b, c, d; };
static inline struct cpuid_regs cpuid(u32 leaf, u32 sub)
{
    struct cpuid_regs r;

    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

static inline u64 rdmsr(u32 msr)
{
    u32 lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return ((u64)hi << 32) | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

/* For MSRs that may not exist: -EFAULT instead of a fault (fix-up through the exception table). */
int must_check rdmsr_safe(u32 msr, u64 *v);
int must_check wrmsr_safe(u32 msr, u64 v);

static inline u64 read_cr0(void) { u64 v; __asm__ volatile("mov %%cr0, %0" : "=r"(v)); return v; }
static inline u64 read_cr2(void) { u64 v; __asm__ volatile("mov %%cr2, %0" : "=r"(v)); return v; }
static inline u64 read_cr3(void) { u64 v; __asm__ volatile("mov %%cr3, %0" : "=r"(v)); return v; }
static inline u64 read_cr4(void) { u64 v; __asm__ volatile("mov %%cr4, %0" : "=r"(v)); return v; }
static inline void write_cr0(u64 v) { __asm__ volatile("mov %0, %%cr0" ::"r"(v) : "memory"); }
static inline void write_cr4(u64 v) { __asm__ volatile("mov %0, %%cr4" ::"r"(v) : "memory"); }
static inline u64 read_dr6(void) { u64 v; __asm__ volatile("mov %%dr6, %0" : "=r"(v)); return v; }

/* Debug registers of the running guest. reg is 0..3, 6, 7. */
void write_dr(unsigned reg, u64 v);

/* Guest segment state that is loaded in the CPU (PV context switch, segment-base hypercalls). */
static inline u64 read_fs_base(void) { return rdmsr(0xc0000100); }
static inline u64 read_gs_base(void) { return rdmsr(0xc0000101); }
static inline u64 read_gs_shadow(void) { return rdmsr(0xc0000102); }
static inline void write_fs_base(u64 v) { wrmsr(0xc0000100, v); }
static inline void write_gs_base(u64 v) { wrmsr(0xc0000101, v); }
static inline void write_gs_shadow(u64 v) { wrmsr(0xc0000102, v); }
u16 read_seg(unsigned seg);                     /* enum cpu_seg */
/* Loads a data segment register. -EFAULT: the descriptor is bad, the register now holds 0. For SEG_GS the
 * selector goes into the *user* GS (between two SWAPGS), as the hypervisor keeps the guest kernel's base loaded. */
int must_check write_seg(unsigned seg, u16 sel);
enum cpu_seg { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
static inline void cpu_swapgs(void) { __asm__ volatile("swapgs"); }

/* GDT and LDT of the running vcpu: linear base in its per-domain area; entries from 0xe000 are the hypervisor's. */
void cpu_load_gdt(u64 base, u16 limit_bytes);
void cpu_load_ldt(u64 base, unsigned entries);  /* 0 entries: null LDT */
/* The page that belongs at GDT offset 0xe000 of each vcpu that runs on this CPU (holds the TSS of this CPU). */
mfn_t cpu_gdt_page(unsigned cpu);

/* CR4 as the hypervisor wants it on this machine (SMEP, SMAP, OSXSAVE...); guest-controlled bits are or'ed in. */
extern u64 cpu_cr4_base;

/* Extended state: xstate_size bytes at area, 64-byte aligned. Save and restore leave CR0.TS clear and XCR0 =
 * xstate_mask: load the guest's TS and XCR0 after restoring. */
extern u32 xstate_size;                         /* bytes for all states in xstate_mask */
extern u64 xstate_mask;                         /* XCR0 of this machine as we allow it */
void xstate_save(void *area);
void xstate_restore(const void *area);
void xstate_init_area(void *area);              /* reset state */
void xcr0_load(u64 v);
static inline void cpu_set_ts(bool on) { on ? write_cr0(read_cr0() | 8) : (void)({ __asm__ volatile("clts"); }); }

void cpu_send_ipi(unsigned cpu, u8 vector);
void cpu_send_ipi_mask(const cpumask_t *mask, u8 vector);
void cpu_send_nmi(unsigned cpu);
/* Vectors the machine keeps for itself; device interrupts get 0x20..0xef (irq/ allocates). */
#define VECTOR_SPURIOUS 0xff
#define VECTOR_TIMER    0xfe
#define VECTOR_KICK     0xfd    /* do your work bits */
#define VECTOR_ERROR    0xfc
#define VECTOR_FLUSH    0xfb
#define VECTOR_DYN_FIRST 0x20
#define VECTOR_DYN_LAST  0xef

void lapic_eoi(void);
void lapic_timer_set(u64 deadline_ns);          /* one-shot at system time; ~0 stops; in the past fires at once */

#endif
