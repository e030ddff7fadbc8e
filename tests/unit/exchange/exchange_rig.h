/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_rig.h - sides of memory for cmocka: what a test of whole requests asks of them.
 */
#ifndef WEIR_TESTS_UNIT_EXCHANGE_EXCHANGE_RIG_H
#define WEIR_TESTS_UNIT_EXCHANGE_EXCHANGE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/sides/memory_sides_new.h"

#define HEAD(line)  line "\r\nHost: shop.example\r\n"
#define GET         HEAD("GET / HTTP/1.1") "\r\n"
#define ONE         HEAD("GET /one HTTP/1.1") "\r\n"
#define RESPONSE_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define CHUNKED_OK                                                                                 \
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"

static inline void ask(struct sides *s, const char *text)
{
    client_gives(s, weir_span_cstr(text));
}

static inline void respond(struct sides *s, const char *text)
{
    origin_gives(busy_origin(s), weir_span_cstr(text));
}

static inline uint64_t metric(const struct sides *s, enum weir_metric m)
{
    return s->metrics.cells[m];
}

/** What the origin has got of the current request ends with `text`. */
static inline bool origin_got_tail(const struct memory_origin *o, const char *text)
{
    size_t len = strlen(text);
    return o->got.len >= o->got_at + len && memcmp(o->got.at + o->got.len - len, text, len) == 0;
}

/** The last exchange ended like this, for its client and in its record. */
static inline void expect_end(const struct sides *s, enum weir_client_end how, uint16_t status,
                              enum weir_access_outcome outcome)
{
    assert_null(s->client.side.x);
    assert_int_equal(s->client.how, how);
    assert_int_equal(s->last.status, status);
    assert_string_equal(weir_access_outcome_name(s->last.outcome),
                        weir_access_outcome_name(outcome));
}

/** All bytes that the client got end with `text`. */
static inline void expect_tail(const struct sides *s, const char *text)
{
    size_t len = strlen(text);
    const struct bytes *b = &s->client.out;
    assert_true(b->len >= len);
    assert_memory_equal(b->at + b->len - len, text, len);
}

#endif
