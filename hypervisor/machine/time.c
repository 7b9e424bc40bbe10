/* SPDX-License-Identifier: MIT */
/*
 * System time from the TSC. The platform timer is master: it gives the TSC's rate at boot, and later its long-term
 * rate is followed by bending the scale, at most 500 ppm, so that time never steps. The scale is written by the boot
 * CPU only, under its version; readers retry. See time.h.
 */
#include <machine/boot.h>
#include <machine/internal.h>
#include <machine/io.h>
#include <machine/platform_timer.h>
#include <machine/report.h>
#include <machine/time.h>

#define NS_PER_SEC     1000000000UL
#define CALIBRATE_MS   25
#define SAMPLE_TRIES   7
#define DRIFT_OK_NS    2000             /* below: leave the scale alone */
#define DRIFT_MAX_NS   1000000000L      /* beyond: the platform timer wrapped or stood still; forget what it said */
#define BEND_MAX_PPM   500L
#define WARP_ROUNDS    300

struct time_scale time_scale;
u32 tsc_khz;
bool tsc_stable = true;
const char *time_platform_name = "none";

static struct platform_timer *platform;
static struct {
    u64 ticks;                  /* the platform timer at the last comparison */
    u64 ns;                     /* its time then */
    u64 nominal_mul;            /* the scale without bend */
} master;

/* a * b / c without overflow on the way; the result must fit. */
static u64 mul_div(u64 a, u64 b, u64 c)
{
    u64 lo, hi;

    __asm__("mulq %3\n\tdivq %4" : "=a"(lo), "=&d"(hi) : "a"(a), "r"(b), "r"(c) : "cc");
    return lo;
}

static inline u64 scale_delta(u64 delta, u32 mul, s8 shift)
{
    delta = shift >= 0 ? delta << shift : delta >> -shift;
    return (u64)((unsigned __int128)delta * mul >> 32);
}

u64 tsc_to_ns(u64 tsc)
{
    u32 version;
    u64 ns;

    do {
        s64 delta;

        version = READ_ONCE(time_scale.version) & ~1u;
        barrier();
        delta = (s64)(tsc - time_scale.base_tsc);
        ns = delta >= 0 ? time_scale.base_ns + scale_delta((u64)delta, time_scale.mul, time_scale.shift)
                        : time_scale.base_ns - scale_delta((u64)-delta, time_scale.mul, time_scale.shift);
        barrier();
    } while (unlikely(READ_ONCE(time_scale.version) != version));
    return ns;
}

u64 time_now_ns(void)
{
    return tsc_to_ns(rdtsc());
}

u64 ns_to_tsc(u64 ns)
{
    s64 delta = (s64)(ns - time_scale.base_ns);
    u64 ticks = mul_div((u64)(delta >= 0 ? delta : -delta), tsc_khz, 1000000);

    return delta >= 0 ? time_scale.base_tsc + ticks : time_scale.base_tsc - ticks;
}

static void set_scale(u64 base_tsc, u64 base_ns, u32 mul)
{
    WRITE_ONCE(time_scale.version, time_scale.version + 1);
    barrier();
    time_scale.base_tsc = base_tsc;
    time_scale.base_ns = base_ns;
    time_scale.mul = mul;
    barrier();
    WRITE_ONCE(time_scale.version, time_scale.version + 1);
}

/* mul is 2^31 .. 2^32: ns per tick, shifted left by 32 - shift. */
static u64 find_scale(u64 hz, s8 *shift)
{
    u64 mul = (NS_PER_SEC << 32) / hz;

    for (*shift = 0; mul >> 32; ++*shift)
        mul >>= 1;
    while (!(mul >> 31)) {
        --*shift;
        mul = (NS_PER_SEC << (32 - *shift)) / hz;
    }
    return mul;
}

struct sample { u64 tsc, ticks; };

/* Both clocks at once: the tightest of several bracketed reads. */
static struct sample take_sample(void)
{
    struct sample best = { 0, 0 };
    u64 tightest = ~0UL;

    for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
        u64 before = rdtsc();
        u64 ticks = platform->count();
        u64 width = rdtsc() - before;

        if (width < tightest) {
            tightest = width;
            best = (struct sample){ before + width / 2, ticks };
        }
    }
    return best;
}

static u64 ticks_between(u64 from, u64 to)
{
    return (to - from) & platform->mask;
}

/* TSC ticks per second. */
static u64 calibrate(struct sample *last)
{
    struct sample a = take_sample();
    u64 want = platform->hz * CALIBRATE_MS / 1000;
    u64 tsc, ticks;

    while (ticks_between(a.ticks, platform->count()) < want)
        cpu_relax();
    *last = take_sample();
    tsc = last->tsc - a.tsc;
    ticks = ticks_between(a.ticks, last->ticks);
    return ticks && last->tsc > a.tsc ? mul_div(tsc, platform->hz, ticks) : 0;
}

void time_init(void)
{
    struct sample now;
    u64 hz;

    platform = platform_timer_find();
    if (!platform)
        machine_fatal("No working timer: neither HPET, ACPI PM timer nor PIT. Enable one in the firmware setup.");
    time_platform_name = platform->name;
    hz = calibrate(&now);
    if (hz < 1000000)
        machine_fatal("The TSC does not run against the %s. Use a CPU with a working TSC.", platform->name);
    tsc_khz = (u32)(hz / 1000);
    master.nominal_mul = find_scale(hz, &time_scale.shift);
    set_scale(now.tsc, 0, (u32)master.nominal_mul);
    master.ticks = now.ticks;
    machine_info("Time: TSC %lu.%03lu MHz by %s", hz / 1000000, hz / 1000 % 1000, platform->name);
}

bool time_resync(void)
{
    struct sample now;
    u64 ns;
    s64 ahead, bend;
    u32 mul;

    if (!platform->lasting)
        return false;
    now = take_sample();
    master.ns += mul_div(ticks_between(master.ticks, now.ticks), NS_PER_SEC, platform->hz);
    master.ticks = now.ticks;
    ns = tsc_to_ns(now.tsc);
    ahead = (s64)(ns - master.ns);
    if (ahead > DRIFT_MAX_NS || ahead < -DRIFT_MAX_NS) {
        master.ns = ns;
        return false;
    }
    if (ahead < (s64)DRIFT_OK_NS && ahead > -(s64)DRIFT_OK_NS)
        return false;
    bend = min(ahead / 1000, BEND_MAX_PPM);     /* takes it back within a second */
    bend = max(bend, -BEND_MAX_PPM);
    mul = (u32)((s64)master.nominal_mul - (s64)master.nominal_mul * bend / 1000000);
    master.nominal_mul -= (u64)(((s64)master.nominal_mul - mul) / 4);   /* and learn from it */
    set_scale(now.tsc, ns, mul);
    return true;
}

/*
 * Both CPUs take turns as they come: no TSC may be behind one that the other has already shown. The rounds overlap
 * because neither stops before the other has done its share.
 */
void time_check_warp(unsigned side)
{
    static u64 latest;
    static u32 arrived, rounds[2];
    u32 target = (__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST) / 2 + 1) * 2;
    u32 goal = target / 2 * WARP_ROUNDS;

    while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < target)
        cpu_relax();
    while (READ_ONCE(rounds[0]) < goal || READ_ONCE(rounds[1]) < goal) {
        u64 seen = __atomic_load_n(&latest, __ATOMIC_SEQ_CST), now;

        __asm__ volatile("lfence" ::: "memory");
        now = rdtsc();
        if (now < seen)
            tsc_stable = false;
        else
            __atomic_compare_exchange_n(&latest, &seen, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        if (rounds[side] < goal)
            WRITE_ONCE(rounds[side], rounds[side] + 1);
        cpu_relax();
    }
}

void time_delay_us(unsigned us)
{
    u64 start = rdtsc(), ticks = mul_div(us, tsc_khz, 1000);

    while (rdtsc() - start < ticks)
        cpu_relax();
}
