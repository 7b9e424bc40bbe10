/* SPDX-License-Identifier: MIT */
/* Bitmaps in a caller's memory, as sysctl and domctl pass them. See hcall/domctl.h. */
#include <hcall/domctl.h>
#include <lib/string.h>

int bitmap_read(const struct xenctl_bitmap *from, u64 *map, unsigned bits)
{
    unsigned n = min(from->nr_bits, bits);

    memset(map, 0, BITMAP_WORDS(bits) * sizeof(*map));
    if (guest_read(map, guest_ptr((u64)from->bitmap.p), (n + 7) / 8))
        return -EFAULT;
    for (unsigned bit = n; bit < (n + 7) / 8 * 8; bit++)
        bit_clear(map, bit);
    return 0;
}

int bitmap_write(const struct xenctl_bitmap *to, const u64 *map, unsigned bits)
{
    guest_ptr_t p = guest_ptr((u64)to->bitmap.p);
    u32 bytes = (to->nr_bits + 7) / 8, ours = min(bytes, (bits + 7) / 8);
    const u8 zero = 0;
    int rc = guest_write(p, map, ours);

    for (u32 i = ours; rc == 0 && i < bytes; i++)
        rc = guest_write(guest_elem(p, i, 1), &zero, 1);
    return rc;
}
