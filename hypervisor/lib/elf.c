/* SPDX-License-Identifier: MIT */
/*
 * ELF64 image reader: header, program headers, load segments. The Xen notes are in elf_xen.c. Everything is read
 * through one bounds-checked copy, since the image may lie at any alignment and contain anything.
 */
#include <elf.h>

#include <lib/elf.h>
#include <lib/elf_read.h>
#include <lib/errno.h>
#include <lib/string.h>

static int fail(const char **why, int rc, const char *text)
{
    *why = text;
    return rc;
}

bool elf_is_elf(const void *data, size_t size)
{
    return size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG);
}

bool elf_read(const struct elf_image *elf, u64 offset, void *to, size_t bytes)
{
    if (offset > elf->size || bytes > elf->size - offset)
        return false;
    memcpy(to, elf->data + offset, bytes);
    return true;
}

/* Identification comes first and separately, so that a 32-bit kernel gets a message of its own. */
static int check_ident(const void *data, size_t size, const char **why)
{
    const u8 *ident = data;

    if (!elf_is_elf(data, size))
        return fail(why, -ENOEXEC, "not an ELF file; give an uncompressed vmlinux or a bzImage");
    if (size < sizeof(Elf64_Ehdr))
        return fail(why, -ESPIPE, "file ends within the ELF header; copy the kernel again");
    if (ident[EI_CLASS] == ELFCLASS32)
        return fail(why, -ENOEXEC, "32-bit ELF file; use a 64-bit (amd64) kernel");
    if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB || ident[EI_VERSION] != EV_CURRENT)
        return fail(why, -ENOEXEC, "ELF file of an unknown class or byte order; use an amd64 kernel");
    return 0;
}

static int check_header(struct elf_image *elf, const Elf64_Ehdr *header, const char **why)
{
    if (header->e_machine != EM_X86_64)
        return fail(why, -ENOEXEC, "ELF file for another processor; use an amd64 kernel");
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return fail(why, -ENOEXEC, "ELF file is not an executable; use the linked kernel, not an object file");
    if (!header->e_phnum)
        return fail(why, -ENODATA, "ELF file has no program headers; use the linked kernel");
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == PN_XNUM)
        return fail(why, -EILSEQ, "ELF program headers have a wrong size or number; copy the kernel again");
    if (header->e_phoff > elf->size || header->e_phnum * sizeof(Elf64_Phdr) > elf->size - header->e_phoff)
        return fail(why, -ESPIPE, "file ends within the ELF program headers; copy the kernel again");
    elf->entry = header->e_entry;
    elf->phoff = header->e_phoff;
    elf->phnum = header->e_phnum;
    if (header->e_shentsize == sizeof(Elf64_Shdr)) { /* sections are optional: used only if they are all there */
        elf->shoff = header->e_shoff;
        elf->shnum = header->e_shnum;
    }
    return 0;
}

static int check_load(struct elf_image *elf, const Elf64_Phdr *ph, const char **why)
{
    u64 end;

    if (ph->p_filesz > ph->p_memsz)
        return fail(why, -EILSEQ, "ELF segment larger in the file than in memory; copy the kernel again");
    if (ph->p_offset > elf->size || ph->p_filesz > elf->size - ph->p_offset)
        return fail(why, -ESPIPE, "file ends within an ELF segment; copy the kernel again");
    if (__builtin_add_overflow(ph->p_paddr, ph->p_memsz, &end))
        return fail(why, -EFBIG, "ELF segment wraps around the address space; copy the kernel again");
    elf->paddr_first = min(elf->paddr_first, ph->p_paddr);
    elf->paddr_end = max(elf->paddr_end, end);
    return 0;
}

int elf_open(struct elf_image *elf, const void *data, size_t size, const char **why)
{
    Elf64_Ehdr header;
    Elf64_Phdr ph;
    int rc = check_ident(data, size, why);

    if (rc)
        return rc;
    *elf = (struct elf_image){ .data = data, .size = size, .paddr_first = ~0UL };
    memcpy(&header, data, sizeof(header));
    rc = check_header(elf, &header, why);
    for (unsigned i = 0; !rc && i < elf->phnum; i++)
        if (elf_read_phdr(elf, i, &ph) && ph.p_type == PT_LOAD && ph.p_memsz)
            rc = check_load(elf, &ph, why);
    if (!rc && !elf->paddr_end)
        return fail(why, -ENODATA, "ELF file has no segment to load; use the linked kernel");
    return rc;
}

bool elf_next_load(const struct elf_image *elf, unsigned *index, struct elf_segment *segment)
{
    Elf64_Phdr ph;

    while (*index < elf->phnum && elf_read_phdr(elf, (*index)++, &ph)) {
        if (ph.p_type != PT_LOAD || !ph.p_memsz)
            continue;
        *segment = (struct elf_segment){ elf->data + ph.p_offset, ph.p_paddr, ph.p_filesz, ph.p_memsz };
        return true;
    }
    return false;
}
