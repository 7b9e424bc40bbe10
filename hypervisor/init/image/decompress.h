/* SPDX-License-Identifier: MIT */
/*
 * Unpacks a boot image in one go. Most decoders are the distribution's static libraries (ADR 2), built for ordinary
 * programs: they use SSE and the red zone. So decompress() runs on the boot CPU before any guest exists, with SSE
 * enabled (CR4.OSFXSR) and interrupts off; it needs 2 KiB of stack. One user at a time.
 */
#ifndef INIT_IMAGE_DECOMPRESS_H
#define INIT_IMAGE_DECOMPRESS_H

#include <lib/types.h>

enum image_format {
    IMAGE_RAW, /* ELF, not compressed */
    IMAGE_GZIP,
    IMAGE_XZ,
    IMAGE_ZSTD,
    IMAGE_LZ4,
    IMAGE_BZIP2, /* this and the following are recognised, for the message, but not unpacked */
    IMAGE_LZMA,
    IMAGE_LZO,
    IMAGE_UNKNOWN,
};

/* Enough for the state of every decoder; their dictionary is the output. */
#define DECOMPRESS_ARENA_BYTES (256UL << 10)

/* Names the format from the first bytes. */
enum image_format image_format_detect(const void *data, size_t size);

/* Gives the decoders their working memory, reused by each decompress(). */
void decompress_init(void *arena, size_t bytes);

/*
 * Unpacks in[0..in_len) to exactly out_len bytes at out. Sets *why on failure: -EOPNOTSUPP format without a decoder,
 * -ESPIPE input cut short, -EILSEQ damaged input or checksum, -EMSGSIZE more or fewer than out_len bytes,
 * -ENOMEM arena too small. out holds garbage then.
 */
int must_check decompress(enum image_format format, const void *in, size_t in_len, void *out, size_t out_len,
                          const char **why);

#endif
