/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_faults_test.c - the admin server when things go wrong: time limits, clients that do not
 * read, bodies over the common limit, no memory at any point. Time is not waited for: a
 * connection's deadline is moved to now.
 */
#include <time.h>

#include "node/ctl/admin/admin_conn.h"
#include "tenants/base64.h"
#include "tests/support/cert_values.h"
#include "tests/support/failalloc.h"
#include "tests/unit/ctl/admin_client.h"

/* The only connection there is. */
static struct weir_admin_conn *only_conn(void)
{
    assert_int_equal(rig.admin->num_conns, 1);
    return weir_container_of(rig.admin->conns.next, struct weir_admin_conn, link);
}

static void deadlines_pass(void)
{
    for (struct weir_list *l = rig.admin->conns.next; l != &rig.admin->conns; l = l->next) {
        struct weir_admin_conn *c = weir_container_of(l, struct weir_admin_conn, link);
        if (c->deadline_ms != UINT64_MAX)
            weir_conn_set_deadline(&c->conn, uv_now(&rig.loop));
    }
}

static void assert_time_limit(uint64_t ms)
{
    uint64_t deadline = only_conn()->deadline_ms;
    uint64_t now = uv_now(&rig.loop);
    assert_true(deadline <= now + ms);
    assert_true(deadline + 1000 > now + ms);
}

static void a_head_that_does_not_end_is_408(void **state)
{
    struct response a;
    int fd = client_open();
    client_send(fd, "GET / HT", 8);
    rig_turn();
    assert_time_limit(WEIR_ADMIN_HEAD_TIMEOUT_MS);
    client_send(fd, "TP/1.1\r\n", 8);
    rig_turn();
    assert_time_limit(WEIR_ADMIN_HEAD_TIMEOUT_MS); /* absolute: bytes do not buy time */
    deadlines_pass();
    response_read(fd, &a, false);
    assert_int_equal(a.status, 408);
    response_free(&a);
    assert_true(client_ended(fd));
    close(fd);
}

static void a_body_that_does_not_end_is_408(void **state)
{
    static const char part[] =
        "POST /v1/apply HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\nhello";
    struct response a;
    int fd = client_open();
    client_send(fd, part, sizeof(part) - 1);
    rig_turn();
    assert_time_limit(WEIR_ADMIN_BODY_TIMEOUT_MS);
    deadlines_pass();
    response_read(fd, &a, false);
    assert_int_equal(a.status, 408);
    response_free(&a);
    assert_true(client_ended(fd));
    close(fd);
    rig_turn();
    assert_int_equal(rig.admin->body_bytes, 0);
}

static void an_idle_connection_ends_without_a_word(void **state)
{
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    struct response a;
    int fd = client_open();
    static const char one[] = "GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n";
    client_send(fd, one, sizeof(one) - 1);
    response_read(fd, &a, false);
    response_free(&a);
    rig_turn();
    assert_time_limit(WEIR_ADMIN_IDLE_MS);
    deadlines_pass();
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (client_recv(fd, &got)) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_int_equal(got.len, 0);
    weir_strbuf_deinit(&got);
    close(fd);
}

/* Responses that nobody reads fill the socket; the connection then waits for its client, but not
 * for ever. */
static void a_client_that_does_not_read_is_let_go(void **state)
{
    enum { NUM = 400 };
    static const char one[] = "GET /metrics HTTP/1.1\r\nHost: w\r\n\r\n";
    int fd = client_open();
    for (int i = 0; i < NUM; i++)
        (void)send(fd, one, sizeof(one) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    for (int i = 0; i < NUM; i++)
        rig_turn();
    assert_int_equal(only_conn()->state, WEIR_ADMIN_CONN_WRITING);
    assert_true(only_conn()->http.in.len <= WEIR_ADMIN_AHEAD_MAX + WEIR_IO_CHUNK);
    deadlines_pass();
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (rig.admin->num_conns > 0) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    close(fd);
}

static void a_lingering_client_is_let_go(void **state)
{
    static const char part[] = "PUT /nowhere HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\n";
    struct response a;
    int fd = client_open();
    client_send(fd, part, sizeof(part) - 1);
    response_read(fd, &a, false);
    assert_int_equal(a.status, 404);
    response_free(&a);
    rig_turn();
    assert_int_equal(only_conn()->state, WEIR_ADMIN_CONN_LINGERING);
    assert_time_limit(WEIR_ADMIN_LINGER_MS);
    deadlines_pass();
    assert_true(client_ended(fd));
    close(fd);
}

static void bodies_have_a_common_limit(void **state)
{
    enum { NUM = 12 };
    size_t part_len = WEIR_ADMIN_BODY_MAX - 65536;
    char *part = calloc(1, part_len);
    char head[128];
    int fds[NUM];
    int refused = 0;
    assert_non_null(part);
    snprintf(head, sizeof(head), "POST /v1/apply HTTP/1.1\r\nHost: w\r\nContent-Length: %d\r\n\r\n",
             WEIR_ADMIN_BODY_MAX);
    for (int i = 0; i < NUM; i++) {
        struct weir_strbuf got = WEIR_STRBUF_ZERO;
        fds[i] = client_open();
        client_send(fds[i], head, strlen(head));
        client_send(fds[i], part, part_len);
        rig_turn();
        (void)client_recv(fds[i], &got);
        if (got.len > 0 && strncmp(got.at, "HTTP/1.1 503 ", 13) == 0)
            refused++;
        weir_strbuf_deinit(&got);
        assert_true(rig.admin->body_bytes <= WEIR_ADMIN_BODIES_MAX + WEIR_ADMIN_BODY_MAX);
    }
    assert_in_range(refused, 1, NUM - 1);
    for (int i = 0; i < NUM; i++)
        close(fds[i]);
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (rig.admin->num_conns > 0) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_int_equal(rig.admin->body_bytes, 0);
    free(part);
    expect("GET", "/healthz", "", NULL, (struct want){ 200, "ok" });
}

/* -- no memory -- */

/* One exchange that allocates nothing itself. @return the status, or 0: the connection ended
 * without a response */
static int exchange(const char *text)
{
    static char got[65536];
    size_t len = 0;
    ssize_t n = -1;
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    int fd = client_open();
    client_send(fd, text, strlen(text));
    got[0] = '\0';
    while (n != 0 && strstr(got, "\r\n\r\n") == NULL) {
        rig_turn();
        n = recv(fd, got + len, sizeof(got) - 1 - len, MSG_DONTWAIT);
        if (n > 0)
            len += (size_t)n;
        got[len] = '\0';
        assert_true(weir_clock_mono_ns() < until);
    }
    close(fd);
    for (int i = 0; i < 3; i++)
        rig_turn();
    return len > 12 ? (int)strtol(got + 9, NULL, 10) : 0;
}

/* Fail each allocation of an exchange in turn, until one needs no more than came before. */
static void sweep(const char *text, int good_status)
{
    int status = 0;
    for (long n = 1;; n++) {
        assert_true(n < 3000);
        weir_failalloc_once(n);
        status = exchange(text);
        bool over = weir_failalloc_count() < (unsigned long)n;
        weir_failalloc_after(-1);
        if (over)
            break;
        assert_true(status == good_status || status == 0 || status >= 400);
    }
    assert_int_equal(status, good_status);
}

static void no_memory_at_any_point_of_a_read_is_survived(void **state)
{
    expect("PUT", "/v1/tenants/shop", YAML, yaml_tenant("shop", "a.example"),
           (struct want){ 201, NULL });
    expect("PUT", "/v1/tenants/shop", YAML, yaml_tenant("shop", "b.example"),
           (struct want){ 200, NULL });
    sweep("GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("GET /v1/status HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("GET /v1/tenants HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("GET /v1/tenants/shop HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("GET /v1/tenants/shop/history HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("GET /v1/test/route?url=http://b.example/ HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("GET /v1/doctor HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("GET /v1/logs HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("GET /v1/logs?follow=1 HTTP/1.1\r\nHost: w\r\n\r\n", 200);
}

static void no_memory_at_any_point_of_a_write_is_survived(void **state)
{
    char text[1024];
    const char *doc = yaml_tenant("shop", "a.example");
    expect("PUT", "/v1/tenants/shop", YAML, doc, (struct want){ 201, NULL });
    expect("PUT", "/v1/tenants/shop", YAML, yaml_tenant("shop", "b.example"),
           (struct want){ 200, NULL });
    snprintf(text, sizeof(text),
             "POST /v1/apply HTTP/1.1\r\nHost: w\r\n" YAML "Content-Length: %zu\r\n\r\n%s",
             strlen(yaml_tenant("shop", "c.example")), yaml_tenant("shop", "c.example"));
    sweep(text, 200);
    sweep("POST /v1/tenants/shop/rollback?revision=1 HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("DELETE /v1/tenants/shop?dry_run=1 HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    expect("GET", "/v1/tenants/shop", "", NULL, (struct want){ 200, "\"a.example\"" });
}

/* A request that adds a certificate with its key. */
static void write_upload(struct weir_strbuf *out)
{
    static const struct weir_secret secret = { { 9 } };
    struct cert c;
    char body[4096];
    char der[2048];
    char key[1024];
    uint64_t now = (uint64_t)time(NULL);

    rig.node.secret = &secret;
    cert_make(&c, &(struct cert_spec){ .names = "DNS:a.example",
                                       .not_before = now - CERT_DAY,
                                       .not_after = now + 90 * CERT_DAY });
    assert_true(weir_base64_len(c.der.len) < sizeof(der) &&
                weir_base64_len(c.pkcs8.len) < sizeof(key));
    weir_base64_encode(c.der, der);
    der[weir_base64_len(c.der.len)] = '\0';
    weir_base64_encode(c.pkcs8, key);
    key[weir_base64_len(c.pkcs8.len)] = '\0';
    int len =
        snprintf(body, sizeof(body),
                 "{\"certificates\":[{\"tenant\":\"shop\",\"files\":[\"%s\",\"%s\"]}]}", der, key);
    weir_strbuf_printf(out,
                       "POST /v1/certificates HTTP/1.1\r\nHost: w\r\nContent-Type: "
                       "application/json\r\nContent-Length: %d\r\n\r\n%s",
                       len, body);
    cert_free(&c);
    cert_keys_free();
    assert_false(out->failed);
}

static void no_memory_at_any_point_of_a_certificate_is_survived(void **state)
{
    struct weir_strbuf upload = WEIR_STRBUF_ZERO;
    struct weir_strbuf link = WEIR_STRBUF_ZERO;
    struct response a;

    write_upload(&upload);
    expect("PUT", "/v1/tenants/shop", YAML, yaml_tenant("shop", "a.example"),
           (struct want){ 201, NULL });
    sweep(upload.at, 200);
    sweep(upload.at, 200); /* it is there already */
    sweep("GET /v1/certificates HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    a = ask("GET", "/v1/certificates", "", NULL);
    const char *id = strstr(a.body, "\"id\":\"");
    assert_non_null(id);
    weir_strbuf_printf(&link,
                       "POST /v1/tenants/shop/certificates/%.32s/links?host=b.example HTTP/1.1\r\n"
                       "Host: w\r\n\r\n",
                       id + 6);
    response_free(&a);
    sweep(link.at, 200);
    sweep("GET /v1/export HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    sweep("POST /v1/export?keys=1 HTTP/1.1\r\nHost: w\r\n\r\n", 200);
    expect("GET", "/v1/certificates?tenant=shop", "", NULL, (struct want){ 200, "\"b.example\"" });
    weir_strbuf_deinit(&upload);
    weir_strbuf_deinit(&link);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_head_that_does_not_end_is_408),
        TEST(a_body_that_does_not_end_is_408),
        TEST(an_idle_connection_ends_without_a_word),
        TEST(a_client_that_does_not_read_is_let_go),
        TEST(a_lingering_client_is_let_go),
        TEST(bodies_have_a_common_limit),
        TEST(no_memory_at_any_point_of_a_read_is_survived),
        TEST(no_memory_at_any_point_of_a_write_is_survived),
        TEST(no_memory_at_any_point_of_a_certificate_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
