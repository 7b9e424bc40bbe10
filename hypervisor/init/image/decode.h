/* SPDX-License-Identifier: MIT */
/* What decompress.c and the decoders behind it share; private to this folder. */
#ifndef INIT_IMAGE_DECODE_H
#define INIT_IMAGE_DECODE_H

#include <lib/types.h>

typedef u64 unaligned_u64 aligned(1) __attribute__((may_alias));

struct job {
    const u8 *in;
    size_t in_len;
    u8 *out;
    size_t out_len;
};

enum outcome { DONE, TRUNCATED, CORRUPT, BAD_CHECKSUM, WRONG_SIZE, UNSUPPORTED, NO_MEMORY };

/* Memory for the length of the job, 64-byte aligned and not zeroed; NULL when the arena is too small. */
void *arena_alloc(size_t bytes);

/* The xz container with LZMA2 and, optionally, the x86 branch filter. */
enum outcome unpack_xz(const struct job *job);

#endif
