/* SPDX-License-Identifier: MIT */
/* What the CPUs can do, and the control registers that follow from it. Decided once on the boot CPU, before W^X. */
#include <machine/boot.h>
#include <machine/internal.h>
#include <machine/msr.h>
#include <x86/regs.h>

struct smap_patch { u64 at, kind; };            /* kind: 0 CLAC, 1 STAC */
extern const struct smap_patch smap_patch_start[], smap_patch_end[];

struct cpu_features cpu_features ro_after_init;
u64 cpu_cr4_base ro_after_init;

static bool bit_of(u32 word, unsigned n) { return (word >> n) & 1; }

static void read_vendor(struct cpu_features *f)
{
    struct cpuid_regs r = cpuid(0, 0);

    f->intel = r.b == 0x756e6547;               /* "Genu" */
    f->amd = r.b == 0x68747541 || r.b == 0x6f677948;    /* "Auth", "Hygo" */
}

static void read_leaves(struct cpu_features *f)
{
    struct cpuid_regs l1 = cpuid(1, 0);
    u32 max_leaf = cpuid(0, 0).a;

    f->sysenter = bit_of(l1.d, 11);
    f->mtrr = bit_of(l1.d, 12);
    f->pat = bit_of(l1.d, 16);
    f->x2apic = bit_of(l1.c, 21);
    f->tsc_deadline = bit_of(l1.c, 24);
    f->xsave = bit_of(l1.c, 26);
    f->page_1g = bit_of(cpuid(0x80000001, 0).d, 26);
    if (max_leaf >= 7) {
        struct cpuid_regs l7 = cpuid(7, 0);

        f->smep = bit_of(l7.b, 7);
        f->smap = bit_of(l7.b, 20);
        f->invpcid = bit_of(l7.b, 10);
    }
    f->xsaveopt = f->xsave && max_leaf >= 13 && bit_of(cpuid(13, 1).a, 0);
}

static void patch_smap(void)
{
    for (const struct smap_patch *p = smap_patch_start; p < smap_patch_end; p++) {
        u8 *at = (u8 *)p->at;

        at[0] = 0x0f;
        at[1] = 0x01;
        at[2] = p->kind ? 0xcb : 0xca;
    }
}

void machine_cpu_features(bool smep, bool smap)
{
    struct cpu_features *f = &cpu_features;

    read_vendor(f);
    read_leaves(f);
    f->smep = f->smep && smep;
    f->smap = f->smap && smap;
    cpu_cr4_base = X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT |
                   (f->xsave ? X86_CR4_OSXSAVE : 0) | (f->smep ? X86_CR4_SMEP : 0) | (f->smap ? X86_CR4_SMAP : 0);
    if (f->smap)
        patch_smap();
    xstate_detect();
    mtrr_save();
    cpu_init_control();
    desc_init_syscall();
}

/* The instruction stream is fresh afterwards: writing CR0 serialises. */
void cpu_init_control(void)
{
    write_cr0(0x80010033);                      /* PG WP NE ET MP PE */
    write_cr4(cpu_cr4_base);
    if (cpu_features.pat)
        wrmsr(MSR_PAT, PAT_VALUE);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
    xstate_init_cpu();
    mtrr_init_cpu();
}
