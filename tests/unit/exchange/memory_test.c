/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_test.c - whole requests while memory runs out: every allocation fails once, alone and with
 * all that follow; and every pool is at its cap. The client gets a response or sees a cut, and
 * nothing is left behind.
 */
#include "tests/support/failalloc.h"
#include "tests/unit/exchange/exchange_rig.h"

/* A dial, a body in pieces, an interim response, heads in pieces on both sides, a client that is
 * behind; then a local response on the same connection. It goes on as far as the
 * exchange lives. */
static void serve(struct sides *s)
{
    s->acquires[s->num_acquires++] = ACQUIRE_CONNECTING;
    ask(s, "POST / HTTP/1.1\r\nHost: sh");
    ask(s, "op.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    if (s->client.side.x == NULL)
        return;
    if (s->client.side.x->dial != NULL)
        origin_connects(busy_origin(s), true);
    ask(s, "0\r\n\r\n");
    if (s->client.side.x == NULL)
        return;
    struct memory_origin *o = busy_origin(s);
    respond(s, "HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 O");
    s->client.room = 10;
    if (o->state == MEMORY_ORIGIN_BUSY)
        respond(s, "K\r\nContent-Length: 2\r\n\r\nok");
    client_takes(s, MEMORY_ALL);
    if (!s->client.ended)
        ask(s, "GET / HTTP/1.1\r\nHost: unknown.example\r\n\r\n");
}

static void expect_served_or_refused(const struct sides *s, bool may_fail)
{
    assert_null(s->client.side.x);
    assert_true(s->client.served >= 1);
    if (!may_fail)
        assert_int_equal(s->client.served, 2);
}

static unsigned long allocations(void)
{
    struct sides *s = sides_new();
    weir_failalloc_after(-1);
    serve(s);
    unsigned long num = weir_failalloc_count();
    expect_served_or_refused(s, false);
    sides_free(s);
    return num;
}

static void every_allocation_may_fail(void **state)
{
    unsigned long num = allocations();
    assert_in_range(num, 5, 200);
    for (int once = 0; once < 2; once++)
        for (unsigned long n = 1; n <= num; n++) {
            struct sides *s = sides_new();
            if (once)
                weir_failalloc_once((long)n);
            else
                weir_failalloc_after((long)n);
            serve(s);
            weir_failalloc_after(-1);
            expect_served_or_refused(s, true);
            next_client(s); /* afterwards all is well again */
            forget_origins(s);
            ask(s, GET);
            respond(s, RESPONSE_OK);
            expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
            sides_free(s);
        }
}

static void without_an_exchange_the_client_is_cut(void **state)
{
    struct sides *s = sides_new();
    weir_pool_set_max(&s->env.exchanges, 0);
    ask(s, GET);
    assert_int_equal(s->client.how, WEIR_CLIENT_CUT);
    assert_int_equal(metric(s, WEIR_M_POOL_EXHAUSTED), 1);
    next_client(s);
    ask(s, "bad\r\n\r\n");
    assert_int_equal(s->client.how, WEIR_CLIENT_CUT);
    assert_int_equal(metric(s, WEIR_M_POOL_EXHAUSTED), 2);
    assert_int_equal(s->records, 0);
    sides_free(s);
}

static void without_room_for_the_head_the_request_is_a_503(void **state)
{
    struct sides *s = sides_new();
    weir_pool_set_max(&s->buffers.small, 0);
    weir_pool_set_max(&s->buffers.large, 0);
    ask(s, GET);
    expect_end(s, WEIR_CLIENT_NEXT, 503, WEIR_OUTCOME_OVERLOAD);
    assert_int_equal(metric(s, WEIR_M_POOL_EXHAUSTED), 1);
    assert_int_equal(s->acquired, 0);
    ask(s, "GET / HTTP/1.1\r\nHost: unknown.example\r\n\r\n"); /* a record without its texts */
    expect_end(s, WEIR_CLIENT_NEXT, 404, WEIR_OUTCOME_UNKNOWN_HOST);
    sides_free(s);
}

static void without_room_for_an_incomplete_response_head_it_is_a_503(void **state)
{
    struct sides *s = sides_new();
    weir_pool_set_max(&s->env.heads, 0);
    ask(s, GET);
    respond(s, "HTTP/1.1 200 O");
    expect_end(s, WEIR_CLIENT_LAST, 503, WEIR_OUTCOME_OVERLOAD);
    sides_free(s);
}

static void without_room_to_queue_the_request_is_a_503_or_a_cut(void **state)
{
    struct sides *s = sides_new();
    ask(s, HEAD("POST / HTTP/1.1") "Content-Length: 2\r\n\r\na");
    busy_origin(s)->full = true;
    ask(s, "b");
    expect_end(s, WEIR_CLIENT_LAST, 503, WEIR_OUTCOME_OVERLOAD);
    next_client(s);
    ask(s, HEAD("POST / HTTP/1.1") "Content-Length: 2\r\n\r\na");
    respond(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    busy_origin(s)->full = true;
    ask(s, "b");
    expect_end(s, WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_OVERLOAD);
    assert_int_equal(metric(s, WEIR_M_POOL_EXHAUSTED), 2);
    sides_free(s);
}

static void without_room_to_queue_the_response_the_client_is_cut(void **state)
{
    struct sides *s = sides_new();
    ask(s, GET);
    s->client.full = true;
    respond(s, RESPONSE_OK);
    assert_int_equal(s->client.how, WEIR_CLIENT_CUT);
    assert_int_equal(s->last.outcome, WEIR_OUTCOME_OVERLOAD);
    assert_int_equal(metric(s, WEIR_M_POOL_EXHAUSTED), 1);
    sides_free(s);
}

static void a_tenant_is_counted_while_and_after_it_is_served(void **state)
{
    struct sides *s = sides_new();
    ask(s, GET);
    assert_int_equal(s->client.side.x->counters->cells[WEIR_TENANT_OPEN], 1);
    assert_int_equal(s->client.side.x->endpoint_counters->cells[WEIR_ENDPOINT_REQUESTS], 1);
    struct weir_counter_row *row = s->client.side.x->counters;
    respond(s, RESPONSE_OK);
    assert_int_equal(row->cells[WEIR_TENANT_OPEN], 0);
    assert_int_equal(row->cells[WEIR_TENANT_2XX], 1);
    assert_int_equal(row->cells[WEIR_TENANT_BYTES_OUT], 2);
    assert_int_equal(row->pins, 0);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(without_an_exchange_the_client_is_cut),
        cmocka_unit_test(without_room_for_the_head_the_request_is_a_503),
        cmocka_unit_test(without_room_for_an_incomplete_response_head_it_is_a_503),
        cmocka_unit_test(without_room_to_queue_the_request_is_a_503_or_a_cut),
        cmocka_unit_test(without_room_to_queue_the_response_the_client_is_cut),
        cmocka_unit_test(a_tenant_is_counted_while_and_after_it_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
