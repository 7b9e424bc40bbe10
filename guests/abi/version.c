/* SPDX-License-Identifier: MIT */
/*
 * version - xen_version, feature bits and the errors of the dispatcher
 *
 * Debian's tools compare the version and read the capabilities; Linux stops at boot without features 5 and 7. A number
 * without a hypercall answers ENOSYS, a result that cannot be stored answers EFAULT.
 */
#include <lib/guest.h>
#include <lib/hypercall.h>
#include <lib/string.h>
#include <lib/test.h>

#define HOLE ((void *)0xffff820000000000ul) /* the hypervisor's own */

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (; *list != '\0'; list++)
        if (memcmp(list, word, length) == 0 && (list[length] == ' ' || list[length] == '\0'))
            return true;
    return false;
}

static void check_features(void)
{
    static const u8 wanted[] = {XENFEAT_mmu_pt_update_preserve_ad, XENFEAT_highmem_assist,
                                XENFEAT_gnttab_map_avail_bits, XENFEAT_memory_op_vnode_supported,
                                XENFEAT_direct_mapped};
    struct xen_feature_info info = {.submap_idx = 0};

    check_equal(hypercall_xen_version(XENVER_get_features, &info), 0, "get_features");
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        check((info.submap >> wanted[i] & 1) == 1, "feature %u is set", wanted[i]);
    check((info.submap >> XENFEAT_dom0 & 1) == is_domain0(), "feature %u, domain 0, is as it is", XENFEAT_dom0);
    check((info.submap & (1u << XENFEAT_writable_page_tables | 1u << XENFEAT_auto_translated_physmap)) == 0,
          "features 0x%x do not promise writable or translated page tables", info.submap);
    info.submap_idx = 1000;
    check_equal(hypercall_xen_version(XENVER_get_features, &info), -XEN_EINVAL,
                "features of a submap that is not there");
}

TEST(version, "version, capabilities, features, unknown numbers")
{
    static const u16 unknown[] = {11, 38, 43, 47, 50, 55, 56, 1000};
    static char text[1024];
    struct xen_platform_parameters parameters;

    check_equal(hypercall_xen_version(XENVER_version, NULL), 0x00040011, "version 4.17");
    check_equal(hypercall_xen_version(XENVER_extraversion, text), 0, "extraversion");
    check_equal(hypercall_xen_version(XENVER_compile_info, text), 0, "compile_info");
    check_equal(hypercall_xen_version(XENVER_changeset, text), 0, "changeset");
    check_equal(hypercall_xen_version(XENVER_guest_handle, text), 0, "guest_handle");
    check_equal(hypercall_xen_version(XENVER_commandline, text), 0, "commandline");
    check_equal(hypercall_xen_version(XENVER_capabilities, text), 0, "capabilities");
    check(has_word(text, "xen-3.0-x86_64"), "capabilities name x86_64 PV");
    check_equal(hypercall_xen_version(XENVER_platform_parameters, &parameters), 0, "platform_parameters");
    check(parameters.virt_start == 0xffff800000000000ul, "the hypervisor's range starts at %lx", parameters.virt_start);
    check_equal(hypercall_xen_version(XENVER_pagesize, NULL), 4096, "pagesize");
    check_equal(hypercall_xen_version(1000, text), -XEN_ENOSYS, "an unknown operation");
    check_equal(hypercall_xen_version(XENVER_capabilities, HOLE), -XEN_EFAULT, "capabilities into the hypervisor");
    check_equal(hypercall_xen_version(XENVER_changeset, (void *)8), -XEN_EFAULT, "changeset into an unmapped page");
    check_features();
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        if (hypercall_raw(unknown[i], 0, 0, 0, 0, 0) != -XEN_ENOSYS)
            check(false, "hypercall %u answers ENOSYS", unknown[i]);
    check_equal(hypercall_raw(~0ul, 0, 0, 0, 0, 0), -XEN_ENOSYS, "hypercall -1");
}
