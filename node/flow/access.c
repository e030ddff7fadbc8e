/* SPDX-License-Identifier: Apache-2.0
 *
 * access.c - writes access records. This is on the hot path of every exchange: no printf, no branch
 * for each byte of clean text, one bound for the whole record.
 */
#include "node/flow/access.h"

#include <string.h>

#include "node/base/clock.h"

static const char *const outcome_names[] = {
    [WEIR_OUTCOME_OK] = "ok",
    [WEIR_OUTCOME_RETRIED_OK] = "retried_ok",
    [WEIR_OUTCOME_MALFORMED] = "malformed",
    [WEIR_OUTCOME_UNKNOWN_HOST] = "unknown_host",
    [WEIR_OUTCOME_NO_ROUTE] = "no_route",
    [WEIR_OUTCOME_REDIRECTED] = "redirected",
    [WEIR_OUTCOME_MAX_FORWARDS] = "max_forwards",
    [WEIR_OUTCOME_REFUSED] = "refused",
    [WEIR_OUTCOME_TOO_LARGE] = "too_large",
    [WEIR_OUTCOME_TIMED_OUT_HEAD] = "timed_out_head",
    [WEIR_OUTCOME_TIMED_OUT_BODY] = "timed_out_body",
    [WEIR_OUTCOME_SLOW_CLIENT] = "slow_client",
    [WEIR_OUTCOME_CLIENT_GONE] = "client_gone",
    [WEIR_OUTCOME_SLOW_UPSTREAM] = "slow_upstream",
    [WEIR_OUTCOME_UPSTREAM_REFUSED] = "upstream_refused",
    [WEIR_OUTCOME_UPSTREAM_TIMEOUT] = "upstream_timeout",
    [WEIR_OUTCOME_UPSTREAM_MALFORMED] = "upstream_malformed",
    [WEIR_OUTCOME_UPSTREAM_CUT] = "upstream_cut",
    [WEIR_OUTCOME_NO_ENDPOINT] = "no_endpoint",
    [WEIR_OUTCOME_TENANT_BROKEN] = "tenant_broken",
    [WEIR_OUTCOME_OVERLOAD] = "overload",
};
_Static_assert(WEIR_ARRAY_LEN(outcome_names) == WEIR_OUTCOME_COUNT, "every outcome has a name");

const char *weir_access_outcome_name(enum weir_access_outcome v)
{
    WEIR_ASSERT((unsigned)v < WEIR_OUTCOME_COUNT);
    return outcome_names[v];
}

/* -- room -- */

/** Names, punctuation, time, numbers, and the marks of cut texts. */
#define FIXED_MAX 1024
#define NUM_TEXT  9 /* fields of at most WEIR_ACCESS_TEXT_MAX */
#define NUM_LONG  4 /* fields of at most WEIR_ACCESS_LONG_MAX */
_Static_assert(FIXED_MAX + NUM_TEXT * WEIR_ACCESS_TEXT_MAX + NUM_LONG * WEIR_ACCESS_LONG_MAX +
                       WEIR_ACCESS_PATH_MAX <=
                   WEIR_ACCESS_MAX,
               "any record fits");

/* -- writing -- */

static const char hex[] = "0123456789abcdef";

/** Whether the first eight bytes of `at` need no escape: all in 0x20..0x7e, none a quote or
 * backslash. */
static inline bool are_eight_clean(const uint8_t *at)
{
    const uint64_t ones = 0x0101010101010101ull, high = 0x8080808080808080ull;
    uint64_t w;

    memcpy(&w, at, sizeof(w));
    /* The high bit of a byte is set for w >= 0x80, then for < 0x20, a quote, a backslash, 0x7f. A
     * borrow between bytes starts only in a byte whose high bit is set already. */
    uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\'), del = w ^ (ones * 0x7f);
    uint64_t bad = w | (w - ones * 0x20) | (quote - ones) | (slash - ones) | (del - ones);
    return (bad & high) == 0;
}

static inline bool is_clean(uint8_t b)
{
    return b >= 0x20 && b <= 0x7e && b != '"' && b != '\\';
}

static inline uint8_t *append(uint8_t *to, const char *at, size_t len)
{
    memcpy(to, at, len);
    return to + len;
}

#define APPEND(to, literal) append(to, literal, sizeof(literal) - 1)

static uint8_t *append_escape(uint8_t *to, uint8_t b)
{
    to = APPEND(to, "\\u00");
    *to++ = (uint8_t)hex[b >> 4];
    *to++ = (uint8_t)hex[b & 15];
    return to;
}

/** Write a text: at most `max` bytes, then "..." if it was longer. */
static uint8_t *append_escaped(uint8_t *to, struct weir_span s, size_t max)
{
    const uint8_t *end = to + max;
    size_t i = 0;

    while (i < s.len) {
        if (s.len - i >= 8 && end - to >= 8 && are_eight_clean(s.at + i)) {
            memcpy(to, s.at + i, 8);
            to += 8;
            i += 8;
        } else if (is_clean(s.at[i]) && to < end) {
            *to++ = s.at[i++];
        } else if (end - to >= 6) {
            to = append_escape(to, s.at[i++]);
        } else {
            return APPEND(to, "...");
        }
    }
    return to;
}

static uint8_t *append_number(uint8_t *to, uint64_t n)
{
    uint8_t text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    memcpy(to, text + at, sizeof(text) - at);
    return to + (sizeof(text) - at);
}

/** `,"name":"` is the literal. */
#define APPEND_TEXT(to, literal, s, max)                                                           \
    do {                                                                                           \
        if ((s).len > 0)                                                                           \
            to = APPEND(append_escaped(APPEND(to, literal), s, max), "\"");                        \
    } while (0)

#define APPEND_NUMBER(to, literal, n)                                                              \
    do {                                                                                           \
        if ((n) != 0)                                                                              \
            to = append_number(APPEND(to, literal), n);                                            \
    } while (0)

static uint8_t *append_request(uint8_t *to, const struct weir_access *a)
{
    APPEND_TEXT(to, ",\"tenant\":\"", a->tenant, WEIR_ACCESS_TEXT_MAX);
    APPEND_TEXT(to, ",\"client\":\"", a->client, WEIR_ACCESS_TEXT_MAX);
    APPEND_NUMBER(to, ",\"client_port\":", a->client_port);
    APPEND_TEXT(to, ",\"local\":\"", a->local, WEIR_ACCESS_TEXT_MAX);
    APPEND_TEXT(to, ",\"scheme\":\"", a->scheme, WEIR_ACCESS_TEXT_MAX);
    APPEND_TEXT(to, ",\"host\":\"", a->host, WEIR_ACCESS_LONG_MAX);
    APPEND_TEXT(to, ",\"method\":\"", a->method, WEIR_ACCESS_TEXT_MAX);
    APPEND_TEXT(to, ",\"path\":\"", a->path, WEIR_ACCESS_PATH_MAX);
    APPEND_TEXT(to, ",\"protocol\":\"", a->protocol, WEIR_ACCESS_TEXT_MAX);
    return to;
}

static uint8_t *append_outcome(uint8_t *to, const struct weir_access *a)
{
    const char *outcome = weir_access_outcome_name(a->outcome);

    APPEND_NUMBER(to, ",\"status\":", a->status);
    to = APPEND(to, ",\"outcome\":\"");
    to = append(to, outcome, strlen(outcome));
    to = APPEND(to, "\"");
    APPEND_TEXT(to, ",\"fault\":\"", a->fault, WEIR_ACCESS_TEXT_MAX);
    APPEND_TEXT(to, ",\"upstream\":\"", a->upstream, WEIR_ACCESS_TEXT_MAX);
    APPEND_TEXT(to, ",\"endpoint\":\"", a->endpoint, WEIR_ACCESS_LONG_MAX);
    if (a->reused)
        to = APPEND(to, ",\"reused\":true");
    APPEND_NUMBER(to, ",\"tries\":", a->tries);
    APPEND_NUMBER(to, ",\"request_bytes\":", a->request_bytes);
    APPEND_NUMBER(to, ",\"response_bytes\":", a->response_bytes);
    APPEND_NUMBER(to, ",\"queue_us\":", a->queue_us);
    APPEND_NUMBER(to, ",\"connect_us\":", a->connect_us);
    APPEND_NUMBER(to, ",\"first_byte_us\":", a->first_byte_us);
    return append_number(APPEND(to, ",\"total_us\":"), a->total_us);
}

size_t weir_access_write(const struct weir_access *a, uint8_t *out, size_t max)
{
    uint8_t *to = out;
    char time[WEIR_RFC3339_LEN + 1];

    if (max < WEIR_ACCESS_MAX)
        return 0;
    weir_clock_rfc3339(a->wall_ms, time);
    to = APPEND(to, "{\"time\":\"");
    to = APPEND(append(to, time, WEIR_RFC3339_LEN), "\"");
    to = append_request(to, a);
    to = append_outcome(to, a);
    APPEND_TEXT(to, ",\"request_id\":\"", a->request_id, WEIR_ACCESS_TEXT_MAX);
    APPEND_TEXT(to, ",\"user_agent\":\"", a->user_agent, WEIR_ACCESS_LONG_MAX);
    APPEND_TEXT(to, ",\"referer\":\"", a->referer, WEIR_ACCESS_LONG_MAX);
    to = APPEND(to, "}\n");
    WEIR_ASSERT((size_t)(to - out) <= max);
    return (size_t)(to - out);
}
