/* SPDX-License-Identifier: Apache-2.0
 *
 * gather_test.c - chunked requests for endpoints of HTTP/1.0: refused, or read as a whole and sent
 * with their length, whatever the pieces in which they come. Ref: RFC 9112 6.1, RFC 9110 10.1.1.
 */
#include "tests/support/failalloc.h"
#include "tests/unit/exchange/exchange_rig.h"

#define HTTP10_OK "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define CHUNKED   HEAD("POST / HTTP/1.1") "Transfer-Encoding: chunked\r\n"
#define BODY      "5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\n"
#define SENT      "\r\nContent-Length: 6\r\n\r\nhello!"

/* Sides whose endpoints have shown themselves to be HTTP/1.0. */
static struct sides *sides_http10(uint32_t buffer)
{
    struct sides *s = sides_new();
    struct weir_tenant *t = sides_tenant(s);
    assert_non_null(t);
    for (uint16_t i = 0; i < t->num_upstreams; i++)
        t->upstreams[i].http10_buffer = buffer;
    s->remembers = s->http10 = true;
    return s;
}

static bool origin_got(const struct memory_origin *o, const char *part)
{
    struct weir_span got = bytes_from(&o->got, o->got_at);
    return got.len > 0 && memmem(got.at, got.len, part, strlen(part)) != NULL;
}

static void the_last_response_tells_the_version(void **state)
{
    struct sides *s = sides_new();
    s->remembers = true;
    ask(s, GET);
    respond(s, HTTP10_OK);
    assert_true(s->http10);
    next_client(s);
    ask(s, GET);
    respond(s, RESPONSE_OK);
    assert_false(s->http10);
    sides_free(s);
}

static void without_a_buffer_it_is_a_411_and_the_connection_goes_on(void **state)
{
    struct sides *s = sides_http10(0);
    ask(s, CHUNKED "\r\n" BODY);
    expect_end(s, WEIR_CLIENT_NEXT, 411, WEIR_OUTCOME_REFUSED);
    assert_int_equal(metric(s, WEIR_M_REQUESTS_REFUSED), 1);
    ask(s, GET);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    sides_free(s);
}

static void with_a_buffer_it_is_sent_with_its_length_in_any_pieces(void **state)
{
    static const char text[] = CHUNKED "\r\n" BODY;
    for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
        struct sides *s = sides_http10(6);
        client_gives(s, weir_span(text, cut));
        client_gives(s, weir_span(text + cut, sizeof(text) - 1 - cut));
        struct memory_origin *o = busy_origin(s);
        assert_true(origin_got_tail(o, SENT));
        assert_false(origin_got(o, "hunked"));
        respond(s, HTTP10_OK);
        expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
        sides_free(s);
    }
}

static void a_body_beyond_the_buffer_is_a_413_and_nothing_is_sent(void **state)
{
    struct sides *s = sides_http10(5);
    ask(s, CHUNKED "\r\n"
                   "5\r\nhello\r\n");
    struct memory_origin *o = busy_origin(s);
    assert_int_equal(o->got.len, o->got_at);
    ask(s, "1\r\n!\r\n0\r\n\r\n");
    expect_end(s, WEIR_CLIENT_LINGER, 413, WEIR_OUTCOME_TOO_LARGE);
    assert_int_equal(o->got.len, o->got_at);
    sides_free(s);
}

static void the_client_is_asked_for_the_body_it_holds_back(void **state)
{
    struct sides *s = sides_http10(100);
    ask(s, CHUNKED "Expect: 100-continue\r\n\r\n");
    expect_tail(s, "HTTP/1.1 100 Continue\r\n\r\n");
    ask(s, BODY);
    assert_true(origin_got_tail(busy_origin(s), SENT));
    respond(s, HTTP10_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    sides_free(s);
}

/* Its chunks are gone: another endpoint gets it with its length too, whatever version it has. */
static void what_was_gathered_goes_to_the_next_endpoint(void **state)
{
    struct sides *s = sides_http10(100);
    ask(s, CHUNKED "\r\n"
                   "5\r\nhello\r\n");
    origin_ends(busy_origin(s), true);
    s->http10 = false;
    ask(s, "1\r\n!\r\n0\r\n\r\n");
    assert_true(origin_got_tail(busy_origin(s), SENT));
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_RETRIED_OK);
    sides_free(s);
}

static void without_memory_for_the_body_it_is_a_503(void **state)
{
    static char text[6000]; /* more than a small stash has */
    struct sides *s = sides_http10(60000);
    sides_tenant(s)->max_body = 0;
    weir_pool_set_max(&s->buffers.large, 0);
    int len = snprintf(text, sizeof(text), "%s\r\n1388\r\n%05000d\r\n", CHUNKED, 0);
    client_gives(s, weir_span(text, (size_t)len));
    assert_int_equal(s->last.status, 503);
    assert_int_equal(metric(s, WEIR_M_POOL_EXHAUSTED), 1);
    sides_free(s);
}

static void every_allocation_may_fail(void **state)
{
    for (long n = 0; n < 40; n++) {
        struct sides *s = sides_http10(100);
        weir_failalloc_once(n);
        ask(s, CHUNKED "\r\n"
                       "5\r\nhello\r\n");
        if (!s->client.ended && s->client.side.x != NULL)
            ask(s, "1\r\n!\r\n0\r\n\r\n");
        if (s->client.side.x != NULL)
            respond(s, HTTP10_OK);
        weir_failalloc_after(-1);
        assert_null(s->client.side.x);
        sides_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_response_tells_the_version),
        cmocka_unit_test(without_a_buffer_it_is_a_411_and_the_connection_goes_on),
        cmocka_unit_test(with_a_buffer_it_is_sent_with_its_length_in_any_pieces),
        cmocka_unit_test(a_body_beyond_the_buffer_is_a_413_and_nothing_is_sent),
        cmocka_unit_test(the_client_is_asked_for_the_body_it_holds_back),
        cmocka_unit_test(what_was_gathered_goes_to_the_next_endpoint),
        cmocka_unit_test(without_memory_for_the_body_it_is_a_503),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
