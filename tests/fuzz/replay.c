/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over given files, and over the files in given directories, without libFuzzer: so every build
 * replays the corpora. Each input is also cut at a few places, which costs nothing and finds most missing bounds.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;

/* Gives the target a copy of exactly size bytes. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int replay_file(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t size;

    if (!f) {
        perror(path);
        return 1;
    }
    size = fread(data, 1, sizeof(data), f);
    fclose(f);
    for (unsigned part = 1; part <= 8; part++)
        run(data, size * part / 8);
    inputs++;
    return 0;
}

static int replay(const char *path)
{
    struct dirent **entries;
    struct stat st;
    int nr, rc = 0;

    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return replay_file(path);
    nr = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < nr; i++) {
        char name[4096];

        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            rc |= replay_file(name);
        free(entries[i]);
    }
    if (nr >= 0)
        free(entries);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = 0;

    for (int i = 1; i < argc; i++)
        rc |= replay(argv[i]);
    printf("%s: %u inputs replayed\n", argv[0], inputs);
    return rc || !inputs;
}
