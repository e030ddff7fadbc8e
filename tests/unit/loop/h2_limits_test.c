/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_limits_test.c - what one HTTP/2 client may not do to a running worker: floods of frames,
 * streams beyond the limit, headers without end, time; and how the connection ends in order.
 */
#include "node/wire/h2/h2_flood.h"
#include "tests/support/peer_taken.h"
#include "tests/unit/loop/h2_rig.h"

#define PING  6
#define CALM  NGHTTP2_ENHANCE_YOUR_CALM
#define EIGHT weir_span((const uint8_t *)"\0\0\0\0\0\0\0\0", 8)

/* A client whose preface and SETTINGS were exchanged. */
static void exchange_settings(struct h2_rig *r)
{
    h2_rig_connect(r);
    while (r->c.settings < 2)
        assert_true(h2_read(&r->c, 5000));
}

/* The same frame again and again: the connection ends, with a metric that says why. */
static void expect_flood(uint8_t type, struct weir_span payload, int max, enum weir_metric metric)
{
    struct h2_rig *r = h2_rig_new(65535);
    int sent = 0;
    exchange_settings(r);
    int32_t id = type == NGHTTP2_DATA ? h2_ask(&r->c, "POST", "/", "")->id : 0;
    if (type == NGHTTP2_DATA || type == NGHTTP2_PRIORITY)
        id = 1;
    if (type == NGHTTP2_DATA) {
        struct h2_stream *t = &r->c.streams[0];
        h2_rig_respond(r, RIG_OK);
        h2_await_end(&r->c, t);
        const char *fields[] = { ":method",      "POST",  ":scheme", "https", ":authority",
                                 "shop.example", ":path", "/",       NULL };
        id = h2_ask_fields(&r->c, fields, NULL, true)->id;
    }
    for (; sent < max + 50 && !r->c.gone; sent++)
        h2_send_frame(&r->c, type, 0, id, payload);
    if (type != NGHTTP2_SETTINGS) /* whose ACKs the test's client did not ask for: it ends first */
        h2_await_goaway(&r->c, CALM);
    rig_await(r->rig, metric, 1);
    assert_true(sent > max / 4);
    rig_await(r->rig, WEIR_M_CONNECTIONS_OPEN, 0);
    h2_rig_free(r);
}

static void h2_ends_a_flood_of_pings(void **state)
{
    expect_flood(PING, EIGHT, 200, WEIR_M_H2_FLOOD_PINGS);
}

static void h2_ends_a_flood_of_settings(void **state)
{
    expect_flood(NGHTTP2_SETTINGS, WEIR_SPAN_EMPTY, 100, WEIR_M_H2_FLOOD_SETTINGS);
}

static void h2_ends_a_flood_of_priorities(void **state)
{
    expect_flood(NGHTTP2_PRIORITY, weir_span(EIGHT.at, 5), 2000, WEIR_M_H2_FLOOD_PRIORITIES);
}

static void h2_ends_a_flood_of_priority_updates(void **state)
{
    expect_flood(0x10, weir_span((const uint8_t *)"\0\0\0\1u=1", 7), 2000,
                 WEIR_M_H2_FLOOD_PRIORITIES);
}

static void h2_ends_a_flood_of_windows(void **state)
{
    expect_flood(NGHTTP2_WINDOW_UPDATE, weir_span((const uint8_t *)"\0\0\0\1", 4), 5000,
                 WEIR_M_H2_FLOOD_WINDOWS);
}

static void h2_ends_a_flood_of_empty_frames(void **state)
{
    expect_flood(NGHTTP2_DATA, WEIR_SPAN_EMPTY, 200, WEIR_M_H2_FLOOD_EMPTY);
}

static void h2_ends_a_flood_of_unknown_frames(void **state)
{
    expect_flood(0x77, WEIR_SPAN_EMPTY, 200, WEIR_M_H2_FLOOD_UNKNOWN);
}

/* Requests that reached the origin, with those that wait in its backlog. */
static int count_accepted(struct h2_rig *r)
{
    int num = 0;
    while (peer_ready(r->rig->origin, 300)) {
        int fd = accept(r->rig->origin, NULL, NULL);
        assert_true(fd >= 0);
        close(fd);
        num++;
    }
    return num;
}

/* CVE-2023-44487: the work that a client begins is bounded, not its open streams. */
static void h2_ends_a_client_that_resets_its_streams(void **state)
{
    struct h2_rig *r = h2_rig_new(65535);
    exchange_settings(r);
    for (int i = 0; i < 250 && !r->c.gone; i++) {
        struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
        uint8_t code[4] = { 0, 0, 0, NGHTTP2_CANCEL };
        h2_send_frame(&r->c, NGHTTP2_RST_STREAM, 0, t->id, weir_span(code, 4));
    }
    h2_await_goaway(&r->c, CALM);
    rig_await(r->rig, WEIR_M_H2_FLOOD_RESETS, 1);
    assert_true(count_accepted(r) <= WEIR_H2_STREAMS_MAX);
    assert_true(rig_metric(r->rig, WEIR_M_UPSTREAM_CONNECTS) <= WEIR_H2_STREAMS_MAX);
    h2_rig_free(r);
}

/* A stream that was reset keeps its place for a while: its endpoint may be at work on it. */
static void h2_counts_streams_that_were_reset_lately(void **state)
{
    enum { NUM = 60 };
    struct h2_rig *r = h2_rig_new(65535);
    static struct peer server;
    int refused = 0;
    exchange_settings(r);
    for (int i = 0; i < NUM; i++) {
        struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
        peer_accept(&server, r->rig->origin);
        peer_read_request(&server, &r->rig->request);
        assert_int_equal(nghttp2_submit_rst_stream(r->c.session, 0, t->id, NGHTTP2_CANCEL), 0);
        h2_flush(&r->c);
        assert_true(peer_receive(&server) <= 0);
        peer_close(&server);
    }
    int first = r->c.num;
    for (int i = 0; i < NUM; i++)
        (void)h2_ask(&r->c, "GET", "/", NULL);
    while (h2_read(&r->c, 500))
        continue;
    for (int i = first; i < r->c.num; i++)
        refused += r->c.streams[i].closed && r->c.streams[i].code == NGHTTP2_REFUSED_STREAM;
    assert_true(refused > 0); /* some of the debt is forgotten with time */
    assert_true(refused <= 2 * NUM - WEIR_H2_STREAMS_MAX);
    assert_int_equal(rig_metric(r->rig, WEIR_M_H2_STREAMS_REFUSED), refused);
    h2_rig_free(r);
}

/* CVE-2025-8671: a client that makes the server reset its streams. */
static void make_reset(struct h2_rig *r, int32_t id, int how)
{
    switch (how) {
    case 0: /* a window above 2^31 - 1 */
        h2_send_frame(&r->c, NGHTTP2_WINDOW_UPDATE, 0, id,
                      weir_span((const uint8_t *)"\x7f\xff\xff\xff", 4));
        return;
    case 1: /* a window of 0 */
        h2_send_frame(&r->c, NGHTTP2_WINDOW_UPDATE, 0, id, weir_span(EIGHT.at, 4));
        return;
    default: /* DATA after the end of the request */
        h2_send_frame(&r->c, NGHTTP2_DATA, 0, id, weir_span(EIGHT.at, 4));
        return;
    }
}

static void h2_ends_a_client_that_makes_it_reset_streams(void **state)
{
    for (int how = 0; how < 3; how++) {
        struct h2_rig *r = h2_rig_new(65535);
        exchange_settings(r);
        for (int i = 0; i < 250 && !r->c.gone; i++) {
            struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
            make_reset(r, t->id, how);
            while (!t->closed && !r->c.gone)
                (void)h2_read(&r->c, 1000);
        }
        while (!r->c.gone)
            assert_true(h2_read(&r->c, 5000) || r->c.gone);
        assert_true(r->c.goaways > 0);
        assert_true(count_accepted(r) <= WEIR_H2_STREAMS_MAX);
        assert_true(rig_metric(r->rig, WEIR_M_UPSTREAM_CONNECTS) <= WEIR_H2_STREAMS_MAX);
        rig_await(r->rig, WEIR_M_CONNECTIONS_OPEN, 0);
        h2_rig_free(r);
    }
}

/* CVE-2024-27316: a header block that never ends. */
static void h2_ends_a_flood_of_continuations(void **state)
{
    struct h2_rig *r = h2_rig_new(65535);
    exchange_settings(r);
    h2_send_frame(&r->c, NGHTTP2_HEADERS, 0, 1, weir_span((const uint8_t *)"\x82", 1));
    for (int i = 0; i < 50 && !r->c.gone; i++)
        h2_send_frame(&r->c, NGHTTP2_CONTINUATION, 0, 1, WEIR_SPAN_EMPTY);
    while (!r->c.gone)
        assert_true(h2_read(&r->c, 5000) || r->c.gone);
    assert_true(r->c.goaways > 0);
    rig_await(r->rig, WEIR_M_CONNECTIONS_OPEN, 0);
    h2_rig_free(r);
}

/* A byte for each field: what is decoded counts. */
static void h2_ends_a_client_with_a_bomb_of_fields(void **state)
{
    struct h2_rig *r = h2_rig_new(65535);
    uint8_t block[2000];
    exchange_settings(r);
    memset(block, 0x90, sizeof(block)); /* accept-encoding: gzip, deflate */
    block[0] = 0x82;
    block[1] = 0x84;
    block[2] = 0x87;
    h2_send_frame(&r->c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
                  weir_span(block, sizeof(block)));
    h2_await_goaway(&r->c, CALM);
    rig_await(r->rig, WEIR_M_H2_FLOOD_HEADERS, 1);
    h2_rig_free(r);
}

/* Above the limits by less, the request is refused in order. */
static void h2_responds_431_to_a_list_above_its_limits(void **state)
{
    struct h2_rig *r = h2_rig_running();
    static char value[40000];
    memset(value, 'v', sizeof(value) - 1);
    const char *fields[] = { ":method", "GET", ":scheme", "https", ":authority", "shop.example",
                             ":path",   "/",   "x",       value,   NULL };
    struct h2_stream *t = h2_ask_fields(&r->c, fields, NULL, false);
    h2_await_end(&r->c, t);
    assert_int_equal(t->status, 431);
    const char *many[2 * 280] = { ":method",    "GET",          ":scheme", "https",
                                  ":authority", "shop.example", ":path",   "/" };
    for (int i = 4; i < 270; i++) {
        many[2 * i] = "cookie";
        many[2 * i + 1] = "a";
    }
    t = h2_ask_fields(&r->c, many, NULL, false);
    h2_await_end(&r->c, t);
    assert_int_equal(t->status, 431);
    t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, RIG_OK);
    h2_await_end(&r->c, t);
    h2_rig_free(r);
}

static void h2_refuses_streams_beyond_the_limit(void **state)
{
    struct h2_rig *r = h2_rig_new(65535);
    exchange_settings(r);
    uint8_t block[] = { 0x82, 0x84, 0x87, 0x41, 12,  's', 'h', 'o', 'p',
                        '.',  'e',  'x',  'a',  'm', 'p', 'l', 'e' };
    for (int32_t id = 1; id < 2 * 101 + 1; id += 2)
        h2_send_frame(&r->c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                      id, weir_span(block, sizeof(block)));
    while (!r->c.gone)
        assert_true(h2_read(&r->c, 5000) || r->c.gone);
    assert_true(rig_metric(r->rig, WEIR_M_UPSTREAM_CONNECTS) <= WEIR_H2_STREAMS_MAX);
    h2_rig_free(r);
}

/* RFC 9113 8.1.1: a length that does not hold is malformed; nothing looks whole to the endpoint. */
static void h2_resets_a_request_whose_length_does_not_hold(void **state)
{
    static const struct {
        const char *length, *body;
    } cases[] = { { "5", "abc" }, { "2", "abc" }, { "5", "" }, { "0", "a" } };
    struct h2_rig *r = h2_rig_running();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        const char *fields[] = { ":method",        "POST",          ":scheme", "https",
                                 ":authority",     "shop.example",  ":path",   "/",
                                 "content-length", cases[i].length, NULL };
        struct h2_stream *t = h2_ask_fields(&r->c, fields, cases[i].body, false);
        h2_await(&r->c, &t->closed);
        assert_false(t->ended);
        assert_int_equal(t->code, NGHTTP2_PROTOCOL_ERROR);
    }
    const char *ends[] = { ":method", "POST",       ":scheme",
                           "https",   ":authority", "shop.example",
                           ":path",   "/",          "content-length",
                           "5",       NULL };
    struct h2_stream *t = h2_ask_fields(&r->c, ends, NULL, false);
    h2_await(&r->c, &t->closed);
    assert_int_equal(t->code, NGHTTP2_PROTOCOL_ERROR);
    rig_stop(r->rig);
    assert_int_equal(rig_log_count(r->rig, "\"status\":200"), 0);
    h2_rig_free(r);
}

/* Until the stream ends, the client may send more than it declared: the endpoint does not see the
 * request as a whole before. */
static void h2_holds_the_last_byte_back_until_the_stream_ends(void **state)
{
    struct h2_rig *r = h2_rig_running();
    const char *fields[] = { ":method", "POST",       ":scheme",
                             "https",   ":authority", "shop.example",
                             ":path",   "/",          "content-length",
                             "5",       NULL };
    struct h2_stream *t = h2_ask_fields(&r->c, fields, "hello", true);
    peer_accept(&r->rig->server, r->rig->origin);
    assert_true(peer_try_head(&r->rig->server, WEIR_H1_REQUEST, &r->rig->request));
    while (r->rig->server.len < 4)
        assert_true(peer_receive(&r->rig->server) > 0);
    assert_false(peer_ready(r->rig->server.fd, 100));
    assert_int_equal(r->rig->server.len, 4);
    assert_memory_equal(r->rig->server.bytes, "hell", 4);
    h2_send_frame(&r->c, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, t->id, WEIR_SPAN_LIT("!"));
    h2_await(&r->c, &t->closed);
    assert_int_equal(t->code, NGHTTP2_PROTOCOL_ERROR);
    assert_true(peer_receive(&r->rig->server) <= 0);
    h2_rig_free(r);
}

/* -- time -- */

static struct h2_rig *rig_with_times(uint32_t head_ms, uint32_t idle_ms)
{
    struct h2_rig *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    r->rig = rig_new();
    r->window = 65535;
    r->rig->cfg.head_timeout_ms = head_ms;
    r->rig->cfg.idle_timeout_ms = idle_ms;
    rig_start(r->rig);
    rig_speak_h2(r->rig);
    return r;
}

static void h2_closes_a_connection_that_asks_nothing(void **state)
{
    struct h2_rig *r = rig_with_times(300, 60000);
    h2_rig_connect(r);
    h2_await_goaway(&r->c, NGHTTP2_NO_ERROR);
    h2_end(&r->c);
    peer_dial(&r->c.peer, &r->rig->at); /* not even a preface */
    while (peer_receive(&r->c.peer) > 0)
        continue;
    h2_rig_free(r);
}

static void h2_closes_a_connection_whose_headers_do_not_come(void **state)
{
    struct h2_rig *r = rig_with_times(300, 60000);
    exchange_settings(r);
    h2_send_frame(&r->c, NGHTTP2_HEADERS, 0, 1, weir_span((const uint8_t *)"\x82", 1));
    for (int i = 0; i < 20 && !r->c.gone; i++) { /* other frames do not help */
        h2_send_frame(&r->c, NGHTTP2_CONTINUATION, 0, 1, WEIR_SPAN_EMPTY);
        (void)h2_read(&r->c, 150);
    }
    assert_true(r->c.gone);
    rig_await(r->rig, WEIR_M_CONNECTIONS_OPEN, 0);
    h2_rig_free(r);
}

static void push_times(struct h2_rig *r, uint32_t idle_ms, uint32_t body_ms)
{
    struct stored s;
    (void)rig_site(r->rig, &s, "shop", "shop.example");
    s.t.http = stored_new(&s, sizeof(*s.t.http));
    weir__v1__http__init(s.t.http);
    s.t.http->has_idle_timeout = s.t.http->has_body_timeout = 1;
    s.t.http->idle_timeout = idle_ms;
    s.t.http->body_timeout = body_ms;
    rig_push(r->rig, &s);
}

static void h2_closes_an_idle_connection_after_the_tenants_time(void **state)
{
    struct h2_rig *r = h2_rig_running();
    push_times(r, 1000, 5000);
    struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, RIG_OK);
    h2_await_end(&r->c, t);
    for (int i = 0; i < 100 && !r->c.gone; i++) { /* pings do not keep it */
        h2_send_frame(&r->c, PING, 0, 0, EIGHT);
        (void)usleep(100000);
        (void)h2_read(&r->c, 100);
    }
    assert_true(r->c.gone);
    assert_int_equal(r->c.goaway_code, NGHTTP2_NO_ERROR);
    h2_rig_free(r);
}

/* A window that stays shut, or opens a byte at a time, ends its stream and no other. */
static void h2_ends_a_stream_whose_window_stays_shut(void **state)
{
    struct h2_rig *r = h2_rig_new(0);
    push_times(r, 60000, 1000);
    h2_rig_connect(r);
    struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_respond(r, RIG_OK);
    h2_await(&r->c, &t->closed);
    assert_false(t->ended);
    assert_int_equal(t->code, NGHTTP2_INTERNAL_ERROR);
    rig_stop(r->rig);
    assert_int_equal(rig_log_count(r->rig, "\"outcome\":\"slow_client\""), 1);
    h2_rig_free(r);
}

/* -- the end in order -- */

static void h2_finishes_its_requests_when_the_worker_drains(void **state)
{
    struct h2_rig *r = h2_rig_running();
    struct h2_stream *t = h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_read_request(r);
    weir_workers_drain(r->rig->workers, 20000);
    while (r->c.goaways == 0)
        assert_true(h2_read(&r->c, 5000));
    assert_int_equal(r->c.goaway_last, INT32_MAX);
    while (r->c.goaways == 1)
        assert_true(h2_read(&r->c, 5000));
    assert_int_equal(r->c.goaway_last, t->id);
    peer_send(&r->rig->server, RIG_OK);
    h2_await_end(&r->c, t);
    assert_true(h2_body_is(t, "ok"));
    h2_await_goaway(&r->c, NGHTTP2_NO_ERROR);
    h2_rig_free(r);
}

static void h2_closes_an_idle_connection_when_the_worker_drains(void **state)
{
    struct h2_rig *r = h2_rig_new(65535);
    exchange_settings(r);
    weir_workers_drain(r->rig->workers, 20000);
    h2_await_goaway(&r->c, NGHTTP2_NO_ERROR);
    h2_rig_free(r);
}

static void h2_cuts_its_requests_at_the_deadline_of_a_drain(void **state)
{
    struct h2_rig *r = h2_rig_running();
    (void)h2_ask(&r->c, "GET", "/", NULL);
    h2_rig_read_request(r);
    weir_workers_drain(r->rig->workers, 100);
    while (h2_read(&r->c, 5000))
        continue;
    assert_true(r->c.gone);
    rig_await(r->rig, WEIR_M_CONNECTIONS_OPEN, 0);
    h2_rig_free(r);
}

/* -- priorities: RFC 9218 -- */

static struct h2_stream *ask_urgent(struct h2_rig *r, const char *path, const char *priority)
{
    const char *fields[] = { ":method", "GET", ":scheme",  "https",  ":authority", "shop.example",
                             ":path",   path,  "priority", priority, NULL };
    return h2_ask_fields(&r->c, fields, NULL, false);
}

#define HELD                                                                                       \
    30000 /* bytes of a response that come as one, and are read although none can be sent */

/* One that shares the connection's window. */
struct shared {
    struct h2_stream *t;
    struct peer server;
};

static void ask_shared(struct h2_rig *r, struct shared *s, const char *priority)
{
    s->t = ask_urgent(r, "/", priority);
    peer_accept(&s->server, r->rig->origin);
    peer_read_request(&s->server, &r->rig->request);
}

static void send_shared(struct shared *s, size_t len)
{
    static char body[100000];
    char head[100];
    memset(body, 'z', sizeof(body));
    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
    peer_send(&s->server, head);
    assert_true(peer_send_bytes(&s->server, body, len));
}

static void open_window(struct h2_rig *r, int32_t n)
{
    assert_int_equal(nghttp2_submit_window_update(r->c.session, 0, 0, n), 0);
    h2_flush(&r->c);
}

/* Two responses wait for the connection's window, the less urgent one first. */
static void h2_sends_the_urgent_response_first(void **state)
{
    struct h2_rig *r = h2_rig_new(1 << 20);
    static struct shared later, urgent;
    exchange_settings(r);
    ask_shared(r, &later, "u=5");
    ask_shared(r, &urgent, "u=1");
    send_shared(&later, 90000);
    while (later.t->body_len < 65535)
        assert_true(h2_read(&r->c, 5000));
    send_shared(&urgent, HELD);
    peer_await_taken(&urgent.server, 0);
    open_window(r, HELD);
    h2_await_end(&r->c, urgent.t);
    assert_int_equal(later.t->body_len, 65535);
    open_window(r, 60000);
    h2_await_end(&r->c, later.t);
    peer_close(&later.server);
    peer_close(&urgent.server);
    h2_rig_free(r);
}

/* A PRIORITY_UPDATE changes what the request said (RFC 9218 7.1). */
static void h2_follows_a_priority_update(void **state)
{
    struct h2_rig *r = h2_rig_new(1 << 20);
    static struct shared first, second;
    exchange_settings(r);
    ask_shared(r, &first, "u=1");
    ask_shared(r, &second, "u=5");
    uint8_t update[] = { 0, 0, 0, (uint8_t)second.t->id, 'u', '=', '0' };
    h2_send_frame(&r->c, 0x10, 0, 0, weir_span(update, sizeof(update)));
    send_shared(&first, 90000);
    while (first.t->body_len < 65535)
        assert_true(h2_read(&r->c, 5000));
    send_shared(&second, HELD);
    peer_await_taken(&second.server, 0);
    open_window(r, HELD);
    h2_await_end(&r->c, second.t);
    assert_int_equal(first.t->body_len, 65535);
    open_window(r, 60000);
    h2_await_end(&r->c, first.t);
    peer_close(&first.server);
    peer_close(&second.server);
    h2_rig_free(r);
}

/* Incremental responses of one urgency share the connection; others come one after the other:
 * whichever goes on, the other gets nothing before it has ended. */
static void h2_shares_the_window_among_incremental_responses(void **state)
{
    for (int incremental = 0; incremental < 2; incremental++) {
        struct h2_rig *r = h2_rig_new(1 << 20);
        static struct shared all[2];
        exchange_settings(r);
        for (int i = 0; i < 2; i++)
            ask_shared(r, &all[i], incremental ? "u=3, i" : "u=3");
        for (int i = 0; i < 2; i++)
            send_shared(&all[i], 90000);
        while (all[0].t->body_len + all[1].t->body_len < 65535)
            assert_true(h2_read(&r->c, 5000));
        for (int i = 0; i < 2; i++) /* more of each waits in the node */
            peer_await_taken(&all[i].server, 90000 - all[i].t->body_len - 1);
        size_t before[2] = { all[0].t->body_len, all[1].t->body_len };
        open_window(r, 65536);
        while (all[0].t->body_len + all[1].t->body_len < 65535 + 65536)
            assert_true(h2_read(&r->c, 5000));
        size_t gained[2] = { all[0].t->body_len - before[0], all[1].t->body_len - before[1] };
        size_t least = gained[0] < gained[1] ? gained[0] : gained[1];
        if (incremental)
            assert_true(least >= 16384);
        else
            assert_true(least == 0 || all[0].t->body_len == 90000 || all[1].t->body_len == 90000);
        open_window(r, 100000);
        for (int i = 0; i < 2; i++) {
            h2_await_end(&r->c, all[i].t);
            peer_close(&all[i].server);
        }
        h2_rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h2_ends_a_flood_of_pings),
        cmocka_unit_test(h2_ends_a_flood_of_settings),
        cmocka_unit_test(h2_ends_a_flood_of_priorities),
        cmocka_unit_test(h2_ends_a_flood_of_priority_updates),
        cmocka_unit_test(h2_ends_a_flood_of_windows),
        cmocka_unit_test(h2_ends_a_flood_of_empty_frames),
        cmocka_unit_test(h2_ends_a_flood_of_unknown_frames),
        cmocka_unit_test(h2_ends_a_client_that_resets_its_streams),
        cmocka_unit_test(h2_counts_streams_that_were_reset_lately),
        cmocka_unit_test(h2_ends_a_client_that_makes_it_reset_streams),
        cmocka_unit_test(h2_ends_a_flood_of_continuations),
        cmocka_unit_test(h2_ends_a_client_with_a_bomb_of_fields),
        cmocka_unit_test(h2_responds_431_to_a_list_above_its_limits),
        cmocka_unit_test(h2_refuses_streams_beyond_the_limit),
        cmocka_unit_test(h2_resets_a_request_whose_length_does_not_hold),
        cmocka_unit_test(h2_holds_the_last_byte_back_until_the_stream_ends),
        cmocka_unit_test(h2_closes_a_connection_that_asks_nothing),
        cmocka_unit_test(h2_closes_a_connection_whose_headers_do_not_come),
        cmocka_unit_test(h2_closes_an_idle_connection_after_the_tenants_time),
        cmocka_unit_test(h2_ends_a_stream_whose_window_stays_shut),
        cmocka_unit_test(h2_finishes_its_requests_when_the_worker_drains),
        cmocka_unit_test(h2_closes_an_idle_connection_when_the_worker_drains),
        cmocka_unit_test(h2_cuts_its_requests_at_the_deadline_of_a_drain),
        cmocka_unit_test(h2_sends_the_urgent_response_first),
        cmocka_unit_test(h2_follows_a_priority_update),
        cmocka_unit_test(h2_shares_the_window_among_incremental_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
