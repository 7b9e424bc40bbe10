/* SPDX-License-Identifier: MIT */
/*
 * Reads the x86 Linux boot protocol header far enough to find the compressed kernel behind it. The file is what the
 * boot loader left in memory and may be cut short or no kernel at all; every field is copied and checked. Boot only.
 */
#include <init/image/bzimage.h>
#include <lib/elf.h>
#include <lib/errno.h>
#include <lib/string.h>

/* Offsets in the boot protocol header. */
#define HDR_SETUP_SECTS    0x1f1 /* u8; 0 means 4 */
#define HDR_MAGIC          0x202 /* "HdrS" */
#define HDR_VERSION        0x206 /* u16 */
#define HDR_PAYLOAD_OFFSET 0x248 /* u32, from the end of the setup sectors */
#define HDR_PAYLOAD_LENGTH 0x24c /* u32 */
#define HDR_END            0x250
#define VERSION_PAYLOAD    0x208 /* first version with the payload fields */
#define SECTOR             512

static int fail(const char **why, int rc, const char *text)
{
    *why = text;
    return rc;
}

static u32 read_le32(const u8 *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}

static bool is_bzimage(const u8 *file, size_t size)
{
    return size >= HDR_MAGIC + 4 && !memcmp(file + HDR_MAGIC, "HdrS", 4);
}

/* Locates the payload, still including whatever trails the compressed stream. */
static int find_bzimage_payload(const u8 *file, size_t size, struct kernel_payload *payload, const char **why)
{
    u64 start, length;

    if (size < HDR_END)
        return fail(why, -ESPIPE, "bzImage ends within its header; copy the kernel again");
    if ((file[HDR_VERSION] | file[HDR_VERSION + 1] << 8) < VERSION_PAYLOAD)
        return fail(why, -EOPNOTSUPP, "bzImage older than boot protocol 2.08; use Linux 2.6.26 or later");
    start = ((file[HDR_SETUP_SECTS] ?: 4) + 1) * SECTOR + (u64)read_le32(file + HDR_PAYLOAD_OFFSET);
    length = read_le32(file + HDR_PAYLOAD_LENGTH);
    if (start > size || length > size - start)
        return fail(why, -ESPIPE, "bzImage ends within the compressed kernel; copy the kernel again");
    payload->data = file + start;
    payload->size = length;
    return 0;
}

/*
 * The last four bytes hold the unpacked size: gzip's own trailer has them, Linux appends them to the other formats,
 * whose decoders must not see them.
 */
static int read_unpacked_size(struct kernel_payload *payload, const char **why)
{
    const u8 *data = payload->data;

    if (payload->format == IMAGE_RAW) {
        payload->unpacked_size = payload->size;
        return 0;
    }
    if (payload->size < 8)
        return fail(why, -ESPIPE, "compressed kernel is shorter than its own size field; copy the kernel again");
    payload->unpacked_size = read_le32(data + payload->size - 4);
    if (payload->format != IMAGE_GZIP)
        payload->size -= 4;
    if (!payload->unpacked_size || payload->unpacked_size > KERNEL_UNPACKED_MAX)
        return fail(why, -EILSEQ, "compressed kernel claims to unpack to 0 bytes or over 1 GiB; copy the kernel again");
    return 0;
}

int kernel_find_payload(const void *file, size_t size, struct kernel_payload *payload, const char **why)
{
    enum image_format format = image_format_detect(file, size);
    int rc;

    *payload = (struct kernel_payload){ .data = file, .size = size };
    if (is_bzimage(file, size)) {
        rc = find_bzimage_payload(file, size, payload, why);
        if (rc)
            return rc;
        format = image_format_detect(payload->data, payload->size);
        if (format == IMAGE_UNKNOWN)
            return fail(why, -EOPNOTSUPP, "bzImage compressed in an unknown way; use xz, zstd, gzip or lz4");
    } else if (format != IMAGE_RAW && format != IMAGE_GZIP) {
        return fail(why, -ENOEXEC, "neither a bzImage nor an ELF kernel, plain or gzip; give a Linux vmlinuz file");
    }
    payload->format = format;
    return read_unpacked_size(payload, why);
}
