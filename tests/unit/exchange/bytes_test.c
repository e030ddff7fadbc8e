/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes_test.c - the bytes of whole requests, cut into every two pieces, for short ones every
 * three, and one by one; the same while either side blocks; and bodies that go past the codec. What
 * leaves must not depend on how it came.
 */
#include "tests/unit/exchange/exchange_rig.h"

struct pair {
    const char *request, *response;
    bool origin_ends;
};

#define CHUNKED_POST                                                                               \
    HEAD("POST /one HTTP/1.1")                                                                     \
    "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: v\r\n\r\n"

static const struct pair pairs[] = {
    { ONE, RESPONSE_OK, false },
    { ONE, CHUNKED_OK, false },
    { HEAD("GET /one HTTP/1.0") "\r\n", CHUNKED_OK, false },
    { ONE, "HTTP/1.1 200 OK\r\n\r\nuntil", true },
    { ONE, "HTTP/1.1 103 E\r\nLink: </x>\r\n\r\nHTTP/1.1 102 P\r\n\r\n" RESPONSE_OK, false },
    { HEAD("HEAD /one HTTP/1.1") "\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false },
    { HEAD("POST /one HTTP/1.1") "Content-Length: 5\r\n\r\nhello", RESPONSE_OK, false },
    { CHUNKED_POST, CHUNKED_OK, false },
    { "POST / HTTP/1.1\r\nHost: unknown.example\r\nContent-Length: 3\r\n\r\nabc", NULL, false },
};

/* Served as a whole, for comparison. */
struct outcome {
    struct bytes client; /* owns */
    enum weir_client_end how;
    struct weir_access record;
};

/* Each response has a new request id of the same length: it is left out. */
static void blank_request_id(struct weir_span in)
{
    uint8_t *at = (uint8_t *)(uintptr_t)in.at;
    static const char *const marks[] = { "X-Request-ID: ", "<code>" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(marks); i++) {
        uint8_t *found = memmem(at, in.len, marks[i], strlen(marks[i]));
        if (found != NULL)
            memset(found + strlen(marks[i]), '0', WEIR_REQUEST_ID_LEN);
    }
}

static void finish_pair(struct sides *s, const struct pair *p, struct memory_origin *o)
{
    if (p->origin_ends && o->state == MEMORY_ORIGIN_BUSY)
        origin_ends(o, true);
    blank_request_id(weir_span(s->client.out.at, s->client.out.len));
}

static void begin_pair(struct sides *s)
{
    next_client(s);
    forget_origins(s);
}

static struct outcome serve_whole(struct sides *s, const struct pair *p)
{
    struct outcome r = { .how = WEIR_CLIENT_GONE };
    begin_pair(s);
    ask(s, p->request);
    struct memory_origin *o = p->response != NULL ? busy_origin(s) : &s->origins[0];
    if (p->response != NULL)
        respond(s, p->response);
    finish_pair(s, p, o);
    assert_int_equal(s->client.served, 1);
    bytes_add(&r.client, s->client.out.at, s->client.out.len);
    r.how = s->client.how;
    r.record = s->last;
    return r;
}

static void expect_same(const struct sides *s, const struct outcome *r)
{
    assert_int_equal(s->client.served, 1);
    assert_int_equal(s->client.how, r->how);
    assert_int_equal(s->last.status, r->record.status);
    assert_int_equal(s->last.outcome, r->record.outcome);
    assert_int_equal(s->last.request_bytes, r->record.request_bytes);
    assert_int_equal(s->last.response_bytes, r->record.response_bytes);
}

/* The same message: chunks may be cut elsewhere, so it is read and its body compared. */
static void expect_same_message(struct sides *s, const struct outcome *r)
{
    struct weir_span got = weir_span(s->client.out.at, s->client.out.len);
    struct weir_span expected = weir_span(r->client.at, r->client.len);
    struct naive a = { 0 }, b = { 0 };
    assert_true(read_final_head(&got, &a));
    assert_true(read_final_head(&expected, &b));
    assert_int_equal(a.head_len, b.head_len);
    assert_memory_equal(got.at, expected.at, a.head_len);
    if (a.framing != NAIVE_CHUNKED) {
        assert_int_equal(got.len, expected.len);
        assert_memory_equal(got.at, expected.at, got.len);
        return;
    }
    naive_body(&a, got);
    naive_body(&b, expected);
    assert_true(a.whole && b.whole);
    assert_int_equal(a.body.len, b.body.len);
    assert_memory_equal(a.body.at, b.body.at, a.body.len);
    free(a.body.at);
    free(b.body.at);
}

/* The pieces of a text between its cuts. */
static void give_request(struct sides *s, const char *text, const size_t *cuts, size_t num)
{
    size_t at = 0;
    for (size_t i = 0; i <= num; i++) {
        size_t end = i < num ? cuts[i] : strlen(text);
        client_gives(s, weir_span((const uint8_t *)text + at, end - at));
        at = end;
    }
}

static void give_response(struct memory_origin *o, const char *text, const size_t *cuts, size_t num)
{
    size_t at = 0;
    for (size_t i = 0; i <= num; i++) {
        size_t end = i < num ? cuts[i] : strlen(text);
        if (end > at && o->state == MEMORY_ORIGIN_BUSY)
            origin_gives(o, weir_span((const uint8_t *)text + at, end - at));
        at = end;
    }
}

static void serve_split(struct sides *s, const struct pair *p, const size_t *request_cuts,
                        const size_t *response_cuts, size_t num)
{
    begin_pair(s);
    give_request(s, p->request, request_cuts, num);
    struct memory_origin *o = p->response != NULL ? busy_origin(s) : &s->origins[0];
    if (p->response != NULL)
        give_response(o, p->response, response_cuts, num);
    finish_pair(s, p, o);
}

static void a_request_and_its_response_may_be_split_anywhere(void **state)
{
    struct sides *s = sides_new();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(pairs); i++) {
        const struct pair *p = &pairs[i];
        struct outcome r = serve_whole(s, p);
        size_t request = strlen(p->request), response = p->response ? strlen(p->response) : 0;
        for (size_t at = 0; at <= request || at <= response; at++) {
            size_t in = at < request ? at : request, out = at < response ? at : response;
            serve_split(s, p, &in, &out, 1);
            expect_same(s, &r);
            expect_same_message(s, &r);
        }
        free(r.client.at);
    }
    sides_free(s);
}

static void short_ones_may_be_split_twice_anywhere(void **state)
{
    static const struct pair shorts[] = {
        { "GET /one HTTP/1.0\r\nHost: shop.example\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nx", true },
        { "PUT /one HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 2\r\n\r\nhi",
          "HTTP/1.1 103 E\r\n\r\nHTTP/1.1 204 N\r\n\r\n", false },
    };
    struct sides *s = sides_new();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(shorts); i++) {
        const struct pair *p = &shorts[i];
        struct outcome r = serve_whole(s, p);
        size_t request = strlen(p->request), response = strlen(p->response);
        for (size_t a = 0; a <= request; a++)
            for (size_t b = a; b <= request; b++) {
                size_t in[] = { a, b };
                size_t out[] = { a % (response + 1), b % (response + 1) };
                if (out[0] > out[1]) {
                    size_t swap = out[0];
                    out[0] = out[1];
                    out[1] = swap;
                }
                serve_split(s, p, in, out, 2);
                expect_same(s, &r);
                expect_same_message(s, &r);
            }
        free(r.client.at);
    }
    sides_free(s);
}

/* -- back-pressure -- */

static void byte_by_byte(struct sides *s, const struct pair *p, size_t client_room,
                         size_t origin_room)
{
    begin_pair(s);
    s->client.room = client_room;
    size_t len = strlen(p->request);
    for (size_t at = 0; at < len; at++) {
        client_gives(s, weir_span((const uint8_t *)p->request + at, 1));
        struct weir_exchange *x = s->client.side.x;
        if (x == NULL || x->origin == NULL)
            continue;
        struct memory_origin *o = memory_origin_of(x->origin);
        if (o->room == MEMORY_ALL && origin_room < MEMORY_ALL)
            o->room = origin_room;
        while (o->queued > 0) {
            assert_false(weir_exchange_wants_input(x));
            origin_takes(o, origin_room);
        }
    }
    struct memory_origin *o = p->response != NULL ? busy_origin(s) : &s->origins[0];
    if (p->response != NULL) {
        o->piece = 1;
        respond(s, p->response);
        if (p->origin_ends)
            origin_ends(o, true);
    }
    while (s->client.queued > 0)
        client_takes(s, client_room);
    blank_request_id(weir_span(s->client.out.at, s->client.out.len));
}

static void sides_that_block_at_every_byte_lose_nothing(void **state)
{
    static const size_t rooms[] = { MEMORY_ALL, 1, 3 };
    struct sides *s = sides_new();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(pairs); i++) {
        struct outcome r = serve_whole(s, &pairs[i]);
        for (size_t c = 0; c < WEIR_ARRAY_LEN(rooms); c++)
            for (size_t o = 0; o < WEIR_ARRAY_LEN(rooms); o++) {
                byte_by_byte(s, &pairs[i], rooms[c], rooms[o]);
                expect_same(s, &r);
                expect_same_message(s, &r);
            }
        free(r.client.at);
    }
    sides_free(s);
}

static void a_blocked_client_stops_its_origin(void **state)
{
    struct sides *s = sides_new();
    ask(s, ONE);
    struct memory_origin *o = busy_origin(s);
    s->client.room = 0;
    respond(s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\no");
    assert_false(weir_exchange_wants_response(s->client.side.x));
    respond(s, "kok");
    assert_int_equal(o->gave.len - o->seen, 3);
    client_takes(s, 1);
    assert_int_equal(o->gave.len - o->seen, 3);
    client_takes(s, MEMORY_ALL);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    sides_free(s);
}

static void a_blocked_origin_stops_its_client(void **state)
{
    struct sides *s = sides_new();
    s->acquires[s->num_acquires++] = ACQUIRE_CONNECTING;
    ask(s, HEAD("POST /one HTTP/1.1") "Content-Length: 4\r\n\r\nab");
    struct memory_origin *o = busy_origin(s);
    o->room = 10;
    origin_connects(o, true);
    assert_false(weir_exchange_wants_input(s->client.side.x));
    ask(s, "cd");
    assert_true(origin_got_tail(o, "\r\n\r\nab"));
    origin_takes(o, MEMORY_ALL);
    assert_true(origin_got_tail(o, "\r\n\r\nabcd"));
    assert_int_equal(s->client.side.x->phase, WEIR_PHASE_RESPONSE);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    sides_free(s);
}

/* The next request waits in the client's connection, not in the exchange. */
static void a_pipelined_request_waits_for_the_response_before_it(void **state)
{
    struct sides *s = sides_new();
    s->client.room = 0;
    ask(s, ONE ONE);
    respond(s, RESPONSE_OK);
    assert_int_equal(s->client.side.x->phase, WEIR_PHASE_FLUSH);
    assert_int_equal(s->acquired, 1);
    client_takes(s, MEMORY_ALL);
    assert_int_equal(s->acquired, 2);
    respond(s, RESPONSE_OK);
    expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
    sides_free(s);
}

/* -- bytes that go past the codec -- */

static void only_plain_bodies_of_known_length_may_pass_by_a_pipe(void **state)
{
    static const struct {
        const char *request, *response;
        uint64_t can;
    } cases[] = {
        { ONE, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 6 },
        { ONE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", 0 },
        { ONE, "HTTP/1.1 200 OK\r\n\r\nabc", 0 },
        { ONE, "HTTP/1.1 200 OK\r\nContent-Le", 0 },
        { HEAD("GET /one HTTP/1.0") "\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 9 },
    };
    struct sides *s = sides_new();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        begin_pair(s);
        ask(s, cases[i].request);
        respond(s, cases[i].response);
        assert_int_equal(weir_exchange_can_pass(s->client.side.x), cases[i].can);
        s->client.queued = 1; /* not to a client that is behind */
        assert_int_equal(weir_exchange_can_pass(s->client.side.x), 0);
        s->client.queued = 0;
        client_is_lost(s);
    }
    sides_free(s);
}

static void a_body_passes_by_a_pipe_whatever_the_client_takes(void **state)
{
    static const size_t rooms[] = { MEMORY_ALL, 1, 3, 100 };
    struct sides *s = sides_new();
    s->pipes = true;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rooms); i++) {
        next_client(s);
        ask(s, ONE);
        struct memory_origin *o = busy_origin(s);
        s->client.room = rooms[i];
        respond(s, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        respond(s, "de");
        while (s->client.queued > 0 || s->client.room_wanted)
            client_takes(s, rooms[i]);
        respond(s, "fghi");
        while (s->client.side.x != NULL && (s->client.queued > 0 || s->client.room_wanted))
            client_takes(s, rooms[i]);
        expect_end(s, WEIR_CLIENT_NEXT, 200, WEIR_OUTCOME_OK);
        expect_tail(s, "\r\n\r\nabcdefghi");
        assert_int_equal(s->last.response_bytes, 9);
        assert_int_equal(o->state, MEMORY_ORIGIN_PARKED);
    }
    sides_free(s);
}

static void a_pipe_that_ends_too_early_cuts_the_response(void **state)
{
    struct sides *s = sides_new();
    s->pipes = true;
    ask(s, ONE);
    struct memory_origin *o = busy_origin(s);
    respond(s, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    respond(s, "de");
    origin_ends(o, true);
    expect_end(s, WEIR_CLIENT_CUT, 200, WEIR_OUTCOME_UPSTREAM_CUT);
    expect_tail(s, "\r\n\r\nabcde");
    assert_int_equal(s->last.response_bytes, 5);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_response_may_be_split_anywhere),
        cmocka_unit_test(short_ones_may_be_split_twice_anywhere),
        cmocka_unit_test(sides_that_block_at_every_byte_lose_nothing),
        cmocka_unit_test(a_blocked_client_stops_its_origin),
        cmocka_unit_test(a_blocked_origin_stops_its_client),
        cmocka_unit_test(a_pipelined_request_waits_for_the_response_before_it),
        cmocka_unit_test(only_plain_bodies_of_known_length_may_pass_by_a_pipe),
        cmocka_unit_test(a_body_passes_by_a_pipe_whatever_the_client_takes),
        cmocka_unit_test(a_pipe_that_ends_too_early_cuts_the_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
