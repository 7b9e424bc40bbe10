/* SPDX-License-Identifier: MIT */
/* The host's stand-in for the generated symbol table: three made-up functions for the tests of core/symbols.c. */
#include <core/symbols.h>

const u64 symbol_base = 0x1000;
const u32 symbol_count = 3;
const u32 symbol_starts[] = { 0, 0x10, 0x40, 0x50 };
const u32 symbol_name_at[] = { 0, 6, 11 };
const char symbol_names[] = "alpha\0beta\0gamma";
