/* SPDX-License-Identifier: MIT */
/*
 * What the decompression libraries want linked but decompress() never reaches: it hands each of them an allocator of
 * its own, and refuses the formats that would need the parts left out here to keep the image small. Reaching one is
 * a defect, so most stop the machine with a #UD whose backtrace names them. Hypervisor image only; the library
 * objects lie in .init sections and go away with them.
 */
#include <stdlib.h>

#include <lib/types.h>

void noreturn __stack_chk_fail(void);

void __stack_chk_fail(void)
{
    __builtin_trap();
}

void *malloc(size_t bytes)
{
    return NULL;
}

void *calloc(size_t items, size_t bytes)
{
    return NULL;
}

void free(void *p)
{
    if (p) /* a decoder that owns nothing does free(NULL) */
        __builtin_trap();
}

/* An optional hook of zstd; as a weak symbol left undefined it would be out of a relative call's reach. */
unsigned long long ZSTD_trace_decompress_begin(const void *context);
void ZSTD_trace_decompress_end(unsigned long long trace, const void *context);

unsigned long long ZSTD_trace_decompress_begin(const void *context)
{
    return 0; /* not tracing */
}

void ZSTD_trace_decompress_end(unsigned long long trace, const void *context)
{
    __builtin_trap();
}

/* Decoders of zstd's formats before 1.0, 90 KB of code: a stream with their magic number is never passed on. */
static void no_legacy_zstd(void)
{
    __builtin_trap();
}

#define ABSENT(name) void name(void) __attribute__((alias("no_legacy_zstd")));
#define ABSENT_VERSION(v)                                                                      \
    ABSENT(ZBUFFv##v##_createDCtx) ABSENT(ZBUFFv##v##_decompressContinue)                      \
    ABSENT(ZBUFFv##v##_decompressInitDictionary) ABSENT(ZBUFFv##v##_freeDCtx)                  \
    ABSENT(ZSTDv##v##_createDCtx) ABSENT(ZSTDv##v##_decompress_usingDict)                      \
    ABSENT(ZSTDv##v##_findFrameSizeInfoLegacy) ABSENT(ZSTDv##v##_freeDCtx)                     \
    ABSENT(ZSTDv##v##_getFrameParams)

ABSENT_VERSION(05)
ABSENT_VERSION(06)
ABSENT_VERSION(07)
