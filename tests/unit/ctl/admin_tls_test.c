/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_tls_test.c - the admin server over TLS: requests, another certificate, clients that say
 * nothing, noise, HTTP in clear; room for those with a good token; no memory at any point. Time is
 * not waited for.
 */
#include <sys/un.h>

#include "node/ctl/admin/admin_conn.h"
#include "node/wire/pem/tls_pem.h"
#include "node/wire/tls_client.h"
#include "tests/support/failalloc.h"
#include "tests/unit/ctl/admin_client.h"

#define BUFFER_LEN 131072

/** A client over TLS, in this thread. */
struct tls {
    int fd;
    struct weir_tls tls;
    uint8_t in[BUFFER_LEN];
    size_t in_len;
    uint8_t out[BUFFER_LEN];
    uint8_t fingerprint[WEIR_SHA256_LEN]; /* of what was presented */
    bool ended;
};

static struct weir_tls_client *clients;
static struct weir_admin_listener *listener;
static uint8_t presented[WEIR_SHA256_LEN]; /* that the server was given */

static bool verify(void *owner, const struct weir_span *chain, size_t num)
{
    struct tls *c = owner;
    assert_true(num > 0);
    weir_sha256(chain[0], c->fingerprint);
    return true;
}

static void present_another(void)
{
    struct weir_tls_pem_names names = { .common = "x", .dns = { "x" }, .num_dns = 1 };
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct weir_tls_pem pem;
    const char *why = NULL;
    size_t len = 0;
    assert_int_equal(weir_tls_pem_make(&names, 1800000000, &text, &len), WEIR_OK);
    struct weir_span both = weir_span(text.at, text.len);
    assert_int_equal(weir_tls_pem_read(both, both, &pem, &why), WEIR_OK);
    assert_int_equal(weir_admin_present(rig.admin, pem.identity), WEIR_OK);
    memcpy(presented, pem.fingerprint, sizeof(presented));
    weir_strbuf_deinit(&text);
}

static int tls_setup(void **state)
{
    const struct weir_tls_client_config cfg = { .verify = verify };
    struct weir_addr at = { .port = 0 };
    int sys_errno = 0;
    int rc = rig_setup(state);
    present_another();
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("127.0.0.1"), &at), WEIR_OK);
    assert_int_equal(weir_admin_listen_tls(rig.admin, &at, &listener, &sys_errno), WEIR_OK);
    assert_int_equal(weir_tls_client_new(&cfg, &clients), WEIR_OK);
    return rc;
}

static int tls_teardown(void **state)
{
    weir_tls_client_free(&clients);
    return rig_teardown(state);
}

static uint64_t counted(enum weir_metric m)
{
    return atomic_load_explicit(&rig.metrics.cells[m], memory_order_relaxed);
}

/* -- the client -- */

static struct weir_tls_io io_begin(struct tls *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
    c->ended = c->ended || n == 0 || (n < 0 && errno == ECONNRESET);
    c->in_len += n > 0 ? (size_t)n : 0;
    return (struct weir_tls_io){ .in = weir_span(c->in, c->in_len),
                                 .out = c->out,
                                 .out_max = sizeof(c->out) };
}

static void io_end(struct tls *c, const struct weir_tls_io *io)
{
    memmove(c->in, c->in + (c->in_len - io->in.len), io->in.len);
    c->in_len = io->in.len;
    if (io->out_len > 0 && !c->ended)
        (void)send(c->fd, c->out, io->out_len, MSG_NOSIGNAL);
}

/* @return whether the handshake was done */
static bool tls_open(struct tls *c)
{
    const struct weir_tls_dial dial = { .versions = WEIR_TLS_1_2 | WEIR_TLS_1_3 };
    enum weir_tls_step step = WEIR_TLS_WANTS_INPUT;
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    memset(c, 0, sizeof(*c));
    c->fd = client_open_at_listener(listener);
    assert_int_equal(weir_tls_connect(&c->tls, clients, &dial, c), WEIR_OK);
    while (step == WEIR_TLS_WANTS_INPUT && !c->ended) {
        struct weir_tls_io io = io_begin(c);
        step = weir_tls_handshake(&c->tls, &io);
        io_end(c, &io);
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    return step == WEIR_TLS_DONE;
}

static void tls_send(struct tls *c, const char *text)
{
    size_t used = 0;
    struct weir_tls_io io = io_begin(c);
    assert_int_equal(weir_tls_write(&c->tls, &io, weir_span_cstr(text), &used), WEIR_TLS_DONE);
    io_end(c, &io);
}

/* Read until the text is there, or the end. */
static void tls_receive(struct tls *c, struct weir_strbuf *got, const char *text)
{
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (!c->ended && (got->len == 0 || strstr(got->at, text) == NULL)) {
        uint8_t chunk[4096];
        size_t n = 0;
        struct weir_tls_io io = io_begin(c);
        enum weir_tls_step step = weir_tls_read(&c->tls, &io, chunk, sizeof(chunk), &n);
        io_end(c, &io);
        weir_strbuf_add(got, weir_span(chunk, n));
        c->ended = c->ended || step == WEIR_TLS_END || step == WEIR_TLS_FAILED;
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
}

static void tls_close(struct tls *c)
{
    weir_tls_end(&c->tls);
    close(c->fd);
    rig_turn();
}

/* The status of a request on a connection of its own; 0: none came. */
static int tls_ask(struct tls *c, const char *target, const char *fields)
{
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    char text[512];
    int status = 0;
    if (tls_open(c)) {
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: w\r\n%s\r\n", target, fields);
        tls_send(c, text);
        tls_receive(c, &got, "\r\n\r\n");
        status = got.len > 12 ? (int)strtol(got.at + 9, NULL, 10) : 0;
    }
    weir_strbuf_deinit(&got);
    tls_close(c);
    return status;
}

static void token_field(char out[160])
{
    struct response a = ask("POST", "/v1/tokens", "", NULL);
    const char *at = strstr(a.body, "\"weir_");
    assert_non_null(at);
    snprintf(out, 160, "Authorization: Bearer %.*s\r\n", WEIR_TOKEN_TEXT_LEN, at + 1);
    response_free(&a);
}

/* -- requests -- */

static void requests_are_served_with_a_token(void **state)
{
    static struct tls c;
    char field[160];
    token_field(field);
    assert_int_equal(tls_ask(&c, "/healthz", ""), 200);
    assert_memory_equal(c.fingerprint, presented, sizeof(presented));
    assert_int_equal(tls_ask(&c, "/v1/status", ""), 401);
    assert_int_equal(tls_ask(&c, "/v1/status", field), 200);
}

static void requests_of_one_connection_have_one_handshake(void **state)
{
    static struct tls c;
    assert_true(tls_open(&c));
    for (int i = 0; i < 5; i++) {
        struct weir_strbuf got = WEIR_STRBUF_ZERO;
        tls_send(&c, "GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n");
        tls_receive(&c, &got, "\r\n\r\nok\n");
        assert_false(c.ended);
        weir_strbuf_deinit(&got);
    }
    tls_close(&c);
}

static void the_end_of_a_connection_is_in_order(void **state)
{
    static struct tls c;
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    assert_true(tls_open(&c));
    tls_send(&c, "GET /healthz HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n");
    tls_receive(&c, &got, "ok\n");
    /* close_notify is there before the end of the socket, which may come with it. */
    enum weir_tls_step step = WEIR_TLS_WANTS_INPUT;
    while (step == WEIR_TLS_WANTS_INPUT) {
        uint8_t chunk[64];
        size_t n = 0;
        bool over = c.ended;
        struct weir_tls_io io = io_begin(&c);
        step = weir_tls_read(&c.tls, &io, chunk, sizeof(chunk), &n);
        io_end(&c, &io);
        assert_false(over && step == WEIR_TLS_WANTS_INPUT);
        rig_turn();
    }
    assert_int_equal(step, WEIR_TLS_END);
    weir_strbuf_deinit(&got);
    tls_close(&c);
}

static void another_certificate_is_for_the_next_connections(void **state)
{
    static struct tls c;
    static struct tls old;
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    assert_true(tls_open(&old));
    present_another();
    assert_int_equal(tls_ask(&c, "/healthz", ""), 200);
    assert_memory_equal(c.fingerprint, presented, sizeof(presented));
    assert_memory_not_equal(old.fingerprint, presented, sizeof(presented));
    tls_send(&old, "GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n");
    tls_receive(&old, &got, "ok\n");
    assert_false(old.ended);
    weir_strbuf_deinit(&got);
    tls_close(&old);
}

/* -- clients that misbehave -- */

static void http_in_clear_is_told_so(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n";
    struct response a;
    int fd = client_open_at_listener(listener);
    client_send(fd, request, sizeof(request) - 1);
    response_read(fd, &a, false);
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(a.body, "speaks TLS"));
    response_free(&a);
    assert_true(client_ended(fd));
    close(fd);
    assert_int_equal(counted(WEIR_M_ADMIN_HANDSHAKES_FAILED), 1);
}

static void noise_of_any_length_ends_a_connection(void **state)
{
    char noise[512];
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(i * 37 + 11);
    for (size_t len = 1; len < sizeof(noise); len = len * 2 + 1) {
        int fd = client_open_at_listener(listener);
        client_send(fd, noise, len);
        rig_turn();
        shutdown(fd, SHUT_WR);
        assert_true(client_ended(fd));
        close(fd);
    }
    assert_int_equal(rig.admin->num_by_scope[WEIR_ADMIN_SCOPE_TOKEN], 0);
}

static void a_client_that_says_nothing_has_ten_seconds(void **state)
{
    int fd = client_open_at_listener(listener);
    rig_turn();
    rig_turn();
    struct weir_admin_conn *c =
        weir_container_of(rig.admin->conns.next, struct weir_admin_conn, link);
    assert_int_equal(c->state, WEIR_ADMIN_CONN_HANDSHAKE);
    assert_in_range(c->deadline_ms - uv_now(&rig.loop), 8000, WEIR_ADMIN_HANDSHAKE_MS);
    weir_conn_set_deadline(&c->conn, uv_now(&rig.loop));
    assert_true(client_ended(fd));
    close(fd);
    assert_int_equal(counted(WEIR_M_ADMIN_HANDSHAKES_FAILED), 1);
}

static void clients_without_a_good_token_make_room(void **state)
{
    enum { NUM = 2 * WEIR_ADMIN_TOKEN_MAX };
    static int fds[NUM];
    static struct tls c;
    static struct tls good;
    char field[160];
    char request[256];
    struct weir_strbuf got = WEIR_STRBUF_ZERO;
    token_field(field);
    assert_true(tls_open(&good));
    snprintf(request, sizeof(request), "GET /v1/status HTTP/1.1\r\nHost: w\r\n%s\r\n", field);
    tls_send(&good, request);
    tls_receive(&good, &got, "}\n");
    tls_send(&good, "GET /v1/sta"); /* it has begun another one, and is not idle */
    for (int i = 0; i < NUM; i++) {
        fds[i] = client_open_at_listener(listener);
        rig_turn();
    }
    assert_true(rig.admin->num_by_scope[WEIR_ADMIN_SCOPE_TOKEN] <= WEIR_ADMIN_TOKEN_MAX);
    assert_int_equal(tls_ask(&c, "/v1/status", field), 200);
    assert_false(good.ended);
    snprintf(request, sizeof(request), "tus HTTP/1.1\r\nHost: w\r\n%s\r\n", field);
    weir_strbuf_reset(&got);
    tls_send(&good, request);
    tls_receive(&good, &got, "}\n");
    assert_false(good.ended);
    weir_strbuf_deinit(&got);
    tls_close(&good);
    for (int i = 0; i < NUM; i++)
        close(fds[i]);
}

static size_t num_in_a_head(void)
{
    size_t num = 0;
    for (struct weir_list *l = rig.admin->conns.next; l != &rig.admin->conns; l = l->next) {
        struct weir_admin_conn *c = weir_container_of(l, struct weir_admin_conn, link);
        num += c->state == WEIR_ADMIN_CONN_READING && !weir_admin_http_idle(&c->http) ? 1 : 0;
    }
    return num;
}

/* They have come through the handshake, and send a head without end. */
static void clients_that_send_no_token_make_room_too(void **state)
{
    static struct tls c;
    char field[160];
    struct tls *slow = calloc(WEIR_ADMIN_TOKEN_MAX, sizeof(*slow));
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    assert_non_null(slow);
    token_field(field);
    for (size_t i = 0; i < WEIR_ADMIN_TOKEN_MAX; i++) {
        assert_true(tls_open(&slow[i]));
        tls_send(&slow[i], "GET /v1/status HT");
    }
    while (num_in_a_head() < WEIR_ADMIN_TOKEN_MAX) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
    assert_int_equal(rig.admin->num_by_scope[WEIR_ADMIN_SCOPE_TOKEN], WEIR_ADMIN_TOKEN_MAX);
    assert_int_equal(tls_ask(&c, "/v1/status", field), 200);
    for (size_t i = 0; i < WEIR_ADMIN_TOKEN_MAX; i++)
        tls_close(&slow[i]);
    free(slow);
}

static void a_stop_ends_connections_in_any_state(void **state)
{
    static struct tls c;
    int fd = client_open_at_listener(listener);
    assert_true(tls_open(&c));
    rig_turn();
    assert_int_equal(rig.admin->num_by_scope[WEIR_ADMIN_SCOPE_TOKEN], 2);
    weir_admin_stop(rig.admin);
    assert_true(client_ended(fd));
    assert_int_equal(rig.admin->num_conns, 0);
    close(fd);
    tls_close(&c);
}

/* -- no memory -- */

/* The client takes its memory from the same allocator, and may fail as well. */
static void no_memory_at_any_point_is_survived(void **state)
{
    static struct tls c;
    char field[160];
    int status = 0;
    token_field(field);
    for (long n = 1; n < 3000; n += 3) {
        const struct weir_tls_dial dial = { .versions = WEIR_TLS_1_2 | WEIR_TLS_1_3 };
        enum weir_tls_step step = WEIR_TLS_WANTS_INPUT;
        memset(&c, 0, sizeof(c));
        c.fd = client_open_at_listener(listener);
        assert_int_equal(weir_tls_connect(&c.tls, clients, &dial, &c), WEIR_OK);
        weir_failalloc_once(n);
        for (int i = 0; i < 40 && step == WEIR_TLS_WANTS_INPUT && !c.ended; i++) {
            struct weir_tls_io io = io_begin(&c);
            step = weir_tls_handshake(&c.tls, &io);
            io_end(&c, &io);
            rig_turn();
        }
        bool over = weir_failalloc_count() < (unsigned long)n;
        weir_failalloc_once(-1);
        tls_close(&c);
        for (int i = 0; i < 3; i++)
            rig_turn();
        if (over)
            break;
    }
    for (int i = 0; i < 100 && rig.admin->num_by_scope[WEIR_ADMIN_SCOPE_TOKEN] > 0; i++)
        rig_turn();
    assert_int_equal(rig.admin->num_by_scope[WEIR_ADMIN_SCOPE_TOKEN], 0);
    status = tls_ask(&c, "/v1/status", field);
    assert_int_equal(status, 200);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tls_setup, tls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_are_served_with_a_token),
        TEST(requests_of_one_connection_have_one_handshake),
        TEST(the_end_of_a_connection_is_in_order),
        TEST(another_certificate_is_for_the_next_connections),
        TEST(http_in_clear_is_told_so),
        TEST(noise_of_any_length_ends_a_connection),
        TEST(a_client_that_says_nothing_has_ten_seconds),
        TEST(clients_without_a_good_token_make_room),
        TEST(clients_that_send_no_token_make_room_too),
        TEST(a_stop_ends_connections_in_any_state),
        TEST(no_memory_at_any_point_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
