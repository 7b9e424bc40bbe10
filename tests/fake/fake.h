/* SPDX-License-Identifier: MIT */
/*
 * What tests see of the fake machine: CPUs, memory, time, devices, failure injection and seeded interleavings. The
 * machine itself is used through <machine/x.h>, whose twins are in machine/ beside this file; headers without asm
 * (copy.h, time.h, power.h, boot.h) are the hypervisor's own.
 *
 * One test program is one machine and one host thread. fake_start() makes it like new.
 */
#ifndef FAKE_H
#define FAKE_H

#include <setjmp.h>

#include <machine/cpu.h>
#include <machine/fault.h>
#include <machine/io.h>
#include <machine/map.h>
#include <machine/tlb.h>

/* ---- the machine ---- */
struct fake_ram { u64 first_mfn, pages; };
#define FAKE_MAX_MFN (1UL << 22)        /* 16 GiB of frame numbers; only touched frames cost host memory */

/* A new machine: everything zero, cpus online, CPU 0 running, RAM at [0, mib MiB). */
void fake_start(unsigned cpus, u64 mib);
/* The same with RAM anywhere below FAKE_MAX_MFN (at most 8 ranges, ascending). */
void fake_start_ram(unsigned cpus, const struct fake_ram *ram, unsigned nr);
bool fake_is_ram(mfn_t m);

/* ---- CPUs ---- */
struct fake_cpu {
    struct cpu_info info;
    u64 cr0, cr2, cr4, xcr0, dr[8];
    u16 seg[4];
    u16 gdt_limit;
    u64 gdt_base, ldt_base;
    unsigned ldt_entries;
    mfn_t gdt_page;
    u64 pending[4];             /* vectors that wait for cpu_irq_window() or cpu_wait() */
    unsigned ipis[256], nmis;   /* sent to this CPU so far */
    unsigned eois;
    u64 timer_ns;               /* lapic_timer_set(); ~0 stopped */
    unsigned tlb_flushes, page_flushes, root_loads, cache_flushes;
    u8 xstate[1024] aligned(64);
};
extern struct fake_cpu fake_cpus[NR_CPUS];

void fake_cpu_set(unsigned cpu);        /* this one runs from now on */
void fake_online(unsigned cpus);
/* Who takes interrupts; called with the interrupted CPU running. NULL: vectors are dropped once delivered. */
extern void (*fake_irq_handler)(u8 vector);
/* Delivers the pending vectors of a CPU now, highest first; the running CPU is restored. Returns how many. */
unsigned fake_deliver(unsigned cpu);
/* While set, cpu_relax() does not deliver the other CPUs' pending vectors. */
extern bool fake_hold_irqs;
void fake_msr_set(u32 msr, u64 v);      /* on every CPU; makes it exist */
void fake_msr_remove(u32 msr);
void fake_cpuid_set(u32 leaf, u32 sub, struct cpuid_regs r);
extern u32 fake_bad_selector;           /* write_seg() refuses this one; ~0: none */

/* ---- time, power ---- */
void fake_time_set(u64 ns);
void fake_time_advance(u64 ns);         /* CPUs whose timer is due get VECTOR_TIMER pending */
extern u64 fake_time_step_ns;           /* added at each time_now_ns() */

enum fake_end { FAKE_RUNNING, FAKE_OFF, FAKE_RESET, FAKE_HALT, FAKE_GUEST };
extern enum fake_end fake_ended;        /* the last end of the machine */
extern unsigned fake_others_stopped;    /* calls of cpus_stop_others() */
extern jmp_buf fake_end_env;
extern bool fake_end_expected;
/* Runs the statement; true if the machine ended in it (panic, power-off...), and goes on behind it. Variables that the
 * statement changes have no value then, so gcc need not warn about all others. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wclobbered"
#endif
#define fake_ends(...) \
    (fake_end_expected = true, setjmp(fake_end_env) ? true : (({ __VA_ARGS__; }), fake_end_expected = false, false))
#define expect_panic(...) assert_true(fake_ends(__VA_ARGS__))

/* ---- guest memory ---- */
/* Guest accesses of a CPU, through its (possibly stale) TLB and the page tables its root names. 0 or -EFAULT. */
int fake_guest_read(unsigned cpu, u64 va, void *dst, size_t n);
int fake_guest_write(unsigned cpu, u64 va, const void *src, size_t n);
/* The first CPU whose TLB holds an entry for the frame (a writable one if asked), or -1. */
int fake_tlb_holder(mfn_t m, bool writable);
void fake_flat_guest(bool on);          /* guest pointers are host pointers */
void fake_fault_range(u64 first, u64 last);     /* bytes at which flat accesses fault; first > last: none */

/* ---- devices ---- */
struct fake_port_ops {
    u32 (*read)(void *ctx, u16 port, unsigned bytes);           /* NULL: all ones */
    void (*write)(void *ctx, u16 port, unsigned bytes, u32 v);  /* NULL: ignored */
};
void fake_port_hook(u16 first, u16 last, const struct fake_port_ops *ops, void *ctx);

struct fake_pci {
    u16 bdf;
    u8 config[256], writable[256];      /* writable: mask of bits that a write changes */
    void (*written)(struct fake_pci *dev, unsigned reg, unsigned bytes, u32 v);     /* may be NULL; after the store */
};
struct fake_pci *fake_pci_add(u16 bdf, u16 vendor, u16 device);

struct fake_mmio_ops {
    u32 (*read)(void *ctx, u64 maddr);
    void (*write)(void *ctx, u64 maddr, u32 v);
};
void fake_mmio_hook(u64 maddr, size_t bytes, const struct fake_mmio_ops *ops, void *ctx);
extern u8 fake_cmos[256];

/* ---- failure injection ---- */
void fake_fail_alloc(unsigned nth);     /* the nth allocation from now fails, 1 the next; 0: none */
extern unsigned fake_allocs;            /* alloc_should_fail() calls since fake_start() */

/* ---- interleavings ---- */
/*
 * Runs body(cpu, ctx) on CPUs 0..cpus-1 as coroutines. At each interleave_point(), cpu_relax() and interrupt window
 * a generator started with seed chooses who goes on. Returns when all bodies have returned.
 */
void fake_interleave(u64 seed, unsigned cpus, void (*body)(unsigned cpu, void *ctx), void *ctx);
/* for (u64 seed = fake_seed_first(n); fake_seed_more(n, seed); seed++): n seeds, or just FAKE_SEED of the environment.
 * A test that fails within prints the command line that repeats it. */
u64 fake_seed_first(u64 n);
bool fake_seed_more(u64 n, u64 seed);
u64 fake_random(void);                  /* from the running seed */
void fake_random_seed(u64 seed);

/* The test did something the machine forbids: message and abort. */
void noreturn fake_die(const char *fmt, ...) format_printf(1, 2);

/* Between the files of the fake. */
void fake_cpu_reset(unsigned cpus);
void fake_tlb_reset(void);
void fake_io_reset(void);
void fake_time_reset(void);
void fake_run_reset(void);
bool fake_coroutine_live(unsigned cpu);
bool fake_yield(void);                  /* false: no interleaving is running */

#endif
