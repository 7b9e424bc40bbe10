/* SPDX-License-Identifier: MIT */
/*
 * The ELF32 file that loaders accept: the flattened 64-bit image as one segment at 2 MiB whose memory size covers
 * .bss, so that no module lands there. Linked with -N (one segment), so the headers are in the file's first 8 KiB.
 */
    .section .image, "awx", @progbits
    .balign 16                  /* in the file too: loaders look for the headers at aligned offsets */
image:
    .incbin IMAGE
image_file_end:
    .section .bss, "aw", @nobits
    .skip IMAGE_END_PHYS - 0x200000 - (image_file_end - image)
    .section .note.GNU-stack, "", @progbits
