/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c - clock readings and the two date forms, written by hand: no locale, no lock, no
 * allocation. Times after the year 9999 are written as its last millisecond, because both forms
 * have four digits of year.
 */
#include "node/base/clock.h"

#include <string.h>
#include <time.h>

#include "node/base/contract.h"

#define WALL_MS_MAX 253402300799999ull /* 9999-12-31T23:59:59.999Z */
#define DAY_MS      86400000ull

struct civil {
    unsigned year;
    unsigned month;   /* 1..12 */
    unsigned day;     /* 1..31 */
    unsigned weekday; /* 0..6, 0 = Sunday */
    unsigned hour;
    unsigned minute;
    unsigned second;
    unsigned ms;
};

uint64_t weir_clock_mono_ns(void)
{
    struct timespec ts;
    WEIR_ASSERT(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t weir_clock_wall_ms(void)
{
    struct timespec ts;
    WEIR_ASSERT(clock_gettime(CLOCK_REALTIME, &ts) == 0);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

/*
 * Days since 1970 to a date of the Gregorian calendar. Years are counted from March, so that the
 * leap day is the last of its year and months follow each other in the fixed pattern 31 30 31 30
 * 31, which (153 * m + 2) / 5 describes.
 */
static void civil_date(struct civil *c, uint64_t days)
{
    uint64_t shifted = days + 719468; /* days since 0000-03-01 */
    uint64_t era = shifted / 146097;  /* of 400 years */
    uint64_t day_of_era = shifted % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month = (5 * day_of_year + 2) / 153; /* 0 = March */

    c->day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1);
    c->month = (unsigned)(month < 10 ? month + 3 : month - 9);
    c->year = (unsigned)(era * 400 + year_of_era + (c->month <= 2));
    c->weekday = (unsigned)((days + 4) % 7); /* 1970-01-01 was a Thursday */
}

static struct civil civil_of(uint64_t wall_ms)
{
    struct civil c;
    if (wall_ms > WALL_MS_MAX)
        wall_ms = WALL_MS_MAX;
    unsigned in_day = (unsigned)(wall_ms % DAY_MS);

    civil_date(&c, wall_ms / DAY_MS);
    c.hour = in_day / 3600000;
    c.minute = in_day / 60000 % 60;
    c.second = in_day / 1000 % 60;
    c.ms = in_day % 1000;
    return c;
}

static char *append_digits(char *out, unsigned value, unsigned num)
{
    for (unsigned i = num; i > 0; i--, value /= 10)
        out[i - 1] = (char)('0' + value % 10);
    return out + num;
}

static char *append_time(char *out, const struct civil *c)
{
    out = append_digits(out, c->hour, 2);
    *out++ = ':';
    out = append_digits(out, c->minute, 2);
    *out++ = ':';
    return append_digits(out, c->second, 2);
}

void weir_clock_rfc3339(uint64_t wall_ms, char *out)
{
    struct civil c = civil_of(wall_ms);

    out = append_digits(out, c.year, 4);
    *out++ = '-';
    out = append_digits(out, c.month, 2);
    *out++ = '-';
    out = append_digits(out, c.day, 2);
    *out++ = 'T';
    out = append_time(out, &c);
    *out++ = '.';
    out = append_digits(out, c.ms, 3);
    *out++ = 'Z';
    *out = '\0';
}

void weir_clock_http_date(uint64_t wall_ms, char *out)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil c = civil_of(wall_ms);

    memcpy(out, days + 3 * c.weekday, 3);
    memcpy(out + 3, ", ", 2);
    out = append_digits(out + 5, c.day, 2);
    *out++ = ' ';
    memcpy(out, months + 3 * (c.month - 1), 3);
    out += 3;
    *out++ = ' ';
    out = append_digits(out, c.year, 4);
    *out++ = ' ';
    out = append_time(out, &c);
    memcpy(out, " GMT", 5);
}
