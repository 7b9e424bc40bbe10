/* SPDX-License-Identifier: MIT */
/*
 * Boot option parser: splits the line at blanks, copies each word into a local buffer, looks its name up in the
 * caller's table and hands the value to the parser of its kind. Every failure has a text for the operator.
 */
#include <lib/cmdline.h>
#include <lib/errno.h>
#include <lib/string.h>

static int parse_flag(const struct option *opt, char *value, const char **why)
{
    int flag = *value ? str_parse_bool(value) : 1;

    if (flag < 0) {
        *why = "not a boolean; use yes/no, on/off, true/false, enable/disable or 1/0";
        return flag;
    }
    *opt->flag = flag;
    return 0;
}

static int parse_number(const struct option *opt, char *value, const char **why)
{
    const char *end = value;
    u64 v;

    if (str_parse_u64(&end, 0, &v) || *end) {
        *why = "not a number; use name=<decimal or 0x hexadecimal>";
        return -EINVAL;
    }
    if (v < opt->number.min || v > opt->number.max) {
        *why = "number out of range; see the option's description for its limits";
        return -ERANGE;
    }
    *opt->number.dest = (unsigned)v;
    return 0;
}

static int parse_size(const struct option *opt, char *value, const char **why)
{
    const char *end = value;
    u64 v;

    if (str_parse_size(&end, 0, &v) || *end) {
        *why = "not a size; use name=<number> with an optional suffix K, M, G or T";
        return -EINVAL;
    }
    *opt->size = v;
    return 0;
}

static int parse_text(const struct option *opt, char *value, const char **why)
{
    if (strlen(value) >= opt->text.size) {
        *why = "text too long; shorten it";
        return -E2BIG;
    }
    strlcpy(opt->text.buf, value, opt->text.size);
    return 0;
}

static int parse_custom(const struct option *opt, char *value, const char **why)
{
    return opt->parse(value, why);
}

static const struct {
    int (*parse)(const struct option *opt, char *value, const char **why);
    bool negatable, bare; /* takes the no- forms; may stand without a value */
} kinds[] = {
    [OPTION_KIND_BOOL]   = { parse_flag, true, true },
    [OPTION_KIND_UINT]   = { parse_number, false, false },
    [OPTION_KIND_SIZE]   = { parse_size, false, false },
    [OPTION_KIND_STRING] = { parse_text, false, false },
    [OPTION_KIND_CUSTOM] = { parse_custom, true, true },
};

static const struct option *find_option(const struct option *options, unsigned nr, const char *name)
{
    for (unsigned i = 0; i < nr; i++)
        if (!strcmp(options[i].name, name))
            return &options[i];
    return NULL;
}

/* The option that "no-x" or "nox" negates, or NULL. */
static const struct option *find_negated(const struct option *options, unsigned nr, const char *name)
{
    const struct option *opt;

    if (strncmp(name, "no", 2))
        return NULL;
    opt = find_option(options, nr, name + (name[2] == '-' ? 3 : 2));
    return opt && kinds[opt->kind].negatable ? opt : NULL;
}

/* Cuts word at its '='. Returns NULL when it was applied, else why it was not. */
static const char *apply_word(char *word, const struct option *options, unsigned nr)
{
    static char no[] = "no";
    char *value = strchr(word, '='), negation[sizeof(no)];
    const struct option *opt;
    const char *why = "malformed value; see the option's description";

    if (value)
        *value++ = '\0';
    opt = find_option(options, nr, word);
    if (!opt) {
        opt = find_negated(options, nr, word);
        if (!opt)
            return "unknown option; check its spelling against the list in the manual";
        if (value)
            return "a negated option takes no value; drop the value or the leading no";
        strlcpy(negation, no, sizeof(negation));
        value = negation;
    }
    if (!value) {
        if (!kinds[opt->kind].bare)
            return "value missing; use name=<value>";
        value = word + strlen(word); /* the empty string, writable */
    }
    return kinds[opt->kind].parse(opt, value, &why) ? why : NULL;
}

/* Copies the next word at *line into word and moves past it. Returns its full length, 0 at the end of the line. */
static size_t next_word(const char **line, char word[CMDLINE_WORD_MAX])
{
    const char *start = *line;
    size_t len = 0;

    while (*start == ' ' || *start == '\t' || *start == '\n' || *start == '\r')
        start++;
    while (start[len] && start[len] != ' ' && start[len] != '\t' && start[len] != '\n' && start[len] != '\r')
        len++;
    *line = start + len;
    strlcpy(word, start, min(len + 1, (size_t)CMDLINE_WORD_MAX));
    return len;
}

void cmdline_parse(const char *line, const struct option *options, unsigned nr, cmdline_report_fn report,
                   void *context)
{
    char word[CMDLINE_WORD_MAX], shown[CMDLINE_WORD_MAX];
    bool first = true;
    size_t len;

    for (; (len = next_word(&line, word)); first = false) {
        const char *why;

        strlcpy(shown, word, sizeof(shown));
        if (len >= sizeof(word))
            why = "option longer than 255 characters; shorten it";
        else if (first && !strchr(word, '=') && !find_option(options, nr, word) && !find_negated(options, nr, word))
            continue;
        else
            why = apply_word(word, options, nr);
        if (why)
            report(context, shown, why);
    }
}
