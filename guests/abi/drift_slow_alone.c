/* SPDX-License-Identifier: MIT */
/*
 * drift - system time keeps pace with the machine's HPET: within ppm=N of it (200) over seconds=N (60)
 *
 * Both clocks are read together many times, and the pair counts that took the least time.
 */
#include <lib/hypercall.h>
#include <lib/memory.h>
#include <lib/role.h>
#include <lib/test.h>
#include <lib/time.h>

#define HPET_FRAME 0xfed00
#define HPET_VA (SCRATCH_VA + 0xa00000)
#define TRIES 200

static u32 hpet(u32 offset)
{
    return *(const volatile u32 *)(HPET_VA + offset);
}

static u64 hpet_count(void)
{
    u32 high, low;

    do {
        high = hpet(0xf4);
        low = hpet(0xf0);
    } while (high != hpet(0xf4));
    return (u64)high << 32 | low;
}

static u64 hpet_ns(void)
{
    u64 period_fs = hpet(4);

    return hpet_count() * period_fs / 1000000; /* of some hours without overflow */
}

struct moment {
    u64 system, hpet, within;
};

static struct moment look(void)
{
    struct moment best = {.within = ~0ul};

    for (u32 i = 0; i < TRIES; i++) {
        u64 before = time_ns(), platform = hpet_ns(), after = time_ns();

        if (after - before < best.within)
            best = (struct moment){before + (after - before) / 2, platform, after - before};
        time_sleep(MS / 2);
    }
    return best;
}

static s64 ppm(s64 off, u64 length)
{
    return off * 1000000 / (s64)length;
}

TEST(drift, "system time keeps pace with the machine's clock")
{
    long seconds = guest_option("seconds", 60), most = guest_option("ppm", 200);
    struct moment start, end;
    s64 off;

    if (map_page(HPET_VA, HPET_FRAME, PTE_KERNEL_RO | PTE_PCD) != 0) {
        test_skip("this hypervisor does not let domain 0 see the HPET");
        return;
    }
    if (hpet(4) == ~0u || hpet(4) == 0 || (hpet(0) >> 13 & 1) == 0) {
        test_skip("there is no HPET of 64 bits");
        return;
    }
    start = look();
    while (time_ns() - start.system < (u64)seconds * 1000 * MS)
        time_sleep(100 * MS);
    end = look();
    off = (s64)(end.system - start.system) - (s64)(end.hpet - start.hpet);
    check(start.within < MS && end.within < MS, "read within %lu and %lu ns", start.within, end.within);
    check(ppm(off, end.hpet - start.hpet) <= most && ppm(off, end.hpet - start.hpet) >= -most,
          "%ld ns in %ld s, %ld ppm of at most %ld", (long)off, seconds, (long)ppm(off, end.hpet - start.hpet), most);
}
