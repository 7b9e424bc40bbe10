#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seed inputs of the image and option fuzz targets: DIR/{elf,bzimage,cmdline,decompress}/NAME.

usage: make-image-corpora.py DIR
"""
import lzma
import pathlib
import struct
import sys
import zlib


def note(kind, value, owner=b"Xen\0"):
    value = struct.pack("<Q", value) if isinstance(value, int) else value
    pad = lambda b: b + bytes(-len(b) % 4)
    return struct.pack("<III", len(owner), len(value), kind) + pad(owner) + pad(value)


def elf(notes, bits=64):
    """A kernel with one segment in the file, one without contents, and notes."""
    base, paddr = 0xffffffff80000000, 0x1000000
    head, phdr = 64, 56
    at = head + 3 * phdr
    header = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1, 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + paddr, head, 0, 0, head, phdr, 3, 64, 0, 0)
    phdrs = struct.pack("<IIQQQQQQ", 1, 7, 0, 0, paddr, at, 0x1000, 0x1000)
    phdrs += struct.pack("<IIQQQQQQ", 1, 7, 0, 0, paddr + 0x1000, 0, 0x2000, 0x1000)
    phdrs += struct.pack("<IIQQQQQQ", 4, 4, at, 0, 0, len(notes), len(notes), 4)
    return header + phdrs + notes


LINUX = (note(6, b"linux\0") + note(5, b"xen-3.0\0") + note(3, 0xffffffff80000000) + note(15, 0x8000000000)
         + note(1, 0xffffffff81000000) + note(2, 0xffffffff81001000) + note(8, b"generic\0")
         + note(10, b"!writable_page_tables|pae_pgdir_above_4gb") + note(13, struct.pack("<QQ", 1, 1))
         + note(16, b"\1\0\0\0") + note(17, b"\1\x88\0\0") + note(4, 0))


def bzimage(payload, version=0x20f):
    head = bytearray(1024)
    head[0x1f1] = 1
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x206, version)
    struct.pack_into("<II", head, 0x248, 0, len(payload))
    return bytes(head) + payload


TEXT = b"Hospes, the host and the guest. " * 20


def gzipped():
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    return z.compress(TEXT) + z.flush()


def xz(check=lzma.CHECK_CRC32, x86=True):
    filters = [{"id": lzma.FILTER_X86}] * x86 + [{"id": lzma.FILTER_LZMA2, "dict_size": 4096}]
    return lzma.compress(TEXT, check=check, filters=filters)


def zstd():
    """A frame of one raw and one run-length block, without checksum: small, and the fuzzer finds the rest."""
    raw = struct.pack("<I", len(TEXT) << 3)[:3] + TEXT
    run = struct.pack("<I", 100 << 3 | 1 << 1 | 1)[:3] + b"z"
    return b"\x28\xb5\x2f\xfd\0\x58" + raw + run


def lz4():
    literals = TEXT[:12]
    block = b"\xc0" + literals
    match = b"\x4f" + TEXT[:4] + b"\x04\0" + b"\x20" + b"\x50" + b"12345"
    return b"\x02\x21\x4c\x18" + b"".join(struct.pack("<I", len(b)) + b for b in (block, match))


def sized(data, out_len, arena=255):
    return struct.pack("<HB", out_len, arena) + data


def corpora():
    size = lambda n: struct.pack("<I", lengths.get(n, len(TEXT)))
    packed = {"gzip": gzipped(), "xz": xz(), "xz-plain": xz(lzma.CHECK_NONE, False),
              "xz-crc64": xz(lzma.CHECK_CRC64), "zstd": zstd(), "lz4": lz4(), "raw": elf(LINUX)}
    lengths = {"zstd": len(TEXT) + 100, "lz4": 12 + 4 + 19 + 32 + 5, "raw": len(packed["raw"])}
    return {
        "elf": {"linux": elf(LINUX), "bare": elf(b""), "elf32": elf(LINUX, 32), "pvh": elf(note(18, 0x1000100))},
        "bzimage": {**{n: bzimage(p + (b"" if n == "gzip" else size(n))) for n, p in packed.items()},
                    "old": bzimage(b"", 0x207), "plain": elf(LINUX), "plain-gzip": gzipped()},
        "decompress": {**{n: sized(p, lengths.get(n, len(TEXT))) for n, p in packed.items()},
                       "no-arena": sized(xz(), len(TEXT), 1)},
        "cmdline": {"debian": b"placeholder dom0_mem=min:512M,max:1G,512M com1=9600 smep=off no-smep noreboot",
                    "bad": b"image cpus=0x1g heap=1q heap=3M nosmep=1 = no- trace", "long": b"x " + b"a=" * 300},
    }


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, inputs in corpora().items():
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in inputs.items():
            (folder / name).write_bytes(data)


main()
