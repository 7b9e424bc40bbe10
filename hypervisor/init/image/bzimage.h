/* SPDX-License-Identifier: MIT */
/*
 * Finds the ELF kernel inside the file a boot loader handed over: a bzImage, a gzip-compressed ELF or a plain ELF.
 * Only looks; decompress.h unpacks. No state, no locks; boot only.
 */
#ifndef INIT_IMAGE_BZIMAGE_H
#define INIT_IMAGE_BZIMAGE_H

#include <init/image/decompress.h>
#include <lib/types.h>

struct kernel_payload {
    enum image_format format;
    const void *data; /* within the file */
    size_t size;
    size_t unpacked_size; /* of the ELF image; at most KERNEL_UNPACKED_MAX */
};

#define KERNEL_UNPACKED_MAX (1UL << 30)

/*
 * Describes the kernel in file[0..size). Sets *why on failure. -ENOEXEC: no kernel image of a known kind;
 * -EOPNOTSUPP: a boot protocol or compression that is not supported; -ESPIPE: the file is cut short;
 * -EILSEQ: an unpacked size that cannot be right.
 */
int must_check kernel_find_payload(const void *file, size_t size, struct kernel_payload *payload, const char **why);

#endif
