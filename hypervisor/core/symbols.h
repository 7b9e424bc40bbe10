/* SPDX-License-Identifier: MIT */
/* Names of the image's functions, from a table that scripts/gen-symbols.py makes between two links. */
#ifndef CORE_SYMBOLS_H
#define CORE_SYMBOLS_H

#include <lib/types.h>

/* The function that contains addr, with the offset into it and its size up to the next one; NULL: none. */
const char *symbol_lookup(u64 addr, u64 *offset, u64 *size);

/* The table: addresses relative to symbol_base, ascending; the last one ends the last function. Names are offsets into
 * symbol_names. */
extern const u64 symbol_base;
extern const u32 symbol_count;      /* functions; symbol_starts has one more */
extern const u32 symbol_starts[], symbol_name_at[];
extern const char symbol_names[];

#endif
