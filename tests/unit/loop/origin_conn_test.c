/* SPDX-License-Identifier: Apache-2.0
 *
 * origin_conn_test.c - connections to endpoints through a running worker: parked, used again,
 * waited for, retried, failed over, timed out, dialled ahead, looked up.
 */
#include "tests/unit/loop/loop_rig.h"

#define GET_SHOP  "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
#define POST_SHOP "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 2\r\n\r\nhi"

static void assert_status(struct rig *r, struct peer *client, uint16_t status)
{
    peer_read_response(client, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, status);
}

static void serve(struct rig *r, struct peer *server)
{
    peer_read_request(server, &r->request);
    peer_send(server, RIG_OK);
}

/* -- retries: RFC 9110 9.2.2 -- */

static void a_get_on_a_parked_connection_that_ends_is_sent_again(void **state)
{
    struct rig *r = rig_running();
    struct peer fresh;
    rig_get(r, "/", RIG_OK);
    peer_send(&r->client, GET_SHOP);
    peer_read_request(&r->server, &r->request);
    peer_close(&r->server);
    peer_accept(&fresh, r->origin);
    serve(r, &fresh);
    assert_status(r, &r->client, 200);
    assert_int_equal(rig_metric(r, WEIR_M_REQUESTS_RETRIED), 1);
    peer_close(&fresh);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"outcome\":\"retried_ok\""), 1);
    rig_free(r);
}

static void a_request_is_sent_again_once_and_not_twice(void **state)
{
    struct rig *r = rig_running();
    struct peer fresh;
    rig_get(r, "/", RIG_OK);
    peer_send(&r->client, GET_SHOP);
    peer_read_request(&r->server, &r->request);
    peer_close(&r->server);
    peer_accept(&fresh, r->origin);
    peer_read_request(&fresh, &r->request);
    peer_close(&fresh);
    assert_status(r, &r->client, 502);
    assert_false(peer_ready(r->origin, 100));
    rig_free(r);
}

static void a_request_that_may_have_been_acted_on_is_not_sent_again(void **state)
{
    static const char *const responses[] = { NULL, "HTTP/1.1 1", "HTTP/1.1 100 Continue\r\n\r\n" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(responses); i++) {
        struct rig *r = rig_running();
        peer_dial(&r->client, &r->at);
        peer_send(&r->client, responses[i] == NULL ? POST_SHOP : GET_SHOP);
        peer_accept(&r->server, r->origin);
        peer_read_request(&r->server, &r->request);
        if (responses[i] != NULL)
            peer_send(&r->server, responses[i]);
        peer_close(&r->server);
        if (i == 2)
            assert_status(r, &r->client, 100);
        assert_status(r, &r->client, 502);
        assert_false(peer_ready(r->origin, 100));
        assert_int_equal(rig_metric(r, WEIR_M_REQUESTS_RETRIED), 0);
        rig_free(r);
    }
}

/* A parked connection whose end waits unread would cost a POST its response. */
static void a_post_is_not_risked_on_a_parked_connection_that_has_ended(void **state)
{
    struct rig *r = rig_running_freezable();
    struct peer fresh;
    rig_get(r, "/", RIG_OK);
    rig_await(r, WEIR_M_UPSTREAM_IDLE, 1);
    rig_freeze();
    peer_send(&r->client, POST_SHOP);
    (void)usleep(20000);
    peer_close(&r->server);
    (void)usleep(20000);
    rig_unfreeze();
    peer_accept(&fresh, r->origin);
    peer_read_request(&fresh, &r->request);
    assert_true(message_body_is(&r->request, "hi"));
    peer_send(&fresh, RIG_OK);
    assert_status(r, &r->client, 200);
    assert_int_equal(rig_metric(r, WEIR_M_REQUESTS_RETRIED), 0);
    peer_close(&fresh);
    rig_free_freezable(r);
}

/* -- whose connection it was -- */

/* Bytes that come after a response belong to no request. They must not become the response of
 * another tenant that shares the server. */
static void stray_bytes_for_one_tenant_are_never_the_response_to_another(void **state)
{
    struct rig *r = rig_running_freezable();
    struct peer other, fresh;
    struct stored s;
    (void)rig_site(r, &s, "other", "other.example");
    rig_push(r, &s);
    rig_get(r, "/", RIG_OK);
    rig_await(r, WEIR_M_UPSTREAM_IDLE, 1);
    peer_dial(&other, &r->at);
    peer_send(&other, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    assert_status(r, &other, 404);
    rig_freeze();
    peer_send(&other, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
    (void)usleep(20000);
    peer_send(&r->server, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
    (void)usleep(20000);
    rig_unfreeze();
    peer_accept(&fresh, r->origin);
    serve(r, &fresh);
    assert_status(r, &other, 200);
    assert_true(message_body_is(&r->response, "ok"));
    peer_close(&fresh);
    peer_close(&other);
    rig_free_freezable(r);
}

/* -- waiting -- */

static Weir__V1__Upstream *put_one_at_a_time(struct rig *r, struct stored *s)
{
    Weir__V1__Upstream *u = rig_site(r, s, "shop", "shop.example");
    u->pool->has_max = 1;
    u->pool->max = 1;
    u->has_connect_timeout = 1;
    u->connect_timeout = 20000;
    return u;
}

/* A record has no key whose number is 0. */
static unsigned long long number_behind(const char *record, const char *key)
{
    const char *at = strstr(record, key);
    return at != NULL ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void requests_that_wait_are_served_in_order_on_the_one_connection(void **state)
{
    struct rig *r = rig_running();
    struct peer clients[4];
    struct stored s;
    (void)put_one_at_a_time(r, &s);
    rig_push(r, &s);
    for (int i = 0; i < 4; i++) {
        char request[128];
        (void)snprintf(request, sizeof(request), "GET /%d HTTP/1.1\r\nHost: shop.example\r\n\r\n",
                       i);
        uint64_t before = rig_metric(r, WEIR_M_DOWNSTREAM_BYTES_IN);
        peer_dial(&clients[i], &r->at);
        peer_send(&clients[i], request);
        rig_await(r, WEIR_M_DOWNSTREAM_BYTES_IN, before + strlen(request));
    }
    peer_accept(&r->server, r->origin);
    for (int i = 0; i < 4; i++) {
        serve(r, &r->server);
        assert_int_equal(r->request.head[r->request.h.path_at + 1], '0' + i);
        assert_status(r, &clients[i], 200);
        peer_close(&clients[i]);
    }
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_CONNECTS), 1);
    rig_stop(r);
    /* Three others were served meanwhile: that is time in the queue, not of a connect. */
    const char *record = rig_log_line(r, "\"path\":\"/3\"");
    assert_true(number_behind(record, "\"queue_us\":") > number_behind(record, "\"connect_us\":"));
    rig_free(r);
}

static void a_request_that_waits_gets_a_connection_when_the_one_in_use_ends(void **state)
{
    struct rig *r = rig_running();
    struct peer second, fresh;
    struct stored s;
    (void)put_one_at_a_time(r, &s);
    rig_push(r, &s);
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, GET_SHOP);
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_dial(&second, &r->at);
    peer_send(&second, GET_SHOP);
    peer_reset(&r->server); /* the first is sent again, behind the second or before it */
    for (int i = 0; i < 2; i++) {
        peer_accept(&fresh, r->origin);
        peer_read_request(&fresh, &r->request);
        peer_send(&fresh, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        peer_close(&fresh);
    }
    assert_status(r, &r->client, 200);
    assert_status(r, &second, 200);
    peer_close(&second);
    rig_free(r);
}

/* The server is well: it was weir that let them wait. */
static void waiting_too_long_is_503_and_not_held_against_the_endpoint(void **state)
{
    struct rig *r = rig_running();
    struct peer second, fresh;
    struct weir_addr backup_at;
    struct stored s;
    char backup_text[WEIR_ADDR_TEXT_MAX];
    int backup = peer_listen(&backup_at);
    (void)weir_addr_text(&backup_at, backup_text);
    Weir__V1__Upstream *u = put_one_at_a_time(r, &s);
    Weir__V1__Endpoint *e = stored_endpoint(&s, u, backup_text);
    e->has_backup = e->backup = 1;
    u->connect_timeout = 200;
    rig_push(r, &s);
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, GET_SHOP);
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    peer_dial(&second, &r->at);
    peer_send(&second, GET_SHOP);
    assert_status(r, &second, 503);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_TIMEOUTS), 0);
    peer_send(&r->server, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    assert_status(r, &r->client, 200);
    peer_send(&second, GET_SHOP);
    peer_accept(&fresh, r->origin); /* and not the backup */
    serve(r, &fresh);
    assert_status(r, &second, 200);
    assert_false(peer_ready(backup, 0));
    close(backup);
    peer_close(&second);
    peer_close(&fresh);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"outcome\":\"overload\""), 1);
    rig_free(r);
}

/* -- endpoints that cannot be reached -- */

static void put_endpoints(struct rig *r, const char *first, const char *second)
{
    struct stored s;
    stored_init(&s, "shop");
    stored_host(&s, "shop.example");
    Weir__V1__Upstream *u = stored_upstream(&s, "web");
    stored_endpoint(&s, u, first);
    if (second != NULL)
        stored_endpoint(&s, u, second);
    u->pool = stored_new(&s, sizeof(*u->pool));
    weir__v1__pool__init(u->pool);
    u->pool->has_min_idle = 1;
    rig_push(r, &s);
}

/* An address without a listener. */
static void dead_address(char text[WEIR_ADDR_TEXT_MAX])
{
    struct weir_addr at;
    close(peer_listen(&at));
    (void)weir_addr_text(&at, text);
}

static void the_next_endpoint_is_tried_whatever_the_method(void **state)
{
    char dead[WEIR_ADDR_TEXT_MAX];
    for (int i = 0; i < 2; i++) {
        struct rig *r = rig_running();
        dead_address(dead);
        put_endpoints(r, dead, r->origin_text);
        peer_dial(&r->client, &r->at);
        for (int k = 0; k < 4; k++) { /* round robin: the dead one's turn comes at least once */
            peer_send(&r->client, i ? POST_SHOP : GET_SHOP);
            if (r->server.fd < 0)
                peer_accept(&r->server, r->origin);
            serve(r, &r->server);
            assert_status(r, &r->client, 200);
        }
        assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_CONNECT_ERRORS), 1); /* then it is out */
        rig_stop(r);
        assert_int_equal(rig_log_count(r, "\"outcome\":\"retried_ok\""), 1);
        rig_free(r);
    }
}

static void without_any_endpoint_left_the_response_is_502(void **state)
{
    struct rig *r = rig_running();
    char dead[WEIR_ADDR_TEXT_MAX], dead2[WEIR_ADDR_TEXT_MAX];
    dead_address(dead);
    dead_address(dead2);
    put_endpoints(r, dead, dead2);
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, GET_SHOP);
    assert_status(r, &r->client, 502);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_CONNECT_ERRORS), 2);
    assert_int_equal(rig_metric(r, WEIR_M_UPSTREAM_NONE_LEFT), 1);
    rig_stop(r);
    assert_int_equal(rig_log_count(r, "\"outcome\":\"upstream_refused\""), 1);
    rig_free(r);
}

static void names_are_looked_up_and_unknown_ones_refused(void **state)
{
    struct rig *r = rig_running();
    char name[64];
    (void)snprintf(name, sizeof(name), "localhost:%u", r->origin_at.port);
    put_endpoints(r, name, NULL);
    rig_get(r, "/", RIG_OK);
    assert_int_equal(r->response.h.status, 200);
    put_endpoints(r, "no-such-name.invalid:80", NULL);
    peer_send(&r->client, GET_SHOP);
    assert_status(r, &r->client, 502);
    rig_free(r);
}

/* -- time -- */

struct limit_case {
    const char *request;
    const char *response; /* what the server sends before silence; NULL: it is not reached */
    uint16_t status;      /* 0: the response is cut */
    const char *outcome;
};

static const struct limit_case limits[] = {
    { GET_SHOP, "", 504, "upstream_timeout" },
    { GET_SHOP, "HTTP/1.1 200", 504, "upstream_timeout" },
    { GET_SHOP, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 0, "slow_upstream" },
    { GET_SHOP, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", 0,
      "slow_upstream" },
    { "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 9\r\n\r\nhalf", "", 408,
      "timed_out_body" },
    { "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nh", "", 408,
      "timed_out_body" },
    { "GET / HTTP/1.1\r\nHost: shop.example\r\nA: ", NULL, 408, "timed_out_head" },
};

static void put_quick(struct rig *r)
{
    struct stored s;
    Weir__V1__Http http = WEIR__V1__HTTP__INIT;
    Weir__V1__Upstream *u = rig_site(r, &s, "shop", "shop.example");
    u->has_response_timeout = u->has_body_timeout = 1;
    u->response_timeout = u->body_timeout = 150;
    http.has_head_timeout = http.has_body_timeout = http.has_idle_timeout = 1;
    http.head_timeout = http.body_timeout = http.idle_timeout = 150;
    s.t.http = &http;
    rig_push(r, &s);
}

static void every_wait_has_a_limit(void **state)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(limits); i++) {
        const struct limit_case *c = &limits[i];
        struct rig *r = rig_running();
        char outcome[64];
        uint64_t from = weir_clock_mono_ns();
        put_quick(r);
        peer_dial(&r->client, &r->at);
        peer_send(&r->client, c->request);
        if (c->response != NULL) {
            peer_accept(&r->server, r->origin);
            assert_true(peer_try_head(&r->server, WEIR_H1_REQUEST, &r->request));
            peer_send(&r->server, c->response);
        }
        assert_true(peer_try_head(&r->client, WEIR_H1_RESPONSE, &r->response));
        assert_int_equal(r->response.h.status, c->status ? c->status : 200);
        assert_int_equal(peer_try_body(&r->client, &r->response, WEIR_METHOD_GET), c->status != 0);
        uint64_t took_ms = (weir_clock_mono_ns() - from) / 1000000;
        assert_true(took_ms >= 150 && took_ms < 5000);
        if (c->response != NULL) {
            r->server.len = 0;
            assert_true(peer_receive(&r->server) <= 0);
        }
        rig_stop(r);
        (void)snprintf(outcome, sizeof(outcome), "\"outcome\":\"%s\"", c->outcome);
        assert_int_equal(rig_log_count(r, outcome), 1);
        rig_free(r);
    }
}

static void an_idle_client_is_closed_without_a_response(void **state)
{
    struct rig *r = rig_running();
    put_quick(r);
    rig_get(r, "/", RIG_OK);
    peer_expect_end(&r->client);
    rig_free(r);
}

/* -- ahead of demand -- */

static void connections_are_there_before_they_are_needed(void **state)
{
    struct rig *r = rig_running();
    struct peer ahead[3];
    struct stored s;
    Weir__V1__Upstream *u = rig_site(r, &s, "shop", "shop.example");
    u->pool->min_idle = 3;
    rig_push(r, &s);
    rig_get(r, "/", RIG_OK);
    for (int i = 0; i < 2; i++) /* the first is parked again: two more make three */
        peer_accept(&ahead[i], r->origin);
    rig_await(r, WEIR_M_UPSTREAM_IDLE, 3);
    assert_false(peer_ready(r->origin, 200));
    peer_close(&ahead[0]);
    peer_close(&ahead[1]);
    rig_free(r);
}

/* Issue: an origin that closes what it has not been asked anything on was reconnected to for ever.
 */
static void an_origin_that_ends_unused_connections_gets_no_more_until_it_has_served(void **state)
{
    struct rig *r = rig_running();
    struct peer ahead;
    struct stored s;
    Weir__V1__Upstream *u = rig_site(r, &s, "shop", "shop.example");
    u->pool->min_idle = 2;
    rig_push(r, &s);
    rig_get(r, "/", RIG_OK);
    peer_accept(&ahead, r->origin);
    rig_await(r, WEIR_M_UPSTREAM_IDLE, 2);
    peer_close(&ahead);
    rig_await(r, WEIR_M_UPSTREAM_UNUSED_ENDED, 1);
    assert_false(peer_ready(r->origin, 1500)); /* longer than the first back-off */
    rig_get(r, "/", RIG_OK);
    rig_get(r, "/", RIG_OK); /* want of a connection is noticed when one is taken */
    peer_accept(&ahead, r->origin);
    rig_await(r, WEIR_M_UPSTREAM_IDLE, 2);
    peer_close(&ahead);
    rig_free(r);
}

/* Dialling ahead to a server that is gone marks it, and so comes to rest. */
static void a_dead_endpoint_is_not_dialled_ahead_without_end(void **state)
{
    struct rig *r = rig_running();
    struct stored s;
    Weir__V1__Upstream *u = rig_site(r, &s, "shop", "shop.example");
    u->pool->min_idle = 2;
    rig_push(r, &s);
    rig_get(r, "/", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    close(r->origin);
    peer_close(&r->server);
    (void)usleep(900000); /* 14 ticks: without end there would be 28 */
    assert_in_range(rig_metric(r, WEIR_M_UPSTREAM_CONNECT_ERRORS), 1, 4);
    r->origin = peer_listen(&r->origin_at);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_on_a_parked_connection_that_ends_is_sent_again),
        cmocka_unit_test(a_request_is_sent_again_once_and_not_twice),
        cmocka_unit_test(a_request_that_may_have_been_acted_on_is_not_sent_again),
        cmocka_unit_test(a_post_is_not_risked_on_a_parked_connection_that_has_ended),
        cmocka_unit_test(stray_bytes_for_one_tenant_are_never_the_response_to_another),
        cmocka_unit_test(requests_that_wait_are_served_in_order_on_the_one_connection),
        cmocka_unit_test(a_request_that_waits_gets_a_connection_when_the_one_in_use_ends),
        cmocka_unit_test(waiting_too_long_is_503_and_not_held_against_the_endpoint),
        cmocka_unit_test(the_next_endpoint_is_tried_whatever_the_method),
        cmocka_unit_test(without_any_endpoint_left_the_response_is_502),
        cmocka_unit_test(names_are_looked_up_and_unknown_ones_refused),
        cmocka_unit_test(every_wait_has_a_limit),
        cmocka_unit_test(an_idle_client_is_closed_without_a_response),
        cmocka_unit_test(connections_are_there_before_they_are_needed),
        cmocka_unit_test(an_origin_that_ends_unused_connections_gets_no_more_until_it_has_served),
        cmocka_unit_test(a_dead_endpoint_is_not_dialled_ahead_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
