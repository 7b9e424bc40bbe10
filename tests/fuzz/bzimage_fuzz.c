/* SPDX-License-Identifier: MIT */
/* Any bytes as the file a boot loader handed over: a payload that is found lies inside it. */
#include <stdint.h>
#include <stdlib.h>

#include <init/image/bzimage.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kernel_payload p;
    const char *why = NULL;
    const uint8_t *start;

    if (kernel_find_payload(data, size, &p, &why))
        return why ? 0 : (abort(), 0);
    start = p.data;
    if (start < data || start > data + size || p.size > (size_t)(data + size - start) || p.format >= IMAGE_UNKNOWN ||
        (p.format != IMAGE_RAW && p.unpacked_size > KERNEL_UNPACKED_MAX))
        abort();
    return 0;
}
