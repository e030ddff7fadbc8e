/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_test.c - one request and its response through a running worker: framings both ways,
 * interim responses, large bodies, early responses, cuts, and the order of requests on a
 * connection.
 */
#include <pthread.h>

#include "tests/unit/loop/loop_rig.h"

#define HEAD(line) line "\r\nHost: shop.example\r\n"

/* Send a request and let the origin have it. */
static void ask(struct rig *r, const char *request)
{
    if (r->client.fd < 0)
        peer_dial(&r->client, &r->at);
    peer_send(&r->client, request);
    if (r->server.fd < 0)
        peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
}

static void read_response(struct rig *r, enum weir_method method, uint16_t status, const char *body)
{
    peer_read_response(&r->client, &r->response, method);
    assert_int_equal(r->response.h.status, status);
    if (!message_body_is(&r->response, body))
        fail_msg("\"%.*s\" instead of \"%s\"", (int)r->response.body_len,
                 (const char *)r->response.body, body);
}

/* -- framing -- */

static void request_bodies_arrive_as_they_were_framed(void **state)
{
    struct rig *r = rig_running();
    ask(r, HEAD("POST / HTTP/1.1") "Content-Length: 5\r\n\r\nhello");
    assert_true(r->request.h.has_content_length);
    assert_true(message_body_is(&r->request, "hello"));
    peer_send(&r->server, RIG_OK);
    read_response(r, WEIR_METHOD_POST, 200, "ok");
    ask(r, HEAD("POST / HTTP/1.1") "Transfer-Encoding: chunked\r\n\r\n"
                                   "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: v\r\n\r\n");
    assert_true(r->request.h.chunked);
    assert_true(message_body_is(&r->request, "hello"));
    peer_send(&r->server, RIG_OK);
    read_response(r, WEIR_METHOD_POST, 200, "ok");
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_ACCEPTED), 1);
    rig_free(r);
}

struct framing_case {
    const char *request;
    enum weir_method method;
    const char *response;
    const char *body;
    bool server_ends;  /* the end of the connection is the end of the body */
    bool client_lives; /* another request may follow */
    bool server_lives;
};

static const struct framing_case framings[] = {
    { HEAD("GET / HTTP/1.1") "\r\n", WEIR_METHOD_GET, RIG_OK, "ok", false, true, true },
    { HEAD("GET / HTTP/1.1") "\r\n", WEIR_METHOD_GET,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok",
      false, true, true },
    { HEAD("GET / HTTP/1.1") "\r\n", WEIR_METHOD_GET, "HTTP/1.1 200 OK\r\n\r\nuntil", "until", true,
      true, false },
    { HEAD("GET / HTTP/1.1") "\r\n", WEIR_METHOD_GET,
      "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", false, true, false },
    { HEAD("GET / HTTP/1.1") "\r\n", WEIR_METHOD_GET,
      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", "x", false, true,
      true },
    { HEAD("GET / HTTP/1.1") "\r\n", WEIR_METHOD_GET,
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "x", false, true,
      false },
    { HEAD("HEAD / HTTP/1.1") "\r\n", WEIR_METHOD_HEAD,
      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "", false, true, true },
    { HEAD("GET / HTTP/1.1") "\r\n", WEIR_METHOD_GET, "HTTP/1.1 204 No Content\r\n\r\n", "", false,
      true, true },
    { HEAD("GET / HTTP/1.1") "\r\n", WEIR_METHOD_GET,
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", false, true, true },
    { HEAD("GET / HTTP/1.1") "\r\n", WEIR_METHOD_GET,
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", false, true, true },
    { HEAD("GET / HTTP/1.1") "Connection: close\r\n\r\n", WEIR_METHOD_GET, RIG_OK, "ok", false,
      false, true },
    { HEAD("GET / HTTP/1.0") "\r\n", WEIR_METHOD_GET, RIG_OK, "ok", false, false, true },
    { HEAD("GET / HTTP/1.0") "Connection: keep-alive\r\n\r\n", WEIR_METHOD_GET, RIG_OK, "ok", false,
      true, true },
    { HEAD("GET / HTTP/1.0") "Connection: keep-alive\r\n\r\n", WEIR_METHOD_GET,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok", false,
      false, true },
};

/* Of the text of a response. */
static uint16_t status_of(const char *response)
{
    return (uint16_t)((response[9] - '0') * 100 + (response[10] - '0') * 10 + response[11] - '0');
}

static void responses_leave_in_a_framing_that_the_client_knows(void **state)
{
    struct rig *r = rig_running();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(framings); i++) {
        const struct framing_case *c = &framings[i];
        uint64_t idle = c->server_lives;
        ask(r, c->request);
        peer_send(&r->server, c->response);
        if (c->server_ends)
            peer_close(&r->server);
        read_response(r, c->method, status_of(c->response), c->body);
        assert_int_equal(weir_h1_keeps_alive(&r->response.h), c->client_lives);
        rig_await(r, WEIR_M_UPSTREAM_IDLE, idle);
        if (!c->client_lives) {
            peer_expect_end(&r->client);
            peer_close(&r->client);
        }
        if (!c->server_lives) {
            if (!c->server_ends)
                peer_expect_end(&r->server);
            peer_close(&r->server);
        }
    }
    rig_free(r);
}

/* -- interim responses -- */

static void interim_responses_go_before_the_final_one(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client,
              HEAD("POST / HTTP/1.1") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    peer_accept(&r->server, r->origin);
    assert_true(peer_try_head(&r->server, WEIR_H1_REQUEST, &r->request));
    assert_true(r->request.h.expect_continue);
    peer_send(&r->server, "HTTP/1.1 100 Continue\r\n\r\n");
    read_response(r, WEIR_METHOD_POST, 100, "");
    peer_send(&r->client, "hi");
    assert_true(peer_try_body(&r->server, &r->request, WEIR_METHOD_OTHER));
    assert_true(message_body_is(&r->request, "hi"));
    peer_send(&r->server,
              "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 2");
    read_response(r, WEIR_METHOD_POST, 103, "");
    read_response(r, WEIR_METHOD_POST, 102, "");
    peer_send(&r->server, "00 OK\r\nContent-Length: 2\r\n\r\nok");
    read_response(r, WEIR_METHOD_POST, 200, "ok");
    rig_get(r, "/", RIG_OK);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_CONNECTS), 1);
    rig_free(r);
}

static void interim_responses_without_end_are_no_response(void **state)
{
    struct rig *r = rig_running();
    ask(r, HEAD("GET / HTTP/1.1") "\r\n");
    for (int i = 0; i < WEIR_INTERIM_MAX; i++) {
        peer_send(&r->server, "HTTP/1.1 103 Early Hints\r\n\r\n");
        read_response(r, WEIR_METHOD_GET, 103, "");
    }
    peer_send(&r->server, "HTTP/1.1 103 Early Hints\r\n\r\n");
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 502);
    peer_expect_end(&r->server);
    rig_free(r);
}

static void an_http10_client_sees_the_final_response_only(void **state)
{
    struct rig *r = rig_running();
    ask(r, HEAD("GET / HTTP/1.0") "\r\n");
    peer_send(&r->server, "HTTP/1.1 103 Early Hints\r\n\r\n" RIG_OK);
    read_response(r, WEIR_METHOD_GET, 200, "ok");
    rig_free(r);
}

/* It is unknown whether the client sends a body after a refusal, so the connection ends. */
static void a_refusal_instead_of_100_ends_the_connection(void **state)
{
    struct rig *r = rig_running();
    peer_close(&r->server);
    close(r->origin);
    peer_dial(&r->client, &r->at);
    peer_send(&r->client,
              HEAD("POST / HTTP/1.1") "Expect: 100-continue\r\nContent-Length: 40\r\n\r\n");
    peer_read_response(&r->client, &r->response, WEIR_METHOD_POST);
    assert_int_equal(r->response.h.status, 502);
    assert_true(r->response.h.connection_close);
    peer_expect_end(&r->client);
    r->origin = peer_listen(&r->origin_at);
    rig_free(r);
}

/* -- large bodies -- */

static void fill(uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(i * 2654435761u >> 11);
}

#define BIG (3u << 20)

/* One side's sending, in a thread of its own, while the test reads the other. */
struct sender {
    pthread_t thread;
    struct peer *to;
    char head[128];
    const uint8_t *body;
    size_t len;
    const char *tail;
    bool sent;
};

static void *run_sender(void *arg)
{
    struct sender *s = arg;
    s->sent = peer_send_bytes(s->to, s->head, strlen(s->head)) &&
              peer_send_bytes(s->to, s->body, s->len) &&
              peer_send_bytes(s->to, s->tail, strlen(s->tail));
    return NULL;
}

static void begin_sending(struct sender *s, struct peer *to, const char *start, bool chunked)
{
    static uint8_t body[BIG];
    fill(body, sizeof(body));
    s->to = to;
    s->body = body;
    s->len = sizeof(body);
    s->tail = chunked ? "\r\n0\r\n\r\n" : "";
    (void)snprintf(s->head, sizeof(s->head),
                   chunked ? "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n"
                           : "%sContent-Length: %u\r\n\r\n",
                   start, BIG);
    assert_int_equal(pthread_create(&s->thread, NULL, run_sender, s), 0);
}

static void assert_arrived(struct sender *s, const struct message *m)
{
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    assert_true(s->sent);
    assert_int_equal(m->body_len, s->len);
    assert_memory_equal(m->body, s->body, s->len);
}

/* By splice and by the codec; read at once and after a while. */
static void large_responses_arrive_whole_whichever_side_is_slow(void **state)
{
    struct rig *r = rig_running();
    for (int round = 0; round < 4; round++) {
        struct sender s;
        ask(r, HEAD("GET /big HTTP/1.1") "\r\n");
        begin_sending(&s, &r->server, "HTTP/1.1 200 OK\r\n", (round & 1) != 0);
        (void)usleep(round >= 2 ? 200000 : 0);
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_arrived(&s, &r->response);
    }
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_CONNECTS), 1);
    rig_free(r);
}

static void large_requests_arrive_whole_whichever_side_is_slow(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    for (int round = 0; round < 4; round++) {
        struct sender s;
        begin_sending(&s, &r->client, HEAD("PUT / HTTP/1.1"), (round & 1) != 0);
        if (r->server.fd < 0)
            peer_accept(&r->server, r->origin);
        (void)usleep(round >= 2 ? 200000 : 0);
        peer_read_request(&r->server, &r->request);
        assert_arrived(&s, &r->request);
        peer_send(&r->server, RIG_OK);
        read_response(r, WEIR_METHOD_PUT, 200, "ok");
    }
    rig_free(r);
}

/* -- early responses -- */

static void a_response_before_the_end_of_the_request_ends_both_connections(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, HEAD("POST / HTTP/1.1") "Content-Length: 1000\r\n\r\nbegin");
    peer_accept(&r->server, r->origin);
    assert_true(peer_try_head(&r->server, WEIR_H1_REQUEST, &r->request));
    peer_send(&r->server, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
    read_response(r, WEIR_METHOD_POST, 403, "no");
    assert_true(r->response.h.connection_close);
    peer_expect_end(&r->client);
    rig_await(r, WEIR_M_UPSTREAM_OPEN, 0);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_IDLE), 0);
    rig_free(r);
}

/* A server may respond while it still reads, and may need the rest before it can go on. */
static void both_bodies_flow_at_the_same_time(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, HEAD("POST / HTTP/1.1") "Content-Length: 3000\r\n\r\n");
    peer_accept(&r->server, r->origin);
    assert_true(peer_try_head(&r->server, WEIR_H1_REQUEST, &r->request));
    peer_send(&r->server, "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n");
    assert_true(peer_try_head(&r->client, WEIR_H1_RESPONSE, &r->response));
    for (int i = 0; i < 1000; i++) {
        peer_send(&r->client, "abc");
        while (r->server.len < 3)
            assert_true(peer_receive(&r->server) > 0);
        assert_true(peer_send_bytes(&r->server, r->server.bytes, 3));
        peer_use(&r->server, 3);
        while (r->client.len < 3)
            assert_true(peer_receive(&r->client) > 0);
        assert_memory_equal(r->client.bytes, "abc", 3);
        peer_use(&r->client, 3);
    }
    peer_expect_end(&r->client);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"outcome\":\"ok\""), 1);
    rig_free(r);
}

/* Sending finds the reset before reading does, and takes its error away: what reading sees then
 * is the same as at an orderly end. */
static void a_reset_that_sending_found_is_no_end_of_a_response(void **state)
{
    struct rig *r = rig_running_freezable();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, HEAD("POST / HTTP/1.1") "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    peer_accept(&r->server, r->origin);
    assert_true(peer_try_head(&r->server, WEIR_H1_REQUEST, &r->request));
    peer_send(&r->server, "HTTP/1.1 200 OK\r\n\r\nuntil");
    assert_true(peer_try_head(&r->client, WEIR_H1_RESPONSE, &r->response));
    rig_freeze();
    peer_send(&r->client, "1\r\nb\r\n");
    (void)usleep(20000);
    peer_reset(&r->server);
    (void)usleep(20000);
    rig_unfreeze();
    assert_false(peer_try_body(&r->client, &r->response, WEIR_METHOD_POST));
    rig_free_freezable(r);
}

static void a_small_rest_of_a_refused_request_is_dropped_and_the_next_served(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    for (int i = 0; i < 2; i++) {
        peer_send(&r->client,
                  i ? "POST / HTTP/1.1\r\nHost: nobody\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na"
                    : "POST / HTTP/1.1\r\nHost: nobody\r\nContent-Length: 3\r\n\r\na");
        peer_read_response(&r->client, &r->response, WEIR_METHOD_POST);
        assert_int_equal(r->response.h.status, 404);
        assert_true(weir_h1_keeps_alive(&r->response.h));
        peer_send(&r->client, i ? "bc\r\n0\r\n\r\n" : "bc");
    }
    rig_get(r, "/", RIG_OK);
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_ACCEPTED), 1);
    rig_free(r);
}

static void a_large_rest_of_a_refused_request_ends_the_connection(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "POST / HTTP/1.1\r\nHost: nobody\r\nContent-Length: 9000000\r\n\r\na");
    peer_read_response(&r->client, &r->response, WEIR_METHOD_POST);
    assert_int_equal(r->response.h.status, 404);
    assert_true(r->response.h.connection_close);
    peer_expect_end(&r->client);
    rig_free(r);
}

/* -- responses that are none, or not whole -- */

struct cut_case {
    const char *response; /* what the server sends at first */
    const char *rest;     /* and once the client has the head; NULL: nothing */
    bool by_reset;        /* before it ends */
    uint16_t status;      /* to the client; 0: it sees a part, and then not an orderly end */
    const char *outcome;
};

static const struct cut_case cuts[] = {
    { "HTTP/1.1 200 OK\r\nContent-Len", NULL, false, 502, "upstream_cut" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", NULL, false, 0, "upstream_cut" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "hell", true, 0, "upstream_cut" },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", NULL, false, 0,
      "upstream_cut" },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "\r", false, 0,
      "upstream_cut" },
    { "HTTP/1.1 200 OK\r\n\r\nuntil", " a reset", true, 0, "upstream_cut" },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "loX", false, 0,
      "upstream_malformed" },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX", NULL, false, 502,
      "upstream_malformed" },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\n", NULL, false, 502,
      "upstream_malformed" },
    { "HTTP/1.1 200 OK\nContent-Length: 0\n\n", NULL, false, 502, "upstream_malformed" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", NULL, false,
      502, "upstream_malformed" },
    { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", NULL, false, 502,
      "upstream_malformed" },
    { "HTTP/2 200 OK\r\n\r\n", NULL, false, 502, "upstream_malformed" },
    { "hello", NULL, false, 502, "upstream_malformed" },
};

static void what_is_no_whole_response_is_never_passed_as_one(void **state)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cuts); i++) {
        const struct cut_case *c = &cuts[i];
        struct rig *r = rig_running();
        char outcome[64];
        ask(r, HEAD("GET / HTTP/1.1") "\r\n");
        peer_send(&r->server, c->response);
        if (c->rest != NULL) {
            assert_true(peer_try_head(&r->client, WEIR_H1_RESPONSE, &r->response));
            peer_send(&r->server, c->rest);
        }
        if (c->by_reset)
            peer_reset(&r->server);
        peer_close(&r->server);
        if (c->rest == NULL)
            assert_true(peer_try_head(&r->client, WEIR_H1_RESPONSE, &r->response));
        assert_int_equal(r->response.h.status, c->status ? c->status : 200);
        if (peer_try_body(&r->client, &r->response, WEIR_METHOD_GET) != (c->status != 0))
            fail_msg("%s", c->response);
        rig_stop(r);
        (void)snprintf(outcome, sizeof(outcome), "\"outcome\":\"%s\"", c->outcome);
        assert_int_equal(rig_log_count(r, outcome), 1);
        rig_free(r);
    }
}

/* A number behind this text in the first line of the access log. After rig_stop. */
static unsigned long long logged(const struct rig *r, const char *text)
{
    char line[4096];
    FILE *f = fopen(r->log_path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    assert_int_equal(fclose(f), 0);
    const char *at = strstr(line, text);
    return at ? strtoull(at + strlen(text), NULL, 10) : 0;
}

static void the_record_of_a_cut_response_shows_how_much_of_it_was_passed(void **state)
{
    static char body[1u << 20];
    for (int chunked = 0; chunked < 2; chunked++) {
        struct rig *r = rig_running();
        ask(r, HEAD("GET / HTTP/1.1") "\r\n");
        peer_send(&r->server,
                  chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n"
                          : "HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n");
        assert_true(peer_try_head(&r->client, WEIR_H1_RESPONSE, &r->response));
        struct sender s = {
            .to = &r->server, .body = (const uint8_t *)body, .len = sizeof(body), .tail = ""
        };
        assert_int_equal(pthread_create(&s.thread, NULL, run_sender, &s), 0);
        size_t got = r->client.len;
        r->client.len = 0;
        while (got < sizeof(body)) {
            ssize_t n = peer_receive(&r->client);
            assert_true(n > 0);
            got += (size_t)n;
            r->client.len = 0;
        }
        assert_int_equal(pthread_join(s.thread, NULL), 0);
        peer_close(&r->server);
        while (peer_receive(&r->client) > 0)
            r->client.len = 0;
        rig_stop(r);
        assert_int_equal(logged(r, "\"response_bytes\":"), sizeof(body));
        rig_free(r);
    }
}

static void bytes_behind_a_response_end_the_connection(void **state)
{
    static const char *const more[] = { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokX",
                                        "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                                        "HTTP/1.1 304 No\r\n\r\n\r\n" };
    struct rig *r = rig_running();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(more); i++) {
        ask(r, HEAD("GET / HTTP/1.1") "\r\n");
        peer_send(&r->server, more[i]);
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        peer_expect_end(&r->server);
        peer_close(&r->server);
        rig_await(r, WEIR_M_UPSTREAM_UNSOLICITED, i + 1);
    }
    rig_free(r);
}

static void bytes_on_a_parked_connection_end_it(void **state)
{
    struct rig *r = rig_running();
    rig_get(r, "/", RIG_OK);
    rig_await(r, WEIR_M_UPSTREAM_IDLE, 1);
    peer_send(&r->server, RIG_OK);
    rig_await(r, WEIR_M_UPSTREAM_IDLE, 0);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_UNSOLICITED), 1);
    assert_true(peer_receive(&r->server) <= 0);
    peer_close(&r->server);
    rig_get(r, "/", RIG_OK);
    rig_free(r);
}

/* -- the end of the client's side -- */

/* RFC 9112 9.6: a client may close its half after its last request; all its requests are served. */
static void requests_before_a_half_close_all_get_responses(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, HEAD("GET /1 HTTP/1.1") "\r\n" HEAD(
                              "GET /2 HTTP/1.1") "\r\n"
                                                 "GET /3 HTTP/1.1\r\nHost: nobody\r\n\r\n" HEAD(
                                                     "GET /4 HTTP/1.1") "\r\n");
    assert_int_equal(shutdown(r->client.fd, SHUT_WR), 0);
    for (int i = 1; i <= 4; i++) {
        if (i != 3) {
            if (r->server.fd < 0)
                peer_accept(&r->server, r->origin);
            peer_read_request(&r->server, &r->request);
            assert_int_equal(r->request.head[r->request.h.path_at + 1], '0' + i);
            if (i == 1)
                (void)usleep(50000); /* the end has been read by now */
            peer_send(&r->server, RIG_OK);
        }
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_int_equal(r->response.h.status, i == 3 ? 404 : 200);
    }
    peer_expect_end(&r->client);
    rig_free(r);
}

/* As many as take several turns of the loop. */
static void many_requests_before_a_half_close_all_get_responses(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    for (int i = 0; i < 300; i++)
        peer_send(&r->client, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    assert_int_equal(shutdown(r->client.fd, SHUT_WR), 0);
    for (int i = 0; i < 300; i++) {
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_int_equal(r->response.h.status, 404);
    }
    peer_expect_end(&r->client);
    rig_free(r);
}

static void half_a_head_before_a_half_close_ends_the_connection_at_once(void **state)
{
    struct rig *r = rig_running();
    uint64_t from = weir_clock_mono_ns();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, HEAD("GET /1 HTTP/1.1") "\r\nGET /2 HT");
    assert_int_equal(shutdown(r->client.fd, SHUT_WR), 0);
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    (void)usleep(50000);
    peer_send(&r->server, RIG_OK);
    read_response(r, WEIR_METHOD_GET, 200, "ok");
    peer_expect_end(&r->client);
    assert_true(weir_clock_mono_ns() - from < UINT64_C(5000000000));
    rig_free(r);
}

static void a_client_that_goes_takes_its_exchange_with_it(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, HEAD("POST / HTTP/1.1") "Content-Length: 10\r\n\r\nhalf");
    peer_accept(&r->server, r->origin);
    assert_true(peer_try_head(&r->server, WEIR_H1_REQUEST, &r->request));
    peer_close(&r->client);
    assert_false(peer_try_body(&r->server, &r->request, WEIR_METHOD_OTHER));
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 0);
    rig_await(r, WEIR_M_UPSTREAM_OPEN, 0);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"outcome\":\"client_gone\""), 1);
    assert_int_equal(rig_log_count(r, "\"status\":499"), 1);
    rig_free(r);
}

/* -- what a tenant adds -- */

/* Fields and pages at the largest that a tenant may have. */
static void the_most_that_a_tenant_adds_is_sent(void **state)
{
    static char value[243], page[WEIR_ERROR_PAGE_MAX + 1], from_origin[WEIR_HEAD_MAX];
    struct rig *r = rig_running();
    struct stored s;
    Weir__V1__Headers headers = WEIR__V1__HEADERS__INIT;
    memset(value, 'v', sizeof(value) - 1);
    memset(page, 'p', sizeof(page) - 1);
    memset(from_origin, 'o', sizeof(from_origin) - 100);
    (void)rig_site(r, &s, "large", "large.example");
    s.t.headers = &headers;
    for (int i = 0; i < 64; i++) {
        Weir__V1__Headers__AddResponseEntry *e = stored_new(&s, sizeof(*e));
        char name[32];
        weir__v1__headers__add_response_entry__init(e);
        (void)snprintf(name, sizeof(name), "X-Large-%d", i);
        e->key = stored_text(&s, name);
        e->value = stored_text(&s, value);
        stored_append(&s, &headers.add_response, &headers.n_add_response, e);
    }
    stored_error_page(&s, "502", page, NULL);
    rig_push(r, &s);
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "GET / HTTP/1.1\r\nHost: large.example\r\n\r\n");
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_send(&r->server, "nonsense\r\n");
    peer_close(&r->server);
    read_response(r, WEIR_METHOD_GET, 502, page);
    peer_send(&r->client, "GET / HTTP/1.1\r\nHost: large.example\r\n\r\n");
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_send(&r->server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Origin: ");
    peer_send(&r->server, from_origin);
    peer_send(&r->server, "\r\n\r\nok");
    /* Longer than what the parser of this test takes: compared as bytes. */
    assert_true(peer_receive(&r->client) > 0);
    assert_memory_equal(r->client.bytes, "HTTP/1.1 200 OK\r\n", 17);
    size_t len = r->client.len;
    while (r->client.len < 6 || memcmp(r->client.bytes + r->client.len - 6, "\r\n\r\nok", 6) != 0) {
        if (r->client.len > 65536)
            peer_use(&r->client, 65536);
        ssize_t n = peer_receive(&r->client);
        assert_true(n > 0);
        len += (size_t)n;
    }
    assert_true(len > 64 * sizeof(value) + strlen(from_origin));
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_bodies_arrive_as_they_were_framed),
        cmocka_unit_test(responses_leave_in_a_framing_that_the_client_knows),
        cmocka_unit_test(interim_responses_go_before_the_final_one),
        cmocka_unit_test(interim_responses_without_end_are_no_response),
        cmocka_unit_test(an_http10_client_sees_the_final_response_only),
        cmocka_unit_test(a_refusal_instead_of_100_ends_the_connection),
        cmocka_unit_test(large_responses_arrive_whole_whichever_side_is_slow),
        cmocka_unit_test(large_requests_arrive_whole_whichever_side_is_slow),
        cmocka_unit_test(a_response_before_the_end_of_the_request_ends_both_connections),
        cmocka_unit_test(both_bodies_flow_at_the_same_time),
        cmocka_unit_test(a_reset_that_sending_found_is_no_end_of_a_response),
        cmocka_unit_test(a_small_rest_of_a_refused_request_is_dropped_and_the_next_served),
        cmocka_unit_test(a_large_rest_of_a_refused_request_ends_the_connection),
        cmocka_unit_test(what_is_no_whole_response_is_never_passed_as_one),
        cmocka_unit_test(the_record_of_a_cut_response_shows_how_much_of_it_was_passed),
        cmocka_unit_test(bytes_behind_a_response_end_the_connection),
        cmocka_unit_test(bytes_on_a_parked_connection_end_it),
        cmocka_unit_test(requests_before_a_half_close_all_get_responses),
        cmocka_unit_test(many_requests_before_a_half_close_all_get_responses),
        cmocka_unit_test(half_a_head_before_a_half_close_ends_the_connection_at_once),
        cmocka_unit_test(a_client_that_goes_takes_its_exchange_with_it),
        cmocka_unit_test(the_most_that_a_tenant_adds_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
