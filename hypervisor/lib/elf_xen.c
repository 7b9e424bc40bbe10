/* SPDX-License-Identifier: MIT */
/*
 * The Xen notes of a kernel image: where they are, what each means (one table), and whether together they describe
 * a 64-bit PV kernel. Notes of other owners and types unknown here are skipped, as the note format intends.
 */
#include <xen/elfnote.h>
#include <xen/features.h>

#include <lib/elf_read.h>
#include <lib/errno.h>
#include <lib/string.h>

enum note_kind { NOTE_IGNORED, NOTE_NUMBER, NOTE_PAIR, NOTE_STRING };

#define FIELD(type, kind_, field) \
    [XEN_ELFNOTE_##type] = { kind_, offsetof(struct elf_xen_info, field), sizeof(((struct elf_xen_info *)0)->field) }

static const struct {
    enum note_kind kind;
    size_t offset, size;
} notes[] = {
    FIELD(ENTRY, NOTE_NUMBER, entry),
    FIELD(HYPERCALL_PAGE, NOTE_NUMBER, hypercall_page),
    FIELD(VIRT_BASE, NOTE_NUMBER, virt_base),
    FIELD(PADDR_OFFSET, NOTE_NUMBER, paddr_offset),
    FIELD(XEN_VERSION, NOTE_STRING, xen_version),
    FIELD(GUEST_OS, NOTE_STRING, guest_os),
    FIELD(GUEST_VERSION, NOTE_STRING, guest_version),
    FIELD(LOADER, NOTE_STRING, loader),
    FIELD(PAE_MODE, NOTE_STRING, pae_mode),
    FIELD(FEATURES, NOTE_STRING, features),
    FIELD(BSD_SYMTAB, NOTE_STRING, bsd_symtab),
    FIELD(HV_START_LOW, NOTE_NUMBER, hv_start_low),
    FIELD(L1_MFN_VALID, NOTE_PAIR, l1_mfn_mask),
    FIELD(SUSPEND_CANCEL, NOTE_NUMBER, suspend_cancel),
    FIELD(INIT_P2M, NOTE_NUMBER, init_p2m),
    FIELD(MOD_START_PFN, NOTE_NUMBER, mod_start_pfn),
    FIELD(SUPPORTED_FEATURES, NOTE_NUMBER, supported_features),
    FIELD(PHYS32_ENTRY, NOTE_NUMBER, phys32_entry),
};

static const struct {
    const char *name;
    unsigned bit;
} feature_names[] = {
    { "writable_page_tables", XENFEAT_writable_page_tables },
    { "writable_descriptor_tables", XENFEAT_writable_descriptor_tables },
    { "auto_translated_physmap", XENFEAT_auto_translated_physmap },
    { "supervisor_mode_kernel", XENFEAT_supervisor_mode_kernel },
    { "pae_pgdir_above_4gb", XENFEAT_pae_pgdir_above_4gb },
    { "hvm_callback_vector", XENFEAT_hvm_callback_vector },
    { "dom0", XENFEAT_dom0 },
};

static int fail(const char **why, int rc, const char *text)
{
    *why = text;
    return rc;
}

static bool store_number(const u8 *desc, u32 size, u64 *value)
{
    if (size != 1 && size != 2 && size != 4 && size != 8)
        return false;
    *value = 0;
    memcpy(value, desc, size); /* little endian, like the machine */
    return true;
}

/* Stores one note of owner Xen; false if its contents do not fit its type. */
static bool store_note(struct elf_xen_info *info, u32 type, const u8 *desc, u32 size)
{
    void *field;
    bool ok = true;

    if (type >= ARRAY_SIZE(notes) || notes[type].kind == NOTE_IGNORED)
        return true;
    field = (u8 *)info + notes[type].offset;
    switch (notes[type].kind) {
    case NOTE_NUMBER:
        ok = store_number(desc, size, field);
        break;
    case NOTE_PAIR:
        ok = size >= 2 * sizeof(u64);
        if (ok)
            memcpy(field, desc, 2 * sizeof(u64)); /* the first pair of the list; the fields are adjacent */
        break;
    default: /* a string, which may lack its NUL; the field is zeroed */
        memcpy(field, desc, min((size_t)size, notes[type].size - 1));
    }
    if (ok)
        info->present |= BIT(type);
    return ok;
}

/* Reads the notes in [offset, offset + size) of the image; false if they are damaged. */
static bool read_notes(const struct elf_image *elf, struct elf_xen_info *info, u64 offset, u64 size)
{
    u64 end;

    if (__builtin_add_overflow(offset, size, &end) || end > elf->size)
        return false;
    while (end - offset >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        u64 name, desc;

        if (!elf_read(elf, offset, &note, sizeof(note)))
            return false;
        name = offset + sizeof(note);
        desc = name + round_up((u64)note.n_namesz, 4);
        if (desc > end || note.n_descsz > end - desc)
            return false;
        if (note.n_namesz == sizeof("Xen") && !memcmp(elf->data + name, "Xen", sizeof("Xen")) &&
            !store_note(info, note.n_type, elf->data + desc, note.n_descsz))
            return false;
        offset = min(desc + round_up((u64)note.n_descsz, 4), end);
    }
    return true;
}

static bool find_notes(const struct elf_image *elf, struct elf_xen_info *info)
{
    bool ok = true;
    Elf64_Phdr ph;
    Elf64_Shdr sh;

    for (unsigned i = 0; ok && i < elf->phnum; i++)
        if (elf_read_phdr(elf, i, &ph) && ph.p_type == PT_NOTE)
            ok = read_notes(elf, info, ph.p_offset, ph.p_filesz);
    for (unsigned i = 0; ok && !info->present && i < elf->shnum; i++)
        if (elf_read(elf, elf->shoff + i * sizeof(sh), &sh, sizeof(sh)) && sh.sh_type == SHT_NOTE)
            ok = read_notes(elf, info, sh.sh_offset, sh.sh_size);
    return ok;
}

/* Splits "a|!b|c" into masks; names unknown to this table are left out, as there is nothing to offer for them. */
static void parse_features(struct elf_xen_info *info)
{
    const char *p = info->features;

    while (*p) {
        bool required = *p == '!';
        const char *name = p + required;
        size_t len = 0;

        while (name[len] && name[len] != '|')
            len++;
        for (unsigned i = 0; i < ARRAY_SIZE(feature_names); i++)
            if (strlen(feature_names[i].name) == len && !memcmp(feature_names[i].name, name, len)) {
                info->features_offered |= BIT(feature_names[i].bit);
                info->features_required |= required ? BIT(feature_names[i].bit) : 0;
            }
        p = name + len + (name[len] == '|');
    }
}

static int check_kind(const struct elf_xen_info *info, const char **why)
{
    if (!info->present)
        return fail(why, -ENOENT, "no Xen notes: not built to run on Xen; use a kernel with CONFIG_XEN_PV");
    if (!elf_xen_has(info, XEN_ELFNOTE_ENTRY) && !elf_xen_has(info, XEN_ELFNOTE_VIRT_BASE))
        return fail(why, -EOPNOTSUPP, "no PV entry point (PVH only?); use a kernel with CONFIG_XEN_PV");
    if (*info->xen_version && strcmp(info->xen_version, "xen-3.0"))
        return fail(why, -EOPNOTSUPP, "built for a Xen interface other than xen-3.0; use a current kernel");
    if (*info->loader && strcmp(info->loader, "generic"))
        return fail(why, -EOPNOTSUPP, "asks for a loader other than generic; use a current kernel");
    return 0;
}

/* Derives the span in virtual memory and checks every address note against it. */
static int check_layout(const struct elf_image *elf, struct elf_xen_info *info, const char **why)
{
    info->virt_kstart = elf_xen_vaddr(info, elf->paddr_first);
    info->virt_kend = elf_xen_vaddr(info, elf->paddr_end);
    if (elf->paddr_first < info->paddr_offset || info->virt_kstart < info->virt_base ||
        info->virt_kend <= info->virt_kstart)
        return fail(why, -EFBIG, "segments wrap around or lie below VIRT_BASE; rebuild the kernel");
    if (info->entry < info->virt_kstart || info->entry >= info->virt_kend)
        return fail(why, -EILSEQ, "entry point lies outside the loaded segments; rebuild the kernel");
    if (elf_xen_has(info, XEN_ELFNOTE_HYPERCALL_PAGE) &&
        (info->hypercall_page % PAGE_SIZE || info->hypercall_page < info->virt_kstart ||
         info->virt_kend - info->hypercall_page < PAGE_SIZE || info->hypercall_page >= info->virt_kend))
        return fail(why, -EILSEQ, "HYPERCALL_PAGE is no page of the loaded segments; rebuild the kernel");
    if (info->virt_base % PAGE_SIZE || (elf_xen_has(info, XEN_ELFNOTE_INIT_P2M) && info->init_p2m % PAGE_SIZE))
        return fail(why, -EILSEQ, "VIRT_BASE or INIT_P2M is not page aligned; rebuild the kernel");
    return 0;
}

int elf_xen_parse(const struct elf_image *elf, struct elf_xen_info *info, const char **why)
{
    int rc;

    *info = (struct elf_xen_info){ .entry = elf->entry };
    if (!find_notes(elf, info))
        return fail(why, -EILSEQ, "damaged notes in the ELF file; copy the kernel again");
    rc = check_kind(info, why);
    if (rc)
        return rc;
    parse_features(info);
    return check_layout(elf, info, why);
}
