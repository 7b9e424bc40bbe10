/* SPDX-License-Identifier: MIT */
/*
 * printk: levels, rate limit, prefix and time stamp; whole lines go to console.c. Owns the thresholds (written by the
 * option parser at boot) and the rate limiter (own lock, of the console's rank's lower neighbour).
 *
 * Thresholds: levels below `always` are shown, levels from there below `limited` are shown within the rate limit.
 */
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <core/console.h>
#include <core/lock.h>
#include <core/printk.h>
#include <machine/time.h>

#define LINE_MAX 512            /* one message; longer ones are cut */
#define PREFIX "(XEN) "
#define PREFIX_MAX 32           /* with a time stamp */
#define LIMIT_BURST 10          /* limited messages at once, and one more per LIMIT_NS */
#define LIMIT_NS 500000000UL

struct thresholds { u8 always, limited; };

static struct thresholds own = { LOG_DEBUG, LOG_DEBUG }, guests = { LOG_ERR, LOG_INFO };
bool console_timestamps;

static struct {
    spinlock_t lock;
    u64 last_ns;
    unsigned tokens, suppressed;
} limit = { SPINLOCK_INIT(RANK_TIME), 0, LIMIT_BURST, 0 };

/* ---- what is shown ---- */

static int parse_level(const char *word)
{
    static const struct { const char *word; u8 shown; } words[] = {
        { "none", LOG_ERR }, { "error", LOG_WARNING }, { "warning", LOG_INFO }, { "info", LOG_DEBUG },
        { "debug", LOG_DEBUG + 1 }, { "all", LOG_DEBUG + 1 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        if (!strcmp(word, words[i].word))
            return words[i].shown;
    return -EINVAL;
}

/* "<always>" or "<always>/<limited>". */
static int parse_thresholds(char *value, const char **why, struct thresholds *t)
{
    char *first = str_next_item(&value, '/'), *second = value;
    int always = parse_level(first), limited = second ? parse_level(second) : always;

    if (always < 0 || limited < 0) {
        *why = "not a log level: use none, error, warning, info, debug or all, or two of them as lower/upper";
        return -EINVAL;
    }
    *t = (struct thresholds){ (u8)always, (u8)max(always, limited) };
    return 0;
}

int printk_parse_loglvl(char *value, const char **why) { return parse_thresholds(value, why, &own); }
int printk_parse_guest_loglvl(char *value, const char **why) { return parse_thresholds(value, why, &guests); }

/* A bucket of LIMIT_BURST tokens. *suppressed: how many were swallowed before this one. */
static bool limit_pass(unsigned *suppressed)
{
    u64 now = time_now_ns(), earned;
    bool pass;

    spin_lock(&limit.lock);
    earned = (now - limit.last_ns) / LIMIT_NS;
    limit.last_ns += earned * LIMIT_NS;
    limit.tokens = (unsigned)min((u64)limit.tokens + earned, (u64)LIMIT_BURST);
    pass = limit.tokens > 0;
    *suppressed = pass ? limit.suppressed : 0;
    limit.suppressed = pass ? 0 : limit.suppressed + 1;
    limit.tokens -= pass;
    spin_unlock(&limit.lock);
    return pass;
}

static bool shown(enum log_level level, unsigned *suppressed)
{
    const struct thresholds *t = level & LOG_GUEST ? &guests : &own;
    unsigned severity = level & ~LOG_GUEST;

    *suppressed = 0;
    return severity < t->always || (severity < t->limited && limit_pass(suppressed));
}

/* ---- lines ---- */

static int prefix_print(char *buf, size_t size)
{
    u64 ms;

    if (!console_timestamps)
        return fmt_snprintf(buf, size, PREFIX);
    ms = time_now_ns() / 1000000;
    return fmt_snprintf(buf, size, PREFIX "[%5u.%03u] ", (unsigned)(ms / 1000), (unsigned)(ms % 1000));
}

/* Each line of the text with its prefix; a last newline is implied. */
static void print_lines(char *text)
{
    char line[LINE_MAX + PREFIX_MAX];

    for (char *part; text && (part = str_next_item(&text, '\n')) != NULL;) {
        size_t n = (size_t)prefix_print(line, sizeof(line));

        n += min(strlcpy(line + n, part, sizeof(line) - n - 1), sizeof(line) - n - 2);
        line[n++] = '\n';
        console_write(line, n);
    }
}

void printk_va(const char *fmt, va_list args)
{
    char text[LINE_MAX];
    size_t n;

    fmt_vsnprintf(text, sizeof(text), fmt, args);
    n = strlen(text);
    if (n && text[n - 1] == '\n')
        text[n - 1] = '\0';
    print_lines(text);
}

void printk(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    printk_va(fmt, args);
    va_end(args);
}

void printk_at(enum log_level level, const char *fmt, ...)
{
    unsigned suppressed;
    va_list args;

    if (!shown(level, &suppressed))
        return;
    if (suppressed)
        printk("%u messages were left out (raise guest_loglvl= or loglvl= to see them)", suppressed);
    va_start(args, fmt);
    printk_va(fmt, args);
    va_end(args);
}
