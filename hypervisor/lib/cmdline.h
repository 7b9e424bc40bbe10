/* SPDX-License-Identifier: MIT */
/*
 * Boot option parser. The caller owns a const table of options; the parser walks the command line once, stores
 * into the destinations and reports what it could not use. No state, no locks; runs once, before allocators.
 */
#ifndef LIB_CMDLINE_H
#define LIB_CMDLINE_H

#include <lib/types.h>

#define CMDLINE_WORD_MAX 256 /* longest accepted option word, including the NUL */

enum option_kind {
    OPTION_KIND_BOOL,   /* name, no-name, noname, name=<boolean word> */
    OPTION_KIND_UINT,   /* name=<number> within min..max */
    OPTION_KIND_SIZE,   /* name=<number>[BKMGT] in bytes */
    OPTION_KIND_STRING, /* name=<text shorter than the buffer> */
    OPTION_KIND_CUSTOM, /* name=<value>; name alone passes "", no-name passes "no" */
};

/*
 * Parses value, which it may cut up in place. Returns 0, or a negative errno after setting *why to a text naming
 * the cause and the remedy. An option given twice is parsed twice, in order.
 */
typedef int (*option_parse_fn)(char *value, const char **why);

struct option {
    const char *name;
    const char *help;
    enum option_kind kind;
    union {
        bool *flag;
        struct { unsigned *dest, min, max; } number;
        u64 *size;
        struct { char *buf; size_t size; } text;
        option_parse_fn parse;
    };
};

#define OPTION_BOOL(n, dest, h)       { .name = (n), .help = (h), .kind = OPTION_KIND_BOOL, .flag = (dest) }
#define OPTION_UINT(n, d, lo, hi, h) \
    { .name = (n), .help = (h), .kind = OPTION_KIND_UINT, .number = { (d), (lo), (hi) } }
#define OPTION_SIZE(n, dest, h)       { .name = (n), .help = (h), .kind = OPTION_KIND_SIZE, .size = (dest) }
#define OPTION_STRING(n, array, h) \
    { .name = (n), .help = (h), .kind = OPTION_KIND_STRING, .text = { (array), sizeof(array) } }
#define OPTION_CUSTOM(n, fn, h)       { .name = (n), .help = (h), .kind = OPTION_KIND_CUSTOM, .parse = (fn) }

/* Called once per word that was ignored: the word (cut to CMDLINE_WORD_MAX) and why, naming the remedy. */
typedef void (*cmdline_report_fn)(void *context, const char *word, const char *why);

/*
 * Applies every word of line to the table. A first word that is no option and has no '=' is the image's name or the
 * loader's placeholder and is skipped silently. Bad words are reported and change nothing that a fixed kind owns.
 */
void cmdline_parse(const char *line, const struct option *options, unsigned nr, cmdline_report_fn report,
                   void *context);

#endif
