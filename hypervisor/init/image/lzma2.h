/* SPDX-License-Identifier: MIT */
/*
 * LZMA2 decoder for data that lies in memory as a whole and is unpacked as a whole: the output is the dictionary.
 * Memory safe on any input; the caller checks a checksum for anything beyond that.
 */
#ifndef INIT_IMAGE_LZMA2_H
#define INIT_IMAGE_LZMA2_H

#include <init/image/decode.h>

/* Bytes that must follow the LZMA2 data in memory: the decoder may look ahead as far as one symbol reaches. */
#define LZMA2_SLACK 24

struct lzma2 {
    const u8 *in, *in_end; /* in_end includes the slack */
    u8 *out;
    size_t pos, size; /* bytes written at out so far, and room there */
};

/*
 * Decodes up to and including the end marker; in and pos are moved past what was read and written. The caller owns
 * probs, LZMA2_STATE_BYTES of scratch memory.
 */
enum outcome lzma2_decode(struct lzma2 *io, void *state);

extern const size_t lzma2_state_bytes;

#endif
