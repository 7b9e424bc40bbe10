/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as compressed data, with the claimed size and the arena's size taken from the first bytes: no decoder
 * may write outside output and arena, or fail without a reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fake/fake.h>
#include <init/image/decompress.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint16_t out_len;
    size_t arena_bytes;
    const char *why = NULL;
    void *arena, *out;

    if (size < 3)
        return 0;
    if (!cpu_online_count) {
        fake_start(1, 1);
        fake_msr_set(0xc0000100, 0); /* FS base */
    }
    memcpy(&out_len, data, 2);
    arena_bytes = (size_t)data[2] << 13; /* up to 2 MiB */
    data += 3;
    size -= 3;
    arena = malloc(arena_bytes + 1);
    out = malloc(out_len + 1);
    decompress_init(arena, arena_bytes);
    if (decompress(image_format_detect(data, size), data, size, out, out_len, &why) && !why)
        abort();
    free(out);
    free(arena);
    return 0;
}
