/* SPDX-License-Identifier: MIT */
/* xen_version: who we are, in the numbers that guests and tools of Xen 4.17 expect. */
#include <hcall/hcall.h>
#include <lib/string.h>
#include <machine/boot.h>
#include <xen/features.h>
#include <xen/version.h>
#include <xen/xen.h>

#define VERSION_MAJOR 4
#define VERSION_MINOR 17

static const char capabilities[] = "xen-3.0-x86_64 ";
static const char compiler[] = "compiler " __VERSION__;

static long put_string(guest_ptr_t arg, const char *s, size_t field)
{
    char buf[1024];          /* the longest field of the interface */

    memset(buf, 0, field);
    strlcpy(buf, s, field);
    return guest_write(arg, buf, field);
}

static u32 features(const struct domain *d)
{
    u32 map = BIT(XENFEAT_mmu_pt_update_preserve_ad) | BIT(XENFEAT_highmem_assist) | BIT(XENFEAT_gnttab_map_avail_bits) |
              BIT(XENFEAT_memory_op_vnode_supported) | BIT(XENFEAT_direct_mapped);

    if (d->rights & RIGHT_HARDWARE)
        map |= BIT(XENFEAT_dom0);
    if (d->pv.vm_assist & BIT(VMASST_TYPE_pae_extended_cr3))
        map |= BIT(XENFEAT_pae_pgdir_above_4gb);
    return map;
}

static long get_features(guest_ptr_t arg)
{
    struct xen_feature_info info;

    if (guest_read(&info, arg, sizeof(info)))
        return -EFAULT;
    if (info.submap_idx != 0)
        return -EINVAL;
    info.submap = features(current_domain());
    return guest_write(arg, &info, sizeof(info));
}

static long compile_info(guest_ptr_t arg)
{
    struct xen_compile_info info;

    memset(&info, 0, sizeof(info));
    strlcpy(info.compiler, compiler, sizeof(info.compiler));
    strlcpy(info.compile_by, "hospes", sizeof(info.compile_by));
    strlcpy(info.compile_domain, "hospes", sizeof(info.compile_domain));
    strlcpy(info.compile_date, "reproducible build", sizeof(info.compile_date));
    return guest_write(arg, &info, sizeof(info));
}

long hcall_xen_version(struct hcall_args *args)
{
    guest_ptr_t arg = hcall_ptr(args, 1);
    struct domain *d = current_domain();
    struct xen_platform_parameters platform = { .virt_start = HOLE_START };

    switch (args->a[0]) {
    case XENVER_version:
        return VERSION_MAJOR << 16 | VERSION_MINOR;
    case XENVER_extraversion:
        return put_string(arg, ".0-hospes", sizeof(xen_extraversion_t));
    case XENVER_compile_info:
        return compile_info(arg);
    case XENVER_capabilities:
        return put_string(arg, capabilities, sizeof(xen_capabilities_info_t));
    case XENVER_changeset:
        return put_string(arg, "hospes", sizeof(xen_changeset_info_t));
    case XENVER_platform_parameters:
        return guest_write(arg, &platform, sizeof(platform));
    case XENVER_get_features:
        return get_features(arg);
    case XENVER_pagesize:
        return guest_null(arg) ? (long)PAGE_SIZE : -EINVAL;
    case XENVER_guest_handle:
        return guest_write(arg, d->uuid, sizeof(d->uuid));
    case XENVER_commandline:
        return put_string(arg, hcall_allowed(__HYPERVISOR_xen_version, XENVER_commandline, NULL) ? "<denied>" : boot_info.cmdline,
                          sizeof(xen_commandline_t));
    default:
        return -ENOSYS;
    }
}
