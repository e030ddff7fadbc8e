/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_test.c - the admin server over its socket: HTTP as API.md and RFC 9112 have it, bounds of
 * connections, clients that misbehave or leave. The responses of the paths about tenants:
 * admin_tenants_test.c.
 */
#include "node/base/log_filter.h"
#include "tests/unit/ctl/admin_client.h"

static void health_is_reported_in_text(void **state)
{
    expect("GET", "/healthz", "", NULL, (struct want){ 200, "ok\n" });
    expect("GET", "/readyz", "", NULL, (struct want){ 200, "ready\n" });
    rig.node.state = WEIR_NODE_DRAINING;
    expect("GET", "/healthz", "", NULL, (struct want){ 200, "ok\n" });
    expect("GET", "/readyz", "", NULL, (struct want){ 503, "draining\n" });
    rig.node.state = WEIR_NODE_STARTING;
    expect("GET", "/readyz", "", NULL, (struct want){ 503, "starting\n" });
}

static void metrics_have_the_counters_and_what_the_node_knows(void **state)
{
    struct response a = ask("GET", "/metrics", "", NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "Content-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(a.body, "\nweir_tenants 0\n"));
    assert_non_null(strstr(a.body, "weir_build_info{version=\"" WEIR_VERSION "\"} 1\n"));
    assert_non_null(strstr(a.body, "\nweir_store_writable 1\n"));
    response_free(&a);
}

static void unknown_paths_are_404_and_wrong_methods_405_with_allow(void **state)
{
    static const char *const unknown[] = { "/",
                                           "/healthz/",
                                           "/v1/",
                                           "/v1/tenants/",
                                           "/v1/tenants/a/b",
                                           "//healthz",
                                           "/v1/../healthz",
                                           "/%68ealthz",
                                           "/v1/tenants/a/revisions/x" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(unknown); i++)
        expect("GET", unknown[i], "", NULL, (struct want){ 404, "\"not_found\"" });
    struct response a = ask("POST", "/v1/tenants/shop", "", NULL);
    assert_int_equal(a.status, 405);
    assert_non_null(strstr(a.head, "Allow: GET, HEAD, PUT, DELETE\r\n"));
    response_free(&a);
    a = ask("BREW", "/healthz", "", NULL);
    assert_int_equal(a.status, 405);
    assert_non_null(strstr(a.head, "Allow: GET, HEAD\r\n"));
    response_free(&a);
}

static void head_is_get_without_its_body(void **state)
{
    struct response a;
    int fd = client_open();
    static const char two[] = "HEAD /healthz HTTP/1.1\r\nHost: w\r\n\r\n"
                              "GET /readyz HTTP/1.1\r\nHost: w\r\n\r\n";
    client_send(fd, two, sizeof(two) - 1);
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    a = (struct response){ .all = WEIR_STRBUF_ZERO };
    while (a.all.len == 0 || strstr(a.all.at, "ready\n") == NULL) {
        rig_turn();
        assert_true(client_recv(fd, &a.all));
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_non_null(strstr(a.all.at, "Content-Length: 3\r\n"));
    assert_null(strstr(a.all.at, "ok\n"));
    response_free(&a);
    close(fd);
}

static void parameters_are_known_or_refused(void **state)
{
    expect("GET", "/v1/status?x=1", "", NULL, (struct want){ 400, "takes no parameters" });
    expect("GET", "/v1/tenants?limits=1", "", NULL, (struct want){ 400, "unknown parameter" });
    expect("GET", "/v1/tenants?limit", "", NULL, (struct want){ 400, "malformed" });
    expect("GET", "/v1/tenants?limit=0", "", NULL, (struct want){ 400, "1..1000" });
    expect("GET", "/v1/tenants?limit=1001", "", NULL, (struct want){ 400, "1..1000" });
    expect("GET", "/v1/logs?follow=yes", "", NULL, (struct want){ 400, "follow" });
    expect("POST", "/v1/drain?deadline_ms=-1", "", NULL, (struct want){ 400, "deadline_ms" });
    assert_int_equal(rig.num_drains, 0);
}

static void requests_on_one_connection_get_responses_in_order(void **state)
{
    static const char three[] = "GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n"
                                "GET /nowhere HTTP/1.1\r\nHost: w\r\n\r\n"
                                "GET /readyz HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n";
    struct weir_strbuf all = WEIR_STRBUF_ZERO;
    int fd = client_open();
    client_send(fd, three, sizeof(three) - 1);
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (client_recv(fd, &all)) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    const char *ok = strstr(all.at, "ok\n");
    const char *missing = strstr(all.at, "not_found");
    const char *ready = strstr(all.at, "ready\n");
    assert_non_null(ok);
    assert_true(ok < missing);
    assert_true(missing < ready);
    weir_strbuf_deinit(&all);
    close(fd);
}

/* Responses that the socket takes at once make the stack no deeper. */
static void thousands_of_requests_at_once_get_their_responses(void **state)
{
    enum { NUM = 4000 };
    static const char one[] = "GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n";
    struct weir_strbuf all = WEIR_STRBUF_ZERO;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    size_t sent = 0, num = 0;
    int fd = client_open();
    for (int i = 0; i < NUM; i++)
        weir_strbuf_puts(&text, one);
    while (num < NUM) {
        ssize_t n = send(fd, text.at + sent, text.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        uv_run(&rig.loop, UV_RUN_NOWAIT);
        assert_true(client_recv(fd, &all));
        const char *end = all.len > 0 ? strstr(all.at, "\nok\n") : NULL;
        num = end != NULL ? all.len / (size_t)(end + 4 - all.at) : 0; /* all are of one length */
        assert_true(weir_clock_mono_ns() < until);
    }
    weir_strbuf_deinit(&text);
    weir_strbuf_deinit(&all);
    close(fd);
}

static void a_request_split_at_each_byte_gets_its_response(void **state)
{
    static const char one[] = "GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n";
    int fd = client_open();
    for (size_t cut = 1; cut < sizeof(one) - 1; cut++) {
        struct response a;
        client_send(fd, one, cut);
        rig_turn();
        client_send(fd, one + cut, sizeof(one) - 1 - cut);
        response_read(fd, &a, false);
        assert_int_equal(a.status, 200);
        response_free(&a);
    }
    close(fd);
}

static void a_half_closed_client_still_gets_its_response(void **state)
{
    static const char one[] = "GET /v1/status HTTP/1.1\r\nHost: w\r\n\r\n";
    struct response a;
    int fd = client_open();
    client_send(fd, one, sizeof(one) - 1);
    shutdown(fd, SHUT_WR);
    response_read(fd, &a, false);
    assert_int_equal(a.status, 200);
    assert_true(client_ended(fd));
    response_free(&a);
    close(fd);
}

static void documents_need_a_length_and_a_known_type(void **state)
{
    expect("PUT", "/v1/tenants/shop", "", NULL, (struct want){ 411, "length_required" });
    expect("POST", "/v1/apply", "Content-Type: text/html\r\n", "x",
           (struct want){ 415, "application/yaml" });
    expect("POST", "/v1/apply", YAML "Content-Encoding: gzip\r\n", "x",
           (struct want){ 415, "coded" });
    expect("POST", "/v1/apply", "Content-Type: application/json; charset=utf-8\r\n", "{",
           (struct want){ 400, "\"invalid\"" });
}

static void a_body_over_the_limit_is_refused_before_it_is_sent(void **state)
{
    char text[256];
    struct response a;
    int fd = client_open();
    snprintf(text, sizeof(text),
             "POST /v1/apply HTTP/1.1\r\nHost: w\r\n" YAML "Content-Length: %d\r\n\r\n",
             WEIR_ADMIN_BODY_MAX + 1);
    client_send(fd, text, strlen(text));
    response_read(fd, &a, false);
    assert_int_equal(a.status, 413);
    assert_non_null(strstr(a.head, "Connection: close\r\n"));
    response_free(&a);
    assert_true(client_ended(fd));
    close(fd);
}

/* The client writes its whole body before it reads: the refusal must not be lost in a reset. */
static void a_refusal_survives_a_client_that_sends_on(void **state)
{
    static char body[262144];
    char text[256];
    struct response a;
    int fd = client_open();
    snprintf(text, sizeof(text), "PUT /nowhere HTTP/1.1\r\nHost: w\r\nContent-Length: %zu\r\n\r\n",
             sizeof(body));
    client_send(fd, text, strlen(text));
    memset(body, 'x', sizeof(body));
    client_send(fd, body, sizeof(body));
    response_read(fd, &a, false);
    assert_int_equal(a.status, 404);
    response_free(&a);
    assert_true(client_ended(fd));
    close(fd);
}

static void a_client_that_expects_100_gets_it(void **state)
{
    const char *body = yaml_tenant("shop", "shop.example");
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    struct response a;
    char text[256];
    int fd = client_open();
    snprintf(text, sizeof(text),
             "PUT /v1/tenants/shop HTTP/1.1\r\nHost: w\r\n" YAML
             "Expect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
             strlen(body));
    client_send(fd, text, strlen(text));
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (got.len < 25) {
        rig_turn();
        assert_true(client_recv(fd, &got));
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_string_equal(got.at, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(fd, body, strlen(body));
    response_read(fd, &a, false);
    assert_int_equal(a.status, 201);
    response_free(&a);
    weir_strbuf_deinit(&got);
    close(fd);
    fd = client_open();
    snprintf(text, sizeof(text),
             "PUT /nowhere HTTP/1.1\r\nHost: w\r\nExpect: 100-continue\r\n"
             "Content-Length: 10\r\n\r\n");
    client_send(fd, text, strlen(text));
    response_read(fd, &a, false);
    assert_int_equal(a.status, 404); /* without a 100 before it */
    response_free(&a);
    close(fd);
}

static void malformed_requests_end_their_connection(void **state)
{
    static const char *const bad[] = { "GET / HTTP/1.1\r\n\r\n",
                                       "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
                                       "\x16\x03\x01\r\n\r\n" };
    static const int statuses[] = { 400, 505, 400 };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        struct response a;
        int fd = client_open();
        client_send(fd, bad[i], strlen(bad[i]));
        response_read(fd, &a, false);
        assert_int_equal(a.status, statuses[i]);
        response_free(&a);
        assert_true(client_ended(fd));
        close(fd);
    }
    expect("GET", "/healthz", "", NULL, (struct want){ 200, "ok" });
}

static void over_tcp_only_health_is_served(void **state)
{
    static const char *const targets[] = { "/healthz", "/readyz", "/metrics", "/v1/status",
                                           "/v1/tenants" };
    static const int statuses[] = { 200, 200, 200, 404, 404 };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(targets); i++) {
        char text[128];
        struct response a;
        int fd = client_open_tcp();
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: w\r\n\r\n", targets[i]);
        client_send(fd, text, strlen(text));
        response_read(fd, &a, false);
        assert_int_equal(a.status, statuses[i]);
        response_free(&a);
        close(fd);
    }
    struct response a;
    int fd = client_open_tcp();
    static const char request[] =
        "PUT /v1/tenants/a HTTP/1.1\r\nHost: w\r\nContent-Length: 2\r\n\r\n{}";
    client_send(fd, request, sizeof(request) - 1);
    response_read(fd, &a, false);
    assert_int_equal(a.status, 404);
    response_free(&a);
    close(fd);
}

static void idle_connections_make_room_for_new_ones(void **state)
{
    static int fds[WEIR_ADMIN_CONNS_MAX];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fds); i++) {
        fds[i] = client_open();
        rig_turn();
    }
    expect("GET", "/healthz", "", NULL, (struct want){ 200, "ok" });
    assert_true(client_ended(fds[0])); /* the one that was idle longest */
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fds); i++)
        close(fds[i]);
}

static void busy_connections_are_not_evicted_but_new_ones_refused(void **state)
{
    static int fds[WEIR_ADMIN_CONNS_MAX];
    struct response a;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fds); i++) {
        fds[i] = client_open();
        client_send(fds[i], "GET", 3);
    }
    rig_turn(); /* the last of them has begun its request, too */
    int fd = client_open();
    response_read(fd, &a, false);
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.head, "Retry-After: 1\r\n"));
    assert_non_null(strstr(a.body, "too many admin connections"));
    response_free(&a);
    close(fd);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fds); i++)
        close(fds[i]);
    rig_turn();
    expect("GET", "/healthz", "", NULL, (struct want){ 200, "ok" });
}

static void a_client_may_leave_while_its_write_runs(void **state)
{
    const char *body = yaml_tenant("shop", "shop.example");
    char text[1024];
    for (int i = 0; i < 20; i++) {
        int fd = client_open();
        snprintf(text, sizeof(text),
                 "PUT /v1/tenants/shop HTTP/1.1\r\nHost: w\r\n" YAML
                 "Content-Length: %zu\r\n\r\n%s",
                 strlen(body), body);
        assert_true(send(fd, text, strlen(text), MSG_NOSIGNAL) > 0);
        for (int turn = 0; turn < i % 4; turn++)
            uv_run(&rig.loop, UV_RUN_NOWAIT);
        close(fd);
    }
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (atomic_load(&rig.node.workers->num_changed) == 0) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 200, "\"shop.example\"" });
}

static void logs_are_empty_where_none_are_stored_and_a_follower_may_leave(void **state)
{
    static const char follow[] = "GET /v1/logs?follow=1 HTTP/1.1\r\nHost: w\r\n\r\n";
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    struct response a = ask("GET", "/v1/logs", "", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "");
    response_free(&a);
    int fd = client_open();
    client_send(fd, follow, sizeof(follow) - 1);
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (got.len == 0) {
        rig_turn();
        assert_true(client_recv(fd, &got));
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_non_null(strstr(got.at, "Transfer-Encoding: chunked\r\n"));
    weir_strbuf_deinit(&got);
    close(fd);
    rig_turn();
    expect("GET", "/healthz", "", NULL, (struct want){ 200, "ok" });
}

static void followers_get_the_records_of_their_tenant(void **state)
{
    static const char follow[] = "GET /v1/logs?follow=1&tenant=shop HTTP/1.1\r\nHost: w\r\n\r\n";
    static const char *const lines[] = {
        "{\"tenant\":\"shop\",\"n\":1}\n", "{\"tenant\":\"shop2\",\"n\":2}\n",
        "{\"tenant\":\"other\",\"path\":\"\\\"tenant\\\":\\\"shop\\\"\"}\n",
        "{\"tenant\":\"shop\",\"n\":3}\n"
    };
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    struct weir_access_writer *w = weir_access_log_writer(rig.node.access_log, 0, &rig.metrics);
    expect("PUT", "/v1/tenants/shop", YAML, yaml_tenant("shop", "a.example"),
           (struct want){ 201, NULL });
    int fd = client_open();
    client_send(fd, follow, sizeof(follow) - 1);
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (!weir_access_wanted(w)) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lines); i++) {
        uint8_t *at = weir_access_reserve(w);
        assert_non_null(at);
        memcpy(at, lines[i], strlen(lines[i]));
        weir_access_commit(w, strlen(lines[i]));
    }
    weir_access_flush(w);
    while (got.len == 0 || strstr(got.at, "\"n\":3") == NULL) {
        rig_turn();
        assert_true(client_recv(fd, &got));
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_non_null(strstr(got.at, "\"n\":1"));
    assert_null(strstr(got.at, "shop2"));
    assert_null(strstr(got.at, "other"));
    weir_strbuf_deinit(&got);
    close(fd);
}

/* admin.socket_ro: whatever would change something is refused, whether its path exists or not. */
static void the_socket_that_only_reads_refuses_all_but_get_and_head(void **state)
{
    static const char *const writes[][2] = {
        { "PUT", "/v1/tenants/a" },
        { "DELETE", "/v1/tenants/a" },
        { "POST", "/v1/apply" },
        { "POST", "/v1/drain" },
        { "POST", "/v1/undrain" },
        { "POST", "/v1/reload" },
        { "PUT", "/v1/log-level" },
        { "DELETE", "/v1/log-level" },
        { "POST", "/nowhere" },
        { "OPTIONS", "/v1/status" },
        { "get", "/v1/status" },
        { "PUT", "/healthz" },
        { "POST", "/v1/tenants/a/rollback" },
    };
    static const char *const reads[] = {
        "/healthz",    "/readyz",    "/metrics",  "/v1/status",
        "/v1/tenants", "/v1/doctor", "/v1/drain", "/v1/log-level"
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(writes); i++) {
        struct response a =
            ask_on(client_open_at(rig.path_ro), writes[i][0], writes[i][1], YAML, "name: a\n");
        assert_int_equal(a.status, 403);
        assert_non_null(strstr(a.body, "{\"error\":{\"code\":\"read_only\",\"message\":"));
        response_free(&a);
    }
    assert_int_equal(rig.num_drains, 0);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(reads); i++) {
        struct response a = ask_on(client_open_at(rig.path_ro), "GET", reads[i], "", NULL);
        assert_int_equal(a.status, 200);
        response_free(&a);
        a = ask_on(client_open_at(rig.path_ro), "HEAD", reads[i], "", NULL);
        assert_int_equal(a.status, 200);
        response_free(&a);
    }
    struct response a = ask_on(client_open_at(rig.path_ro), "GET", "/nowhere", "", NULL);
    assert_int_equal(a.status, 404);
    response_free(&a);
}

static void the_log_level_is_changed_for_all_for_one_tenant_and_for_some_clients(void **state)
{
    static const char path[] = "/v1/log-level";
    rig.config.level = WEIR_LOG_ERROR;
    expect("PUT", "/v1/tenants/shop", YAML, yaml_tenant("shop", "a.example"),
           (struct want){ 201, NULL });
    expect("GET", path, "", NULL,
           (struct want){ 200, "{\"level\":\"error\",\"configured\":\"error\"}" });
    expect("PUT", "/v1/log-level?level=warn", "", NULL,
           (struct want){ 200, "{\"level\":\"warn\",\"configured\":\"error\"}" });
    expect("PUT", "/v1/log-level?level=trace&tenant=shop", "", NULL,
           (struct want){ 200, "\"filters\":[{\"tenant\":\"shop\",\"level\":\"trace\"}]" });
    expect("PUT", "/v1/log-level?level=debug&address=10.1.2.0/24", "", NULL,
           (struct want){ 200, "{\"address\":\"10.1.2.0/24\",\"level\":\"debug\"}" });
    expect("PUT", "/v1/log-level?level=debug&address=2001:db8::1", "", NULL,
           (struct want){ 200, "{\"address\":\"2001:db8::1/128\",\"level\":\"debug\"}" });
    assert_int_equal(weir_log_level(), WEIR_LOG_WARN);
    assert_true(weir_log_on_for(WEIR_LOG_TRACE, WEIR_SPAN_LIT("shop"), NULL));
    assert_false(weir_log_on_for(WEIR_LOG_TRACE, WEIR_SPAN_LIT("other"), NULL));

    expect("PUT", path, "", NULL, (struct want){ 400, "level takes one of" });
    expect("PUT", "/v1/log-level?level=loud", "", NULL, (struct want){ 400, "level takes one of" });
    expect("PUT", "/v1/log-level?level=debug&tenant=nobody", "", NULL,
           (struct want){ 404, "there is no tenant \\\"nobody\\\"" });
    expect("PUT", "/v1/log-level?level=debug&tenant=shop&address=::1", "", NULL,
           (struct want){ 400, "not both" });
    expect("PUT", "/v1/log-level?level=debug&address=nonsense", "", NULL,
           (struct want){ 400, "address takes" });

    expect("DELETE", "/v1/log-level?tenant=shop", "", NULL, (struct want){ 200, "10.1.2.0/24" });
    expect("DELETE", "/v1/log-level?tenant=shop", "", NULL,
           (struct want){ 404, "no level of its own" });
    assert_false(weir_log_on_for(WEIR_LOG_TRACE, WEIR_SPAN_LIT("shop"), NULL));
    expect("DELETE", path, "", NULL,
           (struct want){ 200, "{\"level\":\"error\",\"configured\":\"error\"}" });
    assert_int_equal(weir_log_level(), WEIR_LOG_ERROR);
}

/* What is on the pipe that the log is written to. */
static void expect_log(int fd, const char *line)
{
    char text[4096] = "";
    ssize_t n = read(fd, text, sizeof(text) - 1);
    if (line == NULL) {
        assert_int_equal(n, -1); /* nothing */
        return;
    }
    assert_true(n > 0);
    assert_non_null(strstr(text, line));
    assert_ptr_equal(strchr(text, '\n'), text + n - 1); /* one line */
}

static void the_log_names_changes_of_its_level_that_were_made_and_no_others(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    rig.config.level = WEIR_LOG_ERROR;
    weir_log_init(WEIR_LOG_ERROR, ends[1]);
    expect("PUT", "/v1/log-level?level=debug&tenant=nobody", "", NULL, (struct want){ 404, NULL });
    expect_log(ends[0], NULL);
    expect("PUT", "/v1/log-level?level=debug&address=10.1.2.0/24", "", NULL,
           (struct want){ 200, NULL });
    expect_log(ends[0], "log.level_changed level=debug tenant= address=10.1.2.0/24 by=");
    expect("DELETE", "/v1/log-level?address=10.1.2.0/24", "", NULL, (struct want){ 200, NULL });
    expect_log(ends[0], "log.level_reset level=none tenant= address=10.1.2.0/24 by=");
    expect("PUT", "/v1/log-level?level=error", "", NULL, (struct want){ 200, NULL });
    expect_log(ends[0], "log.level_changed level=error tenant= address= by=");
    weir_log_init(WEIR_LOG_ERROR, STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
}

static void one_filter_more_than_there_is_room_for_is_refused(void **state)
{
    char target[96];
    for (unsigned i = 0; i <= WEIR_LOG_FILTERS_MAX; i++) {
        snprintf(target, sizeof(target), "/v1/log-level?level=debug&address=10.0.0.%u", i);
        expect("PUT", target, "", NULL,
               i < WEIR_LOG_FILTERS_MAX ? (struct want){ 200, "10.0.0.0/32" }
                                        : (struct want){ 409, "reset one" });
    }
    expect("DELETE", "/v1/log-level", "", NULL, (struct want){ 200, NULL });
}

static void the_outcome_of_an_undrain_is_reported_by_its_status(void **state)
{
    rig.undrain_err = WEIR_ECLOSED;
    expect("POST", "/v1/undrain", "", NULL,
           (struct want){ 409, "\"ending\",\"message\":\"why not\"" });
    rig.undrain_err = WEIR_EBUSY;
    expect("POST", "/v1/undrain", "", NULL, (struct want){ 503, "\"busy\"" });
    rig.undrain_err = WEIR_EINUSE;
    expect("POST", "/v1/undrain", "", NULL, (struct want){ 409, "\"listener\"" });
    rig.undrain_err = WEIR_OK;
    expect("POST", "/v1/undrain", "", NULL, (struct want){ 200, "{\"state\":\"serving\"}" });
}

static void a_drain_that_is_over_takes_no_other_deadline(void **state)
{
    rig.node.state = WEIR_NODE_DRAINING;
    rig.node.drain_over = true;
    worker_double_progress = (struct weir_workers_progress){ .cut = 3 };
    expect("GET", "/v1/drain", "", NULL, (struct want){ 200, "{\"state\":\"drained\"" });
    expect("GET", "/v1/drain", "", NULL, (struct want){ 200, "\"cut\":3}" });
    expect("POST", "/v1/drain", "", NULL, (struct want){ 409, "\"ending\"" });
    assert_int_equal(rig.num_drains, 0);
    worker_double_progress = (struct weir_workers_progress){ 0 };
}

/* The client leaves in the middle: nothing is left behind, and the drain goes on. */
static void a_follower_of_a_drain_may_leave(void **state)
{
    static const char text[] = "POST /v1/drain?follow=1 HTTP/1.1\r\nHost: w\r\n\r\n";
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    int fd = client_open();
    worker_double_progress = (struct weir_workers_progress){ .connections = 7, .requests = 2 };
    client_send(fd, text, sizeof(text) - 1);
    while (got.len == 0 || strstr(got.at, "\"connections\":7,\"requests\":2") == NULL) {
        rig_turn();
        assert_true(client_recv(fd, &got));
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_int_equal(rig.node.num_drain_followers, 1);
    close(fd);
    while (rig.node.num_drain_followers > 0) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_int_equal(rig.node.state, WEIR_NODE_DRAINING);
    worker_double_progress = (struct weir_workers_progress){ 0 };
    weir_strbuf_deinit(&got);
}

static void the_outcome_of_a_reload_is_reported_by_key_and_line(void **state)
{
    rig.reload_outcome = (struct weir_reload_outcome){ .problems = "",
                                                       .changed = WEIR_KEY_BIT(WEIR_KEY_LOG_LEVEL),
                                                       .restart = WEIR_KEY_BIT(WEIR_KEY_DATA) |
                                                                  WEIR_KEY_BIT(WEIR_KEY_WORKERS) };
    expect(
        "POST", "/v1/reload", "", NULL,
        (struct want){ 200, "{\"changed\":[\"log.level\"],\"restart\":[\"data\",\"workers\"]}" });
    rig.reload_outcome =
        (struct weir_reload_outcome){ .err = WEIR_EINVAL, .problems = "one\ntwo \"2\"\n" };
    expect("POST", "/v1/reload", "", NULL, (struct want){ 400, "\"message\":\"one\"},{" });
    rig.reload_outcome = (struct weir_reload_outcome){ .err = WEIR_EBUSY, .problems = "wait\n" };
    expect("POST", "/v1/reload", "", NULL, (struct want){ 503, "\"message\":\"wait\"" });
    rig.reload_outcome = (struct weir_reload_outcome){ .err = WEIR_ENOMEM, .problems = "" };
    expect("POST", "/v1/reload", "", NULL, (struct want){ 503, NULL });
}

static void drain_is_passed_on_with_its_deadline(void **state)
{
    expect("POST", "/v1/drain", "", NULL, (struct want){ 202, "draining" });
    assert_int_equal(rig.num_drains, 1);
    assert_int_equal(rig.drain_ms, 30000);
    expect("POST", "/v1/drain?deadline_ms=5", "", NULL, (struct want){ 202, "draining" });
    assert_int_equal(rig.drain_ms, 5);
}

static void status_reports_the_node(void **state)
{
    weir_metric_add(&rig.node.workers->metrics, WEIR_M_REQUESTS_2XX, 5);
    weir_metric_add(&rig.node.workers->metrics, WEIR_M_CONNECTIONS_OPEN, 3);
    struct response a = ask("GET", "/v1/status", "", NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "\"test-1\""));
    assert_non_null(strstr(a.body, "\"serving\""));
    assert_non_null(strstr(a.body, "\"requests_total\":5"));
    assert_non_null(strstr(a.body, "\"connections\":3"));
    response_free(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(health_is_reported_in_text),
        TEST(metrics_have_the_counters_and_what_the_node_knows),
        TEST(unknown_paths_are_404_and_wrong_methods_405_with_allow),
        TEST(head_is_get_without_its_body),
        TEST(parameters_are_known_or_refused),
        TEST(requests_on_one_connection_get_responses_in_order),
        TEST(thousands_of_requests_at_once_get_their_responses),
        TEST(a_request_split_at_each_byte_gets_its_response),
        TEST(a_half_closed_client_still_gets_its_response),
        TEST(documents_need_a_length_and_a_known_type),
        TEST(a_body_over_the_limit_is_refused_before_it_is_sent),
        TEST(a_refusal_survives_a_client_that_sends_on),
        TEST(a_client_that_expects_100_gets_it),
        TEST(malformed_requests_end_their_connection),
        TEST(over_tcp_only_health_is_served),
        TEST(idle_connections_make_room_for_new_ones),
        TEST(busy_connections_are_not_evicted_but_new_ones_refused),
        TEST(a_client_may_leave_while_its_write_runs),
        TEST(logs_are_empty_where_none_are_stored_and_a_follower_may_leave),
        TEST(followers_get_the_records_of_their_tenant),
        TEST(drain_is_passed_on_with_its_deadline),
        TEST(the_socket_that_only_reads_refuses_all_but_get_and_head),
        TEST(the_log_level_is_changed_for_all_for_one_tenant_and_for_some_clients),
        TEST(the_log_names_changes_of_its_level_that_were_made_and_no_others),
        TEST(one_filter_more_than_there_is_room_for_is_refused),
        TEST(the_outcome_of_an_undrain_is_reported_by_its_status),
        TEST(a_drain_that_is_over_takes_no_other_deadline),
        TEST(a_follower_of_a_drain_may_leave),
        TEST(the_outcome_of_a_reload_is_reported_by_key_and_line),
        TEST(status_reports_the_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
