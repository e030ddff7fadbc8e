/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_partial_test.c - what is told of a request that was refused, or that never came whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/wire/h1_partial.h"

/* Feed the bytes in two pieces split at `at`, from a block of exactly their length, and tell the
 * parts as "method|target|host". */
static const char *read_split(const char *text, size_t len, size_t at)
{
    static char out[4096];
    struct weir_h1_head h;
    struct weir_h1_partial p;
    uint8_t *bytes = malloc(len > 0 ? len : 1);
    assert_non_null(bytes);
    memcpy(bytes, text, len);
    weir_h1_head_init(&h, WEIR_H1_REQUEST, 2048);
    if (weir_h1_head_feed(&h, weir_span(bytes, at)) == WEIR_STEP_MORE)
        assert_int_not_equal(weir_h1_head_feed(&h, weir_span(bytes, len)), WEIR_STEP_SOME);
    weir_h1_partial_read(&h, weir_span(bytes, len), &p);
    snprintf(out, sizeof(out), "%.*s|%.*s|%.*s", (int)p.method.len, (const char *)p.method.at,
             (int)p.target.len, (const char *)p.target.at, (int)p.host.len,
             (const char *)p.host.at);
    free(bytes);
    return out;
}

struct partial_case {
    const char *text;
    const char *expected;
};

static void the_parts_that_came_are_told(void **state)
{
    static const struct partial_case cases[] = {
        { "GET /a\"b HTTP/1.1\r\nHost: s.test\r\n\r\n", "GET|/a\"b|s.test" },
        { "GET /a HTTP/1.1\r\nHost: s.test:80\r\nBad Name: x\r\n\r\n", "GET|/a|s.test:80" },
        { "GET /a HTTP/1.1\r\nBad Name: x\r\nhOST:\ts.test \r\n\r\n", "GET|/a|s.test" },
        { "GET /a HTTP/1.1\r\nHost: a,b\r\n\r\n", "GET|/a|a,b" },
        { "GET /a HTTP/9.9\r\nHost: s.test\r\n\r\n", "GET|/a|s.test" },
        { "GET http://in.target:81/a?b HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
          "GET|http://in.target:81/a?b|in.target:81" },
        { "GET HTTPS://in.target\"/a HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET|HTTPS://in.target\"/a|in.target\"" },
        { "\r\nGET /a<b HTTP/1.1\r\nHost: s.test\r\n\r\n", "GET|/a<b|s.test" },
        { "GET /a HTTP/1.1\nHost: s.test\n\n", "GET|/a|s.test" },
        /* A line of the body is no field. */
        { "POST /a<b HTTP/1.1\r\nA: b\r\n\r\nHost: body.test\r\n", "POST|/a<b|" },
        /* Not even a request. */
        { "\x16\x03\x01", "\x16\x03\x01||" },
        { "G@T", "G@T||" },
        { "GET  /a HTTP/1.1\r\nHost: s.test\r\n\r\n", "GET||s.test" },
        /* Incomplete. */
        { "", "||" },
        { "GE", "GE||" },
        { "GET ", "GET||" },
        { "GET /a", "GET|/a|" },
        { "GET /a HTTP/1.1\r\nHost: s.te", "GET|/a|s.te" },
        { "GET /a HTTP/1.1\r\nHost: s.test\r\nCookie: a", "GET|/a|s.test" },
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].text);
        for (size_t at = 0; at <= len; at++)
            assert_string_equal(read_split(cases[i].text, len, at), cases[i].expected);
    }
}

static void a_head_may_end_at_any_byte(void **state)
{
    static const char text[] = "\r\nGET http://a.test/x?y HTTP/1.1\r\nA: b\r\nHost: c.test\r\nX: y";
    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        const char *got = read_split(text, len, len / 2);
        if (len >= 24)
            assert_memory_equal(got, "GET|http://a.test/", 18);
    }
}

static void each_part_is_bounded(void **state)
{
    static char text[8192];
    struct weir_h1_head h;
    struct weir_h1_partial p;
    (void)state;
    weir_h1_head_init(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    memset(text, 'a', sizeof(text));
    weir_h1_partial_read(&h, weir_span(text, sizeof(text)), &p);
    assert_int_equal(p.method.len, WEIR_PARTIAL_METHOD_MAX);
    memcpy(text, "GET ", 4);
    weir_h1_partial_read(&h, weir_span(text, sizeof(text)), &p);
    assert_int_equal(p.target.len, WEIR_PARTIAL_TARGET_MAX);
    memcpy(text, "GET /<\r\nhost:", 13);
    weir_h1_partial_read(&h, weir_span(text, sizeof(text)), &p);
    assert_int_equal(p.host.len, WEIR_PARTIAL_HOST_MAX);
    /* What stands beyond the limit of a head is not read. */
    weir_h1_head_init(&h, WEIR_H1_REQUEST, 64);
    memcpy(text + 64, "\r\nHost: x\r\n", 11);
    memcpy(text, "GET /<\r\nA: ", 11);
    weir_h1_partial_read(&h, weir_span(text, sizeof(text)), &p);
    assert_int_equal(p.host.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_that_came_are_told),
        cmocka_unit_test(a_head_may_end_at_any_byte),
        cmocka_unit_test(each_part_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
