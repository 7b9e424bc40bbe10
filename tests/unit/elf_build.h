/* SPDX-License-Identifier: MIT */
/* Builds small kernel images for the tests: an ELF64 file with one text segment, one bss segment and Xen notes. */
#ifndef TESTS_UNIT_ELF_BUILD_H
#define TESTS_UNIT_ELF_BUILD_H

#include <elf.h>
#include <string.h>

#include <xen/elfnote.h>

#include <lib/types.h>

#define ELF_BUILD_MAX 4096

struct elf_build {
    union {
        u8 bytes[ELF_BUILD_MAX];
        struct {
            Elf64_Ehdr header;
            Elf64_Phdr text, bss, note;
            Elf64_Shdr section;
        };
    };
    u64 notes_end;
};

#define ELF_BUILD_NOTES 512 /* file offset of the notes, which may fill the space up to the text */
#define ELF_BUILD_TEXT  2048
#define ELF_BUILD_BASE  0xffffffff80000000UL
#define ELF_BUILD_PADDR 0x1000000UL
#define ELF_BUILD_ENTRY (ELF_BUILD_BASE + ELF_BUILD_PADDR + 0x100)

static inline void elf_build_note(struct elf_build *b, const char *owner, u32 type, const void *desc, u32 size)
{
    Elf64_Nhdr note = { .n_namesz = (u32)strlen(owner) + 1, .n_descsz = size, .n_type = type };
    u8 *p = b->bytes + b->notes_end;

    memcpy(p, &note, sizeof(note));
    memcpy(p + sizeof(note), owner, note.n_namesz);
    if (size)
        memcpy(p + sizeof(note) + round_up(note.n_namesz, 4u), desc, size);
    b->notes_end += sizeof(note) + round_up(note.n_namesz, 4u) + round_up(size, 4u);
    b->note.p_filesz = b->notes_end - ELF_BUILD_NOTES;
    b->section.sh_size = b->note.p_filesz;
}

static inline void elf_build_number(struct elf_build *b, u32 type, u64 value)
{
    elf_build_note(b, "Xen", type, &value, sizeof(value));
}

static inline void elf_build_text(struct elf_build *b, u32 type, const char *text)
{
    elf_build_note(b, "Xen", type, text, (u32)strlen(text) + 1);
}

/* A loadable file without notes. */
static inline void elf_build_init(struct elf_build *b)
{
    memset(b, 0, sizeof(*b));
    b->header = (Elf64_Ehdr){
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_entry = ELF_BUILD_ENTRY,
        .e_phoff = offsetof(struct elf_build, text), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3,
        .e_shoff = offsetof(struct elf_build, section), .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 1,
    };
    b->text = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_offset = ELF_BUILD_TEXT, .p_vaddr = 0, .p_paddr = ELF_BUILD_PADDR,
        .p_filesz = 0x200, .p_memsz = 0x1000,
    };
    b->bss = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_offset = ELF_BUILD_TEXT, .p_paddr = ELF_BUILD_PADDR + 0x1000, .p_memsz = 0x3000,
    };
    b->note = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = ELF_BUILD_NOTES };
    b->section = (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_offset = ELF_BUILD_NOTES };
    b->notes_end = ELF_BUILD_NOTES;
}

/* A PV kernel with the notes that Linux has. */
static inline void elf_build_kernel(struct elf_build *b)
{
    static const u64 l1_mfn_valid[2] = { 1, 1 };

    elf_build_init(b);
    elf_build_text(b, XEN_ELFNOTE_GUEST_OS, "linux");
    elf_build_text(b, XEN_ELFNOTE_GUEST_VERSION, "2.6");
    elf_build_text(b, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    elf_build_number(b, XEN_ELFNOTE_VIRT_BASE, ELF_BUILD_BASE);
    elf_build_number(b, XEN_ELFNOTE_INIT_P2M, 0x8000000000UL);
    elf_build_number(b, XEN_ELFNOTE_ENTRY, ELF_BUILD_ENTRY);
    elf_build_number(b, XEN_ELFNOTE_HYPERCALL_PAGE, ELF_BUILD_BASE + ELF_BUILD_PADDR + 0x1000);
    elf_build_note(b, "Xen", XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb", 41); /* no NUL */
    elf_build_note(b, "Xen", XEN_ELFNOTE_SUPPORTED_FEATURES, "\x01\x88\0\0", 4);
    elf_build_text(b, XEN_ELFNOTE_PAE_MODE, "yes");
    elf_build_text(b, XEN_ELFNOTE_LOADER, "generic");
    elf_build_note(b, "Xen", XEN_ELFNOTE_L1_MFN_VALID, l1_mfn_valid, sizeof(l1_mfn_valid));
    elf_build_note(b, "Xen", XEN_ELFNOTE_MOD_START_PFN, "\1\0\0\0", 4);
    elf_build_number(b, XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000UL);
    elf_build_number(b, XEN_ELFNOTE_PADDR_OFFSET, 0);
}

#endif
