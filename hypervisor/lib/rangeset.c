/* SPDX-License-Identifier: MIT */
/*
 * Sorted array of disjoint ranges. Every change replaces a run of old ranges by at most two new ones, through one
 * function that first makes room (the only step that can fail) and then edits. The caller locks.
 */
#include <lib/errno.h>
#include <lib/rangeset.h>
#include <lib/string.h>

#define GROW_STEP 8

void rangeset_init(struct rangeset *set, rangeset_resize_fn resize)
{
    *set = (struct rangeset){ .resize = resize };
}

void rangeset_init_fixed(struct rangeset *set, struct range *array, unsigned capacity)
{
    *set = (struct rangeset){ .ranges = array, .capacity = capacity };
}

void rangeset_fini(struct rangeset *set)
{
    set->nr = 0;
    if (set->resize && set->ranges) {
        set->resize(set->ranges, set->capacity * sizeof(struct range), 0);
        set->ranges = NULL;
        set->capacity = 0;
    }
}

/* Index of the first range that ends at or after n; nr if there is none. */
static unsigned find_ending_from(const struct rangeset *set, u64 n)
{
    unsigned low = 0, high = set->nr;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;

        if (set->ranges[mid].last < n)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int make_room(struct rangeset *set, unsigned nr)
{
    unsigned capacity = set->capacity + GROW_STEP;
    struct range *ranges;

    if (nr <= set->capacity)
        return 0;
    if (!set->resize)
        return -ENOMEM;
    ranges = set->resize(set->ranges, set->capacity * sizeof(*ranges), capacity * sizeof(*ranges));
    if (!ranges)
        return -ENOMEM;
    set->ranges = ranges;
    set->capacity = capacity;
    return 0;
}

/* Replaces ranges[from..to) by new[0..nr_new); nr_new exceeds to - from by at most one. */
static int replace(struct rangeset *set, unsigned from, unsigned to, const struct range *new, unsigned nr_new)
{
    unsigned nr = set->nr - (to - from) + nr_new;
    int rc = make_room(set, nr);

    if (rc)
        return rc;
    if (set->nr > to)
        memmove(set->ranges + from + nr_new, set->ranges + to, (set->nr - to) * sizeof(*new));
    for (unsigned i = 0; i < nr_new; i++)
        set->ranges[from + i] = new[i];
    set->nr = nr;
    return 0;
}

int rangeset_add(struct rangeset *set, u64 first, u64 last)
{
    struct range merged = { first, last };
    unsigned from, to;

    if (last < first)
        return -EINVAL;
    from = find_ending_from(set, first ? first - 1 : 0); /* a range that ends just below joins in */
    for (to = from; to < set->nr && (last == ~0UL || set->ranges[to].first <= last + 1); to++) {
        merged.first = min(merged.first, set->ranges[to].first);
        merged.last = max(merged.last, set->ranges[to].last);
    }
    return replace(set, from, to, &merged, 1);
}

int rangeset_remove(struct rangeset *set, u64 first, u64 last)
{
    struct range rest[2];
    unsigned from, to, nr_rest = 0;

    if (last < first)
        return -EINVAL;
    from = to = find_ending_from(set, first);
    while (to < set->nr && set->ranges[to].first <= last)
        to++;
    if (from == to)
        return 0;
    if (set->ranges[from].first < first)
        rest[nr_rest++] = (struct range){ set->ranges[from].first, first - 1 };
    if (set->ranges[to - 1].last > last)
        rest[nr_rest++] = (struct range){ last + 1, set->ranges[to - 1].last };
    return replace(set, from, to, rest, nr_rest);
}

bool rangeset_contains(const struct rangeset *set, u64 first, u64 last)
{
    unsigned i = find_ending_from(set, first);

    return first <= last && i < set->nr && set->ranges[i].first <= first && set->ranges[i].last >= last;
}

bool rangeset_overlaps(const struct rangeset *set, u64 first, u64 last)
{
    unsigned i = find_ending_from(set, first);

    return first <= last && i < set->nr && set->ranges[i].first <= last;
}
