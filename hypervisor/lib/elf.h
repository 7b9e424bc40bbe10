/* SPDX-License-Identifier: MIT */
/*
 * Reader for ELF64 kernel images that lie in memory, and for the Xen notes in them. The image may be truncated or
 * hostile: each header is copied once and checked against the image's size before use. Nothing is allocated.
 * No state, no locks.
 *
 * Functions that fail set *why to a text naming the cause and the remedy.
 */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include <lib/types.h>

struct elf_image {
    const u8 *data;
    size_t size;
    u64 entry;
    u64 phoff, shoff;
    unsigned phnum, shnum;
    u64 paddr_first, paddr_end; /* span of the loaded segments, [first, end) */
};

struct elf_segment {
    const u8 *data; /* filesz bytes to copy; the rest up to memsz is zero */
    u64 paddr, filesz, memsz;
};

/* The Xen notes of a kernel; has(type) tells which were there. Absent ones are 0 or empty, except where noted. */
struct elf_xen_info {
    u64 present;        /* BIT(XEN_ELFNOTE_x) */
    u64 entry;          /* virtual; the ELF header's when absent */
    u64 hypercall_page; /* virtual */
    u64 virt_base, paddr_offset;
    u64 hv_start_low;
    u64 l1_mfn_mask, l1_mfn_value;
    u64 suspend_cancel;
    u64 init_p2m;       /* virtual */
    u64 mod_start_pfn;  /* boolean */
    u64 supported_features;
    u64 phys32_entry;
    char xen_version[16], guest_os[16], guest_version[16], loader[16], pae_mode[16], bsd_symtab[16]; /* cut to fit */
    char features[256];
    u64 features_offered, features_required; /* FEATURES as masks of BIT(XENFEAT_x); required ones are in both */
    u64 virt_kstart, virt_kend;              /* where the segments land: VIRT_BASE + p_paddr - PADDR_OFFSET */
};

static inline bool elf_xen_has(const struct elf_xen_info *info, unsigned note)
{
    return (info->present >> note) & 1;
}

/* Whether data starts with the ELF magic number. */
bool elf_is_elf(const void *data, size_t size);

/*
 * Checks headers and loadable segments. -ENOEXEC: not an ELF64 x86-64 executable; -EILSEQ: damaged headers;
 * -EFBIG: segment addresses wrap; -ENODATA: nothing to load; -ESPIPE: the file is shorter than its segments.
 */
int must_check elf_open(struct elf_image *elf, const void *data, size_t size, const char **why);

/* Steps through the segments to load: *index starts at 0; false after the last one. */
bool elf_next_load(const struct elf_image *elf, unsigned *index, struct elf_segment *segment);

/* Where paddr belongs in the kernel's virtual address space. */
static inline u64 elf_xen_vaddr(const struct elf_xen_info *info, u64 paddr)
{
    return info->virt_base + paddr - info->paddr_offset;
}

/*
 * Reads the Xen notes, from note segments or else note sections, and checks them for a 64-bit PV start.
 * -ENOENT: no Xen notes; -EOPNOTSUPP: a kernel for another guest kind or interface; -EILSEQ: damaged or
 * contradictory notes; -EFBIG: addresses wrap.
 */
int must_check elf_xen_parse(const struct elf_image *elf, struct elf_xen_info *info, const char **why);

#endif
