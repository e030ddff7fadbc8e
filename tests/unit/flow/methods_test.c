/* SPDX-License-Identifier: Apache-2.0
 *
 * methods_test.c - what weir responds to OPTIONS and TRACE that end here. Ref: RFC 9110 7.6.2,
 * 9.3.7, 9.3.8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/flow/methods.h"

static void read_head(struct weir_h1_head *h, const char *text)
{
    weir_h1_head_init(h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    assert_int_equal(weir_h1_head_feed(h, weir_span_cstr(text)), WEIR_STEP_DONE);
}

static void assert_echo(const char *text, const char *echo)
{
    struct weir_h1_head h;
    read_head(&h, text);
    uint8_t *out = malloc(h.head_len); /* exactly: a sanitizer sees one byte more */
    assert_non_null(out);
    size_t len = weir_trace_echo(&h, (const uint8_t *)text, out);
    if (!weir_span_eq(weir_span(out, len), weir_span_cstr(echo)))
        fail_msg("%.*s", (int)len, (const char *)out);
    free(out);
}

static void a_trace_is_echoed_without_credentials(void **state)
{
    assert_echo("TRACE /a?b HTTP/1.1\r\nHost: x\r\nVia: 1.1 y\r\nA:b\r\nMax-Forwards: 0\r\n\r\n",
                "TRACE /a?b HTTP/1.1\r\nHost: x\r\nVia: 1.1 y\r\nA:b\r\nMax-Forwards: 0\r\n\r\n");
    assert_echo("\r\nTRACE http://x/ HTTP/1.0\r\n\r\n", "TRACE http://x/ HTTP/1.0\r\n\r\n");
    assert_echo(
        "TRACE / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nproxy-authorization: b\r\n"
        "COOKIE: c\r\nX-Api-Key: d\r\nX-Auth-Token: e\r\nX-Session: f\r\nX-Secret: g\r\n"
        "X-Amz-Signature: h\r\nX-PassWord: i\r\nX-Credential: j\r\nX-Empty:\r\nZ: k\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nZ: k\r\n\r\n");
}

static void only_options_and_trace_end_at_max_forwards_0(void **state)
{
    struct weir_h1_head h;
    read_head(&h, "OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n");
    assert_true(weir_request_ends_here(&h));
    read_head(&h, "TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 000\r\n\r\n");
    assert_true(weir_request_ends_here(&h));
    read_head(&h, "TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 1\r\n\r\n");
    assert_false(weir_request_ends_here(&h));
    read_head(&h, "OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_false(weir_request_ends_here(&h));
    read_head(&h, "GET / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n");
    assert_false(weir_request_ends_here(&h));
}

static void trace_is_listed_where_it_is_allowed(void **state)
{
    assert_null(
        memmem(weir_methods_allowed(false).at, weir_methods_allowed(false).len, "TRACE", 5));
    assert_non_null(
        memmem(weir_methods_allowed(true).at, weir_methods_allowed(true).len, ", TRACE", 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_is_echoed_without_credentials),
        cmocka_unit_test(only_options_and_trace_end_at_max_forwards_0),
        cmocka_unit_test(trace_is_listed_where_it_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
