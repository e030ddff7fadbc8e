/* SPDX-License-Identifier: Apache-2.0
 *
 * span.h - a borrowed run of bytes, and small questions about it. Header only,
 * allocation-free. A span never owns. {NULL, 0} is the empty span.
 */
#ifndef WEIR_NODE_BASE_SPAN_H
#define WEIR_NODE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct weir_span {
    const uint8_t *at;
    size_t len;
};

#define WEIR_SPAN_EMPTY ((struct weir_span){ NULL, 0 })
/** A span over a string literal (not over a pointer). */
#define WEIR_SPAN_LIT(s) ((struct weir_span){ (const uint8_t *)("" s), sizeof(s) - 1 })

/** Over `len` bytes at `at`, borrowed. */
static inline struct weir_span weir_span(const void *at, size_t len)
{
    return (struct weir_span){ (const uint8_t *)at, len };
}

/** Over a NUL-terminated string; NULL gives the empty span. */
static inline struct weir_span weir_span_cstr(const char *s)
{
    return s ? weir_span(s, strlen(s)) : WEIR_SPAN_EMPTY;
}

/** Same length and same bytes. */
static inline bool weir_span_eq(struct weir_span a, struct weir_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/** A-Z to a-z, all other bytes as they are; whatever the locale. */
static inline uint8_t weir_ascii_lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t)(c | 0x20) : c;
}

/** A name and what it stands for, as in a field. */
struct weir_span_pair {
    struct weir_span name, value;
};

/** Equal but for the case of ASCII letters. */
static inline bool weir_span_eq_nocase(struct weir_span a, struct weir_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (weir_ascii_lower(a.at[i]) != weir_ascii_lower(b.at[i]))
            return false;
    return true;
}

/** Every span starts with the empty one. */
static inline bool weir_span_starts(struct weir_span s, struct weir_span prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

/** Every span ends with the empty one. */
static inline bool weir_span_ends(struct weir_span s, struct weir_span tail)
{
    return s.len >= tail.len &&
           (tail.len == 0 || memcmp(s.at + s.len - tail.len, tail.at, tail.len) == 0);
}

/** The span from `from` on; beyond the end gives the empty span at the end. */
static inline struct weir_span weir_span_from(struct weir_span s, size_t from)
{
    if (from > s.len)
        from = s.len;
    if (from == 0)
        return s; /* arithmetic on the NULL of an empty span is undefined */
    return (struct weir_span){ s.at + from, s.len - from };
}

/** Order by bytes, then by length: < 0, 0 or > 0 like memcmp. */
static inline int weir_span_cmp(struct weir_span a, struct weir_span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.at, b.at, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

#endif
