/* SPDX-License-Identifier: MIT */
/* Contract of lib/elf.c and lib/elf_xen.c: a good kernel, each way to damage it, each kind of unsuitable kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "elf_build.h"

#include <lib/elf.h>
#include <lib/errno.h>

#include <xen/features.h>

static struct elf_build b;

/* Runs both parsers over a copy of exactly size bytes, so that the sanitizer sees any read outside. */
static int parse(size_t size, struct elf_image *elf, struct elf_xen_info *info)
{
    const char *why = NULL;
    u8 *copy = malloc(size ? size : 1);
    int rc;

    memcpy(copy, b.bytes, size);
    rc = elf_open(elf, copy, size, &why);
    if (!rc)
        rc = elf_xen_parse(elf, info, &why);
    assert_true(!rc || (why && strstr(why, ";"))); /* cause; remedy */
    free(copy);
    elf->data = b.bytes;
    return rc;
}

static int parse_all(void)
{
    struct elf_image elf;
    struct elf_xen_info info;

    return parse(ELF_BUILD_MAX, &elf, &info);
}

static void test_good_kernel(void **state)
{
    struct elf_image elf;
    struct elf_xen_info info;
    struct elf_segment seg;
    unsigned index = 0;

    (void)state;
    elf_build_kernel(&b);
    assert_int_equal(parse(ELF_BUILD_MAX, &elf, &info), 0);
    assert_true(elf_next_load(&elf, &index, &seg));
    assert_ptr_equal(seg.data, b.bytes + ELF_BUILD_TEXT);
    assert_int_equal(seg.paddr, ELF_BUILD_PADDR);
    assert_int_equal(seg.filesz, 0x200);
    assert_int_equal(seg.memsz, 0x1000);
    assert_true(elf_next_load(&elf, &index, &seg));
    assert_int_equal(seg.filesz, 0);
    assert_int_equal(seg.memsz, 0x3000);
    assert_false(elf_next_load(&elf, &index, &seg));
    assert_false(elf_next_load(&elf, &index, &seg));
    assert_int_equal(elf_xen_vaddr(&info, seg.paddr), ELF_BUILD_BASE + ELF_BUILD_PADDR + 0x1000);

    assert_int_equal(info.entry, ELF_BUILD_ENTRY);
    assert_int_equal(info.virt_base, ELF_BUILD_BASE);
    assert_int_equal(info.virt_kstart, ELF_BUILD_BASE + ELF_BUILD_PADDR);
    assert_int_equal(info.virt_kend, ELF_BUILD_BASE + ELF_BUILD_PADDR + 0x4000);
    assert_int_equal(info.init_p2m, 0x8000000000UL);
    assert_int_equal(info.hypercall_page, ELF_BUILD_BASE + ELF_BUILD_PADDR + 0x1000);
    assert_int_equal(info.hv_start_low, 0xffff800000000000UL);
    assert_int_equal(info.mod_start_pfn, 1);
    assert_int_equal(info.l1_mfn_mask, 1);
    assert_int_equal(info.l1_mfn_value, 1);
    assert_int_equal(info.supported_features, 0x8801);
    assert_int_equal(info.features_offered, BIT(XENFEAT_writable_page_tables) | BIT(XENFEAT_pae_pgdir_above_4gb));
    assert_int_equal(info.features_required, BIT(XENFEAT_writable_page_tables));
    assert_string_equal(info.guest_os, "linux");
    assert_string_equal(info.loader, "generic");
    assert_string_equal(info.features, "!writable_page_tables|pae_pgdir_above_4gb");
    assert_true(elf_xen_has(&info, XEN_ELFNOTE_INIT_P2M));
    assert_false(elf_xen_has(&info, XEN_ELFNOTE_PHYS32_ENTRY));
}

static void test_truncated_everywhere(void **state)
{
    struct elf_image elf;
    struct elf_xen_info info;

    (void)state;
    elf_build_kernel(&b);
    for (size_t size = 0; size < ELF_BUILD_TEXT + 0x200; size++)
        assert_true(parse(size, &elf, &info) < 0);
    assert_int_equal(parse(3, &elf, &info), -ENOEXEC);
    assert_int_equal(parse(40, &elf, &info), -ESPIPE);
    assert_int_equal(parse(100, &elf, &info), -ESPIPE);
    assert_int_equal(parse(ELF_BUILD_TEXT, &elf, &info), -ESPIPE);
    assert_int_equal(parse(ELF_BUILD_TEXT + 0x200, &elf, &info), 0);
}

/* Each damages one field of a good kernel. */
static void not_elf(void) { b.bytes[0] = 0; }
static void elf32(void) { b.header.e_ident[EI_CLASS] = ELFCLASS32; }
static void no_class(void) { b.header.e_ident[EI_CLASS] = 7; }
static void big_endian(void) { b.header.e_ident[EI_DATA] = ELFDATA2MSB; }
static void other_machine(void) { b.header.e_machine = EM_AARCH64; }
static void object_file(void) { b.header.e_type = ET_REL; }
static void no_headers(void) { b.header.e_phnum = 0; }
static void odd_header_size(void) { b.header.e_phentsize = 32; }
static void too_many_headers(void) { b.header.e_phnum = PN_XNUM; }
static void many_headers(void) { b.header.e_phnum = 1000; }
static void far_headers(void) { b.header.e_phoff = ~0UL; }
static void no_loads(void) { b.text.p_type = b.bss.p_type = PT_NULL; }
static void empty_loads(void) { b.text.p_filesz = b.text.p_memsz = b.bss.p_memsz = 0; }
static void file_over_memory(void) { b.text.p_filesz = 0x1001; }
static void far_segment(void) { b.text.p_offset = ~0UL; }
static void long_segment(void) { b.text.p_filesz = b.text.p_memsz = 0x10000; }
static void wrapping_segment(void) { b.bss.p_paddr = ~0UL - 0x1000; }
static void far_notes(void) { b.note.p_offset = ~0UL; }
static void long_notes(void) { b.note.p_filesz = 0x10000; }
static void long_note_name(void) { ((Elf64_Nhdr *)(b.bytes + ELF_BUILD_NOTES))->n_namesz = 0xfffffffd; }
static void long_note_desc(void) { ((Elf64_Nhdr *)(b.bytes + ELF_BUILD_NOTES))->n_descsz = 0xffffffff; }
static void odd_number(void) { elf_build_note(&b, "Xen", XEN_ELFNOTE_HV_START_LOW, "abc", 3); }
static void short_pair(void) { elf_build_note(&b, "Xen", XEN_ELFNOTE_L1_MFN_VALID, "12345678", 8); }
static void other_interface(void) { elf_build_text(&b, XEN_ELFNOTE_XEN_VERSION, "xen-4.0"); }
static void other_loader(void) { elf_build_text(&b, XEN_ELFNOTE_LOADER, "special"); }
static void entry_below(void) { elf_build_number(&b, XEN_ELFNOTE_ENTRY, ELF_BUILD_BASE); }
static void entry_above(void) { elf_build_number(&b, XEN_ELFNOTE_ENTRY, ELF_BUILD_BASE + ELF_BUILD_PADDR + 0x4000); }
static void base_wraps(void) { elf_build_number(&b, XEN_ELFNOTE_VIRT_BASE, ~0xfffUL); }
static void base_unaligned(void) { elf_build_number(&b, XEN_ELFNOTE_VIRT_BASE, ELF_BUILD_BASE + 1); }
static void offset_above(void) { elf_build_number(&b, XEN_ELFNOTE_PADDR_OFFSET, ELF_BUILD_PADDR + 0x1000); }
static void p2m_unaligned(void) { elf_build_number(&b, XEN_ELFNOTE_INIT_P2M, 0x8000000010UL); }
static void hypercalls_unaligned(void) { elf_build_number(&b, XEN_ELFNOTE_HYPERCALL_PAGE, ELF_BUILD_ENTRY); }
static void hypercalls_outside(void) { elf_build_number(&b, XEN_ELFNOTE_HYPERCALL_PAGE, ELF_BUILD_BASE); }
static void hypercalls_above(void)
{
    elf_build_number(&b, XEN_ELFNOTE_HYPERCALL_PAGE, ELF_BUILD_BASE + ELF_BUILD_PADDR + 0x4000);
}

static void test_damage(void **state)
{
    static const struct {
        void (*damage)(void);
        int rc;
    } cases[] = {
        { not_elf, -ENOEXEC },            { elf32, -ENOEXEC },           { no_class, -ENOEXEC },
        { big_endian, -ENOEXEC },         { other_machine, -ENOEXEC },   { object_file, -ENOEXEC },
        { no_headers, -ENODATA },         { odd_header_size, -EILSEQ },  { too_many_headers, -EILSEQ },
        { many_headers, -ESPIPE },        { far_headers, -ESPIPE },      { no_loads, -ENODATA },
        { empty_loads, -ENODATA },        { file_over_memory, -EILSEQ }, { far_segment, -ESPIPE },
        { long_segment, -ESPIPE },        { wrapping_segment, -EFBIG },  { far_notes, -EILSEQ },
        { long_notes, -EILSEQ },          { long_note_name, -EILSEQ },   { long_note_desc, -EILSEQ },
        { odd_number, -EILSEQ },          { short_pair, -EILSEQ },       { other_interface, -EOPNOTSUPP },
        { other_loader, -EOPNOTSUPP },    { entry_below, -EILSEQ },      { entry_above, -EILSEQ },
        { base_wraps, -EFBIG },           { base_unaligned, -EILSEQ },   { offset_above, -EFBIG },
        { p2m_unaligned, -EILSEQ },       { hypercalls_outside, -EILSEQ }, { hypercalls_unaligned, -EILSEQ },
        { hypercalls_above, -EILSEQ },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        elf_build_kernel(&b);
        assert_int_equal(parse_all(), 0);
        cases[i].damage();
        if (parse_all() != cases[i].rc)
            fail_msg("case %u: got %d, want %d", i, parse_all(), cases[i].rc);
    }
}

static void test_where_notes_are(void **state)
{
    struct elf_image elf;
    struct elf_xen_info info;

    (void)state;
    elf_build_init(&b);
    assert_int_equal(parse_all(), -ENOENT);
    elf_build_note(&b, "GNU", XEN_ELFNOTE_ENTRY, "12345678", 8);
    elf_build_note(&b, "Xem", XEN_ELFNOTE_ENTRY, "12345678", 8);
    assert_int_equal(parse_all(), -ENOENT);
    elf_build_number(&b, XEN_ELFNOTE_PHYS32_ENTRY, 0x1000100); /* a PVH-only kernel */
    assert_int_equal(parse_all(), -EOPNOTSUPP);

    elf_build_kernel(&b);
    b.note.p_type = PT_NULL; /* only the section is left */
    assert_int_equal(parse(ELF_BUILD_MAX, &elf, &info), 0);
    assert_int_equal(info.entry, ELF_BUILD_ENTRY);
    b.header.e_shentsize = 10;
    assert_int_equal(parse_all(), -ENOENT);
    b.header.e_shentsize = sizeof(Elf64_Shdr);
    b.header.e_shoff = ~0UL;
    assert_int_equal(parse_all(), -ENOENT);
}

static void test_defaults_and_unknown_notes(void **state)
{
    static char long_text[300];
    struct elf_image elf;
    struct elf_xen_info info;

    (void)state;
    elf_build_init(&b);
    elf_build_number(&b, XEN_ELFNOTE_VIRT_BASE, ELF_BUILD_BASE);
    elf_build_note(&b, "Xen", 19, "whatever", 8);
    elf_build_note(&b, "Xen", 0, NULL, 0);
    elf_build_note(&b, "Xen", 0x1000001, NULL, 0);
    memset(long_text, 'x', sizeof(long_text) - 1);
    elf_build_text(&b, XEN_ELFNOTE_GUEST_OS, long_text);
    elf_build_text(&b, XEN_ELFNOTE_FEATURES, "|nonsense|!dom0||hvm_callback_vector|");
    assert_int_equal(parse(ELF_BUILD_MAX, &elf, &info), 0);
    assert_int_equal(info.entry, b.header.e_entry); /* no ENTRY note */
    assert_string_equal(info.guest_os, "xxxxxxxxxxxxxxx");
    assert_string_equal(info.loader, "");
    assert_int_equal(info.features_offered, BIT(XENFEAT_dom0) | BIT(XENFEAT_hvm_callback_vector));
    assert_int_equal(info.features_required, BIT(XENFEAT_dom0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_kernel),
        cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_where_notes_are),
        cmocka_unit_test(test_defaults_and_unknown_notes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
