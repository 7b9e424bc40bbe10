/* SPDX-License-Identifier: MIT */
/*
 * XENPF_firmware_info. Legacy disk and keyboard data need a real-mode BIOS, which a multiboot loader has left: -ENOSYS.
 * On EFI machines the configuration tables and the memory map are read from what firmware left in memory.
 */
#include <hcall/hcall.h>
#include <hcall/platform.h>
#include <lib/string.h>
#include <machine/boot.h>
#include <machine/map.h>
#include <xen/platform.h>

#define EFI_MEMORY_DESC_BYTES 40

/* The head of the EFI system table (UEFI specification, 4.3), 64-bit firmware. */
struct efi_system_table {
    u64 signature;
    u32 revision, header_bytes, crc32, reserved;
    u64 vendor;             /* UCS-2 string */
    u32 vendor_revision, pad;
    u64 handles[6];
    u64 runtime, boot;
    u64 nr_tables, tables;
};

#define VENDOR_CHARS 64

/* (c) Both lie in memory that firmware keeps. NULL: no EFI. */
static const struct efi_system_table *system_table;
static const u16 *vendor;

void platform_firmware_init(void)
{
    if (!boot_info.efi.system_table)
        return;
    system_table = firmware_map(boot_info.efi.system_table, sizeof(*system_table));
    if (system_table)
        vendor = firmware_map(system_table->vendor, VENDOR_CHARS * sizeof(*vendor));
}

static int efi_vendor(union xenpf_efi_info *info, const struct efi_system_table *st)
{
    u32 room = info->vendor.bufsz / sizeof(u16), n;
    guest_ptr_t out = guest_ptr((u64)info->vendor.name.p);

    info->vendor.revision = st->vendor_revision;
    for (n = 0; vendor && n < room && n < VENDOR_CHARS; n++) {
        u16 c = n + 1 < min(room, (u32)VENDOR_CHARS) ? vendor[n] : 0;

        if (guest_write(guest_elem(out, n, sizeof(c)), &c, sizeof(c)))
            return -EFAULT;
        if (c == 0)
            break;
    }
    return 0;
}

/* The descriptor that contains the address the caller asks for. */
static int efi_mem_info(union xenpf_efi_info *info)
{
    const u8 *map = frame_map(maddr_to_mfn(boot_info.efi.map)) + (boot_info.efi.map & ~PAGE_MASK);

    for (u32 off = 0; off + EFI_MEMORY_DESC_BYTES <= boot_info.efi.map_bytes; off += boot_info.efi.desc_bytes) {
        struct { u32 type, pad; u64 start, virt, pages, attributes; } d;

        memcpy(&d, map + off, sizeof(d));
        if (info->mem.addr < d.start || info->mem.addr - d.start >= d.pages << PAGE_SHIFT)
            continue;
        info->mem.type = d.type;
        info->mem.attr = d.attributes;
        if (info->mem.addr + info->mem.size < info->mem.addr || info->mem.size > (d.pages << PAGE_SHIFT) - (info->mem.addr - d.start))
            info->mem.size = (d.pages << PAGE_SHIFT) - (info->mem.addr - d.start);
        return 0;
    }
    return -ESRCH;
}

static int efi_info(u32 index, union xenpf_efi_info *info)
{
    const struct efi_system_table *st = system_table;

    if (st == NULL)
        return -ENODEV;
    switch (index) {
    case XEN_FW_EFI_VERSION:
        info->version = st->revision;
        return 0;
    case XEN_FW_EFI_CONFIG_TABLE:
        info->cfg.addr = st->tables;
        info->cfg.nent = (u32)st->nr_tables;
        return 0;
    case XEN_FW_EFI_VENDOR:
        return efi_vendor(info, st);
    case XEN_FW_EFI_MEM_INFO:
        return efi_mem_info(info);
    default:
        return -EINVAL;
    }
}

int platform_firmware_info(struct xen_platform_op *op)
{
    if (op->u.firmware_info.type == XEN_FW_EFI_INFO)
        return efi_info(op->u.firmware_info.index, &op->u.firmware_info.u.efi_info);
    return -ENOSYS;
}
