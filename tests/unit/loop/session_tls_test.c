/* SPDX-License-Identifier: Apache-2.0
 *
 * session_tls_test.c - requests over TLS through running workers: what the client sees, what the
 * origin is told, and what becomes of those who speak something else.
 */
#include "node/loop/session/session_tls.h"
#include "node/loop/worker_tls.h"
#include "tests/support/cert_sites.h"
#include "tests/support/tls_peer.h"
#include "tests/unit/loop/loop_rig.h"

#define GET "GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"

static const struct weir_secret secret = { { 7 } };
static struct tls_peer client;

static struct rig *tls_rig(uint32_t workers, int nid, unsigned bits)
{
    struct rig *r = rig_new();
    r->cfg.num_workers = workers;
    r->cfg.secret = &secret;
    r->cfg.handshake_timeout_ms = 10000;
    r->cfg.num_http = 0;
    r->cfg.https = r->listen;
    r->cfg.num_https = 1;
    cert_sites_put(&r->kit, &secret, "shop", "shop.example",
                   &(struct cert_spec){ .nid = nid, .bits = bits });
    rig_start(r);
    tls_peer_init(&client);
    return r;
}

static void tls_rig_free(struct rig *r)
{
    tls_peer_deinit(&client);
    rig_free(r);
}

/* One request on the client's connection, passed to the origin and back. */
static void exchange(struct rig *r)
{
    tls_peer_send(&client, WEIR_SPAN_LIT(GET));
    if (r->server.fd < 0)
        peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_send(&r->server, RIG_OK);
    tls_peer_await(&client, "HTTP/1.1 200 OK\r\n");
    tls_peer_await(&client, "\r\n\r\nok");
}

static bool origin_saw(const struct rig *r, const char *field, const char *value)
{
    return weir_span_eq(message_field(&r->request, field), weir_span_cstr(value));
}

static void a_request_over_tls_is_served_and_recorded(void **state)
{
    struct rig *r = tls_rig(1, 0, 0);
    tls_peer_connect(&client, &r->at, "shop.example");
    assert_int_equal(client.tls.version, WEIR_TLS_1_3);
    exchange(r);
    exchange(r);
    assert_true(origin_saw(r, "x-forwarded-proto", "https"));
    tls_peer_close(&client);
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 0);
    assert_int_equal(rig_metric(r, WEIR_M_TLS_HANDSHAKES), 1);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"scheme\":\"https\""), 2);
    tls_rig_free(r);
}

static void a_request_that_comes_with_the_last_flight_is_served(void **state)
{
    struct rig *r = tls_rig(1, 0, 0);
    for (uint8_t version = WEIR_TLS_1_2; version <= WEIR_TLS_1_3; version *= 2) {
        struct weir_tls_dial dial = { .sni = "shop.example", .versions = version };
        tls_peer_begin(&client, &r->at, &dial);
        assert_true(tls_peer_handshake(&client, WEIR_SPAN_LIT(GET GET)));
        for (int i = 0; i < 2; i++) {
            if (r->server.fd < 0)
                peer_accept(&r->server, r->origin);
            peer_read_request(&r->server, &r->request);
            peer_send(&r->server, RIG_OK);
            tls_peer_await(&client, "\r\n\r\nok");
        }
    }
    tls_rig_free(r);
}

static void a_host_of_another_tenant_gets_421(void **state)
{
    struct rig *r = tls_rig(1, 0, 0);
    struct stored s;
    (void)rig_site(r, &s, "other", "other.example");
    rig_push(r, &s);
    tls_peer_connect(&client, &r->at, "shop.example");
    tls_peer_send(&client, WEIR_SPAN_LIT("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"));
    tls_peer_await(&client, "HTTP/1.1 421 Misdirected Request\r\n");
    tls_peer_await(&client, "\r\n\r\n");
    client.num_got = 0;
    tls_peer_send(&client, WEIR_SPAN_LIT("GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n"));
    tls_peer_await(&client, "HTTP/1.1 421 Misdirected Request\r\n");
    assert_int_equal(rig_metric(r, WEIR_M_REQUESTS_MISDIRECTED), 2);
    tls_rig_free(r);
}

static void who_asks_for_what_is_not_here_is_told_by_an_alert(void **state)
{
    static const struct {
        const char *sni;
        uint8_t alert;
        enum weir_metric metric;
    } cases[] = {
        { "nobody.example", 112, WEIR_M_TLS_FAILED_UNKNOWN_NAME },
        { NULL, 112, WEIR_M_TLS_FAILED_UNKNOWN_NAME },
        { "bare.example", 40, WEIR_M_TLS_FAILED_NO_CERTIFICATE },
    };
    struct rig *r = tls_rig(1, 0, 0);
    struct stored s;
    (void)rig_site(r, &s, "bare", "bare.example");
    rig_push(r, &s);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_tls_dial dial = { .sni = cases[i].sni, .versions = WEIR_TLS_1_3 };
        uint64_t before = rig_metric(r, cases[i].metric);
        tls_peer_begin(&client, &r->at, &dial);
        assert_false(tls_peer_handshake(&client, WEIR_SPAN_EMPTY));
        assert_int_equal(client.tls.fault, WEIR_TLS_FAULT_ALERT);
        assert_int_equal(client.tls.alert, cases[i].alert);
        rig_await(r, cases[i].metric, before + 1);
    }
    tls_peer_close(&client);
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 0);
    tls_rig_free(r);
}

static void http_in_clear_is_told_so_in_clear(void **state)
{
    struct rig *r = tls_rig(1, 0, 0);
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, GET);
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 400);
    assert_non_null(memmem(r->response.body, r->response.body_len, "https", 5));
    peer_expect_end(&r->client);
    rig_await(r, WEIR_M_TLS_FAILED_HTTP, 1);
    tls_rig_free(r);
}

static void who_says_nothing_is_closed_in_time(void **state)
{
    struct rig *r = rig_new();
    r->cfg.secret = &secret;
    r->cfg.handshake_timeout_ms = 300;
    r->cfg.https = r->listen;
    r->cfg.num_https = 1;
    r->cfg.num_http = 0;
    rig_start(r);
    tls_peer_init(&client);
    struct weir_tls_dial dial = { .sni = "shop.example", .versions = WEIR_TLS_1_3 };
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "\x16\x03\x01");
    peer_expect_end(&r->client);
    assert_int_equal(rig_metric(r, WEIR_M_TLS_TIMED_OUT), 1);
    cert_sites_put(&r->kit, &secret, "shop", "shop.example", &(struct cert_spec){ 0 });
    weir_workers_changed(r->workers, WEIR_CLASS_CERT, WEIR_SPAN_LIT("shop/x"), true);
    tls_peer_begin(&client, &r->at, &dial); /* the hello, and never a Finished */
    while (tls_peer_fill(&client))
        continue;
    assert_int_equal(rig_metric(r, WEIR_M_TLS_TIMED_OUT), 2);
    tls_rig_free(r);
}

static void a_slow_key_signs_beside_the_loop(void **state)
{
    struct rig *r = tls_rig(1, NID_rsaEncryption, 3072);
    for (int i = 0; i < 3; i++) {
        tls_peer_connect(&client, &r->at, "shop.example");
        exchange(r);
    }
    /* Gone before its signature is there. */
    for (int i = 0; i < 20; i++) {
        struct weir_tls_dial dial = { .sni = "shop.example", .versions = WEIR_TLS_1_3 };
        tls_peer_begin(&client, &r->at, &dial);
        peer_reset(&client.socket);
    }
    tls_peer_close(&client);
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 0);
    tls_rig_free(r);
}

/* More hellos for one tenant's slow key than signatures can wait: the other tenant is served. */
static void a_slow_key_leaves_signatures_to_other_tenants(void **state)
{
    enum { NUM = 2 * WEIR_SIGNATURES_MAX };
    static int fds[NUM];
    struct rig *r = tls_rig(1, NID_rsaEncryption, 3072);
    struct weir_tls_dial dial = { .sni = "other.example", .versions = WEIR_TLS_1_3 };
    struct stored s;
    (void)rig_site(r, &s, "other", "other.example");
    rig_push(r, &s);
    cert_sites_put(&r->kit, &secret, "other", "other.example",
                   &(struct cert_spec){ .nid = NID_rsaEncryption, .bits = 4096 });
    weir_workers_changed(r->workers, WEIR_CLASS_CERT, WEIR_SPAN_LIT("other/x"), true);
    for (int i = 0; i < NUM; i++) {
        tls_peer_begin(&client, &r->at, &dial);
        fds[i] = client.socket.fd;
        client.socket.fd = -1;
    }
    tls_peer_connect(&client, &r->at, "shop.example");
    exchange(r);
    for (int i = 0; i < NUM; i++)
        close(fds[i]);
    tls_rig_free(r);
}

static void a_session_resumes_at_every_worker(void **state)
{
    struct rig *r = tls_rig(2, 0, 0);
    tls_peer_connect(&client, &r->at, "shop.example");
    exchange(r);
    assert_non_null(client.session);
    for (int i = 0; i < 8; i++) {
        struct weir_tls_dial dial = { .sni = "shop.example",
                                      .versions = WEIR_TLS_1_3,
                                      .session = client.session };
        tls_peer_begin(&client, &r->at, &dial);
        assert_true(tls_peer_handshake(&client, WEIR_SPAN_EMPTY));
        assert_true(client.tls.resumed);
    }
    assert_int_equal(rig_metric(r, WEIR_M_TLS_HANDSHAKES), 1);
    tls_rig_free(r);
}

/* A response of 3 MiB that the client takes in small reads, after a pause. */
static void a_large_response_reaches_a_slow_reader_whole(void **state)
{
    enum { LEN = 3 << 20 };
    static uint8_t body[LEN];
    struct rig *r = tls_rig(1, 0, 0);
    for (size_t i = 0; i < LEN; i++)
        body[i] = (uint8_t)(i * 7 + i / 509);
    tls_peer_connect(&client, &r->at, "shop.example");
    tls_peer_send(&client, WEIR_SPAN_LIT(GET));
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_send(&r->server, "HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n");
    int flags = fcntl(r->server.fd, F_GETFL);
    assert_int_equal(fcntl(r->server.fd, F_SETFL, flags | O_NONBLOCK), 0);
    size_t sent = 0, checked = 0;
    tls_peer_await(&client, "\r\n\r\n");
    while (checked < LEN) {
        ssize_t n = sent < LEN ? send(r->server.fd, body + sent, LEN - sent, MSG_NOSIGNAL) : 0;
        sent += n > 0 ? (size_t)n : 0;
        if (client.num_got == 0)
            assert_true(tls_peer_receive(&client));
        assert_true(client.num_got <= LEN - checked);
        assert_memory_equal(client.got, body + checked, client.num_got);
        checked += client.num_got;
        client.num_got = 0;
    }
    tls_rig_free(r);
}

static void a_large_request_reaches_the_origin_whole(void **state)
{
    enum { LEN = 1 << 20 };
    static uint8_t body[LEN];
    struct rig *r = tls_rig(1, 0, 0);
    for (size_t i = 0; i < LEN; i++)
        body[i] = (uint8_t)(i * 13 + i / 211);
    tls_peer_connect(&client, &r->at, "shop.example");
    tls_peer_send(&client, WEIR_SPAN_LIT("POST / HTTP/1.1\r\nHost: shop.example\r\n"
                                         "Content-Length: 1048576\r\n\r\n"));
    peer_accept(&r->server, r->origin);
    for (size_t at = 0; at < LEN; at += 65536)
        tls_peer_send(&client, weir_span(body + at, 65536));
    peer_read_request(&r->server, &r->request);
    assert_int_equal(r->request.body_len, LEN);
    assert_memory_equal(r->request.body, body, LEN);
    peer_send(&r->server, RIG_OK);
    tls_peer_await(&client, "\r\n\r\nok");
    tls_rig_free(r);
}

static void a_last_response_ends_in_order(void **state)
{
    struct rig *r = tls_rig(1, 0, 0);
    tls_peer_connect(&client, &r->at, "shop.example");
    tls_peer_send(
        &client,
        WEIR_SPAN_LIT("GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"));
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_send(&r->server, RIG_OK);
    tls_peer_await(&client, "\r\n\r\nok");
    assert_false(tls_peer_receive(&client));
    assert_true(client.ended);
    tls_rig_free(r);
}

/* An origin that ends in the middle of a body must not look like the end of the response. */
static void a_cut_response_ends_without_close_notify(void **state)
{
    struct rig *r = tls_rig(1, 0, 0);
    tls_peer_connect(&client, &r->at, "shop.example");
    tls_peer_send(&client, WEIR_SPAN_LIT(GET));
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_send(&r->server, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    tls_peer_await(&client, "half");
    peer_close(&r->server);
    assert_false(tls_peer_receive(&client));
    assert_false(client.ended);
    tls_rig_free(r);
}

static void a_drain_waits_for_a_handshake_that_runs(void **state)
{
    struct rig *r = tls_rig(1, 0, 0);
    struct weir_tls_dial dial = { .sni = "shop.example", .versions = WEIR_TLS_1_3 };
    tls_peer_begin(&client, &r->at, &dial);
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 1);
    weir_workers_drain(r->workers, 10000);
    assert_true(tls_peer_handshake(&client, WEIR_SPAN_LIT(GET)));
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_send(&r->server, RIG_OK);
    tls_peer_await(&client, "\r\n\r\nok");
    rig_await(r, WEIR_M_CONNECTIONS_OPEN, 0);
    tls_rig_free(r);
}

static int free_keys(void **state)
{
    cert_keys_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_over_tls_is_served_and_recorded),
        cmocka_unit_test(a_request_that_comes_with_the_last_flight_is_served),
        cmocka_unit_test(a_host_of_another_tenant_gets_421),
        cmocka_unit_test(who_asks_for_what_is_not_here_is_told_by_an_alert),
        cmocka_unit_test(http_in_clear_is_told_so_in_clear),
        cmocka_unit_test(who_says_nothing_is_closed_in_time),
        cmocka_unit_test(a_slow_key_signs_beside_the_loop),
        cmocka_unit_test(a_slow_key_leaves_signatures_to_other_tenants),
        cmocka_unit_test(a_session_resumes_at_every_worker),
        cmocka_unit_test(a_large_response_reaches_a_slow_reader_whole),
        cmocka_unit_test(a_large_request_reaches_the_origin_whole),
        cmocka_unit_test(a_last_response_ends_in_order),
        cmocka_unit_test(a_cut_response_ends_without_close_notify),
        cmocka_unit_test(a_drain_waits_for_a_handshake_that_runs),
    };
    (void)setenv("UV_THREADPOOL_SIZE", "1", 1); /* signatures queue up sooner */
    return cmocka_run_group_tests(tests, NULL, free_keys);
}
