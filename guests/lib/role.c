/* SPDX-License-Identifier: MIT */
/* Roles, and options in the command line: see role.h. */
#include <lib/guest.h>
#include <lib/memory.h>
#include <lib/role.h>
#include <lib/string.h>

extern const struct role roles_start[], roles_end[];

static const char *command_line(void)
{
    return (const char *)start_info->cmd_line;
}

static bool starts_with(const char *text, const char *word, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (text[i] != word[i])
            return false;
    return true;
}

volatile u64 *role_mailbox(void)
{
    return mfn_page(start_info->store_mfn);
}

bool role_run(void)
{
    for (const struct role *role = roles_start; role < roles_end; role++) {
        size_t bytes = strlen(role->name);
        char end;

        if (!starts_with(command_line(), role->name, bytes))
            continue;
        end = command_line()[bytes];
        if (end != '\0' && end != ' ')
            continue;
        role->run();
        return true;
    }
    return false;
}

static long number(const char *digits)
{
    long value = 0;

    while (*digits >= '0' && *digits <= '9')
        value = value * 10 + (*digits++ - '0');
    return value;
}

long guest_option(const char *name, long otherwise)
{
    size_t bytes = strlen(name);

    for (const char *at = command_line(); *at != '\0'; at++)
        if ((at == command_line() || at[-1] == ' ') && starts_with(at, name, bytes) && at[bytes] == '=')
            return number(at + bytes + 1);
    return otherwise;
}
