/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_test.c - HTTP/2 on a running worker, without TLS: whole exchanges, flow control both ways,
 * responses that are cut, drain, time limits.
 */
#include "tests/unit/loop/h2_rig.h"

static void h2_serves_a_get(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct h2_stream *t = h2_ask(&r->c, "GET", "/a?b", NULL);
    h2_rig_read_request(r);
    assert_string_equal(h2_rig_request_line(r), "GET /a?b HTTP/1.1");
    assert_true(
        weir_span_eq(message_field(&r->rig->request, "host"), WEIR_SPAN_LIT("shop.example")));
    assert_true(weir_span_eq(message_field(&r->rig->request, "via"), WEIR_SPAN_LIT("2.0 weir")));
    peer_send(&r->rig->server, "HTTP/1.1 200 OK\r\nX-One: Two\r\nContent-Length: 2\r\n\r\nok");
    h2_await_end(&r->c, t);
    assert_int_equal(t->status, 200);
    assert_true(h2_body_is(t, "ok"));
    assert_true(h2_has_field(t, "x-one: Two"));
    assert_true(h2_has_field(t, "content-length: 2"));
    assert_true(h2_has_field(t, "via: 1.1 weir"));
    assert_int_equal(t->code, 0);
    rig_stop(r->rig);
    assert_int_equal(rig_log_count(r->rig, "\"protocol\":\"HTTP/2.0\""), 1);
    h2_rig_free(r);
}

static void h2_serves_many_requests_on_one_connection(void **state)
{
    struct h2_rig *r = h2_rig_running();
    for (int i = 0; i < 50; i++) {
        struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
        h2_rig_respond(r, RIG_OK);
        h2_await_end(&r->c, t);
        assert_int_equal(t->status, 200);
        assert_true(h2_body_is(t, "ok"));
    }
    assert_int_equal(rig_metric(r->rig, WEIR_M_UPSTREAM_CONNECTS), 1);
    assert_int_equal(rig_metric(r->rig, WEIR_M_H2_CONNECTIONS), 1);
    h2_rig_free(r);
}

/* Framing of HTTP/1 is not passed on, nor fields of its connection (RFC 9113 8.2.2). */
static void h2_passes_a_chunked_response_without_its_framing(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x-a\r\n"
                      "X-A: 1\r\nKeep-Alive: 5\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: v\r\n\r\n");
    h2_await_end(&r->c, t);
    assert_true(h2_body_is(t, "abcde"));
    assert_null(strstr(t->fields, "chunked"));
    assert_null(strstr(t->fields, "connection"));
    assert_null(strstr(t->fields, "x-a"));
    assert_null(strstr(t->fields, "keep-alive"));
    h2_rig_free(r);
}

static void h2_ends_a_head_without_body_at_once(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct h2_stream *t = h2_ask(&r->c, "HEAD", "/", NULL);
    h2_rig_respond(r, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    h2_await_end(&r->c, t);
    assert_true(h2_has_field(t, "content-length: 10"));
    assert_int_equal(t->body_len, 0);
    t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, "HTTP/1.1 204 No Content\r\n\r\n");
    h2_await_end(&r->c, t);
    assert_int_equal(t->status, 204);
    t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n");
    h2_await_end(&r->c, t);
    assert_int_equal(t->status, 304);
    t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    h2_await_end(&r->c, t);
    assert_int_equal(t->status, 200);
    h2_rig_free(r);
}

static void h2_passes_interim_responses(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                      "HTTP/1.1 102 Processing\r\n\r\n" RIG_OK);
    h2_await_end(&r->c, t);
    assert_int_equal(t->num_interims, 2);
    assert_int_equal(t->status, 200);
    h2_rig_free(r);
}

static void h2_sends_a_body_of_known_length_with_it(void **state)
{
    struct h2_rig *r = h2_rig_running();
    const char *fields[] = { ":method", "POST",       ":scheme",
                             "https",   ":authority", "shop.example",
                             ":path",   "/",          "content-length",
                             "5",       NULL };
    struct h2_stream *t = h2_ask_fields(&r->c, fields, "hello", false);
    h2_rig_respond(r, RIG_OK);
    assert_true(message_body_is(&r->rig->request, "hello"));
    assert_true(
        weir_span_eq(message_field(&r->rig->request, "content-length"), WEIR_SPAN_LIT("5")));
    h2_await_end(&r->c, t);
    h2_rig_free(r);
}

static void h2_sends_a_body_of_unknown_length_in_chunks(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct h2_stream *t = h2_ask(&r->c, "POST", "/", "hello");
    h2_rig_respond(r, RIG_OK);
    assert_true(r->rig->request.h.chunked);
    assert_true(message_body_is(&r->rig->request, "hello"));
    h2_await_end(&r->c, t);
    t = h2_ask(&r->c, "POST", "/", "");
    h2_rig_respond(r, RIG_OK);
    assert_true(r->rig->request.h.chunked);
    assert_int_equal(r->rig->request.body_len, 0);
    h2_await_end(&r->c, t);
    t = h2_ask(&r->c, "POST", "/", NULL);
    h2_rig_respond(r, RIG_OK);
    assert_true(
        weir_span_eq(message_field(&r->rig->request, "content-length"), WEIR_SPAN_LIT("0")));
    h2_await_end(&r->c, t);
    h2_rig_free(r);
}

/* A server of HTTP/1.0 reads no chunks: the body is refused, or gathered and sent with its length.
 */
static void h2_gathers_a_body_for_a_server_of_http10(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    h2_await_end(&r->c, t);
    peer_close(&r->rig->server);
    t = h2_ask(&r->c, "POST", "/", "hello");
    h2_await(&r->c, &t->closed);
    assert_int_equal(t->status, 411);
    struct stored s;
    Weir__V1__Upstream *u = rig_site(r->rig, &s, "shop", "shop.example");
    u->has_http10_buffer = 1;
    u->http10_buffer = 1024;
    rig_push(r->rig, &s);
    peer_accept(&r->rig->server, r->rig->origin); /* of the refused one: nothing was sent on it */
    peer_expect_end(&r->rig->server);
    peer_close(&r->rig->server);
    t = h2_ask(&r->c, "POST", "/", "hello");
    h2_rig_respond(r, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_false(r->rig->request.h.chunked);
    assert_true(message_body_is(&r->rig->request, "hello"));
    h2_await_end(&r->c, t);
    assert_true(h2_body_is(t, "ok"));
    h2_rig_free(r);
}

static void h2_joins_cookies(void **state)
{
    struct h2_rig *r = h2_rig_running();
    const char *fields[] = { ":method",      "GET",   ":scheme", "https",  ":authority",
                             "shop.example", ":path", "/",       "cookie", "a=1",
                             "x-a",          "b",     "cookie",  "b=2",    NULL };
    struct h2_stream *t = h2_ask_fields(&r->c, fields, NULL, false);
    h2_rig_respond(r, RIG_OK);
    assert_true(weir_span_eq(message_field(&r->rig->request, "cookie"), WEIR_SPAN_LIT("a=1; b=2")));
    h2_await_end(&r->c, t);
    h2_rig_free(r);
}

/* A cut response is a reset, never END_STREAM. */
static void h2_resets_a_stream_whose_response_is_cut(void **state)
{
    struct h2_rig *r = h2_rig_running();
    static const char *const responses[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(responses); i++) {
        struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
        h2_rig_respond(r, responses[i]);
        peer_close(&r->rig->server);
        h2_await(&r->c, &t->closed);
        assert_false(t->ended);
        assert_int_equal(t->code, NGHTTP2_INTERNAL_ERROR);
        assert_int_equal(t->body_len, 3);
    }
    h2_rig_free(r);
}

/* A fault before anything was passed on is a response of weir's own, as over HTTP/1. */
static void h2_responds_502_to_a_malformed_response(void **state)
{
    static const char *const responses[] = {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    };
    struct h2_rig *r = h2_rig_running();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(responses); i++) {
        struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
        h2_rig_respond(r, responses[i]);
        h2_await_end(&r->c, t);
        assert_int_equal(t->status, 502);
        peer_close(&r->rig->server);
    }
    h2_rig_free(r);
}

static void h2_responds_by_itself(void **state)
{
    struct h2_rig *r = h2_rig_running();
    const char *fields[] = { ":method",       "GET",   ":scheme", "https", ":authority",
                             "other.example", ":path", "/",       NULL };
    struct h2_stream *t = h2_ask_fields(&r->c, fields, NULL, false);
    h2_await_end(&r->c, t);
    assert_int_equal(t->status, 404);
    assert_true(t->body_len > 100);
    assert_null(strstr(t->fields, "connection"));
    fields[1] = "HEAD";
    t = h2_ask_fields(&r->c, fields, NULL, false);
    h2_await_end(&r->c, t);
    assert_int_equal(t->status, 404);
    assert_int_equal(t->body_len, 0);
    /* The rest of a request is not wanted after its response: RFC 9113 8.1. */
    fields[1] = "POST";
    t = h2_ask_fields(&r->c, fields, "some", true);
    h2_await(&r->c, &t->closed);
    assert_true(t->ended);
    assert_int_equal(t->code, NGHTTP2_NO_ERROR);
    h2_rig_free(r);
}

/* A response far larger than all queues, to a client that takes it in windows of 64 KiB. */
static void h2_sends_a_large_response_within_the_clients_windows(void **state)
{
    struct h2_rig *r = h2_rig_running();
    enum { LEN = 3 << 20 };
    static char body[LEN];
    char head[128];
    uint64_t sum = 0;
    for (size_t i = 0; i < LEN; i++) {
        body[i] = (char)(i * 7 % 251);
        sum += (uint8_t)body[i];
    }
    struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_read_request(r);
    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LEN);
    peer_send(&r->rig->server, head);
    h2_rig_send_beside(r, body, LEN);
    h2_await_end(&r->c, t);
    h2_rig_sent(r);
    assert_int_equal(t->body_len, LEN);
    assert_int_equal(t->sum, sum);
    h2_rig_free(r);
}

/* One stream whose client takes nothing holds none of the others. */
static void h2_serves_other_streams_beside_a_stalled_one(void **state)
{
    struct h2_rig *r = h2_rig_new(1000);
    h2_rig_connect(r);
    static char body[200000];
    memset(body, 'x', sizeof(body));
    struct h2_stream *stalled = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_read_request(r);
    peer_send(&r->rig->server, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n");
    h2_rig_send_beside(r, body, sizeof(body));
    while (stalled->body_len < 1000)
        assert_true(h2_read(&r->c, 5000));
    struct peer first = r->rig->server;
    r->rig->server.fd = -1;
    for (int i = 0; i < 5; i++) {
        struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
        h2_rig_respond(r, RIG_OK);
        h2_await_end(&r->c, t);
        assert_true(h2_body_is(t, "ok"));
    }
    assert_int_equal(stalled->body_len, 1000);
    assert_int_equal(nghttp2_submit_window_update(r->c.session, 0, stalled->id, 300000), 0);
    assert_int_equal(nghttp2_submit_window_update(r->c.session, 0, 0, 300000), 0);
    h2_await_end(&r->c, stalled);
    assert_int_equal(stalled->body_len, 200000);
    h2_rig_sent(r);
    peer_close(&first);
    h2_rig_free(r);
}

/* What an endpoint does not take is not asked for: the client may send a window, and no more. */
static void h2_holds_a_request_up_that_its_endpoint_does_not_take(void **state)
{
    struct h2_rig *r = h2_rig_running();
    enum { LEN = 8 << 20 };
    char *body = malloc(LEN + 1);
    assert_non_null(body);
    memset(body, 'y', LEN);
    body[LEN] = '\0';
    struct h2_stream *t = h2_ask(&r->c, "POST", "/", body);
    h2_rig_accept(r);
    size_t before = 0;
    do { /* until nothing moves */
        before = t->send_at;
        while (h2_read(&r->c, 300))
            continue;
    } while (t->send_at != before);
    assert_true(t->send_at < LEN);
    assert_true(peer_try_head(&r->rig->server, WEIR_H1_REQUEST, &r->rig->request));
    struct h2_rig_reader reader = h2_rig_read_beside(r);
    while (t->send_at < LEN)
        assert_true(h2_read(&r->c, 5000));
    h2_rig_read(&reader);
    peer_send(&r->rig->server, RIG_OK);
    h2_await_end(&r->c, t);
    free(body);
    h2_rig_free(r);
}

static void h2_ends_the_request_of_a_stream_that_is_reset(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_read_request(r);
    assert_int_equal(nghttp2_submit_rst_stream(r->c.session, 0, t->id, NGHTTP2_CANCEL), 0);
    h2_flush(&r->c);
    assert_true(peer_receive(&r->rig->server) <= 0);
    t = h2_ask(&r->c, "GET", "/", NULL);
    peer_close(&r->rig->server);
    h2_rig_respond(r, RIG_OK);
    h2_await_end(&r->c, t);
    rig_stop(r->rig);
    assert_int_equal(rig_log_count(r->rig, "\"outcome\":\"client_gone\""), 1);
    h2_rig_free(r);
}

static void h2_ends_all_requests_with_the_connection(void **state)
{
    struct h2_rig *r = h2_rig_running();
    for (int i = 0; i < 3; i++)
        (void)h2_ask(&r->c, "GET", "/", NULL);
    struct peer servers[3];
    for (int i = 0; i < 3; i++) {
        peer_accept(&servers[i], r->rig->origin);
        assert_true(peer_receive(&servers[i]) > 0);
    }
    peer_close(&r->c.peer);
    for (int i = 0; i < 3; i++) {
        servers[i].len = 0;
        assert_true(peer_receive(&servers[i]) <= 0);
        peer_close(&servers[i]);
    }
    rig_await(r->rig, WEIR_M_CONNECTIONS_OPEN, 0);
    h2_rig_free(r);
}

static void h2_refuses_what_is_no_preface(void **state)
{
    struct h2_rig *r = h2_rig_new(65535);
    peer_dial(&r->c.peer, &r->rig->at);
    peer_send(&r->c.peer, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    while (peer_receive(&r->c.peer) > 0)
        continue;
    static const uint8_t goaway[] = { 0x07, 0x00, 0x00, 0x00, 0x00, 0x00 };
    assert_non_null(memmem(r->c.peer.bytes, r->c.peer.len, goaway, sizeof(goaway)));
    h2_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h2_serves_a_get),
        cmocka_unit_test(h2_serves_many_requests_on_one_connection),
        cmocka_unit_test(h2_passes_a_chunked_response_without_its_framing),
        cmocka_unit_test(h2_ends_a_head_without_body_at_once),
        cmocka_unit_test(h2_passes_interim_responses),
        cmocka_unit_test(h2_sends_a_body_of_known_length_with_it),
        cmocka_unit_test(h2_sends_a_body_of_unknown_length_in_chunks),
        cmocka_unit_test(h2_gathers_a_body_for_a_server_of_http10),
        cmocka_unit_test(h2_joins_cookies),
        cmocka_unit_test(h2_resets_a_stream_whose_response_is_cut),
        cmocka_unit_test(h2_responds_502_to_a_malformed_response),
        cmocka_unit_test(h2_responds_by_itself),
        cmocka_unit_test(h2_sends_a_large_response_within_the_clients_windows),
        cmocka_unit_test(h2_serves_other_streams_beside_a_stalled_one),
        cmocka_unit_test(h2_holds_a_request_up_that_its_endpoint_does_not_take),
        cmocka_unit_test(h2_ends_the_request_of_a_stream_that_is_reset),
        cmocka_unit_test(h2_ends_all_requests_with_the_connection),
        cmocka_unit_test(h2_refuses_what_is_no_preface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
