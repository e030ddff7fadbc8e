/* SPDX-License-Identifier: Apache-2.0
 *
 * request_test.c - whole requests between a client and origins of memory: kept connections,
 * framings, interim and early responses, local responses, the rest of a body. The sides check by
 * themselves that what one got is what the other gave.
 */
#include "tests/unit/exchange/exchange_rig.h"

/* -- one after another -- */

static void a_connection_carries_request_after_request(void **state)
{
    struct sides *s = sides_new();
    for (unsigned i = 1; i <= 3; i++) {
        ask(s, ONE);
        struct memory_origin *o = busy_origin(s);
        assert_int_equal(o->side.exchanges, i - 1);
        respond(s, RESPONSE_OK);
        expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
        assert_int_equal(s->last.reused, i > 1);
        assert_int_equal(o->state, MEMORY_ORIGIN_PARKED);
        assert_int_equal(s->client.served, i);
    }
    assert_int_equal(metric(s, WEIR_M_REQUESTS_2XX), 3);
    assert_int_equal(s->records, 3);
    assert_int_equal(s->last.response_bytes, 2);
    sides_free(s);
}

static void requests_that_come_together_are_served_in_order(void **state)
{
    struct sides *s = sides_new();
    ask(s, ONE HEAD("POST /one HTTP/1.1") "Content-Length: 3\r\n\r\nabc" ONE);
    respond(s, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    assert_true(origin_got_tail(busy_origin(s), "\r\n\r\nabc"));
    assert_int_equal(s->client.served, 1);
    respond(s, "HTTP/1.1 201 C\r\nContent-Length: 1\r\n\r\n2");
    respond(s, "HTTP/1.1 202 A\r\nContent-Length: 1\r\n\r\n3");
    expect_end(s, WEIR_CLIENT_NEXT, 202, WEIR_OUTCOME_OK);
    assert_int_equal(s->client.served, 3);
    sides_free(s);
}

static void the_last_request_of_a_connection_ends_it(void **state)
{
    struct sides *s = sides_new();
    ask(s, HEAD("GET / HTTP/1.1") "Connection: close\r\n\r\n");
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_LAST, 200, WEIR_OUTCOME_OK);
    next_client(s);
    s->env.draining = true;
    ask(s, GET);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_LAST, 200, WEIR_OUTCOME_OK);
    s->env.draining = false;
    next_client(s);
    sides_tenant(s)->finish_closed = true;
    ask(s, GET);
    client_ends(s);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_LAST, 200, WEIR_OUTCOME_OK);
    sides_free(s);
}

struct framing_case {
    const char *request, *response, *tail;
    bool origin_ends;
    enum weir_client_end how;
    bool parked;
};

#define H10  HEAD("GET / HTTP/1.0") "\r\n"
#define H10K HEAD("GET / HTTP/1.0") "Connection: keep-alive\r\n\r\n"

static const struct framing_case framings[] = {
    { GET, RESPONSE_OK, "\r\n\r\nok", false, WEIR_CLIENT_NEXT, true },
    { GET, CHUNKED_OK, "2\r\nok\r\n0\r\n\r\n", false, WEIR_CLIENT_NEXT, true },
    { GET, "HTTP/1.1 200 OK\r\n\r\nuntil", "5\r\nuntil\r\n0\r\n\r\n", true, WEIR_CLIENT_NEXT,
      false },
    { GET, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "x", false,
      WEIR_CLIENT_NEXT, false },
    { GET, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", false, WEIR_CLIENT_NEXT, false },
    { GET, "HTTP/1.1 204 No Content\r\n\r\n", "\r\n\r\n", false, WEIR_CLIENT_NEXT, true },
    { GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "\r\n\r\n", false,
      WEIR_CLIENT_NEXT, true },
    { HEAD("HEAD / HTTP/1.1") "\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "\r\n\r\n",
      false, WEIR_CLIENT_NEXT, true },
    { H10, RESPONSE_OK, "ok", false, WEIR_CLIENT_LAST, true },
    { H10K, RESPONSE_OK, "ok", false, WEIR_CLIENT_NEXT, true },
    { H10K, CHUNKED_OK, "\r\n\r\nok", false, WEIR_CLIENT_LAST, true },
    { H10K, "HTTP/1.1 200 OK\r\n\r\nuntil", "\r\n\r\nuntil", true, WEIR_CLIENT_LAST, false },
};

static uint16_t status_of(const char *response)
{
    return (uint16_t)naive_number(weir_span((const uint8_t *)response + 9, 3), 10);
}

static void responses_leave_in_a_framing_that_the_client_knows(void **state)
{
    struct sides *s = sides_new();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(framings); i++) {
        const struct framing_case *f = &framings[i];
        forget_origins(s);
        next_client(s);
        ask(s, f->request);
        struct memory_origin *o = busy_origin(s);
        respond(s, f->response);
        if (f->origin_ends)
            origin_ends(o, true);
        expect_end(s, f->how, status_of(f->response), WEIR_OUTCOME_OK);
        expect_tail(s, f->tail);
        assert_int_equal(o->state == MEMORY_ORIGIN_PARKED, f->parked);
    }
    sides_free(s);
}

static void bytes_behind_a_response_close_the_origin_connection(void **state)
{
    struct sides *s = sides_new();
    ask(s, GET);
    struct memory_origin *o = busy_origin(s);
    respond(s, RESPONSE_OK "HTTP/1.1 200 OK\r\n");
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    assert_int_equal(o->state, MEMORY_ORIGIN_NONE);
    assert_int_equal(metric(s, WEIR_M_UPSTREAM_UNSOLICITED), 1);
    sides_free(s);
}

/* -- interim responses -- */

static void interim_responses_go_before_the_final_one(void **state)
{
    struct sides *s = sides_new();
    ask(s, HEAD("POST / HTTP/1.1") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    respond(s, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_true(s->client.out.len > 0);
    ask(s, "hi");
    respond(s, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 2");
    assert_int_equal(metric(s, WEIR_M_REQUESTS_1XX), 3);
    respond(s, "00 OK\r\nContent-Length: 2\r\n\r\nok");
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    assert_int_equal(s->last.request_bytes, 2);
    sides_free(s);
}

static void a_client_of_1_0_gets_no_interim_response(void **state)
{
    struct sides *s = sides_new();
    ask(s, H10);
    respond(s, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    assert_int_equal(s->client.out.len, 0);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_LAST, 200, WEIR_OUTCOME_OK);
    assert_int_equal(metric(s, WEIR_M_REQUESTS_1XX), 0);
    sides_free(s);
}

static void interim_responses_without_end_are_no_response(void **state)
{
    struct sides *s = sides_new();
    ask(s, GET);
    for (int i = 0; i < WEIR_INTERIM_MAX; i++)
        respond(s, "HTTP/1.1 102 P\r\n\r\n");
    respond(s, "HTTP/1.1 102 P\r\n\r\n");
    expect_end(s, WEIR_CLIENT_NEXT, 502, WEIR_OUTCOME_UPSTREAM_MALFORMED);
    assert_int_equal(metric(s, WEIR_M_UPSTREAM_MALFORMED), 1);
    sides_free(s);
}

/* -- early responses, and the rest of a body -- */

static void after_an_early_response_the_rest_of_the_body_still_goes_to_the_origin(void **state)
{
    struct sides *s = sides_new();
    ask(s, HEAD("POST / HTTP/1.1") "Content-Length: 6\r\n\r\nab");
    struct memory_origin *o = busy_origin(s);
    respond(s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
    ask(s, "cd");
    assert_true(origin_got_tail(o, "\r\n\r\nabcd"));
    ask(s, "ef");
    respond(s, "ok");
    expect_end(s, WEIR_CLIENT_LAST, 200, WEIR_OUTCOME_OK); /* the head said close */
    assert_int_equal(o->state, MEMORY_ORIGIN_PARKED);
    sides_free(s);
}

static void an_origin_connection_with_half_a_request_is_not_used_again(void **state)
{
    struct sides *s = sides_new();
    ask(s, HEAD("POST / HTTP/1.1") "Content-Length: 6\r\n\r\nab");
    struct memory_origin *o = busy_origin(s);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_LINGER, 200, WEIR_OUTCOME_OK);
    assert_int_equal(o->state, MEMORY_ORIGIN_NONE);
    sides_free(s);
}

static void a_body_that_nobody_wants_is_dropped_and_the_connection_goes_on(void **state)
{
    static const char *const bodies[][3] = {
        { "Content-Length: 6\r\n\r\nab", "cd", "ef" },
        { "Transfer-Encoding: chunked\r\n\r\n3\r\nabc", "\r\n0\r", "\n\r\n" },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bodies); i++) {
        struct sides *s = sides_new();
        ask(s, "POST / HTTP/1.1\r\nHost: unknown.example\r\n");
        ask(s, bodies[i][0]);
        assert_int_equal(s->client.side.x->phase, WEIR_PHASE_DRAIN);
        ask(s, bodies[i][1]);
        ask(s, bodies[i][2]);
        expect_end(s, WEIR_CLIENT_NEXT, 404, WEIR_OUTCOME_UNKNOWN_HOST);
        assert_int_equal(metric(s, WEIR_M_REQUESTS_UNKNOWN_HOST), 1);
        ask(s, GET);
        respond(s, RESPONSE_OK);
        expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
        sides_free(s);
    }
}

static void a_dropped_body_has_a_bound(void **state)
{
    static const char chunk[] = "1000\r\n";
    struct sides *s = sides_new();
    uint8_t bytes[0x1000];
    memset(bytes, 'x', sizeof(bytes));
    ask(s, "POST / HTTP/1.1\r\nHost: unknown.example\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < WEIR_DRAIN_BODY_MAX / sizeof(bytes); i++) {
        ask(s, chunk);
        client_gives(s, weir_span(bytes, sizeof(bytes)));
        ask(s, "\r\n");
        assert_false(s->client.ended);
    }
    ask(s, "1\r\nx");
    expect_end(s, WEIR_CLIENT_LINGER, 404, WEIR_OUTCOME_UNKNOWN_HOST);
    sides_free(s);
}

static void a_dropped_body_that_is_malformed_ends_the_connection(void **state)
{
    struct sides *s = sides_new();
    ask(s, "POST / HTTP/1.1\r\nHost: unknown.example\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
    expect_end(s, WEIR_CLIENT_LINGER, 404, WEIR_OUTCOME_UNKNOWN_HOST);
    sides_free(s);
}

/* Whether its body comes is open: the next bytes may be a body or a request. */
static void a_request_that_expects_100_and_is_refused_is_the_last(void **state)
{
    struct sides *s = sides_new();
    ask(s, "POST / HTTP/1.1\r\nHost: unknown.example\r\nExpect: 100-continue\r\n"
           "Content-Length: 2\r\n\r\n");
    expect_end(s, WEIR_CLIENT_LINGER, 404, WEIR_OUTCOME_UNKNOWN_HOST);
    sides_free(s);
}

/* -- servers of HTTP/1.0 -- */

#define CHUNKED_POST                                                                               \
    HEAD("POST /one HTTP/1.1")                                                                     \
    "Transfer-Encoding: "                                                                          \
    "chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"

/* The whole of it waited for the dial: nothing more comes that would wake the client's side. */
static void a_chunked_body_for_a_server_of_1_0_is_refused_and_dropped_at_once(void **state)
{
    struct sides *s = sides_new();
    s->remembers = s->http10 = true;
    s->acquires[s->num_acquires++] = ACQUIRE_CONNECTING;
    ask(s, CHUNKED_POST);
    origin_connects(busy_origin(s), true);
    expect_end(s, WEIR_CLIENT_NEXT, 411, WEIR_OUTCOME_REFUSED);
    ask(s, ONE);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    sides_free(s);
}

static void a_chunked_body_for_a_server_of_1_0_is_gathered_where_the_tenant_allows_it(void **state)
{
    struct sides *s = sides_new();
    struct weir_tenant *t = sides_tenant(s);
    for (uint16_t i = 0; i < t->num_upstreams; i++)
        t->upstreams[i].http10_buffer = 5;
    for (size_t at = 0; at <= sizeof(CHUNKED_POST) - 1; at++) {
        s->remembers = s->http10 = true;
        client_gives(s, weir_span((const uint8_t *)CHUNKED_POST, at));
        client_gives(s,
                     weir_span((const uint8_t *)CHUNKED_POST + at, sizeof(CHUNKED_POST) - 1 - at));
        assert_true(origin_got_tail(busy_origin(s), "\r\n\r\nhello"));
        respond(s, RESPONSE_OK);
        expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    }
    s->remembers = s->http10 = true;
    ask(s, HEAD("POST /one HTTP/1.1") "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n");
    expect_end(s, WEIR_CLIENT_LINGER, 413, WEIR_OUTCOME_TOO_LARGE);
    sides_free(s);
}

/* -- a client's identity, and its end -- */

#define NTLM HEAD("GET /one HTTP/1.1") "Authorization: NTLM abc\r\n\r\n"

static void a_connection_with_a_clients_identity_waits_for_this_client(void **state)
{
    struct sides *s = sides_new();
    ask(s, NTLM);
    struct memory_origin *o = busy_origin(s);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    assert_int_equal(o->state, MEMORY_ORIGIN_HELD);
    ask(s, ONE);
    assert_ptr_equal(busy_origin(s), o);
    respond(s, RESPONSE_OK);
    assert_int_equal(o->state, MEMORY_ORIGIN_HELD); /* it stays this client's */
    client_ends(s);
    assert_int_equal(o->state, MEMORY_ORIGIN_NONE); /* and ends with it */
    next_client(s);
    ask(s, NTLM);
    o = busy_origin(s);
    respond(s, RESPONSE_OK);
    origin_ends(o, true); /* while it waits */
    assert_null(s->client.side.held);
    ask(s, ONE);
    assert_false(busy_origin(s)->side.reused);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    sides_free(s);
}

static void a_client_that_ends_its_side_is_gone_unless_the_tenant_finishes(void **state)
{
    for (int finish = 0; finish < 2; finish++) {
        struct sides *s = sides_new();
        sides_tenant(s)->finish_closed = finish;
        ask(s, GET);
        client_ends(s);
        if (finish) {
            respond(s, RESPONSE_OK);
            expect_end(s, WEIR_CLIENT_LAST, 200, WEIR_OUTCOME_OK);
        } else {
            expect_end(s, WEIR_CLIENT_CUT, 499, WEIR_OUTCOME_CLIENT_GONE);
        }
        sides_free(s);
    }
}

/* -- refused -- */

static void what_is_no_request_is_refused_and_lingers(void **state)
{
    struct sides *s = sides_new();
    ask(s, "GET / HTTP/1.1\r\nHost : shop.example\r\n\r\n");
    expect_end(s, WEIR_CLIENT_LINGER, 400, WEIR_OUTCOME_MALFORMED);
    assert_true(s->fault[0] != '\0');
    next_client(s);
    struct weir_refusal refusal = { .status = 408, .outcome = WEIR_OUTCOME_TIMED_OUT_HEAD };
    weir_exchange_refuse(&s->env, &s->client.side, &refusal);
    expect_end(s, WEIR_CLIENT_LINGER, 408, WEIR_OUTCOME_TIMED_OUT_HEAD);
    assert_string_equal(s->fault, "");
    assert_int_equal(s->acquired, 0);
    sides_free(s);
}

static void a_request_body_over_the_limit_is_refused(void **state)
{
    struct sides *s = sides_new();
    uint8_t bytes[SIDES_MAX_BODY];
    memset(bytes, 'x', sizeof(bytes));
    ask(s, HEAD("POST / HTTP/1.1") "Content-Length: 2001\r\n\r\n");
    client_gives(s, weir_span(bytes, sizeof(bytes)));
    ask(s, "x");
    expect_end(s, WEIR_CLIENT_NEXT, 413, WEIR_OUTCOME_TOO_LARGE);
    sides_free(s);
    s = sides_new();
    ask(s, HEAD("POST / HTTP/1.1") "Transfer-Encoding: chunked\r\n\r\n7d0\r\n");
    struct memory_origin *o = busy_origin(s);
    client_gives(s, weir_span(bytes, sizeof(bytes)));
    assert_int_equal(s->client.served, 0);
    ask(s, "\r\n1\r\nx");
    expect_end(s, WEIR_CLIENT_LINGER, 413, WEIR_OUTCOME_TOO_LARGE);
    assert_int_equal(o->state, MEMORY_ORIGIN_NONE);
    sides_free(s);
}

static void a_request_body_that_is_malformed_never_looks_whole_to_the_origin(void **state)
{
    struct sides *s = sides_new();
    ask(s, HEAD("POST / HTTP/1.1") "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    ask(s, "!\r\n");
    expect_end(s, WEIR_CLIENT_LINGER, 400, WEIR_OUTCOME_MALFORMED);
    assert_int_equal(metric(s, WEIR_M_REQUESTS_MALFORMED), 1);
    next_client(s); /* the same when the response has begun: no 400 into the middle of it */
    ask(s, HEAD("POST / HTTP/1.1") "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    respond(s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok");
    ask(s, "!\r\n");
    expect_end(s, WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_MALFORMED);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_carries_request_after_request),
        cmocka_unit_test(requests_that_come_together_are_served_in_order),
        cmocka_unit_test(the_last_request_of_a_connection_ends_it),
        cmocka_unit_test(responses_leave_in_a_framing_that_the_client_knows),
        cmocka_unit_test(bytes_behind_a_response_close_the_origin_connection),
        cmocka_unit_test(interim_responses_go_before_the_final_one),
        cmocka_unit_test(a_client_of_1_0_gets_no_interim_response),
        cmocka_unit_test(interim_responses_without_end_are_no_response),
        cmocka_unit_test(after_an_early_response_the_rest_of_the_body_still_goes_to_the_origin),
        cmocka_unit_test(an_origin_connection_with_half_a_request_is_not_used_again),
        cmocka_unit_test(a_body_that_nobody_wants_is_dropped_and_the_connection_goes_on),
        cmocka_unit_test(a_dropped_body_has_a_bound),
        cmocka_unit_test(a_dropped_body_that_is_malformed_ends_the_connection),
        cmocka_unit_test(a_request_that_expects_100_and_is_refused_is_the_last),
        cmocka_unit_test(a_chunked_body_for_a_server_of_1_0_is_refused_and_dropped_at_once),
        cmocka_unit_test(a_chunked_body_for_a_server_of_1_0_is_gathered_where_the_tenant_allows_it),
        cmocka_unit_test(a_connection_with_a_clients_identity_waits_for_this_client),
        cmocka_unit_test(a_client_that_ends_its_side_is_gone_unless_the_tenant_finishes),
        cmocka_unit_test(what_is_no_request_is_refused_and_lingers),
        cmocka_unit_test(a_request_body_over_the_limit_is_refused),
        cmocka_unit_test(a_request_body_that_is_malformed_never_looks_whole_to_the_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
