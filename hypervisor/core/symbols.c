/* SPDX-License-Identifier: MIT */
/* Looks up function names by binary search in the generated table; const data, any context. */
#include <core/symbols.h>

const char *symbol_lookup(u64 addr, u64 *offset, u64 *size)
{
    u64 at = addr - symbol_base;
    u32 low = 0, high = symbol_count;

    if (!symbol_count || addr < symbol_base || at < symbol_starts[0] || at >= symbol_starts[symbol_count])
        return NULL;
    while (high - low > 1) {        /* symbol_starts[low] <= at < symbol_starts[high] */
        u32 mid = low + (high - low) / 2;

        if (symbol_starts[mid] <= at)
            low = mid;
        else
            high = mid;
    }
    *offset = at - symbol_starts[low];
    *size = symbol_starts[low + 1] - symbol_starts[low];
    return symbol_names + symbol_name_at[low];
}
