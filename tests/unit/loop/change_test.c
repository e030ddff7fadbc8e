/* SPDX-License-Identifier: Apache-2.0
 *
 * change_test.c - what changes while workers serve: listeners, limits, trusted prefixes, a drain
 * that is taken back. Real sockets, real threads; under TSan it is the test of what control and
 * workers share.
 */
#include "tests/support/failalloc.h"
#include "tests/support/origin.h"
#include "tests/unit/loop/loop_rig.h"

#define NOBODY "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n"

/* Ask a listener for a tenant that does not exist; a worker responds to that by itself. */
static void expect_served(struct rig *r, const struct weir_addr *at)
{
    struct peer p;
    peer_dial(&p, at);
    peer_send(&p, NOBODY);
    peer_read_response(&p, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 404);
    peer_close(&p);
}

static int connect_errno(const struct weir_addr *at)
{
    struct sockaddr_storage sa;
    socklen_t len = weir_addr_to_sockaddr(at, &sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)&sa, len) < 0 ? errno : 0;
    close(fd);
    return rc;
}

static void await_refusal(const struct weir_addr *at)
{
    int rc = 0;
    for (int i = 0; i < PEER_WAIT_S * 100 && rc != ECONNREFUSED; i++) {
        rc = connect_errno(at);
        if (rc != ECONNREFUSED)
            (void)usleep(10000);
    }
    assert_int_equal(rc, ECONNREFUSED);
}

static void await_drained(struct rig *r)
{
    for (int i = 0; i < PEER_WAIT_S * 100 && !weir_workers_drained(r->workers); i++)
        (void)usleep(10000);
    assert_true(weir_workers_drained(r->workers));
}

/* The change before may still be on its way to a worker. */
static enum weir_err change(struct rig *r)
{
    enum weir_err err = WEIR_EBUSY;
    for (int i = 0; i < PEER_WAIT_S * 100 && err == WEIR_EBUSY; i++) {
        err = weir_workers_change(r->workers, &r->cfg, &r->error);
        if (err == WEIR_EBUSY)
            (void)usleep(10000);
    }
    return err;
}

static void undrain(struct rig *r)
{
    enum weir_err err = WEIR_EBUSY;
    for (int i = 0; i < PEER_WAIT_S * 100 && err == WEIR_EBUSY; i++) {
        err = weir_workers_undrain(r->workers, &r->error);
        if (err == WEIR_EBUSY)
            (void)usleep(10000);
    }
    assert_int_equal(err, WEIR_OK);
}

static struct rig *running(uint32_t num_workers)
{
    struct rig *r = rig_new();
    r->cfg.num_workers = num_workers;
    rig_start(r);
    return r;
}

/* -- listeners -- */

static void a_listener_that_is_added_serves_beside_the_others(void **state)
{
    struct rig *r = running(2);
    struct weir_addr first = *weir_workers_bound(r->workers, 0);
    r->listen[1] = r->listen[0];
    r->cfg.num_http = 2;
    assert_int_equal(change(r), WEIR_OK);
    struct weir_addr second = *weir_workers_bound(r->workers, 1);
    assert_true(weir_addr_eq(&first, weir_workers_bound(r->workers, 0)));
    assert_int_not_equal(second.port, 0);
    assert_int_not_equal(second.port, first.port);
    for (int i = 0; i < 8; i++) {
        expect_served(r, &first);
        expect_served(r, &second);
    }
    rig_free(r);
}

static void a_listener_that_is_removed_refuses_and_its_connections_live_on(void **state)
{
    struct rig *r = rig_new();
    r->listen[1] = r->listen[0];
    r->listen[1].ip[15] = 2; /* 127.0.0.2 */
    r->cfg.num_workers = 2;
    r->cfg.num_http = 2;
    rig_start(r);
    struct weir_addr gone = *weir_workers_bound(r->workers, 1);
    struct weir_addr stays = r->at;
    r->at = gone;
    rig_get(r, "/", RIG_OK);
    r->cfg.num_http = 1;
    assert_int_equal(change(r), WEIR_OK);
    await_refusal(&gone);
    rig_get(r, "/again", RIG_OK); /* on the connection that there is */
    expect_served(r, &stays);
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_ACCEPTED) >= 2, 1);
    rig_free(r);
}

static void a_client_that_had_connected_to_a_removed_listener_is_served(void **state)
{
    struct rig *r = rig_new();
    r->listen[1] = r->listen[0];
    r->cfg.num_http = 2;
    rig_start(r);
    struct weir_addr gone = *weir_workers_bound(r->workers, 1);
    struct peer silent;
    peer_dial(&silent, &gone); /* TCP_DEFER_ACCEPT holds it back */
    r->cfg.num_http = 1;
    assert_int_equal(change(r), WEIR_OK);
    peer_send(&silent, NOBODY);
    peer_read_response(&silent, &r->response, WEIR_METHOD_GET);
    assert_int_equal(r->response.h.status, 404);
    peer_close(&silent);
    await_refusal(&gone);
    rig_free(r);
}

static void a_change_with_a_taken_port_changes_nothing(void **state)
{
    struct rig *r = running(2);
    struct weir_addr listen[3] = { r->listen[0], r->listen[0], r->origin_at };
    uint32_t connections = r->cfg.max_connections;
    r->cfg.http = listen + 1; /* it would also remove nothing and lower a limit */
    r->cfg.num_http = 2;
    r->cfg.max_connections = 1;
    assert_int_equal(change(r), WEIR_EINUSE);
    assert_true(weir_addr_eq(&r->error.listener, &r->origin_at));
    assert_string_equal(r->error.what, "bind");
    assert_true(weir_addr_eq(&r->at, weir_workers_bound(r->workers, 0)));
    struct peer peers[4];
    for (int i = 0; i < 4; i++) { /* the limit is the old one */
        peer_dial(&peers[i], &r->at);
        peer_send(&peers[i], NOBODY);
        peer_read_response(&peers[i], &r->response, WEIR_METHOD_GET);
    }
    for (int i = 0; i < 4; i++)
        peer_close(&peers[i]);
    r->cfg.http = r->listen;
    r->cfg.num_http = 1;
    r->cfg.max_connections = connections;
    assert_int_equal(change(r), WEIR_OK);
    expect_served(r, &r->at);
    rig_free(r);
}

static void the_wildcard_may_take_the_place_of_an_address_and_back(void **state)
{
    struct rig *r = running(2);
    struct weir_addr any = r->at;
    struct weir_addr one = r->at;
    memset(any.ip + 12, 0, 4);
    r->cfg.http = &any;
    assert_int_equal(change(r), WEIR_OK);
    expect_served(r, &r->at);
    rig_get(r, "/", RIG_OK);
    r->cfg.http = &one;
    assert_int_equal(change(r), WEIR_OK);
    expect_served(r, &r->at);
    rig_free(r);
}

static void a_change_without_memory_reports_it_and_leaves_nothing(void **state)
{
    struct rig *r = running(2);
    struct weir_prefix trusted[2] = { { .len = 104 }, { .len = 128 } };
    enum weir_err err = WEIR_ENOMEM;
    r->listen[1] = r->listen[0];
    r->cfg.num_http = 2;
    r->cfg.trusted = trusted;
    r->cfg.num_trusted = 2;
    for (long n = 1; err != WEIR_OK; n++) {
        assert_true(n < 50);
        weir_failalloc_after(n);
        err = weir_workers_change(r->workers, &r->cfg, &r->error);
        weir_failalloc_after(-1);
        if (err < 0) {
            assert_int_equal(err, WEIR_ENOMEM);
            assert_string_equal(r->error.what, "memory");
            expect_served(r, &r->at);
        }
    }
    expect_served(r, weir_workers_bound(r->workers, 1));
    rig_free(r);
}

/* -- limits and trusted prefixes -- */

/* All have begun a request, so that none makes way for another. */
static void a_lower_limit_closes_nothing_and_a_higher_one_lets_more_in(void **state)
{
    struct rig *r = rig_new();
    struct peer peers[3];
    r->cfg.max_connections = 2;
    rig_start(r);
    for (int i = 0; i < 3; i++) {
        peer_dial(&peers[i], &r->at);
        peer_send(&peers[i], NOBODY "G");
        if (i < 2)
            peer_read_response(&peers[i], &r->response, WEIR_METHOD_GET);
    }
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_OPEN), 2);
    r->cfg.max_connections = 1;
    assert_int_equal(change(r), WEIR_OK);
    peer_send(&peers[0], "ET / HTTP/1.1\r\nHost: nobody\r\n\r\nG"); /* what is there stays */
    peer_read_response(&peers[0], &r->response, WEIR_METHOD_GET);
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_OPEN), 2);
    r->cfg.max_connections = 300;
    assert_int_equal(change(r), WEIR_OK);
    peer_read_response(&peers[2], &r->response, WEIR_METHOD_GET);
    assert_int_equal(rig_metric(r, WEIR_M_CONNECTIONS_OPEN), 3);
    for (int i = 0; i < 3; i++)
        peer_close(&peers[i]);
    rig_free(r);
}

/* The next request on a connection that there was is judged by the new prefixes. */
static void trusted_prefixes_count_from_the_next_request_on(void **state)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Request-ID: mine-0123456789abcdef\r\n\r\n";
    struct rig *r = rig_running();
    struct weir_prefix trusted[2];
    assert_int_equal(weir_prefix_parse(WEIR_SPAN_LIT("10.0.0.0/8"), &trusted[0]), WEIR_OK);
    assert_int_equal(weir_prefix_parse(WEIR_SPAN_LIT("127.0.0.0/8"), &trusted[1]), WEIR_OK);
    rig_get(r, "/", RIG_OK);
    for (size_t num = 0; num <= 2; num++) {
        r->cfg.trusted = trusted;
        r->cfg.num_trusted = num;
        assert_int_equal(change(r), WEIR_OK);
        while (weir_workers_change(r->workers, &r->cfg, &r->error) == WEIR_EBUSY)
            (void)usleep(1000); /* the worker has it now */
        peer_send(&r->client, request);
        peer_read_request(&r->server, &r->request);
        assert_int_equal(weir_span_eq(message_field(&r->request, "x-request-id"),
                                      WEIR_SPAN_LIT("mine-0123456789abcdef")),
                         num == 2);
        peer_send(&r->server, RIG_OK);
        peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    }
    rig_free(r);
}

/* -- a drain that is taken back -- */

static void undrain_serves_again_on_the_same_port(void **state)
{
    struct rig *r = running(2);
    for (int i = 0; i < 3; i++) {
        weir_workers_drain(r->workers, 60000);
        await_refusal(&r->at);
        await_drained(r);
        undrain(r);
        assert_false(weir_workers_drained(r->workers));
        for (int k = 0; k < 4; k++)
            expect_served(r, &r->at);
        assert_true(weir_addr_eq(&r->at, weir_workers_bound(r->workers, 0)));
    }
    rig_free(r);
}

static void undrain_leaves_what_runs_alone_and_connections_stay_open_again(void **state)
{
    struct rig *r = running(1);
    struct weir_workers_progress left;
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    weir_workers_drain(r->workers, 60000);
    await_refusal(&r->at);
    weir_workers_progress(r->workers, &left);
    assert_int_equal(left.connections, 1);
    assert_int_equal(left.requests, 1);
    assert_int_equal(left.cut, 0);
    undrain(r);
    expect_served(r, &r->at);
    peer_send(&r->server, RIG_OK);
    peer_read_response(&r->client, &r->response, WEIR_METHOD_GET);
    assert_false(r->response.h.connection_close);
    rig_get(r, "/again", RIG_OK);
    rig_free(r);
}

static void a_later_deadline_moves_the_earlier_one_either_way(void **state)
{
    struct rig *r = running(1);
    struct weir_workers_progress left;
    peer_dial(&r->client, &r->at);
    peer_send(&r->client, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    peer_accept(&r->server, r->origin);
    peer_read_request(&r->server, &r->request);
    weir_workers_drain(r->workers, 400);
    weir_workers_drain(r->workers, 60000);
    await_refusal(&r->at);                        /* takes longer than the first deadline: */
    assert_false(peer_ready(r->client.fd, 1000)); /* it cuts nothing */
    weir_workers_drain(r->workers, 0);
    assert_int_equal(peer_receive(&r->client), -1);
    await_drained(r);
    weir_workers_progress(r->workers, &left);
    assert_int_equal(left.cut, 1);
    assert_int_equal(left.connections, 0);
    rig_free(r);
}

/* The worker stands still, so that it finds both at once when it goes on. An idle connection shows
 * whether it has drained in between. */
static void a_drain_and_its_undo_do_not_swap(void **state)
{
    struct rig *r = rig_running_freezable();
    struct peer idle;
    peer_dial(&idle, &r->at);
    for (int i = 0; i < 3; i++) {
        peer_send(&idle, NOBODY);
        peer_read_response(&idle, &r->response, WEIR_METHOD_GET);
        assert_false(r->response.h.connection_close);
        rig_freeze();
        weir_workers_drain(r->workers, 0);
        assert_int_equal(weir_workers_undrain(r->workers, &r->error), WEIR_OK);
        rig_unfreeze();
        expect_served(r, &r->at);
    }
    peer_send(&idle, NOBODY);
    peer_read_response(&idle, &r->response, WEIR_METHOD_GET);
    assert_false(r->response.h.connection_close);
    peer_close(&idle);

    rig_freeze();
    weir_workers_drain(r->workers, 60000);
    assert_int_equal(weir_workers_undrain(r->workers, &r->error), WEIR_OK);
    weir_workers_drain(r->workers, 0);
    assert_int_equal(weir_workers_undrain(r->workers, &r->error), WEIR_EBUSY);
    assert_false(weir_workers_drained(r->workers));
    rig_unfreeze();
    await_drained(r);
    rig_free_freezable(r);
}

/* -- all at once -- */

struct asking {
    struct weir_addr at;
    _Atomic bool stop;
    _Atomic unsigned num;
};

/* A client that asks and asks; a listener that goes may refuse or reset it. */
static void *ask_on(void *arg)
{
    struct asking *a = arg;
    struct sockaddr_storage sa;
    socklen_t len = weir_addr_to_sockaddr(&a->at, &sa);
    char chunk[1024];
    while (!atomic_load(&a->stop)) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&sa, len) == 0 &&
            send(fd, NOBODY, sizeof(NOBODY) - 1, MSG_NOSIGNAL) > 0 &&
            recv(fd, chunk, sizeof(chunk), 0) > 0)
            atomic_fetch_add(&a->num, 1);
        close(fd);
    }
    return NULL;
}

static void changes_drains_and_requests_go_together(void **state)
{
    struct rig *r = running(2);
    struct asking a = { .at = r->at };
    struct weir_prefix trusted;
    pthread_t thread;
    assert_int_equal(weir_prefix_parse(WEIR_SPAN_LIT("127.0.0.0/8"), &trusted), WEIR_OK);
    r->listen[1] = r->listen[0];
    r->cfg.trusted = &trusted;
    assert_int_equal(pthread_create(&thread, NULL, ask_on, &a), 0);
    for (unsigned i = 0; i < 40; i++) {
        unsigned seen = atomic_load(&a.num);
        r->cfg.num_http = 1 + i % 2;
        r->cfg.num_trusted = i / 2 % 2;
        r->cfg.max_connections = 100 + i;
        assert_int_equal(change(r), WEIR_OK);
        if (i % 4 == 3) {
            weir_workers_drain(r->workers, 60000);
            undrain(r);
        }
        for (int k = 0; k < PEER_WAIT_S * 1000 && atomic_load(&a.num) < seen + 2; k++)
            (void)usleep(1000);
        assert_true(atomic_load(&a.num) >= seen + 2);
    }
    atomic_store(&a.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_that_is_added_serves_beside_the_others),
        cmocka_unit_test(a_listener_that_is_removed_refuses_and_its_connections_live_on),
        cmocka_unit_test(a_client_that_had_connected_to_a_removed_listener_is_served),
        cmocka_unit_test(a_change_with_a_taken_port_changes_nothing),
        cmocka_unit_test(the_wildcard_may_take_the_place_of_an_address_and_back),
        cmocka_unit_test(a_change_without_memory_reports_it_and_leaves_nothing),
        cmocka_unit_test(a_lower_limit_closes_nothing_and_a_higher_one_lets_more_in),
        cmocka_unit_test(trusted_prefixes_count_from_the_next_request_on),
        cmocka_unit_test(undrain_serves_again_on_the_same_port),
        cmocka_unit_test(undrain_leaves_what_runs_alone_and_connections_stay_open_again),
        cmocka_unit_test(a_later_deadline_moves_the_earlier_one_either_way),
        cmocka_unit_test(a_drain_and_its_undo_do_not_swap),
        cmocka_unit_test(changes_drains_and_requests_go_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
