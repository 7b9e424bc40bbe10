/* SPDX-License-Identifier: MIT */
/*
 * shares_smp4 - on four CPUs too, domains get shares by their weights, but no more than one CPU for one vcpu
 *
 * By the hypervisor's accounts only: the emulator does not let each CPU execute as much as the others in the same time.
 */
#include <lib/hogs.h>
#include <lib/test.h>
#include <lib/time.h>

#define CPUS 4
#define MOST 8
#define LENGTH (5000 * MS)
#define WITHIN 10 /* percent, of a share */
#define CAP_WITHIN 2

static struct hog hogs[MOST];

/* In units of `of` for each CPU. */
static void check_parts(u32 count, const u32 weights[], const u32 caps[], const u32 parts[], u32 of, u32 within)
{
    struct measured m;

    for (u32 i = 0; i < count; i++)
        hogs[i] = (struct hog){.weight = weights[i], .cap = caps[i]};
    if (!hogs_start(hogs, count))
        return;
    m = hogs_measure(hogs, count, LENGTH, false);
    for (u32 i = 0; i < count; i++)
        check_share(hogs[i].ran, m.ns, parts[i], of, within, "CPU time");
    if (caps[0] == 0)
        check_share(m.ran + m.own, CPUS * m.ns, 1, 1, 1, "all that there is");
    hogs_end(hogs, count);
}

static const u32 nothing[MOST];

TEST(equal, "seven domains share four CPUs equally")
{
    static const u32 weights[] = {256, 256, 256, 256, 256, 256, 256}, parts[] = {4, 4, 4, 4, 4, 4, 4};

    check_parts(7, weights, nothing, parts, 7, WITHIN);
}

TEST(weighted, "eight domains share four CPUs by their weights")
{
    static const u32 weights[] = {64, 64, 128, 128, 128, 256, 256, 256}, parts[] = {2, 2, 4, 4, 4, 8, 8, 8};

    check_parts(8, weights, nothing, parts, 10, WITHIN);
}

TEST(heavy, "who should have more than one CPU leaves the rest to others")
{
    static const u32 weights[] = {4096, 256, 256, 256, 256, 256}, parts[] = {5, 3, 3, 3, 3, 3};

    check_parts(6, weights, nothing, parts, 5, WITHIN);
}

TEST(capped, "caps are kept")
{
    static const u32 weights[] = {4096, 4096, 256}, caps[] = {25, 60, 90}, parts[] = {25, 60, 90};

    check_parts(3, weights, caps, parts, 100, CAP_WITHIN);
}
