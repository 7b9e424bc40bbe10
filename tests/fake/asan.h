/* SPDX-License-Identifier: MIT */
/* WITH_ASAN: the address sanitizer is compiled in (gcc and clang say it differently). */
#ifndef FAKE_ASAN_H
#define FAKE_ASAN_H

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#endif
