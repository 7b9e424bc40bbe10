/* SPDX-License-Identifier: MIT */
/* This CPU's TLB and CR3. Global entries (guest user pages are global) go with INVPCID or by toggling CR4.PGE. */
#include <machine/internal.h>
#include <machine/msr.h>
#include <machine/tlb.h>

static inline void invpcid_all(void)
{
    static const struct { u64 pcid, va; } none;

    __asm__ volatile("invpcid %0, %1" ::"m"(none), "r"(2UL) : "memory");
}

static inline void cr3_load(mfn_t root)
{
    u64 cr3 = root.n << PAGE_SHIFT;

    __asm__ volatile("mov %0, %%cr3" ::"r"(cr3) : "memory");
    cpu_info()->cr3 = cr3;
}

void tlb_flush_local(void)
{
    u64 cr4;

    if (cpu_features.invpcid) {
        invpcid_all();
        return;
    }
    cr4 = read_cr4();
    write_cr4(cr4 & ~X86_CR4_PGE);
    write_cr4(cr4);
}

void root_load(mfn_t root)
{
    u64 cr4;

    if (cpu_features.invpcid) {
        cr3_load(root);
        invpcid_all();
        return;
    }
    cr4 = read_cr4();
    write_cr4(cr4 & ~X86_CR4_PGE);
    cr3_load(root);
    write_cr4(cr4);
}

void root_toggle(mfn_t root)
{
    cr3_load(root);
}
