/* SPDX-License-Identifier: MIT */
/*
 * One adapter per format between decompress() and what does the work: a library, or xz.c. All memory a decoder needs
 * comes from one arena that is emptied before each run, so nothing has to be given back; all decoders write straight
 * into the output, so its size is the only limit on what damaged input can make them do.
 */
#include <lz4.h>
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_initStaticDCtx() */
#include <zstd.h>
#include <zstd_errors.h>
#include <zlib.h>

#include <init/image/decode.h>
#include <init/image/decompress.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <machine/cpu.h>

static const struct {
    int error;
    const char *text;
} outcomes[] = {
    [DONE]         = { 0, NULL },
    [TRUNCATED]    = { -ESPIPE, "compressed data ends too early; copy the file again" },
    [CORRUPT]      = { -EILSEQ, "compressed data is damaged; copy the file again" },
    [BAD_CHECKSUM] = { -EILSEQ, "checksum of the unpacked data is wrong; copy the file again and test the memory" },
    [WRONG_SIZE]   = { -EMSGSIZE, "unpacked size differs from the size in the file; copy the file again" },
    [UNSUPPORTED]  = { -EOPNOTSUPP, "compressed in an unsupported way; use xz with CRC32, zstd, gzip or lz4" },
    [NO_MEMORY]    = { -ENOMEM, "too little memory to decompress; use a smaller dictionary or more memory" },
};

static struct {
    u8 *base;
    size_t size, used;
} arena;

void decompress_init(void *base, size_t bytes)
{
    arena.base = base;
    arena.size = bytes;
    arena.used = 0;
}

void *arena_alloc(size_t bytes)
{
    size_t start = round_up((uintptr_t)arena.base + arena.used, 64) - (uintptr_t)arena.base;

    if (start > arena.size || bytes > arena.size - start)
        return NULL;
    arena.used = start + bytes;
    return arena.base + start;
}

static enum outcome unpack_raw(const struct job *job)
{
    if (job->in_len != job->out_len)
        return WRONG_SIZE;
    memcpy(job->out, job->in, job->in_len);
    return DONE;
}

static voidpf gzip_alloc(voidpf opaque, uInt items, uInt size)
{
    return arena_alloc((size_t)items * size);
}

static void gzip_free(voidpf opaque, voidpf address)
{
}

static enum outcome unpack_gzip(const struct job *job)
{
    z_stream s = {
        .zalloc = gzip_alloc, .zfree = gzip_free,
        .next_in = (Bytef *)job->in, .avail_in = (uInt)job->in_len,
        .next_out = job->out, .avail_out = (uInt)job->out_len,
    };
    int rc;

    if (job->in_len != s.avail_in || job->out_len != s.avail_out)
        return UNSUPPORTED; /* 4 GiB and more */
    if (inflateInit2(&s, 16 + MAX_WBITS) != Z_OK) /* 16: a gzip header, and its CRC */
        return NO_MEMORY;
    rc = inflate(&s, Z_FINISH);
    if (rc == Z_STREAM_END)
        return s.avail_in ? CORRUPT : s.avail_out ? WRONG_SIZE : DONE;
    if (rc == Z_BUF_ERROR)
        return s.avail_in ? WRONG_SIZE : TRUNCATED;
    if (rc == Z_MEM_ERROR)
        return NO_MEMORY;
    return s.msg && !strcmp(s.msg, "incorrect data check") ? BAD_CHECKSUM : CORRUPT;
}

static enum outcome unpack_zstd(const struct job *job)
{
    size_t bytes = ZSTD_estimateDCtxSize(), rc;
    void *workspace = arena_alloc(bytes);

    if (!workspace)
        return NO_MEMORY;
    rc = ZSTD_decompressDCtx(ZSTD_initStaticDCtx(workspace, bytes), job->out, job->out_len, job->in, job->in_len);
    switch (ZSTD_getErrorCode(rc)) {
    case ZSTD_error_no_error:
        return rc == job->out_len ? DONE : WRONG_SIZE;
    case ZSTD_error_srcSize_wrong:
        return TRUNCATED;
    case ZSTD_error_dstSize_tooSmall:
        return WRONG_SIZE;
    case ZSTD_error_checksum_wrong:
        return BAD_CHECKSUM;
    default:
        return CORRUPT;
    }
}

/* The legacy frame: after the magic number, blocks of {u32 packed size, data}, each of at most 8 MiB unpacked. */
static enum outcome unpack_lz4(const struct job *job)
{
    const size_t magic = 4, block_max = 8UL << 20;
    size_t in = magic, out = 0;

    while (in < job->in_len) {
        u32 bytes;
        int got;

        if (job->in_len - in < sizeof(bytes))
            return TRUNCATED;
        memcpy(&bytes, job->in + in, sizeof(bytes));
        in += sizeof(bytes);
        if (bytes > LZ4_COMPRESSBOUND(block_max))
            return CORRUPT;
        if (bytes > job->in_len - in)
            return TRUNCATED;
        got = LZ4_decompress_safe((const char *)job->in + in, (char *)job->out + out, (int)bytes,
                                  (int)min(job->out_len - out, block_max));
        if (got < 0)
            return CORRUPT;
        in += bytes;
        out += (size_t)got;
    }
    return out == job->out_len ? DONE : WRONG_SIZE;
}

static const struct {
    u8 magic[6], magic_len;
    enum outcome (*unpack)(const struct job *job);
} formats[] = {
    [IMAGE_RAW]   = { "\x7f" "ELF", 4, unpack_raw },
    [IMAGE_GZIP]  = { "\x1f\x8b", 2, unpack_gzip },
    [IMAGE_XZ]    = { "\xfd" "7zXZ", 6, unpack_xz },
    [IMAGE_ZSTD]  = { "\x28\xb5\x2f\xfd", 4, unpack_zstd },
    [IMAGE_LZ4]   = { "\x02\x21\x4c\x18", 4, unpack_lz4 },
    [IMAGE_BZIP2] = { "BZh", 3, NULL },
    [IMAGE_LZMA]  = { "\x5d\0\0", 3, NULL },
    [IMAGE_LZO]   = { "\x89LZO", 4, NULL },
};

enum image_format image_format_detect(const void *data, size_t size)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(formats); i++)
        if (size >= formats[i].magic_len && !memcmp(data, formats[i].magic, formats[i].magic_len))
            break;
    return i;
}

/* The libraries were built with stack protection: they read their canary, any constant, at %fs:0x28. */
static enum outcome unpack(enum image_format format, const struct job *job)
{
    static u64 thread_block[6];
    u64 fs_base = read_fs_base();
    enum outcome outcome;

    write_fs_base((u64)thread_block);
    outcome = formats[format].unpack(job);
    write_fs_base(fs_base);
    return outcome;
}

int decompress(enum image_format format, const void *in, size_t in_len, void *out, size_t out_len, const char **why)
{
    struct job job = { in, in_len, out, out_len };
    enum outcome outcome = UNSUPPORTED;

    arena.used = 0;
    if (format < ARRAY_SIZE(formats) && formats[format].unpack)
        outcome = image_format_detect(in, in_len) == format ? unpack(format, &job) : CORRUPT;
    *why = outcomes[outcome].text;
    return outcomes[outcome].error;
}
