/* SPDX-License-Identifier: MIT */
/* Reading, writing and watching the XenStore. */
#include <lib/event.h>
#include <lib/guest.h>
#include <lib/store.h>
#include <lib/string.h>
#include <lib/time.h>

#define MINUTE (60000 * MS)

static void show_all_below(const char *path)
{
    char names[STORE_TEXT], child[STORE_TEXT], value[STORE_TEXT];
    long count = store_list(path, names, sizeof(names));
    const char *name = names;

    for (; count > 0; count--, name += strlen(name) + 1) {
        snprintf(child, sizeof(child), "%s/%s", path, name);
        value[0] = '\0';
        store_read(child, value, sizeof(value));
        printf("  %s = \"%s\"\n", child, value);
        show_all_below(child);
    }
}

static void read_and_write(void)
{
    char value[STORE_TEXT];

    store_read("name", value, sizeof(value));
    printf("I am domain %u, named %s.\n", store_domid(), value);
    printf("Below \"console\":\n");
    show_all_below("console");
    printf("Writing below \"data\": %ld\n", store_write("data/greeting", "hello from %u", store_domid()));
    printf("Writing my name, which is not mine to change: %ld\n", store_write("name", "king"));
    printf("Reading what is not there: %ld\n", store_read("nowhere", value, sizeof(value)));
    printf("Reading what is domain 0's: %ld\n", store_read("/tool/xenstored", value, sizeof(value)));
}

/* Whoever changes it: the watch says where, not what, so the value is read then. */
static void watch(void)
{
    char path[STORE_TEXT], value[STORE_TEXT];

    printf("Watching: %ld\n", store_watch("data/answer", "mine"));
    while (store_notice(path, sizeof(path), MINUTE)) {
        long ret = store_read(path, value, sizeof(value));

        if (ret < 0) {
            printf("Notice of %s, which is not there.\n", path);
            store_write("data/question", "how are you?");
            continue;
        }
        printf("Notice of %s: \"%s\"\n", path, value);
        if (strcmp(value, "well, thank you") == 0)
            break;
    }
    printf("Removing it all: %ld\n", store_remove("data/answer"));
    store_write("data/question", "done");
}

void guest_main(void)
{
    upcalls_enable();
    read_and_write();
    watch();
}
