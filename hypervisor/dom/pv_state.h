/* SPDX-License-Identifier: MIT */
/* What a paravirtual domain and vcpu have beyond any domain: plain data, embedded by value; code is in pv/. */
#ifndef DOM_PV_STATE_H
#define DOM_PV_STATE_H

#include <core/timer.h>
#include <lib/bitmap.h>
#include <machine/cpu.h>
#include <mm/frame.h>
#include <mm/guest.h>
#include <mm/table.h>

struct pv_trap {
    u64 addr;               /* 0: none */
    u16 cs;
    u8 dpl;                 /* INT n allowed from CPL (virtual: kernel 0 is seen as ring 1..) <= dpl */
    bool mask;              /* sets evtchn_upcall_mask on entry */
};

struct pv_callback {
    u64 addr;
    bool mask;
};

#define PV_GDT_FRAMES 14    /* guest's part: entries below 0xe000 / 8 */
#define PV_LDT_FRAMES 16
#define PV_VCPU_AREA_PAGES 32                       /* 16 pages of GDT, 16 of LDT */
#define PV_GDT_VA(vcpu_id) (PERDOMAIN_START + (u64)(vcpu_id) * PV_VCPU_AREA_PAGES * PAGE_SIZE)
#define PV_LDT_VA(vcpu_id) (PV_GDT_VA(vcpu_id) + 16 * PAGE_SIZE)

struct pv_vcpu {
    bool in_kernel;                 /* guest kernel mode (both guest modes are CPU ring 3) */
    mfn_t root_kernel, root_user;   /* L4 frames, TYPE_L4 held; root_user may be MFN_INVALID */
    struct mmu_ctx mmu;             /* page-table work in progress */
    struct mmu_ctx foreign_mmu;     /* the same on tables of a domain that this one builds */

    struct pv_trap traps[256];
    struct pv_callback event, failsafe, syscall, syscall32, sysenter;
    u64 kernel_ss, kernel_sp;       /* stack for user -> kernel */

    mfn_t gdt_frames[PV_GDT_FRAMES];
    u16 gdt_entries;
    u64 ldt_base;                   /* guest linear */
    u16 ldt_entries;
    u16 ldt_mapped;                 /* bit i: LDT page i is faulted in (holds TYPE_SEGDESC) */

    u64 fs_base, gs_base_kernel, gs_base_user;      /* valid while not loaded */
    u16 ds, es, fs, gs;

    u64 cr0_ts;                     /* 8 or 0: virtual TS */
    u64 cr2;                        /* virtual */
    u64 cr4;                        /* guest-controlled bits that are on (TSD, DE, FSGSBASE, OSXSAVE) */
    u64 xcr0;
    u64 dr[4], dr6, dr7;
    u32 tsc_aux;
    u8 iopl;
    guest_ptr_t iobmp;              /* bit set: port denied to user mode */
    u32 iobmp_ports;
};

/* Channel 2 of the interval timer (pv/pit.c). */
struct pv_pit {
    u16 reload, latch;
    u8 access, mode;        /* of the last control word */
    u8 low;                 /* first byte of a pair that is being written */
    bool second, latched;   /* the next byte is the high one; latch holds what reads are to see */
    u8 gate, refresh;       /* port 0x61: what was written; a bit that toggles */
    u64 counted, since_ns;  /* ticks counted until since_ns; more if the gate is open */
};

#define CPU_POLICY_SLOTS 120

/* What CPUID says to a domain (pv/cpu_policy.h). */
struct cpu_policy {
    union {
        struct cpuid_regs r[CPU_POLICY_SLOTS];
        u32 reg[CPU_POLICY_SLOTS][4];
    };
};

struct pv_domain {
    struct mmu_ctx mmu;             /* for taking the dying domain's tables apart */
    mfn_t perdomain_l1[64];         /* tables behind slot 260: vcpu i is in [i / 16] */
    bool writable_pagetables;       /* vm_assist 2 */
    u32 vm_assist;                  /* all enabled bits */
    u32 cf8;                        /* PCI configuration address latch */
    u8 cmos_index;
    struct pv_pit pit;
    struct cpu_policy cpu;          /* (d) until the domain has started */
};

#endif
