/* SPDX-License-Identifier: MIT */
/* Twin of machine/cpu.h: the same interface on NR_CPUS fake CPUs, of which fake_cpu_set() chooses the running one. */
#ifndef MACHINE_CPU_H
#define MACHINE_CPU_H

#include <lib/bitmap.h>
#include <x86/regs.h>

struct vcpu;

#define STACK_ORDER 2
#define STACK_SIZE  (PAGE_SIZE << STACK_ORDER)

struct cpu_info {
    struct regs guest_regs;
    struct vcpu *current;
    u32 cpu;
    u32 work;
    u64 cr3;
    u32 apic_id;
    u32 pad;
};

extern struct cpu_info *fake_cpu_info;
static inline struct cpu_info *cpu_info(void) { return fake_cpu_info; }
static inline unsigned cpu_id(void) { return cpu_info()->cpu; }
static inline struct vcpu *current(void) { return cpu_info()->current; }

extern cpumask_t cpu_online_mask;
extern unsigned cpu_online_count;
extern struct cpu_info *cpu_infos[NR_CPUS];
static inline struct cpu_info *cpu_info_of(unsigned cpu) { return cpu_infos[cpu]; }

void cpu_relax(void);
static inline void barrier(void) { __asm__ volatile("" ::: "memory"); }
void cpu_irq_window(void);
void cpu_wait(void);
static inline void cpu_irq_disable(void) {}

u64 rdtsc(void);
struct cpuid_regs { u32 a, b, c, d; };
struct cpuid_regs cpuid(u32 leaf, u32 sub);
u64 rdmsr(u32 msr);
void wrmsr(u32 msr, u64 v);
int must_check rdmsr_safe(u32 msr, u64 *v);
int must_check wrmsr_safe(u32 msr, u64 v);

u64 read_cr0(void);
u64 read_cr2(void);
u64 read_cr3(void);
u64 read_cr4(void);
void write_cr0(u64 v);
void write_cr4(u64 v);
u64 read_dr6(void);
void write_dr(unsigned reg, u64 v);

static inline u64 read_fs_base(void) { return rdmsr(0xc0000100); }
static inline u64 read_gs_base(void) { return rdmsr(0xc0000101); }
static inline u64 read_gs_shadow(void) { return rdmsr(0xc0000102); }
static inline void write_fs_base(u64 v) { wrmsr(0xc0000100, v); }
static inline void write_gs_base(u64 v) { wrmsr(0xc0000101, v); }
static inline void write_gs_shadow(u64 v) { wrmsr(0xc0000102, v); }
enum cpu_seg { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
u16 read_seg(unsigned seg);
int must_check write_seg(unsigned seg, u16 sel);
void cpu_swapgs(void);

void cpu_load_gdt(u64 base, u16 limit_bytes);
void cpu_load_ldt(u64 base, unsigned entries);
mfn_t cpu_gdt_page(unsigned cpu);

extern u32 xstate_size;
extern u64 xstate_mask;
void xstate_save(void *area);
void xstate_restore(const void *area);
void xstate_init_area(void *area);
void xcr0_load(u64 v);
static inline void cpu_set_ts(bool on) { write_cr0(on ? read_cr0() | 8 : read_cr0() & ~8UL); }

void cpu_send_ipi(unsigned cpu, u8 vector);
void cpu_send_ipi_mask(const cpumask_t *mask, u8 vector);
void cpu_send_nmi(unsigned cpu);
#define VECTOR_SPURIOUS 0xff
#define VECTOR_TIMER    0xfe
#define VECTOR_KICK     0xfd
#define VECTOR_ERROR    0xfc
#define VECTOR_FLUSH    0xfb
#define VECTOR_DYN_FIRST 0x20
#define VECTOR_DYN_LAST  0xef

void lapic_eoi(void);
void lapic_timer_set(u64 deadline_ns);

#endif
