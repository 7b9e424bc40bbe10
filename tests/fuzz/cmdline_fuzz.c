/* SPDX-License-Identifier: MIT */
/* Any text as a command line: destinations stay within their limits and every report has a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lib/cmdline.h>
#include <lib/string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool flag;
static unsigned number;
static u64 bytes;
static char text[8];

static int parse_list(char *value, const char **why)
{
    char *item;
    u64 v;

    while ((item = str_next_item(&value, ','))) {
        const char *end = item;

        if (str_parse_size(&end, 10, &v) || *end) {
            *why = "list";
            return -1;
        }
    }
    return 0;
}

static const struct option options[] = {
    OPTION_BOOL("smep", &flag, ""),     OPTION_UINT("cpus", &number, 1, 64, ""), OPTION_SIZE("heap", &bytes, ""),
    OPTION_STRING("com1", text, ""),    OPTION_CUSTOM("dom0_mem", parse_list, ""), OPTION_BOOL("noreboot", &flag, ""),
};

static void report(void *context, const char *word, const char *why)
{
    if (context != options || !*word || strlen(word) >= CMDLINE_WORD_MAX || !why)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);

    memcpy(line, data, size);
    line[size] = '\0';
    number = 1;
    cmdline_parse(line, options, ARRAY_SIZE(options), report, (void *)options);
    if (number < 1 || number > 64 || !memchr(text, '\0', sizeof(text)))
        abort();
    free(line);
    return 0;
}
