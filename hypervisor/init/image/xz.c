/* SPDX-License-Identifier: MIT */
/*
 * The xz container, as far as Linux's own images go: one stream; blocks of LZMA2, plain or behind the x86 branch
 * filter; CRC32 or no check. Layout: stream header, blocks {header, data, padding, check}, index, stream footer.
 */
#include <zlib.h>

#include <init/image/lzma2.h>
#include <lib/string.h>

#define STREAM_HEADER 12 /* {magic[6], flags[2], CRC32 of the flags}; the footer is as long */
#define CHECK_NONE  0
#define CHECK_CRC32 1
#define FILTER_X86   0x04
#define FILTER_LZMA2 0x21

struct block {
    bool x86;        /* filtered */
    u32 x86_start;   /* address of its first byte, for the filter */
};

static u32 read_le32(const u8 *p)
{
    u32 v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static bool crc_matches(const u8 *data, size_t bytes, const u8 *crc)
{
    return crc32_z(0, data, bytes) == read_le32(crc);
}

/* Header and footer, which has to be there before anything else makes sense. */
static enum outcome check_ends(const struct job *job)
{
    const u8 *flags = job->in + 6, *footer = job->in + job->in_len - STREAM_HEADER;

    if (job->in_len < 2 * STREAM_HEADER || footer[10] != 'Y' || footer[11] != 'Z')
        return TRUNCATED;
    if (!crc_matches(flags, 2, flags + 2) || !crc_matches(footer + 4, 6, footer) || memcmp(flags, footer + 8, 2))
        return CORRUPT;
    return !flags[0] && (flags[1] == CHECK_NONE || flags[1] == CHECK_CRC32) ? DONE : UNSUPPORTED;
}

/* A number in 7-bit groups, low first, from *p. Returns false if it does not end before end or is too long. */
static bool read_number(const u8 **p, const u8 *end, u64 *value)
{
    unsigned shift = 0;

    for (*value = 0; *p < end && shift < 63; shift += 7) {
        u8 byte = *(*p)++;

        *value |= (u64)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* One filter description {id, bytes of properties, properties}. */
static enum outcome read_filter(struct block *block, const u8 **p, const u8 *end, bool last)
{
    u64 id, bytes;

    if (!read_number(p, end, &id) || !read_number(p, end, &bytes) || bytes > (u64)(end - *p))
        return CORRUPT;
    if (id == FILTER_X86 && !last && !block->x86 && (!bytes || bytes == 4)) {
        block->x86 = true;
        block->x86_start = bytes ? read_le32(*p) : 0;
    } else if (id != FILTER_LZMA2 || !last || bytes != 1) {
        return UNSUPPORTED;
    }
    *p += bytes; /* LZMA2's is the dictionary size, of no interest when the output is the dictionary */
    return DONE;
}

/* {size / 4 - 1, flags, optional sizes, filters, zero padding, CRC32}; moves *in past it. */
static enum outcome read_block_header(struct block *block, const u8 **in, const u8 *in_end)
{
    size_t bytes = (**in + 1) * 4;
    const u8 *p = *in + 2, *end = *in + bytes - 4;
    unsigned flags = (*in)[1];
    enum outcome outcome = DONE;
    u64 size;

    if (bytes > (size_t)(in_end - *in) || !crc_matches(*in, bytes - 4, end))
        return CORRUPT;
    if (flags & 0x3c)
        return UNSUPPORTED;
    for (unsigned sizes = flags & 0xc0; sizes; sizes &= sizes - 1) /* packed and unpacked size: found out anyway */
        if (!read_number(&p, end, &size))
            return CORRUPT;
    *block = (struct block){ 0 };
    for (unsigned left = (flags & 3) + 1; left && !outcome; left--)
        outcome = read_filter(block, &p, end, left == 1);
    *in += bytes;
    return outcome;
}

/* The index ends where the footer starts, and the footer knows its size. */
static enum outcome check_index(const struct job *job, const u8 *in)
{
    const u8 *footer = job->in + job->in_len - STREAM_HEADER;
    size_t bytes = ((size_t)read_le32(footer + 4) + 1) * 4;

    if ((size_t)(footer - in) != bytes || bytes < 8 || !crc_matches(in, bytes - 4, footer - 4))
        return CORRUPT;
    return DONE;
}

static bool is_sign_byte(u8 byte)
{
    return byte == 0 || byte == 0xff;
}

/* Index of the first byte 0xe8 or 0xe9 (CALL, JMP) in data[from..to); to or beyond when there is none. */
static size_t find_branch(const u8 *data, size_t from, size_t to)
{
    const u64 ones = 0x0101010101010101;

    for (; from + sizeof(u64) <= to; from += sizeof(u64)) {
        u64 word = (*(const unaligned_u64 *)(data + from) & ones * 0xfe) ^ ones * 0xe8; /* a zero byte for each */

        word = (word - ones) & ~word & ones * 0x80;
        if (word)
            return from + (unsigned)__builtin_ctzl(word) / 8;
    }
    while (from < to && (data[from] & 0xfe) != 0xe8)
        from++;
    return from;
}

/*
 * Turns the absolute targets that the compressor made of CALL and JMP operands back into relative ones. It converted
 * only operands whose top byte is a sign extension, and it was wary of an opcode byte that may be part of the operand
 * of an earlier, unconverted one: bit n of recent says that one lies n + 1 bytes back.
 */
static void undo_x86_filter(u8 *data, size_t bytes, u32 start)
{
    size_t end = bytes < 5 ? 0 : bytes - 4, last = -1UL;
    unsigned recent = 0;

    for (size_t i = find_branch(data, 0, end); i < end; i = find_branch(data, i, end)) {
        u32 next = start + (u32)i + 5, target;
        unsigned back;

        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): i only grows, so it is never last. */
        recent = i - last > 3 ? 0 : recent << (i - last - 1) & 7;
        back = recent ? 32 - (unsigned)__builtin_clz(recent) : 0;
        last = i;
        if ((recent & (recent - 1)) || !is_sign_byte(data[i + 4]) || (recent && is_sign_byte(data[i + 4 - back]))) {
            recent = recent << 1 | 1;
            i++;
            continue;
        }
        target = read_le32(data + i + 1) - next;
        if (recent && is_sign_byte((u8)(target >> (24 - 8 * back)))) /* it would look converted: they swapped it */
            target = (target ^ (u32)(BIT(32 - 8 * back) - 1)) - next;
        target = target & 0x1000000 ? target | 0xff000000 : target & 0x00ffffff;
        memcpy(data + i + 1, &target, sizeof(target));
        i += 5;
    }
}

/* The data of one block, its padding and its check; io->in stands behind its header. */
static enum outcome unpack_block(struct lzma2 *io, const struct block *block, unsigned check, void *state)
{
    const u8 *data = io->in;
    size_t first = io->pos;
    enum outcome outcome = lzma2_decode(io, state);

    if (outcome)
        return outcome;
    while ((io->in - data) % 4)
        if (*io->in++) /* within the slack */
            return CORRUPT;
    if (block->x86)
        undo_x86_filter(io->out + first, io->pos - first, block->x86_start);
    if (check == CHECK_CRC32) {
        if (!crc_matches(io->out + first, io->pos - first, io->in))
            return BAD_CHECKSUM;
        io->in += 4;
    }
    return DONE;
}

enum outcome unpack_xz(const struct job *job)
{
    struct lzma2 io = { job->in + STREAM_HEADER, job->in + job->in_len, job->out, 0, job->out_len };
    enum outcome outcome = check_ends(job);
    void *state = arena_alloc(lzma2_state_bytes);
    struct block block;

    if (!outcome && !state)
        outcome = NO_MEMORY;
    while (!outcome && io.in_end - io.in > LZMA2_SLACK && *io.in) { /* a zero starts the index */
        outcome = read_block_header(&block, &io.in, io.in_end);
        if (!outcome)
            outcome = unpack_block(&io, &block, job->in[7], state);
    }
    if (!outcome)
        outcome = check_index(job, io.in);
    if (!outcome && io.pos != io.size)
        outcome = WRONG_SIZE;
    return outcome;
}
