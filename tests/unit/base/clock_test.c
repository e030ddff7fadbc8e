/* SPDX-License-Identifier: Apache-2.0
 *
 * clock_test.c - the two date forms against the C library, over all years they can write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "node/base/clock.h"
#include "node/base/rng.h"

#define WALL_MS_MAX 253402300799999ull

static void assert_same_as_c_library(uint64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char expected[64];
    char stamp[64];
    char out[WEIR_HTTP_DATE_LEN + 2];

    assert_non_null(gmtime_r(&seconds, &tm));
    memset(out, '#', sizeof(out));
    weir_clock_http_date(wall_ms, out);
    assert_int_equal(strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm),
                     WEIR_HTTP_DATE_LEN);
    assert_string_equal(out, expected);
    assert_int_equal(out[WEIR_HTTP_DATE_LEN + 1], '#');

    memset(out, '#', sizeof(out));
    weir_clock_rfc3339(wall_ms, out);
    assert_true(strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm) > 0);
    assert_int_equal(
        snprintf(expected, sizeof(expected), "%s.%03uZ", stamp, (unsigned)(wall_ms % 1000)),
        WEIR_RFC3339_LEN);
    assert_string_equal(out, expected);
    assert_int_equal(out[WEIR_RFC3339_LEN + 1], '#');
}

static void known_times_are_written_as_the_rfcs_do(void **state)
{
    char out[WEIR_HTTP_DATE_LEN + 1];
    weir_clock_http_date(784111777000, out);
    assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110 5.6.7 */
    weir_clock_rfc3339(482196050520, out);
    assert_string_equal(out, "1985-04-12T23:20:50.520Z"); /* RFC 3339 5.8 */
    weir_clock_rfc3339(0, out);
    assert_string_equal(out, "1970-01-01T00:00:00.000Z");
}

static void every_day_of_eight_centuries_matches_the_c_library(void **state)
{
    for (uint64_t day = 0; day < 2 * 146097; day++)
        assert_same_as_c_library(day * 86400000 + (day % 2 ? 86399999 : 0));
}

static void random_times_match_the_c_library(void **state)
{
    struct weir_rng rng;
    weir_rng_init(&rng, 7);
    for (int i = 0; i < 50000; i++)
        assert_same_as_c_library(weir_rng_below(&rng, WALL_MS_MAX + 1));
}

static void time_stops_at_the_end_of_the_year_9999(void **state)
{
    char out[WEIR_HTTP_DATE_LEN + 1];
    assert_same_as_c_library(WALL_MS_MAX);
    weir_clock_rfc3339(WALL_MS_MAX + 1, out);
    assert_string_equal(out, "9999-12-31T23:59:59.999Z");
    weir_clock_http_date(UINT64_MAX, out);
    assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void clocks_run_forward_in_their_unit(void **state)
{
    struct timespec pause = { .tv_nsec = 5000000 };
    uint64_t mono = weir_clock_mono_ns();
    uint64_t wall = weir_clock_wall_ms();
    time_t now = time(NULL);

    assert_int_equal(nanosleep(&pause, NULL), 0);
    assert_true(weir_clock_mono_ns() - mono >= 5000000);
    assert_true(weir_clock_mono_ns() - mono < 60000000000u);
    assert_in_range(wall / 1000, (uint64_t)now - 2, (uint64_t)now + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times_are_written_as_the_rfcs_do),
        cmocka_unit_test(every_day_of_eight_centuries_matches_the_c_library),
        cmocka_unit_test(random_times_match_the_c_library),
        cmocka_unit_test(time_stops_at_the_end_of_the_year_9999),
        cmocka_unit_test(clocks_run_forward_in_their_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
