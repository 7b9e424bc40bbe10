/* SPDX-License-Identifier: MIT */
/* Included before every file of the image: no symbol is visible outside it, so the compiler addresses all directly. */
#pragma GCC visibility push(hidden)
