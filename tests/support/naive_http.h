/* SPDX-License-Identifier: Apache-2.0
 *
 * naive_http.h - a strict reader of what weir writes: it knows lines, colons, numbers and chunks,
 * and nothing else. It shares no code with weir's own parsers. What does not hold ends the process.
 */
#ifndef WEIR_TESTS_SUPPORT_NAIVE_HTTP_H
#define WEIR_TESTS_SUPPORT_NAIVE_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/span.h"
#include "node/wire/chunked.h"
#include "node/wire/h1.h"

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What left, whole. Its memory is not the failing allocator's: see tests/support/failalloc.h. */
struct bytes {
    uint8_t *at; /* owns */
    size_t len, cap;
};

static inline void bytes_reserve(struct bytes *b, size_t cap)
{
    uint8_t *old = b->at;
    b->cap = (cap + 15) / 16 * 16;
    b->at = aligned_alloc(16, b->cap);
    MUST(b->at != NULL);
    if (b->len > 0)
        memcpy(b->at, old, b->len);
    free(old);
}

static inline void bytes_add(struct bytes *b, const void *at, size_t len)
{
    if (b->cap - b->len < len)
        bytes_reserve(b, 2 * (b->len + len));
    if (len > 0)
        memcpy(b->at + b->len, at, len);
    b->len += len;
}

/* -- a strict reader that knows lines, colons, numbers and nothing else -- */

enum naive_framing { NAIVE_NONE, NAIVE_LENGTH, NAIVE_CHUNKED };

struct naive {
    struct weir_span line; /* the first */
    struct weir_span host;
    enum naive_framing framing;
    uint64_t length;
    bool close;
    size_t num_hosts, num_dates, head_len;
    struct bytes body;
    size_t used; /* when whole: bytes of the message */
    bool whole;
};

/* The line at `at` without its CRLF. There must be one, with no other CR or LF in it. */
static inline struct weir_span naive_line(struct weir_span in, size_t at)
{
    size_t end = at;
    while (end < in.len && in.at[end] != '\r' && in.at[end] != '\n' && in.at[end] != '\0')
        end++;
    MUST(end + 1 < in.len && in.at[end] == '\r' && in.at[end + 1] == '\n');
    return weir_span(in.at + at, end - at);
}

static inline uint64_t naive_number(struct weir_span s, unsigned base)
{
    uint64_t n = 0;
    MUST(s.len > 0 && s.len <= 18);
    for (size_t i = 0; i < s.len; i++) {
        int digit = s.at[i] >= '0' && s.at[i] <= '9'   ? s.at[i] - '0'
                    : s.at[i] >= 'a' && s.at[i] <= 'f' ? s.at[i] - 'a' + 10
                                                       : 99;
        MUST(digit < (int)base);
        n = n * base + (uint64_t)digit;
    }
    return n;
}

static inline bool is(struct weir_span s, const char *text)
{
    return weir_span_eq_nocase(s, weir_span_cstr(text));
}

static inline void naive_field(struct naive *n, struct weir_span name, struct weir_span value)
{
    static const char *const of_one_hop[] = {
        "keep-alive",         "proxy-connection",    "upgrade",       "te", "trailer",
        "proxy-authenticate", "proxy-authorization", "http2-settings"
    };
    for (size_t i = 0; i < sizeof(of_one_hop) / sizeof(of_one_hop[0]); i++)
        MUST(!is(name, of_one_hop[i]));
    if (is(name, "host")) {
        n->host = value;
        n->num_hosts++;
    } else if (is(name, "date")) {
        n->num_dates++;
    } else if (is(name, "content-length")) {
        MUST(n->framing == NAIVE_NONE);
        n->framing = NAIVE_LENGTH;
        n->length = naive_number(value, 10);
    } else if (is(name, "transfer-encoding")) {
        MUST(n->framing == NAIVE_NONE && weir_span_eq(value, WEIR_SPAN_LIT("chunked")));
        n->framing = NAIVE_CHUNKED;
    } else if (is(name, "connection")) {
        bool close = weir_span_eq(value, WEIR_SPAN_LIT("close"));
        MUST(close || weir_span_eq(value, WEIR_SPAN_LIT("keep-alive")));
        n->close = n->close || close;
    }
}

static inline void naive_head(struct naive *n, struct weir_span in)
{
    n->line = naive_line(in, 0);
    size_t at = n->line.len + 2;
    for (;;) {
        struct weir_span line = naive_line(in, at);
        at += line.len + 2;
        if (line.len == 0)
            break;
        const uint8_t *colon = memchr(line.at, ':', line.len);
        MUST(colon != NULL && colon > line.at && colon + 1 < line.at + line.len && colon[1] == ' ');
        struct weir_span name = weir_span(line.at, (size_t)(colon - line.at));
        struct weir_span value = weir_span_from(line, name.len + 2);
        for (size_t i = 0; i < name.len; i++)
            MUST(name.at[i] > ' ' && name.at[i] < 0x7f &&
                 strchr("()<>@,;\\\"/[]?={}", name.at[i]) == NULL);
        MUST(value.len == 0 || (value.at[0] != ' ' && value.at[value.len - 1] != ' '));
        naive_field(n, name, value);
    }
    n->head_len = at;
}

/* Chunks as weir writes them: lower-case size, no extension, no trailer. */
static inline void naive_chunks(struct naive *n, struct weir_span in, size_t at)
{
    while (at < in.len) {
        size_t end = at;
        while (end < in.len && in.at[end] != '\r')
            end++;
        if (end + 1 >= in.len)
            return;
        MUST(in.at[end + 1] == '\n');
        uint64_t size = naive_number(weir_span(in.at + at, end - at), 16);
        at = end + 2;
        if (size > in.len - at || in.len - at - size < 2)
            return;
        bytes_add(&n->body, in.at + at, (size_t)size);
        at += (size_t)size;
        MUST(in.at[at] == '\r' && in.at[at + 1] == '\n');
        at += 2;
        if (size == 0) {
            n->whole = true;
            n->used = at;
            return;
        }
    }
}

static inline void naive_body(struct naive *n, struct weir_span in)
{
    struct weir_span rest = weir_span_from(in, n->head_len);
    switch (n->framing) {
    case NAIVE_NONE:
        n->whole = true;
        n->used = n->head_len;
        return;
    case NAIVE_LENGTH:
        n->whole = rest.len >= n->length;
        bytes_add(&n->body, rest.at, n->whole ? (size_t)n->length : rest.len);
        n->used = n->head_len + n->body.len;
        return;
    case NAIVE_CHUNKED:
        naive_chunks(n, in, n->head_len);
        return;
    }
    MUST(false);
}

/* The body of a received message in the framing it came with. @return false: not all of it is there
 */
static inline bool expected_body(enum weir_h1_body framing, uint64_t length, struct weir_span in,
                                 struct bytes *ret)
{
    struct weir_chunked c;
    enum weir_step step = WEIR_STEP_SOME;
    if (framing != WEIR_BODY_CHUNKED) {
        size_t take = framing == WEIR_BODY_NONE                        ? 0
                      : framing == WEIR_BODY_LENGTH && in.len > length ? (size_t)length
                                                                       : in.len;
        bytes_add(ret, in.at, take);
        return framing != WEIR_BODY_LENGTH || take == length;
    }
    weir_chunked_init(&c);
    while (step == WEIR_STEP_SOME) {
        size_t used = 0;
        struct weir_span run = WEIR_SPAN_EMPTY;
        step = weir_chunked_next(&c, in, &used, &run);
        if (step == WEIR_STEP_FAIL)
            return false;
        bytes_add(ret, run.at, run.len);
        in = weir_span_from(in, used);
    }
    return step == WEIR_STEP_DONE;
}

#endif
