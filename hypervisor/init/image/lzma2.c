/* SPDX-License-Identifier: MIT */
/*
 * LZMA2: chunks that are stored or LZMA-coded. LZMA is a sequence of literals, matches {length, distance} and
 * repeats of one of the last four distances, each chosen by binary decisions whose adaptive probabilities drive a
 * range decoder. Nearly all of booting an xz kernel is spent in rc_bit(), hence the inlining.
 */
#include <init/image/lzma2.h>
#include <lib/string.h>

#define PROB_BITS  11
#define PROB_INIT  (1 << (PROB_BITS - 1))
#define MOVE_BITS  5 /* how fast probabilities adapt */
#define LC_LP_MAX  4
#define MATCH_MIN  2
#define STATES     12
#define STATE_LIT_END 7 /* in states below, the previous symbol was a literal */
#define POS_STATES 16

#define inlined static inline __attribute__((always_inline))

typedef u16 prob_t;

struct length_probs {
    prob_t choice, choice2;
    prob_t low[POS_STATES][8], mid[POS_STATES][8], high[256];
};

struct probs {
    prob_t is_match[STATES][POS_STATES];
    prob_t is_rep[STATES], is_rep0[STATES], is_rep1[STATES], is_rep2[STATES];
    prob_t is_rep0_long[STATES][POS_STATES];
    prob_t slot[4][64], special[115], align[16];
    struct length_probs match_length, rep_length;
    prob_t literal[0x300 << LC_LP_MAX];
};

struct lzma {
    struct probs probs;
    u32 rep[4]; /* last distances, minus 1 */
    unsigned state;
    unsigned lc, lp_mask, pb_mask;
    bool need_dict, need_state, need_props; /* resets that the next chunk has to ask for */
    size_t dict_start;                      /* oldest output that distances may reach */
};

const size_t lzma2_state_bytes = sizeof(struct lzma);

/* The range decoder; reads without a bound, as the slack allows within one symbol. */
struct rc {
    u32 range, code;
    const u8 *in;
};

inlined void rc_normalize(struct rc *rc)
{
    if (rc->range < 1u << 24) {
        rc->range <<= 8;
        rc->code = rc->code << 8 | *rc->in++;
    }
}

inlined unsigned rc_bit(struct rc *rc, prob_t *prob)
{
    u32 p = *prob, bound;

    rc_normalize(rc);
    bound = (rc->range >> PROB_BITS) * p;
    if (rc->code < bound) {
        rc->range = bound;
        *prob = (prob_t)(p - ((s32)(p - (1u << PROB_BITS) + (1u << MOVE_BITS) - 1) >> MOVE_BITS));
        return 0;
    }
    rc->range -= bound;
    rc->code -= bound;
    *prob = (prob_t)(p - (p >> MOVE_BITS));
    return 1;
}

/* A number of bits, high bit first; each prefix has a probability of its own. */
inlined unsigned rc_tree(struct rc *rc, prob_t *probs, unsigned bits)
{
    unsigned symbol = 1;

#pragma GCC unroll 8
    for (unsigned i = 0; i < bits; i++)
        symbol = symbol << 1 | rc_bit(rc, &probs[symbol]);
    return symbol - (1u << bits);
}

/* The same, low bit first. */
inlined u32 rc_tree_reverse(struct rc *rc, prob_t *probs, unsigned bits)
{
    unsigned symbol = 1;
    u32 value = 0;

    for (unsigned i = 0; i < bits; i++) {
        unsigned bit = rc_bit(rc, &probs[symbol]);

        symbol = symbol << 1 | bit;
        value |= bit << i;
    }
    return value;
}

/* Bits of even probability, high bit first, below value. */
inlined u32 rc_direct(struct rc *rc, u32 value, unsigned bits)
{
    while (bits--) {
        rc_normalize(rc);
        rc->range >>= 1;
        value <<= 1;
        if (rc->code >= rc->range) {
            rc->code -= rc->range;
            value |= 1;
        }
    }
    return value;
}

static const u8 after_literal[STATES] = { 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5 };

inlined u8 decode_literal(struct lzma *d, struct rc *rc, const u8 *to, size_t done)
{
    unsigned previous = done ? to[-1] : 0, symbol = 1;
    unsigned context = ((done & d->lp_mask) << d->lc) + (previous >> (8 - d->lc));
    prob_t *probs = d->probs.literal + 0x300 * context;

    if (d->state >= STATE_LIT_END) { /* the byte that did not continue the match predicts this one, until they differ */
        unsigned match = to[-(s64)d->rep[0] - 1], same = 0x100;

#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++) {
            unsigned match_bit = (match <<= 1) & same;
            unsigned bit = rc_bit(rc, &probs[same + match_bit + symbol]);

            symbol = symbol << 1 | bit;
            same &= bit ? match_bit : ~match_bit;
        }
    } else {
        symbol = rc_tree(rc, probs, 8);
    }
    d->state = after_literal[d->state];
    return (u8)symbol;
}

inlined unsigned decode_length(struct rc *rc, struct length_probs *probs, unsigned pos_state)
{
    if (!rc_bit(rc, &probs->choice))
        return MATCH_MIN + rc_tree(rc, probs->low[pos_state], 3);
    if (!rc_bit(rc, &probs->choice2))
        return MATCH_MIN + 8 + rc_tree(rc, probs->mid[pos_state], 3);
    return MATCH_MIN + 16 + rc_tree(rc, probs->high, 8);
}

inlined u32 decode_distance(struct lzma *d, struct rc *rc, unsigned length)
{
    unsigned slot = rc_tree(rc, d->probs.slot[min(length - MATCH_MIN, 3u)], 6), bits;
    u32 high;

    if (slot < 4)
        return slot;
    bits = (slot >> 1) - 1;
    high = 2 | (slot & 1);
    if (slot < 14) {
        high <<= bits;
        return high + rc_tree_reverse(rc, d->probs.special + high - slot, bits);
    }
    return (rc_direct(rc, high, bits - 4) << 4) + rc_tree_reverse(rc, d->probs.align, 4);
}

/* A match or repeat: returns its length and puts its distance first in d->rep. */
inlined unsigned decode_match(struct lzma *d, struct rc *rc, unsigned pos_state)
{
    bool was_literal = d->state < STATE_LIT_END;
    struct probs *p = &d->probs;
    unsigned which, length;
    u32 distance;

    if (!rc_bit(rc, &p->is_rep[d->state])) {
        length = decode_length(rc, &p->match_length, pos_state);
        distance = decode_distance(d, rc, length);
        d->state = was_literal ? 7 : 10;
        which = 3;
    } else {
        if (!rc_bit(rc, &p->is_rep0[d->state])) {
            if (!rc_bit(rc, &p->is_rep0_long[d->state][pos_state])) {
                d->state = was_literal ? 9 : 11;
                return 1;
            }
            which = 0;
        } else if (!rc_bit(rc, &p->is_rep1[d->state])) {
            which = 1;
        } else {
            which = 2 + rc_bit(rc, &p->is_rep2[d->state]);
        }
        length = decode_length(rc, &p->rep_length, pos_state);
        distance = d->rep[which];
        d->state = was_literal ? 8 : 11;
    }
    for (; which; which--)
        d->rep[which] = d->rep[which - 1];
    d->rep[0] = distance;
    return length;
}

/*
 * Copies what lies distance bytes back; the two overlap when length is larger, which repeats a pattern. Short patterns
 * are first repeated to a word or more. Whole words may write beyond length, so room must exceed it by one.
 */
inlined void copy_match(u8 *to, size_t distance, size_t length, size_t room)
{
    size_t period = distance;
    u8 *end = to + length;

    while (period < sizeof(u64))
        period *= 2;
    if (room < length + sizeof(u64))
        period = distance + length; /* no words at all */
    for (u8 *head = to + min(period - distance, length); to < head; to++)
        *to = *(to - distance);
    for (; to < end; to += sizeof(u64))
        *(unaligned_u64 *)to = *(unaligned_u64 *)(to - period);
}

/* Decodes LZMA symbols until pos reaches limit. */
static enum outcome decode_symbols(struct lzma2 *io, struct lzma *d, struct rc *rc_io, size_t limit)
{
    const u8 *in_safe = io->in_end - LZMA2_SLACK;
    struct rc rc = *rc_io;
    size_t pos = io->pos;

    while (pos < limit) {
        size_t done = pos - d->dict_start;
        unsigned pos_state = done & d->pb_mask, length;

        if (rc.in > in_safe)
            return CORRUPT;
        if (!rc_bit(&rc, &d->probs.is_match[d->state][pos_state])) {
            io->out[pos] = decode_literal(d, &rc, io->out + pos, done);
            pos++;
            continue;
        }
        length = decode_match(d, &rc, pos_state);
        if (d->rep[0] >= done || length > limit - pos)
            return CORRUPT;
        copy_match(io->out + pos, d->rep[0] + 1UL, length, io->size - pos);
        pos += length;
    }
    rc_normalize(&rc);
    io->pos = pos;
    *rc_io = rc;
    return DONE;
}

static u32 read_be16(const u8 *p)
{
    return (u32)p[0] << 8 | p[1];
}

/* Properties byte: (pb * 5 + lp) * 9 + lc. */
static bool set_properties(struct lzma *d, u8 byte)
{
    unsigned lc = byte % 9, lp = byte / 9 % 5, pb = byte / 45;

    if (pb > 4 || lc + lp > LC_LP_MAX)
        return false;
    d->lc = lc;
    d->lp_mask = (1u << lp) - 1;
    d->pb_mask = (1u << pb) - 1;
    return true;
}

static void reset_state(struct lzma *d)
{
    prob_t *p = (prob_t *)&d->probs;

    for (size_t i = 0; i < sizeof(d->probs) / sizeof(*p); i++)
        p[i] = PROB_INIT;
    memset(d->rep, 0, sizeof(d->rep));
    d->state = 0;
}

/* {control, u16 size - 1}, then the bytes themselves. */
static enum outcome decode_stored(struct lzma2 *io)
{
    size_t size = read_be16(io->in + 1) + 1;

    io->in += 3;
    if (size > (size_t)(io->in_end - io->in))
        return TRUNCATED;
    if (size > io->size - io->pos)
        return WRONG_SIZE;
    memcpy(io->out + io->pos, io->in, size);
    io->in += size;
    io->pos += size;
    return DONE;
}

/* {control, u16 unpacked size - 1, u16 packed size - 1, properties if control says so}, then the range code. */
static enum outcome decode_coded(struct lzma2 *io, struct lzma *d, unsigned control)
{
    size_t unpacked = ((control & 0x1f) << 16) + read_be16(io->in + 1) + 1, coded = read_be16(io->in + 3) + 1;
    unsigned reset = control >> 5 & 3; /* 0 nothing, 1 state, 2 and new properties, 3 and the dictionary */
    enum outcome outcome;
    struct rc rc;

    if ((d->need_props && reset < 2) || (d->need_state && reset < 1))
        return CORRUPT;
    io->in += 5;
    if (reset >= 2 && !set_properties(d, *io->in++))
        return CORRUPT;
    if (reset)
        reset_state(d);
    d->need_props = d->need_state = false;
    if (coded > (size_t)(io->in_end - io->in))
        return TRUNCATED;
    if (unpacked > io->size - io->pos)
        return WRONG_SIZE;
    if (coded < 5 || io->in[0])
        return CORRUPT;
    rc = (struct rc){ ~0u, read_be16(io->in + 1) << 16 | read_be16(io->in + 3), io->in + 5 };
    io->in += coded;
    outcome = decode_symbols(io, d, &rc, io->pos + unpacked);
    return outcome ?: rc.in == io->in && !rc.code ? DONE : CORRUPT;
}

enum outcome lzma2_decode(struct lzma2 *io, void *state)
{
    struct lzma *d = state;
    enum outcome outcome = DONE;

    d->need_dict = d->need_state = d->need_props = true;
    while (!outcome) {
        unsigned control;

        if (io->in_end - io->in < LZMA2_SLACK)
            return TRUNCATED;
        control = *io->in;
        if (!control) {
            io->in++;
            break;
        }
        if (control == 1 || control >= 0xe0) {
            d->dict_start = io->pos;
            d->need_dict = false;
            d->need_props = true;
        }
        if (d->need_dict || (control > 2 && control < 0x80))
            return CORRUPT;
        outcome = control < 0x80 ? decode_stored(io) : decode_coded(io, d, control);
    }
    return outcome;
}
