/* SPDX-License-Identifier: MIT */
/* Builds domain 0 from the boot loader's modules. Boot only. */
#ifndef INIT_DOM0_H
#define INIT_DOM0_H

#include <dom/domain.h>
#include <lib/elf.h>

/* dom0_mem= and dom0_max_vcpus=; 0: not given. */
struct dom0_options {
    u64 mem_bytes, min_bytes, max_bytes;
    u32 max_vcpus;
};

/* The kernel, unpacked and understood. */
struct dom0_kernel {
    struct elf_image elf;
    struct elf_xen_info xen;
    mfn_t buffer;               /* where it was unpacked; MFN_INVALID: the module itself is the ELF file */
    unsigned buffer_order;
};

/* Each panics with a message that names cause and remedy. */
void dom0_load_kernel(struct dom0_kernel *k);
u64 dom0_kernel_pages(const struct dom0_kernel *k);     /* that dom0_free_kernel() will give back */
void dom0_free_kernel(struct dom0_kernel *k);
void dom0_build(const struct dom0_options *options);
/* How many pages domain 0 gets, of `free` that the heap has, `reserve` not for it; *max_pages its later limit. */
u64 dom0_pages(const struct dom0_options *options, u64 free, u64 reserve, u64 *max_pages);

#endif
