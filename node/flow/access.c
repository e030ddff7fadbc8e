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
    [WEIR_OUTCOME_MISDIRECTED] = "misdirected",
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
    [WEIR_OUTCOME_UPSTREAM_TLS] = "upstream_tls",
    [WEIR_OUTCOME_UPSTREAM_TIMEOUT] = "upstream_timeout",
    [WEIR_OUTCOME_UPSTREAM_MALFORMED] = "upstream_malformed",
    [WEIR_OUTCOME_UPSTREAM_CUT] = "upstream_cut",
    [WEIR_OUTCOME_NO_ENDPOINT] = "no_endpoint",
    [WEIR_OUTCOME_TENANT_BROKEN] = "tenant_broken",
    [WEIR_OUTCOME_OVERLOAD] = "overload",
    [WEIR_OUTCOME_LOOP] = "loop",
};
_Static_assert(WEIR_ARRAY_LEN(outcome_names) == WEIR_OUTCOME_COUNT, "every outcome has a name");

const char *weir_access_outcome_name(enum weir_access_outcome v)
{
    WEIR_ASSERT((unsigned)v < WEIR_OUTCOME_COUNT);
    return outcome_names[v];
}

struct weir_span weir_access_local_text(struct weir_access_local *last,
                                        const struct weir_addr *local)
{
    if (last->len == 0 || !weir_addr_eq(&last->addr, local)) {
        last->addr = *local;
        last->len = (uint8_t)weir_addr_text(local, last->text);
    }
    return weir_span(last->text, last->len);
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

#define MAX_DIGITS 20 /* of a number of 64 bits */

static const char hex[] = "0123456789abcdef";

/* Sixteen bytes at once, by the compiler for any processor. */
typedef int8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words16 __attribute__((vector_size(16)));

/** All ones in each byte that needs an escape: outside 0x20..0x7e (signed, so 0x80 and above are
 * below 0), a quote, a backslash. */
static inline bytes16 find_escapes(bytes16 v)
{
    return (v < 0x20) | (v == 0x7f) | (v == '"') | (v == '\\');
}

static inline bytes16 pair_of(uint64_t first, uint64_t second)
{
    return (bytes16)(words16){ first, second };
}

static inline bool has_none(bytes16 found)
{
    words16 w = (words16)found;
    return (w[0] | w[1]) == 0;
}

/** Copy sixteen bytes. */
static inline bytes16 copy16(uint8_t *to, const uint8_t *from)
{
    bytes16 v;
    memcpy(&v, from, sizeof(v));
    memcpy(to, &v, sizeof(v));
    return v;
}

static inline uint64_t copy8(uint8_t *to, const uint8_t *from)
{
    uint64_t v;
    memcpy(&v, from, sizeof(v));
    memcpy(to, &v, sizeof(v));
    return v;
}

static inline uint64_t copy4(uint8_t *to, const uint8_t *from)
{
    uint32_t v;
    memcpy(&v, from, sizeof(v));
    memcpy(to, &v, sizeof(v));
    return v;
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

/** Copy 1..15 bytes. @return all of them, some twice */
static inline bytes16 copy_short(uint8_t *to, struct weir_span s)
{
    uint8_t *last = to + s.len;
    const uint8_t *end = s.at + s.len;

    if (s.len >= 8)
        return pair_of(copy8(to, s.at), copy8(last - 8, end - 8));
    if (s.len >= 4) {
        uint64_t both = copy4(to, s.at) | copy4(last - 4, end - 4) << 32;
        return pair_of(both, both);
    }
    uint64_t three = (uint64_t)s.at[0] | (uint64_t)s.at[s.len / 2] << 8 | (uint64_t)end[-1] << 16;
    to[0] = s.at[0];
    to[s.len / 2] = s.at[s.len / 2];
    last[-1] = end[-1];
    three |= 0x2020202020000000; /* spaces need no escape */
    return pair_of(three, three);
}

/** Copy a text that is not empty and none of whose bytes needs an escape, as nearly all are.
 * @return false: one does, and what was written is void */
static inline bool copy_clean(uint8_t *to, struct weir_span s)
{
    if (s.len < 16)
        return has_none(find_escapes(copy_short(to, s)));
    bytes16 found = find_escapes(copy16(to + s.len - 16, s.at + s.len - 16));
    for (size_t i = 0; i < s.len - 16; i += 16)
        found |= find_escapes(copy16(to + i, s.at + i));
    return has_none(found);
}

static uint8_t *append_long_or_escaped(uint8_t *to, struct weir_span s, size_t max)
{
    const uint8_t *end = to + max;
    size_t i = 0;

    while (i < s.len) {
        if (s.len - i >= 16 && end - to >= 16 && has_none(find_escapes(copy16(to, s.at + i)))) {
            to += 16;
            i += 16;
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

/** Write a text: at most `max` bytes, then "..." if it was longer. */
static uint8_t *append_escaped(uint8_t *to, struct weir_span s, size_t max)
{
    if (WEIR_LIKELY(s.len <= max && copy_clean(to, s)))
        return to + s.len;
    return append_long_or_escaped(to, s, max);
}

/** Two digits at a time, from the right. */
static uint8_t *append_number(uint8_t *to, uint64_t n)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    uint8_t text[2 * MAX_DIGITS] = { 0 };
    size_t at = MAX_DIGITS;

    for (; n >= 100; n /= 100)
        memcpy(text + (at -= 2), pairs + 2 * (n % 100), 2);
    if (n >= 10)
        memcpy(text + (at -= 2), pairs + 2 * n, 2);
    else
        text[--at] = (uint8_t)('0' + n);
    memcpy(to, text + at, MAX_DIGITS); /* of a fixed length, so that it is no call */
    return to + (MAX_DIGITS - at);
}

static uint8_t *append_time(uint8_t *to, const struct weir_access *a)
{
    struct weir_access_time own = { .wall_ms = 0 };
    struct weir_access_time *t = a->last_time != NULL ? a->last_time : &own;

    if (t->wall_ms != a->wall_ms || t->text[0] == '\0') {
        t->wall_ms = a->wall_ms;
        weir_clock_rfc3339(a->wall_ms, t->text);
    }
    return append(to, t->text, WEIR_RFC3339_LEN);
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

    if (max < WEIR_ACCESS_MAX)
        return 0;
    to = APPEND(to, "{\"time\":\"");
    to = APPEND(append_time(to, a), "\"");
    to = append_request(to, a);
    to = append_outcome(to, a);
    APPEND_TEXT(to, ",\"request_id\":\"", a->request_id, WEIR_ACCESS_TEXT_MAX);
    APPEND_TEXT(to, ",\"user_agent\":\"", a->user_agent, WEIR_ACCESS_LONG_MAX);
    APPEND_TEXT(to, ",\"referer\":\"", a->referer, WEIR_ACCESS_LONG_MAX);
    to = APPEND(to, "}\n");
    WEIR_ASSERT((size_t)(to - out) <= max);
    return (size_t)(to - out);
}
