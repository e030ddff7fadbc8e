/* SPDX-License-Identifier: Apache-2.0
 *
 * failure_test.c - what becomes of a request when a dial, an origin, a client or time fails it:
 * cut, retried, tried elsewhere, given up; each phase has its limit. Time is virtual.
 */
#include "tests/unit/exchange/exchange_rig.h"

#define POST_3 HEAD("POST / HTTP/1.1") "Content-Length: 3\r\n\r\n"
#define HALF   "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok"

static void acquire_gives(struct sides *s, const uint8_t *how, size_t num)
{
    memcpy(s->acquires, how, num);
    s->num_acquires = num;
    s->acquire_at = 0;
}

#define ACQUIRES(s, ...)                                                                           \
    acquire_gives(s, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* -- getting a connection -- */

static void an_endpoint_that_refuses_is_followed_by_the_next(void **state)
{
    struct sides *s = sides_new();
    ACQUIRES(s, ACQUIRE_REFUSED);
    ask(s, GET);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_RETRIED_OK);
    assert_int_equal(s->last.tries, 2);
    assert_int_equal(metric(s, WEIR_M_UPSTREAM_CONNECT_ERRORS), 1);
    ACQUIRES(s, ACQUIRE_REFUSED, ACQUIRE_REFUSED);
    ask(s, GET);
    expect_end(s, WEIR_CLIENT_NEXT, 502, WEIR_OUTCOME_UPSTREAM_REFUSED);
    assert_int_equal(metric(s, WEIR_M_UPSTREAM_NONE_LEFT), 1);
    sides_free(s);
}

static void a_dial_that_fails_is_followed_by_the_next_endpoint(void **state)
{
    struct sides *s = sides_new();
    ACQUIRES(s, ACQUIRE_CONNECTING, ACQUIRE_CONNECTING);
    ask(s, POST_3 "abc"); /* nothing was sent: a POST may go elsewhere */
    uint64_t first = busy_origin(s)->endpoint;
    origin_connects(busy_origin(s), false);
    assert_true(busy_origin(s)->endpoint != first);
    origin_connects(busy_origin(s), true);
    assert_true(origin_got_tail(busy_origin(s), "\r\n\r\nabc"));
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_RETRIED_OK);
    sides_free(s);
}

static void a_dial_that_takes_too_long_is_followed_by_the_next_endpoint(void **state)
{
    struct sides *s = sides_new();
    ACQUIRES(s, ACQUIRE_CONNECTING, ACQUIRE_CONNECTING);
    ask(s, GET);
    struct memory_origin *o = busy_origin(s);
    time_passes(s, SIDES_CONNECT_MS - 1);
    assert_ptr_equal(busy_origin(s), o);
    time_passes(s, WEIR_WHEEL_TICK_MS + 1);
    assert_int_equal(s->acquired, 2);
    assert_int_equal(metric(s, WEIR_M_UPSTREAM_TIMEOUTS), 1);
    time_passes(s, SIDES_CONNECT_MS + WEIR_WHEEL_TICK_MS);
    expect_end(s, WEIR_CLIENT_NEXT, 504, WEIR_OUTCOME_UPSTREAM_TIMEOUT);
    sides_free(s);
}

static void a_request_in_the_queue_gets_a_connection_or_503(void **state)
{
    struct sides *s = sides_new();
    ACQUIRES(s, ACQUIRE_QUEUED);
    ask(s, GET);
    assert_null(s->client.side.x->origin);
    time_passes(s, SIDES_CONNECT_MS / 2);
    queue_moves(s);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    ACQUIRES(s, ACQUIRE_QUEUED);
    ask(s, GET);
    time_passes(s, SIDES_CONNECT_MS + WEIR_WHEEL_TICK_MS);
    expect_end(s, WEIR_CLIENT_NEXT, 503, WEIR_OUTCOME_OVERLOAD);
    assert_int_equal(metric(s, WEIR_M_UPSTREAM_TIMEOUTS), 0); /* no fault of the endpoint */
    ACQUIRES(s, ACQUIRE_QUEUED);
    ask(s, GET);
    client_is_lost(s);
    assert_int_equal(s->last.status, 499);
    sides_free(s);
}

static void a_full_pool_is_a_503(void **state)
{
    struct sides *s = sides_new();
    ACQUIRES(s, ACQUIRE_FULL);
    ask(s, GET);
    expect_end(s, WEIR_CLIENT_NEXT, 503, WEIR_OUTCOME_OVERLOAD);
    assert_int_equal(s->acquired, 1);
    sides_free(s);
}

/* -- retries -- */

static void a_kept_connection_that_was_closed_is_tried_again_on_a_new_one(void **state)
{
    struct sides *s = sides_new();
    ask(s, ONE);
    respond(s, RESPONSE_OK);
    ask(s, ONE);
    assert_true(busy_origin(s)->side.reused);
    origin_ends(busy_origin(s), true);
    assert_false(busy_origin(s)->side.reused);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_RETRIED_OK);
    assert_int_equal(metric(s, WEIR_M_REQUESTS_RETRIED), 1);
    sides_free(s);
}

/* Another parked connection may have been closed just as the first was. */
static void the_second_try_is_on_a_new_connection_although_one_is_parked(void **state)
{
    struct sides *s = sides_new();
    ask(s, ONE);
    struct memory_origin *o = busy_origin(s), *parked = &s->origins[MEMORY_ORIGINS - 1];
    respond(s, RESPONSE_OK);
    parked->endpoint = o->endpoint;
    ask(s, ONE);
    assert_ptr_equal(busy_origin(s), o);
    parked->state = MEMORY_ORIGIN_PARKED;
    origin_ends(o, true);
    assert_ptr_not_equal(busy_origin(s), parked);
    assert_false(busy_origin(s)->side.reused);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_RETRIED_OK);
    sides_free(s);
}

static void a_request_is_sent_again_once(void **state)
{
    struct sides *s = sides_new();
    ask(s, GET);
    origin_ends(busy_origin(s), false);
    origin_ends(busy_origin(s), false);
    expect_end(s, WEIR_CLIENT_NEXT, 502, WEIR_OUTCOME_UPSTREAM_CUT);
    assert_int_equal(s->acquired, 2);
    sides_free(s);
}

static void what_a_server_may_have_acted_on_is_not_sent_again(void **state)
{
    struct sides *s = sides_new();
    ask(s, POST_3 "abc");
    origin_ends(busy_origin(s), true);
    expect_end(s, WEIR_CLIENT_NEXT, 502, WEIR_OUTCOME_UPSTREAM_CUT);
    ask(s, HEAD("PUT / HTTP/1.1") "Content-Length: 3\r\n\r\nabc"); /* its body is gone */
    origin_ends(busy_origin(s), true);
    expect_end(s, WEIR_CLIENT_NEXT, 502, WEIR_OUTCOME_UPSTREAM_CUT);
    assert_int_equal(s->acquired, 2);
    sides_free(s);
}

/* -- cuts -- */

struct cut_case {
    const char *request, *response;
    bool clean;
    enum weir_client_end how;
    uint16_t status;
    enum weir_access_outcome outcome;
};

static const struct cut_case cuts[] = {
    { GET, "HTTP/1.1 200 OK\r\nContent-L", true, WEIR_CLIENT_NEXT, 502, WEIR_OUTCOME_UPSTREAM_CUT },
    { GET, "HTTP/1.1 103 E\r\n\r\n", true, WEIR_CLIENT_NEXT, 502, WEIR_OUTCOME_UPSTREAM_CUT },
    { GET, HALF, true, WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_UPSTREAM_CUT },
    { GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", true,
      WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_UPSTREAM_CUT },
    { GET, "HTTP/1.1 200 OK\r\n\r\nuntil", false, WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_UPSTREAM_CUT },
    { HEAD("GET / HTTP/1.0") "\r\n", "HTTP/1.1 200 OK\r\n\r\nuntil", false, WEIR_CLIENT_CUT, 200,
      WEIR_OUTCOME_UPSTREAM_CUT },
    { GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokx", true, WEIR_CLIENT_NEXT,
      502, WEIR_OUTCOME_UPSTREAM_MALFORMED },
    { GET, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", true, WEIR_CLIENT_NEXT, 502,
      WEIR_OUTCOME_UPSTREAM_MALFORMED },
    { GET, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", true, WEIR_CLIENT_NEXT, 502,
      WEIR_OUTCOME_UPSTREAM_MALFORMED },
};

static void a_cut_response_is_a_502_or_a_visible_cut(void **state)
{
    struct sides *s = sides_new();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cuts); i++) {
        const struct cut_case *c = &cuts[i];
        uint64_t cut = metric(s, WEIR_M_REQUESTS_CUT);
        forget_origins(s);
        next_client(s);
        ask(s, c->request);
        struct memory_origin *o = busy_origin(s);
        respond(s, c->response);
        if (o->state == MEMORY_ORIGIN_BUSY)
            origin_ends(o, c->clean);
        expect_end(s, c->how, c->status, c->outcome);
        assert_int_equal(metric(s, WEIR_M_REQUESTS_CUT) - cut, c->how == WEIR_CLIENT_CUT);
        assert_int_equal(s->acquired, 1);
    }
    sides_free(s);
}

static void chunks_that_become_malformed_cut_the_response(void **state)
{
    struct sides *s = sides_new();
    ask(s, GET);
    respond(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    respond(s, "!\r\n");
    expect_end(s, WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_UPSTREAM_MALFORMED);
    assert_string_equal(s->fault, "chunked");
    sides_free(s);
}

static void a_server_that_takes_no_more_may_still_respond(void **state)
{
    struct sides *s = sides_new();
    ask(s, POST_3 "a");
    struct memory_origin *o = busy_origin(s);
    o->deaf = true;
    ask(s, "b");
    assert_false(weir_exchange_wants_input(s->client.side.x));
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_LINGER, 200, WEIR_OUTCOME_OK);
    assert_int_equal(o->state, MEMORY_ORIGIN_NONE);
    sides_free(s);
}

/* -- time -- */

static void a_response_that_does_not_come_is_a_504(void **state)
{
    struct sides *s = sides_new();
    ask(s, GET);
    time_passes(s, SIDES_RESPONSE_MS - 1);
    assert_int_equal(s->client.served, 0);
    time_passes(s, WEIR_WHEEL_TICK_MS + 1);
    expect_end(s, WEIR_CLIENT_NEXT, 504, WEIR_OUTCOME_UPSTREAM_TIMEOUT);
    assert_in_range(s->last.total_us, 1000 * SIDES_RESPONSE_MS,
                    1000 * (SIDES_RESPONSE_MS + WEIR_WHEEL_TICK_MS));
    sides_free(s);
}

static void a_request_body_that_stops_is_a_408(void **state)
{
    struct sides *s = sides_new();
    ask(s, POST_3 "a");
    time_passes(s, SIDES_BODY_MS - WEIR_WHEEL_TICK_MS);
    ask(s, "b");
    time_passes(s, SIDES_BODY_MS - 1);
    assert_int_equal(s->client.served, 0);
    time_passes(s, WEIR_WHEEL_TICK_MS + 1);
    expect_end(s, WEIR_CLIENT_LINGER, 408, WEIR_OUTCOME_TIMED_OUT_BODY);
    assert_int_equal(metric(s, WEIR_M_REQUESTS_TIMED_OUT), 1);
    sides_free(s);
}

static void a_server_that_takes_no_request_bytes_is_a_504(void **state)
{
    struct sides *s = sides_new();
    ACQUIRES(s, ACQUIRE_CONNECTING);
    ask(s, POST_3 "abc");
    busy_origin(s)->room = 1;
    origin_connects(busy_origin(s), true);
    time_passes(s, SIDES_BODY_MS + WEIR_WHEEL_TICK_MS);
    expect_end(s, WEIR_CLIENT_NEXT, 504, WEIR_OUTCOME_SLOW_UPSTREAM);
    sides_free(s);
}

static void a_response_body_that_stops_is_a_cut(void **state)
{
    struct sides *s = sides_new();
    ask(s, GET);
    respond(s, HALF);
    time_passes(s, SIDES_BODY_MS + WEIR_WHEEL_TICK_MS);
    expect_end(s, WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_SLOW_UPSTREAM);
    sides_free(s);
}

/* What it took before is noticed only when its time is up: then it has the same time again. */
static void a_client_that_takes_nothing_is_given_up(void **state)
{
    static const char *const responses[] = { RESPONSE_OK, HALF };
    struct sides *s = sides_new();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(responses); i++)
        for (size_t room = 0; room <= 4; room += 4) {
            next_client(s);
            s->client.room = room;
            ask(s, GET);
            respond(s, responses[i]);
            assert_int_equal(s->client.side.x->phase,
                             i == 0 ? WEIR_PHASE_FLUSH : WEIR_PHASE_TRANSFER);
            time_passes(s, (room == 0 ? 1 : 2) * (SIDES_BODY_MS + WEIR_WHEEL_TICK_MS));
            expect_end(s, WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_SLOW_CLIENT);
        }
    sides_free(s);
}

static void a_client_that_takes_too_little_is_given_up_after_a_window(void **state)
{
    struct sides *s = sides_new();
    s->client.room = 4;
    ask(s, GET);
    respond(s, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n");
    for (unsigned i = 0; i < WEIR_RATE_WINDOW_MS / 1000; i++) {
        assert_int_equal(s->client.served, 0);
        client_takes(s, 1);
        time_passes(s, 1000);
    }
    time_passes(s, 2 * WEIR_WHEEL_TICK_MS);
    expect_end(s, WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_SLOW_CLIENT);
    sides_free(s);
}

static void a_slow_but_steady_reader_is_served(void **state)
{
    static char text[2100];
    struct sides *s = sides_new();
    int len =
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n%02000d", 1);
    assert_in_range(len, 2001, sizeof(text) - 1);
    s->client.room = 1;
    ask(s, GET);
    respond(s, text);
    for (unsigned i = 0; i < 2 * WEIR_RATE_WINDOW_MS / 1000 && s->client.served == 0; i++) {
        client_takes(s, SIDES_MIN_RATE + 20);
        time_passes(s, 1000);
    }
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    sides_free(s);
}

static void a_dropped_body_that_stops_ends_the_connection(void **state)
{
    struct sides *s = sides_new();
    ask(s, "POST / HTTP/1.1\r\nHost: unknown.example\r\nContent-Length: 3\r\n\r\na");
    assert_int_equal(s->client.side.x->phase, WEIR_PHASE_DRAIN);
    time_passes(s, WEIR_RATE_WINDOW_MS + WEIR_WHEEL_TICK_MS); /* no tenant: min_rate is 500 */
    expect_end(s, WEIR_CLIENT_LINGER, 404, WEIR_OUTCOME_UNKNOWN_HOST);
    sides_free(s);
}

/* -- a client that goes -- */

/* At each step of one exchange: what it leaves behind is checked by sides_free. */
static bool walk(struct sides *s, unsigned steps)
{
    static const char *const texts[] = {
        "HTTP/1.1 103 E\r\n\r\n", "HTTP/1.1 20", "0 OK\r\nContent-", "Length: 4\r\n\r\n", "o", "k"
    };
    ACQUIRES(s, ACQUIRE_QUEUED, ACQUIRE_CONNECTING);
    if (steps-- == 0)
        return false;
    ask(s, "POST / HTTP/1.1\r\nHo");
    if (steps-- == 0)
        return false;
    ask(s, "st: shop.example\r\nContent-Length: 3\r\n\r\n");
    if (steps-- == 0)
        return false;
    queue_moves(s);
    if (steps-- == 0)
        return false;
    ask(s, "ab");
    if (steps-- == 0)
        return false;
    ask(s, "c");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        if (steps-- == 0)
            return false;
        respond(s, texts[i]);
    }
    if (steps-- == 0)
        return false;
    s->client.room = 0;
    respond(s, "ok");
    return steps > 0;
}

static void a_client_may_go_at_any_step(void **state)
{
    for (int lost = 0; lost < 2; lost++)
        for (unsigned steps = 0;; steps++) {
            struct sides *s = sides_new();
            bool whole = walk(s, steps);
            if (lost)
                client_is_lost(s);
            else
                client_ends(s);
            sides_free(s);
            if (whole)
                break;
        }
}

static void a_client_that_ends_inside_its_body_is_gone(void **state)
{
    struct sides *s = sides_new();
    ask(s, POST_3 "a");
    struct memory_origin *o = busy_origin(s);
    client_ends(s);
    expect_end(s, WEIR_CLIENT_CUT, 499, WEIR_OUTCOME_CLIENT_GONE);
    assert_int_equal(o->state, MEMORY_ORIGIN_NONE);
    sides_free(s);
}

static void a_client_whose_send_fails_is_gone(void **state)
{
    static const char *const responses[] = { "HTTP/1.1 103 E\r\n\r\n", HALF, RESPONSE_OK };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(responses); i++) {
        struct sides *s = sides_new();
        ask(s, GET);
        struct memory_origin *o = busy_origin(s);
        s->client.lost = true;
        respond(s, responses[i]);
        assert_int_equal(s->client.how, WEIR_CLIENT_CUT);
        assert_int_equal(s->last.outcome, WEIR_OUTCOME_CLIENT_GONE);
        assert_int_equal(o->state, MEMORY_ORIGIN_NONE);
        sides_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_that_refuses_is_followed_by_the_next),
        cmocka_unit_test(a_dial_that_fails_is_followed_by_the_next_endpoint),
        cmocka_unit_test(a_dial_that_takes_too_long_is_followed_by_the_next_endpoint),
        cmocka_unit_test(a_request_in_the_queue_gets_a_connection_or_503),
        cmocka_unit_test(a_full_pool_is_a_503),
        cmocka_unit_test(a_kept_connection_that_was_closed_is_tried_again_on_a_new_one),
        cmocka_unit_test(the_second_try_is_on_a_new_connection_although_one_is_parked),
        cmocka_unit_test(a_request_is_sent_again_once),
        cmocka_unit_test(what_a_server_may_have_acted_on_is_not_sent_again),
        cmocka_unit_test(a_cut_response_is_a_502_or_a_visible_cut),
        cmocka_unit_test(chunks_that_become_malformed_cut_the_response),
        cmocka_unit_test(a_server_that_takes_no_more_may_still_respond),
        cmocka_unit_test(a_response_that_does_not_come_is_a_504),
        cmocka_unit_test(a_request_body_that_stops_is_a_408),
        cmocka_unit_test(a_server_that_takes_no_request_bytes_is_a_504),
        cmocka_unit_test(a_response_body_that_stops_is_a_cut),
        cmocka_unit_test(a_client_that_takes_nothing_is_given_up),
        cmocka_unit_test(a_client_that_takes_too_little_is_given_up_after_a_window),
        cmocka_unit_test(a_slow_but_steady_reader_is_served),
        cmocka_unit_test(a_dropped_body_that_stops_ends_the_connection),
        cmocka_unit_test(a_client_may_go_at_any_step),
        cmocka_unit_test(a_client_that_ends_inside_its_body_is_gone),
        cmocka_unit_test(a_client_whose_send_fails_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
