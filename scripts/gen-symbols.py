#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns `nm -n` of the linked image (stdin) into the symbol table's assembly (stdout).

--empty makes the table of the first link. The table lies in .rodata.symbols, which the linker script puts behind all
code, so that its size does not move any function.
"""
import sys

KINDS = "tTwW"


def functions(lines):
    """[(address, name)], ascending, one name per address, and the end of the last function."""
    found, end = [], 0
    for line in lines:
        parts = line.split()
        if len(parts) != 3:
            continue
        address, kind, name = int(parts[0], 16), parts[1], parts[2]
        if kind in KINDS and address >> 63 and not name.startswith(".L"):
            if not found or found[-1][0] != address:
                found.append((address, name))
        if name in ("text_end", "_etext", "init_text_end"):
            end = max(end, address)
    if found:
        end = max(end, found[-1][0] + 16)
    return found, end


def main():
    found, end = ([], 0) if "--empty" in sys.argv[1:] else functions(sys.stdin)
    base = found[0][0] if found else 0
    starts = [address - base for address, _ in found] + [end - base if found else 0]
    names, offsets = {}, []
    size = 0
    for _, name in found:
        if name not in names:
            names[name] = size
            size += len(name) + 1
        offsets.append(names[name])

    out = ['.section .rodata.symbols, "a"', ".balign 8",
           ".globl symbol_base, symbol_count, symbol_starts, symbol_name_at, symbol_names",
           f"symbol_base: .quad {base:#x}", f"symbol_count: .long {len(found)}", "symbol_starts:"]
    out += [f"    .long {start:#x}" for start in starts]
    out += ["symbol_name_at:"] + [f"    .long {offset}" for offset in offsets]
    out += ["symbol_names:"] + [f'    .asciz "{name}"' for name in names]
    out += ['.section .note.GNU-stack, "", @progbits']
    print("\n".join(out))


if __name__ == "__main__":
    main()
