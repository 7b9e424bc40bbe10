/* SPDX-License-Identifier: MIT */
/* Bounds-checked reads shared by elf.c and elf_xen.c; private to them. */
#ifndef LIB_ELF_READ_H
#define LIB_ELF_READ_H

#include <elf.h>

#include <lib/elf.h>

/* Copies bytes from the image; false if they do not all lie within it. */
bool elf_read(const struct elf_image *elf, u64 offset, void *to, size_t bytes);

static inline bool elf_read_phdr(const struct elf_image *elf, unsigned i, Elf64_Phdr *ph)
{
    return elf_read(elf, elf->phoff + i * sizeof(*ph), ph, sizeof(*ph));
}

#endif
