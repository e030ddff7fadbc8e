/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h - the two clocks. Cores take `now` as an argument; only shells call these.
 */
#ifndef WEIR_NODE_BASE_CLOCK_H
#define WEIR_NODE_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The time of the current turn of a loop: the same for all that happens in it. */
struct weir_turn {
    uint64_t ms; /* monotonic */
    uint64_t ns; /* monotonic; 0: not read in this turn, or in this event of it */
    /* Whether `ns` is read for each event and not once in a turn; relaxed. NULL: never. */
    const _Atomic bool *fine;
    uint64_t wall_offset_ns; /* from the monotonic clock to the wall's, as it was a moment ago */
};

/** The wall clock at a monotonic time of about now, without reading it. */
static inline uint64_t weir_turn_wall_ms(const struct weir_turn *t, uint64_t mono_ns)
{
    return (mono_ns + t->wall_offset_ns) / 1000000;
}

/** The time of which `low` is the low 32 bits, when it is at most 2^32 ms (49 days) ago. */
static inline uint64_t weir_clock_ms_of(uint32_t low, uint64_t now_ms)
{
    return now_ms - (uint32_t)((uint32_t)now_ms - low);
}

/** Monotonic nanoseconds. */
uint64_t weir_clock_mono_ns(void);
/** Unix time in milliseconds. */
uint64_t weir_clock_wall_ms(void);

#define WEIR_RFC3339_LEN 24 /* "2026-11-21T03:55:51.123Z" */
/**
 * Write the time as RFC 3339 UTC with milliseconds into out[WEIR_RFC3339_LEN + 1]; allocation-
 * free, no locale.
 */
void weir_clock_rfc3339(uint64_t wall_ms, char *out);
#define WEIR_HTTP_DATE_LEN 29 /* "Sat, 21 Nov 2026 03:55:51 GMT", RFC 9110 5.6.7 */
/**
 * Write the time as IMF-fixdate into out[WEIR_HTTP_DATE_LEN + 1]. Both forms stop at the end of
 * the year 9999.
 */
void weir_clock_http_date(uint64_t wall_ms, char *out);

#endif
