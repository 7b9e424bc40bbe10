/* SPDX-License-Identifier: MIT */
/* The wall clock at boot, from the battery-backed clock: read twice until equal, so never in the middle of an update. */
#include <lib/string.h>
#include <machine/io.h>
#include <machine/time.h>

enum rtc_reg { RTC_SEC = 0, RTC_MIN = 2, RTC_HOUR = 4, RTC_DAY = 7, RTC_MONTH = 8, RTC_YEAR = 9, RTC_STATUS_B = 11 };
#define RTC_STATUS_A  10
#define RTC_UPDATING  0x80
#define RTC_BINARY    0x04
#define RTC_24H       0x02
#define RTC_PM        0x80
#define UPDATE_SPINS  1000000

static const u8 rtc_regs[] = { RTC_SEC, RTC_MIN, RTC_HOUR, RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_STATUS_B };
enum { SEC, MIN, HOUR, DAY, MONTH, YEAR, STATUS_B, NR_REGS };
_Static_assert(ARRAY_SIZE(rtc_regs) == NR_REGS, "one name per register");

static void read_all(u8 v[NR_REGS])
{
    for (unsigned spins = UPDATE_SPINS; spins && (cmos_read(RTC_STATUS_A) & RTC_UPDATING); spins--)
        ;
    for (unsigned i = 0; i < NR_REGS; i++)
        v[i] = cmos_read(rtc_regs[i]);
}

static unsigned from_bcd(u8 v) { return v / 16 * 10u + v % 16; }

/* Days from 1970-01-01 to the given date, years 2000 to 2099: each fourth is a leap year. */
static u64 days_since_1970(unsigned year, unsigned month, unsigned day)
{
    static const u16 before_month[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    u64 days = (year - 1970) * 365UL + (year - 1969) / 4;

    month = month >= 1 && month <= 12 ? month - 1 : 0;
    return days + before_month[month] + (month >= 2 && year % 4 == 0) + day - 1;
}

u64 time_rtc_seconds(void)
{
    u8 v[NR_REGS], again[NR_REGS];
    unsigned n[NR_REGS];
    bool pm;

    read_all(v);
    for (unsigned tries = 10; tries; tries--) {
        read_all(again);
        if (!memcmp(v, again, sizeof(v)))
            break;
        memcpy(v, again, sizeof(v));
    }
    pm = !(v[STATUS_B] & RTC_24H) && (v[HOUR] & RTC_PM);
    if (!(v[STATUS_B] & RTC_24H))
        v[HOUR] &= (u8)~RTC_PM;
    for (unsigned i = 0; i < STATUS_B; i++)
        n[i] = v[STATUS_B] & RTC_BINARY ? v[i] : from_bcd(v[i]);
    if (!(v[STATUS_B] & RTC_24H))
        n[HOUR] = n[HOUR] % 12 + (pm ? 12 : 0);
    return ((days_since_1970(2000 + n[YEAR], n[MONTH], n[DAY]) * 24 + n[HOUR]) * 60 + n[MIN]) * 60 + n[SEC];
}
