/* SPDX-License-Identifier: Apache-2.0
 *
 * worker_test.c - the life of the data path: start, serve, learn of changes, drain, stop. Real
 * sockets, a real store. What is left behind is caught by the pools' contracts and the leak check.
 */
#include "tests/support/failalloc.h"
#include "tests/support/origin.h"
#include "tests/unit/loop/loop_rig.h"

static void an_exchange_goes_through(void **state)
{
    struct rig *r = rig_running();
    rig_get(r, "/a?b", RIG_OK);
    assert_true(message_body_is(&r->response, "ok"));
    assert_int_equal(r->response.h.status, 200);
    assert_true(weir_span_eq(message_field(&r->response, "via"), WEIR_SPAN_LIT("1.1 weir")));
    assert_true(
        weir_span_eq(weir_span(r->request.head + r->request.h.path_at, r->request.h.path_len),
                     WEIR_SPAN_LIT("/a?b")));
    assert_true(weir_span_eq(message_field(&r->request, "host"), WEIR_SPAN_LIT("shop.example")));
    assert_true(
        weir_span_eq(message_field(&r->request, "x-forwarded-for"), WEIR_SPAN_LIT("127.0.0.1")));
    assert_int_equal(message_field(&r->request, "x-request-id").len, 32);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"outcome\":\"ok\""), 1);
    assert_int_equal(rig_log_count(r, "\"path\":\"/a?b\""), 1);
    rig_free(r);
}

static void connections_of_both_sides_are_used_again(void **state)
{
    struct rig *r = rig_running();
    for (int i = 0; i < 5; i++)
        rig_get(r, "/", RIG_OK);
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_ACCEPTED), 1);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_CONNECTS), 1);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_REUSED), 4);
    rig_await(r, WEIR_M_UPSTREAM_IDLE, 1);
    rig_free(r);
}

static void pipelined_requests_get_their_responses_in_order(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "GET /1 HTTP/1.1\r\nHost: shop.example\r\n\r\n"
                          "GET /2 HTTP/1.1\r\nHost: unknown.example\r\n\r\n"
                          "GET /3 HTTP/1.1\r\nHost: shop.example\r\n\r\nGET /4 HTT");
    for (int i = 0; i < 3; i++) {
        if (i != 1) {
            if (i == 0)
                peer_accept(&r->server, r->origin);
            peer_read_request(&r->server, &r->request);
            assert_int_equal(r->request.head[r->request.h.path_at + 1], '1' + i);
            peer_send(&r->server, RIG_OK);
        }
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_int_equal(r->response.h.status, i == 1 ? 404 : 200);
    }
    peer_send(&r->client, "P/1.1\r\nHost: shop.example\r\n\r\n");
    peer_read_request(&r->server, &r->request);
    peer_send(&r->server, RIG_OK);
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    rig_free(r);
}

static void a_thousand_pipelined_requests_all_get_responses(void **state)
{
    struct rig *r = rig_running();
    static char requests[40 * 1000 + 1];
    size_t len = 0;
    peer_dial(&r->client, &r->at);
    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(requests + len, sizeof(requests) - len,
                                "GET /%03d HTTP/1.1\r\nHost: nobody\r\n\r\n", i);
    assert_true(peer_send_bytes(&r->client, requests, len));
    for (int i = 0; i < 1000; i++) {
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_int_equal(r->response.h.status, 404);
    }
    rig_free(r);
}

/* Which line of the access log holds this text, from 1. */
static unsigned line_of(const struct rig *r, const char *text)
{
    static char line[WEIR_ACCESS_LINE_MAX + 1];
    unsigned num = 1;
    FILE *f = fopen(r->log_path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL && strstr(line, text) == NULL)
        num++;
    assert_int_equal(fclose(f), 0);
    return num;
}

static void one_connection_does_not_occupy_a_worker(void **state)
{
    struct rig *r = rig_running_freezable();
    struct peer other;
    static char requests[40 * 1000 + 1];
    size_t len = 0;
    peer_dial(&r->client, &r->at);
    peer_dial(&other, &r->at);
    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(requests + len, sizeof(requests) - len,
                                "GET /%03d HTTP/1.1\r\nHost: nobody\r\n\r\n", i);
    rig_freeze();
    assert_true(peer_send_bytes(&r->client, requests, len));
    (void)usleep(20000);
    peer_send(&other, "GET /other HTTP/1.1\r\nHost: nobody\r\n\r\n");
    (void)usleep(20000);
    rig_unfreeze();
    peer_read_response(&other, &r->response, WEIR_METHOD_GET);
    for (int i = 0; i < 1000; i++)
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"status\":404"), 1001);
    assert_in_range(line_of(r, "/other"), 1, 2 * WEIR_PIPELINE_BUDGET);
    peer_close(&other);
    rig_free_freezable(r);
}

/* Whether a record with this text comes into the tail. */
static bool await_in_tail(struct rig *r, const char *text)
{
    uint64_t until = weir_clock_mono_ns() + PEER_WAIT_S * UINT64_C(1000000000);
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    bool found = false;
    while (!found && weir_clock_mono_ns() < until) {
        uint64_t cursor = 0;
        weir_strbuf_reset(&b);
        assert_int_equal(weir_access_tail_read(r->cfg.access_log, &cursor, &b), 0);
        found = b.len > 0 && memmem(b.at, b.len, text, strlen(text)) != NULL;
        (void)usleep(1000);
    }
    weir_strbuf_deinit(&b);
    return found;
}

static void records_begin_with_the_first_reader_of_a_log_that_is_off(void **state)
{
    struct rig *r = rig_new();
    assert_int_equal(weir_access_log_open("off", 1, &r->cfg.access_log), WEIR_OK);
    rig_start(r);
    rig_get(r, "/before", RIG_OK);
    weir_access_tail_begin(r->cfg.access_log);
    rig_get(r, "/after", RIG_OK);
    assert_true(await_in_tail(r, "/after"));
    weir_access_tail_end(r->cfg.access_log);
    rig_free(r);
}

static void a_request_that_is_none_is_refused_and_the_connection_closed(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "GET / HTTP/1.1\r\nHost : shop.example\r\n\r\n");
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 400);
    assert_true(r->response.h.connection_close);
    peer_expect_end(&r->client);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"fault\":\"field_name\""), 1);
    rig_free(r);
}

/* Wherever a head is cut into reads, it is the same request. */
static void a_head_may_come_in_two_reads_cut_anywhere(void **state)
{
    static const char head[] = "GET /x HTTP/1.1\r\nHost: shop.example\r\nA: b\r\n\r\n";
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    for (size_t cut = 1; cut < sizeof(head) - 1; cut++) {
        uint64_t before = rig_metric(r, WEIR_M_DOWNSTREAM_BYTES_IN);
        assert_true(peer_send_bytes(&r->client, head, cut));
        rig_await(r, WEIR_M_DOWNSTREAM_BYTES_IN, before + cut);
        assert_true(peer_send_bytes(&r->client, head + cut, sizeof(head) - 1 - cut));
        if (cut == 1)
            peer_accept(&r->server, r->origin);
        peer_read_request(&r->server, &r->request);
        assert_true(weir_span_eq(message_field(&r->request, "a"), WEIR_SPAN_LIT("b")));
        peer_send(&r->server, RIG_OK);
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_int_equal(r->response.h.status, 200);
    }
    rig_free(r);
}

static void both_workers_serve(void **state)
{
    struct rig *r = rig_new();
    struct origin o = { .response = NULL };
    size_t num = 0;
    r->cfg.num_workers = 2;
    rig_start(r);
    origin_start(&o, r->origin);
    for (int i = 0; i < 64; i++) {
        peer_dial(&r->client, &r->at);
        for (int k = 0; k < 3; k++) {
            peer_send(&r->client, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
            peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
            assert_true(message_body_is(&r->response, "ok"));
        }
        peer_close(&r->client);
    }
    assert_int_equal(atomic_load(&o.num_requests), 192);
    const struct weir_metrics *const *blocks = weir_workers_metrics(r->workers, &num);
    assert_int_equal(num, 2);
    assert_int_equal(weir_workers_num(r->workers), 2);
    for (size_t i = 0; i < num; i++)
        assert_true(weir_metrics_sum(blocks + i, 1, WEIR_M_CONNECTIONS_ACCEPTED) > 0);
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_ACCEPTED), 64);
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 0);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"outcome\":\"ok\""), 192);
    origin_stop(&o);
    rig_free(r);
}

static void every_listener_has_a_port_of_its_own(void **state)
{
    struct rig *r = rig_new();
    r->listen[1] = r->listen[0];
    r->cfg.num_http = 2;
    r->cfg.num_workers = 2;
    rig_start(r);
    assert_false(
        weir_addr_eq(weir_workers_bound(r->workers, 0), weir_workers_bound(r->workers, 1)));
    for (size_t i = 0; i < 2; i++) {
        peer_dial(&r->client, weir_workers_bound(r->workers, i));
        peer_send(&r->client, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_int_equal(r->response.h.status, 404);
        peer_close(&r->client);
    }
    rig_free(r);
}

/* The destination is asked of each connection where the listener does not name it. */
static void a_wildcard_listener_knows_the_address_it_was_reached_at(void **state)
{
    struct rig *r = rig_new();
    struct stored s;
    memset(r->listen[0].ip, 0, 16);
    r->listen[0].ip[10] = r->listen[0].ip[11] = 0xff;
    (void)rig_site(r, &s, "dedicated", "unused.example");
    stored_address(&s, "127.0.0.9");
    sites_put(&r->kit, &s);
    rig_start(r);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(weir_addr_parse_ip(weir_span_cstr(i ? "127.0.0.9" : "127.0.0.1"), &r->at),
                         WEIR_OK);
        r->at.port = weir_workers_bound(r->workers, 0)->port;
        peer_dial(&r->client, &r->at);
        peer_send(&r->client, "GET / HTTP/1.0\r\n\r\n");
        if (i == 1) {
            peer_accept(&r->server, r->origin);
            peer_read_request(&r->server, &r->request);
            peer_send(&r->server, RIG_OK);
        }
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_int_equal(r->response.h.status, i ? 200 : 404);
        peer_close(&r->client);
    }
    rig_free(r);
}

static void a_push_is_in_force_when_it_is_acknowledged(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    for (int i = 0; i < 50; i++) {
        struct stored s;
        char name[32], host[32], request[128];
        (void)snprintf(name, sizeof(name), "t%d", i);
        (void)snprintf(host, sizeof(host), "h%d.example", i);
        (void)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
        peer_send(&r->client, request);
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_int_equal(r->response.h.status, 404);
        (void)rig_site(r, &s, name, host);
        rig_push(r, &s);
        peer_send(&r->client, request);
        if (r->server.fd < 0)
            peer_accept(&r->server, r->origin);
        peer_read_request(&r->server, &r->request);
        peer_send(&r->server, RIG_OK);
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
        assert_int_equal(r->response.h.status, 200);
    }
    rig_free(r);
}

/* An exchange keeps the tenant that it began with. */
static void a_push_does_not_touch_what_runs(void **state)
{
    struct rig *r = rig_running();
    struct peer other;
    struct stored s;
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    assert_int_equal(kit_delete(&r->kit, "shop"), WEIR_OK);
    weir_workers_changed(r->workers, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("shop"), true);
    peer_dial(&other, &r->at);
    peer_send(&other, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    peer_read_response(&other, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 404);
    peer_send(&r->server, RIG_OK);
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 200);
    (void)rig_site(r, &s, "shop", "shop.example");
    rig_push(r, &s);
    rig_get(r, "/", RIG_OK); /* and the connection that was parked is still good */
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_CONNECTS), 1);
    peer_close(&other);
    rig_free(r);
}

/* -- drain -- */

static void await_drained(struct rig *r)
{
    for (int i = 0; i < PEER_WAIT_S * 100 && !weir_workers_drained(r->workers); i++)
        (void)usleep(10000);
    assert_true(weir_workers_drained(r->workers));
}

/* Until no worker listens any more. A listener that is closed while it is dialled resets: not yet
 * the response that is waited for. */
static void await_refusal(struct rig *r)
{
    struct sockaddr_storage sa;
    socklen_t len = weir_addr_to_sockaddr(&r->at, &sa);
    int refused = 0;
    for (int i = 0; i < PEER_WAIT_S * 100 && refused != ECONNREFUSED; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&sa, len) < 0)
            refused = errno;
        else
            (void)usleep(10000);
        close(fd);
    }
    assert_int_equal(refused, ECONNREFUSED);
}

static void drain_finishes_what_runs_and_closes_what_does_not(void **state)
{
    struct rig *r = rig_new();
    struct peer idle, begun;
    r->cfg.num_workers = 2;
    rig_start(r);
    peer_dial(&idle, &r->at);
    peer_send(&idle, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    peer_read_response(&idle, &r->response, WEIR_METHOD_GET);
    peer_dial(&begun, &r->at);
    peer_send(&begun, "GET / HTTP/1.1\r\nHost: shop.ex");
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);

    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 3);
    weir_workers_drain(r->workers, 60000);
    peer_expect_end(&idle);
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 2);
    assert_false(weir_workers_drained(r->workers));
    await_refusal(r);

    peer_send(&begun, "ample\r\n\r\n"); /* a request that had begun is served */
    struct peer second;
    peer_accept(&second, r->origin);
    peer_read_request(&second, &r->request);
    peer_send(&second, RIG_OK);
    peer_read_response(&begun, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 200);
    assert_true(r->response.h.connection_close);
    peer_expect_end(&begun);
    peer_close(&begun);

    peer_send(&r->server, RIG_OK);
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 200);
    assert_true(r->response.h.connection_close);
    peer_expect_end(&r->client);
    peer_close(&r->client);
    await_drained(r);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"outcome\":\"ok\""), 2);
    peer_close(&idle);
    peer_close(&second);
    rig_free(r);
}

/* The kernel holds a connection back until its first bytes; closing the listener would reset it. */
static void drain_serves_clients_that_had_connected_before_it(void **state)
{
    struct rig *r = rig_running();
    struct peer idle, silent;
    peer_dial(&idle, &r->at);
    peer_send(&idle, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    peer_read_response(&idle, &r->response, WEIR_METHOD_GET);
    peer_dial(&silent, &r->at);
    peer_dial(&r->client, &r->at);
    weir_workers_drain(r->workers, 60000);
    peer_expect_end(&idle); /* the drain has begun */
    peer_send(&r->client, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 404);
    assert_true(r->response.h.connection_close);
    peer_expect_end(&r->client);
    peer_expect_end(&silent); /* a silent connection does not hold it up */
    await_drained(r);
    peer_close(&idle);
    peer_close(&silent);
    peer_close(&r->client);
    rig_free(r);
}

static void drain_cuts_at_its_deadline(void **state)
{
    struct rig *r = rig_running();
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    weir_workers_drain(r->workers, 60000);
    weir_workers_drain(r->workers, 100); /* a later word counts */
    assert_int_equal(peer_receive(&r->client), -1);
    assert_int_equal(peer_receive(&r->server), 0);
    await_drained(r);
    rig_free(r);
}

static void draining_an_idle_group_is_over_at_once(void **state)
{
    struct rig *r = rig_new();
    r->cfg.num_workers = 3;
    rig_start(r);
    weir_workers_drain(r->workers, 0);
    await_drained(r);
    rig_free(r);
}

/* -- stop -- */

/* A client that does not read, behind a response of this many bytes. */
static void begin_blocked_response(struct rig *r, struct peer *client, struct peer *server,
                                   bool chunked)
{
    static char block[65536];
    peer_dial(client, &r->at);
    peer_send(client, "GET /big HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    peer_accept(server, r->origin);
    peer_read_request(server, &r->request);
    peer_send(server, chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n"
                              : "HTTP/1.1 200 OK\r\nContent-Length: 268435455\r\n\r\n");
    for (;;) {
        ssize_t n = send(server->fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            continue;
        struct pollfd p = { .fd = server->fd, .events = POLLOUT };
        if (poll(&p, 1, 300) == 0)
            return; /* nothing moves any more */
    }
}

static void stop_with_connections_in_every_state_leaves_nothing_behind(void **state)
{
    static struct peer idle, half, body, waiting, blocked[2], servers[4];
    struct rig *r = rig_running();
    struct peer silent;
    peer_dial(&silent, &r->at);
    peer_dial(&idle, &r->at);
    peer_send(&idle, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    peer_read_response(&idle, &r->response, WEIR_METHOD_GET);
    peer_dial(&half, &r->at);
    peer_send(&half, "GET / HTTP/1.1\r\nHost: shop.example\r\nA:");
    peer_dial(&waiting, &r->at);
    peer_send(&waiting, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    peer_accept(&servers[0], r->origin);
    peer_dial(&body, &r->at);
    peer_send(&body, "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100\r\n\r\nhalf");
    peer_accept(&servers[1], r->origin);
    begin_blocked_response(r, &blocked[0], &servers[2], false);
    begin_blocked_response(r, &blocked[1], &servers[3], true);
    peer_dial(&r->client, &r->at); /* refused, and lingering */
    peer_send(&r->client, "nonsense\r\n\r\n");
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 8);
    rig_free(r);
    struct peer *const all[] = { &silent,     &idle,       &half,       &waiting,
                                 &body,       &blocked[0], &blocked[1], &servers[0],
                                 &servers[1], &servers[2], &servers[3] };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(all); i++)
        peer_close(all[i]);
}

static void a_port_can_be_had_again_after_a_stop(void **state)
{
    struct rig *r = rig_running();
    rig_get(r, "/", RIG_OK);
    peer_close(&r->client);
    peer_close(&r->server);
    rig_stop(r);
    r->listen[0] = r->at;
    rig_start(r);
    assert_true(weir_addr_eq(&r->at, &r->listen[0]));
    rig_get(r, "/", RIG_OK);
    rig_free(r);
}

/* -- limits and faults of the start -- */

/* At the limit and one beyond: the others have begun a request, so that the third waits in the
 * backlog until there is room. */
static void no_more_connections_than_allowed_are_taken(void **state)
{
    struct rig *r = rig_new();
    struct peer peers[3];
    r->cfg.max_connections = 2;
    rig_start(r);
    for (int i = 0; i < 3; i++) {
        peer_dial(&peers[i], &r->at);
        peer_send(&peers[i], "GET / HTTP/1.1\r\nHost: nobody\r\n");
        if (i < 2)
            rig_await(r, WEIR_M_CONNECTIONS_OPEN, (uint64_t)i + 1);
    }
    peer_send(&peers[2], "\r\n");
    assert_false(peer_ready(peers[2].fd, 300));
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_OPEN), 2);
    peer_close(&peers[0]);
    peer_read_response(&peers[2], &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 404);
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_REFUSED), 0);
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_SHED), 0);
    peer_close(&peers[1]);
    peer_close(&peers[2]);
    rig_free(r);
}

static void a_taken_port_is_named(void **state)
{
    struct rig *r = rig_new();
    r->listen[1] = r->origin_at;
    r->cfg.num_http = 2;
    assert_int_equal(weir_workers_start(&r->cfg, &r->workers, &r->error), WEIR_EINUSE);
    assert_null(r->workers);
    assert_true(weir_addr_eq(&r->error.listener, &r->origin_at));
    assert_int_equal(r->error.sys_errno, EADDRINUSE);
    assert_string_equal(r->error.what, "bind");
    rig_free(r);
}

static void an_address_of_another_host_is_named(void **state)
{
    struct rig *r = rig_new();
    r->cfg.num_http = 2;
    r->cfg.num_workers = 2;
    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("192.0.2.77:8080"), &r->listen[1]), WEIR_OK);
    assert_int_equal(weir_workers_start(&r->cfg, &r->workers, &r->error), WEIR_EINVAL);
    assert_null(r->workers);
    assert_true(weir_addr_eq(&r->error.listener, &r->listen[1]));
    assert_int_equal(r->error.sys_errno, EADDRNOTAVAIL);
    rig_free(r);
}

static void a_start_without_memory_reports_it_and_leaves_nothing(void **state)
{
    struct rig *r = rig_new();
    enum weir_err err = WEIR_ENOMEM;
    long n = 1;
    r->cfg.num_workers = 2;
    assert_int_equal(weir_access_log_open(r->log_path, 2, &r->cfg.access_log), WEIR_OK);
    for (; err != WEIR_OK; n++) {
        assert_true(n < 200);
        weir_failalloc_after(n);
        err = weir_workers_start(&r->cfg, &r->workers, &r->error);
        weir_failalloc_after(-1);
        if (err == WEIR_OK)
            break;
        assert_int_equal(err, WEIR_ENOMEM);
        assert_null(r->workers);
        assert_string_equal(r->error.what, "memory");
        weir_access_log_close(&r->cfg.access_log); /* a writer is given once */
        assert_int_equal(weir_access_log_open(r->log_path, 2, &r->cfg.access_log), WEIR_OK);
    }
    assert_true(n > 3);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_goes_through),
        cmocka_unit_test(connections_of_both_sides_are_used_again),
        cmocka_unit_test(pipelined_requests_get_their_responses_in_order),
        cmocka_unit_test(a_thousand_pipelined_requests_all_get_responses),
        cmocka_unit_test(one_connection_does_not_occupy_a_worker),
        cmocka_unit_test(records_begin_with_the_first_reader_of_a_log_that_is_off),
        cmocka_unit_test(a_request_that_is_none_is_refused_and_the_connection_closed),
        cmocka_unit_test(a_head_may_come_in_two_reads_cut_anywhere),
        cmocka_unit_test(both_workers_serve),
        cmocka_unit_test(every_listener_has_a_port_of_its_own),
        cmocka_unit_test(a_wildcard_listener_knows_the_address_it_was_reached_at),
        cmocka_unit_test(a_push_is_in_force_when_it_is_acknowledged),
        cmocka_unit_test(a_push_does_not_touch_what_runs),
        cmocka_unit_test(drain_finishes_what_runs_and_closes_what_does_not),
        cmocka_unit_test(drain_serves_clients_that_had_connected_before_it),
        cmocka_unit_test(drain_cuts_at_its_deadline),
        cmocka_unit_test(draining_an_idle_group_is_over_at_once),
        cmocka_unit_test(stop_with_connections_in_every_state_leaves_nothing_behind),
        cmocka_unit_test(a_port_can_be_had_again_after_a_stop),
        cmocka_unit_test(no_more_connections_than_allowed_are_taken),
        cmocka_unit_test(a_taken_port_is_named),
        cmocka_unit_test(an_address_of_another_host_is_named),
        cmocka_unit_test(a_start_without_memory_reports_it_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
