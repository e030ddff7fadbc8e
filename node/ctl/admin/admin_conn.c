/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_conn.c - one connection of the admin server: reads requests, hands them to their handlers,
 * writes responses. Events note what happened and call pump or finish; those two move the
 * connection on. A request has its response before the next one is read. That a response is out is
 * always seen in an event of its own, so that a client that sends many requests at once does not
 * make the stack deep.
 */
#include "node/ctl/admin/admin_conn.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "node/base/clock.h"
#include "node/base/log.h"

#define CONN_MAGIC     0x61636f6e
#define SLICES_A_TURN  16 /* slices of a response that are sent in one turn */
#define FAILURES_PER_S 5  /* lines about handshakes that failed */

static struct weir_admin_conn *conn_of(void *at)
{
    struct weir_admin_conn *c = at;
    WEIR_ASSERT(c != NULL);
    WEIR_ASSERT(c->magic == CONN_MAGIC);
    return c;
}

/* The legal moves: row from, bit to. */
#define TO(state) (1u << (WEIR_ADMIN_CONN_##state))
static const uint8_t conn_moves[] = {
    [WEIR_ADMIN_CONN_HANDSHAKE] = TO(READING) | TO(LINGERING) | TO(CLOSING),
    [WEIR_ADMIN_CONN_READING] = TO(WORKING) | TO(WRITING) | TO(CLOSING),
    [WEIR_ADMIN_CONN_WORKING] = TO(WRITING) | TO(STREAMING) | TO(CLOSING),
    [WEIR_ADMIN_CONN_WRITING] = TO(READING) | TO(LINGERING) | TO(CLOSING),
    [WEIR_ADMIN_CONN_STREAMING] = TO(READING) | TO(CLOSING),
    [WEIR_ADMIN_CONN_LINGERING] = TO(CLOSING),
    [WEIR_ADMIN_CONN_CLOSING] = 0,
};
#undef TO
_Static_assert(WEIR_ARRAY_LEN(conn_moves) == WEIR_ADMIN_CONN_STATES, "a row for each state");

static void move_conn(struct weir_admin_conn *c, enum weir_admin_conn_state to)
{
    WEIR_ASSERT(conn_moves[c->state] & (1u << to));
    c->state = to;
}

static void pump_conn(struct weir_admin_conn *c);

void weir_admin_conn_expect(struct weir_admin_conn *c, uint64_t ms)
{
    c->deadline_ms = uv_now(c->admin->node->loop) + ms;
    weir_conn_set_deadline(&c->conn, c->deadline_ms);
}

static void expect_nothing(struct weir_admin_conn *c)
{
    c->deadline_ms = UINT64_MAX;
    weir_timer_stop(&c->admin->wheel, &c->conn.deadline);
}

/* A handler that sends must not find its request gone when the call returns. */
static void fail_soon(struct weir_admin_conn *c)
{
    c->failed = true;
    weir_conn_wake(&c->conn);
}

/* Watch for what the connection waits for. */
static void set_watch(struct weir_admin_conn *c)
{
    if (c->state != WEIR_ADMIN_CONN_CLOSING &&
        weir_conn_watch(&c->conn, c->reading && !c->seen_end) < 0)
        fail_soon(c);
}

/* -- requests -- */

static struct weir_admin_request *new_request(struct weir_admin_conn *c)
{
    struct weir_admin_request *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->node = c->admin->node;
    r->admin = c->admin;
    r->conn = c;
    r->fields = WEIR_STRBUF_ZERO;
    r->body = WEIR_STRBUF_ZERO;
    r->body.max = WEIR_ADMIN_RESPONSE_MAX;
    memcpy(r->user, c->user, sizeof(r->user));
    c->request = r;
    return r;
}

static void free_request(struct weir_admin_request *r)
{
    WEIR_ASSERT(r->admin->body_bytes >= r->body_counted);
    r->admin->body_bytes -= r->body_counted;
    if (r->whole)
        weir_admin_message_free(&r->message);
    weir_strbuf_deinit(&r->fields);
    weir_strbuf_deinit(&r->body);
    free(r);
}

/* -- writing -- */

/* The response is out while bytes of the client are still coming: closing now could destroy it on
 * its way. */
static void begin_linger(struct weir_admin_conn *c)
{
    move_conn(c, WEIR_ADMIN_CONN_LINGERING);
    weir_admin_conn_expect(c, WEIR_ADMIN_LINGER_MS);
    if (c->seen_end) {
        weir_admin_conn_close(c);
        return;
    }
    weir_conn_shut(&c->conn);
    c->reading = true;
}

static void finish_response(struct weir_admin_conn *c)
{
    if (c->linger) {
        begin_linger(c);
        return;
    }
    if (c->close_after || c->admin->stopping) {
        weir_admin_conn_close(c);
        return;
    }
    move_conn(c, WEIR_ADMIN_CONN_READING);
    weir_admin_conn_expect(c, weir_admin_http_idle(&c->http) ? WEIR_ADMIN_IDLE_MS
                                                             : WEIR_ADMIN_HEAD_TIMEOUT_MS);
    pump_conn(c);
}

static void on_written(struct weir_admin_conn *c)
{
    c->writing = false;
    weir_strbuf_deinit(&c->head);
    weir_strbuf_deinit(&c->body);
    if (c->state == WEIR_ADMIN_CONN_WRITING || c->ended)
        finish_response(c);
    else
        expect_nothing(c);
}

/* The next bytes of head and body. */
static void next_pieces(const struct weir_admin_conn *c, struct weir_pieces *p)
{
    size_t body_at = c->written > c->head.len ? c->written - c->head.len : 0;
    size_t body_len = c->body.len - body_at;
    weir_pieces_reset(p);
    if (c->written < c->head.len)
        weir_pieces_add(p, weir_span(c->head.at + c->written, c->head.len - c->written));
    weir_pieces_add(p, weir_span(c->body.at + body_at,
                                 body_len < WEIR_ADMIN_SLICE ? body_len : WEIR_ADMIN_SLICE));
}

/* A slice at a time, so that little is copied of what the client does not take. */
static void write_some(struct weir_admin_conn *c)
{
    size_t whole = c->head.len + c->body.len;
    for (int i = 0; i < SLICES_A_TURN && c->written < whole && !weir_conn_blocked(&c->conn); i++) {
        struct weir_pieces p;
        next_pieces(c, &p);
        if (weir_conn_send(&c->conn, &p) != WEIR_CONN_SENT) {
            fail_soon(c);
            return;
        }
        c->written += p.len;
    }
    if (c->written == whole && !weir_conn_blocked(&c->conn))
        weir_conn_wake(&c->conn);
    else if (!weir_conn_blocked(&c->conn))
        weir_conn_defer(&c->conn); /* others come first */
    set_watch(c);
}

/* Send c->head and c->body. */
static void begin_write(struct weir_admin_conn *c)
{
    WEIR_ASSERT(!c->writing);
    c->writing = true;
    c->written = 0;
    if (c->head.failed || c->body.failed) {
        fail_soon(c);
        return;
    }
    weir_admin_conn_expect(c, WEIR_ADMIN_WRITE_TIMEOUT_MS);
    write_some(c);
}

static void write_head(struct weir_admin_conn *c, struct weir_admin_request *r,
                       struct weir_admin_head *head)
{
    const struct weir_admin_message *m = r->message;
    head->more = weir_span(r->fields.at, r->fields.len);
    head->wall_ms = weir_clock_wall_ms();
    c->linger = !r->whole;
    c->close_after = c->linger || !m->keep_alive || r->node->state == WEIR_NODE_DRAINING;
    c->head_only = m != NULL && weir_span_eq(m->method, WEIR_SPAN_LIT("HEAD"));
    head->close = c->close_after;
    c->head = WEIR_STRBUF_ZERO;
    weir_admin_head_write(head, &c->head);
    weir_metric_add(r->node->metrics, WEIR_M_ADMIN_REQUESTS, 1);
    if (head->status >= 400)
        weir_metric_add(r->node->metrics, WEIR_M_ADMIN_ERRORS, 1);
}

void weir_admin_response(struct weir_admin_request *r, uint16_t status, const char *content_type)
{
    struct weir_admin_conn *c = r->conn;
    struct weir_admin_head head = { .status = status, .content_type = content_type };
    if (c == NULL) {
        free_request(r);
        return;
    }
    WEIR_ASSERT(c->request == r);
    if (r->body.failed || r->fields.failed) {
        /* A cut body must not pass for a whole one. This response needs no memory. */
        weir_strbuf_deinit(&r->body);
        weir_strbuf_reset(&r->fields);
        head.status = 503;
        head.content_type = NULL;
    }
    head.content_length = r->body.len;
    write_head(c, r, &head);
    c->body = WEIR_STRBUF_ZERO;
    if (!c->head_only) {
        c->body = r->body;
        r->body = WEIR_STRBUF_ZERO;
    }
    c->request = NULL;
    c->ended = false;
    move_conn(c, WEIR_ADMIN_CONN_WRITING);
    free_request(r);
    begin_write(c);
}

void weir_admin_stream_begin(struct weir_admin_request *r, const char *content_type)
{
    struct weir_admin_conn *c = r->conn;
    if (c == NULL)
        return;
    c->chunked = r->message->head.minor == 1;
    struct weir_admin_head head = { .status = 200,
                                    .content_type = content_type,
                                    .chunked = c->chunked };
    if (!c->chunked)
        r->message->keep_alive = false;
    write_head(c, r, &head);
    c->ended = false;
    c->body = WEIR_STRBUF_ZERO;
    move_conn(c, WEIR_ADMIN_CONN_STREAMING);
    begin_write(c);
}

bool weir_admin_stream_ready(const struct weir_admin_request *r)
{
    return r->conn == NULL || !r->conn->writing;
}

void weir_admin_stream_send(struct weir_admin_request *r, struct weir_strbuf *bytes)
{
    struct weir_admin_conn *c = r->conn;
    if (c == NULL || c->head_only || bytes->len == 0) {
        weir_strbuf_reset(bytes);
        return;
    }
    WEIR_ASSERT(c->state == WEIR_ADMIN_CONN_STREAMING);
    c->head = WEIR_STRBUF_ZERO;
    if (c->chunked) {
        weir_strbuf_printf(&c->head, "%zx\r\n", bytes->len);
        weir_strbuf_puts(bytes, "\r\n");
    }
    c->body = *bytes;
    *bytes = WEIR_STRBUF_ZERO;
    begin_write(c);
}

void weir_admin_stream_end(struct weir_admin_request *r)
{
    struct weir_admin_conn *c = r->conn;
    if (c == NULL) {
        free_request(r);
        return;
    }
    WEIR_ASSERT(c->state == WEIR_ADMIN_CONN_STREAMING);
    WEIR_ASSERT(!c->writing);
    c->request = NULL;
    free_request(r);
    if (!c->chunked || c->head_only) {
        finish_response(c);
        return;
    }
    c->ended = true;
    c->body = WEIR_STRBUF_ZERO;
    c->head = WEIR_STRBUF_ZERO;
    weir_strbuf_puts(&c->head, "0\r\n\r\n");
    begin_write(c);
}

/* -- reading -- */

static const char *fault_code(uint16_t status)
{
    switch (status) {
    case 408:
        return "timeout";
    case 413:
    case 414:
    case 431:
        return "too_large";
    case 503:
        return "busy";
    default:
        return "bad_request";
    }
}

/* Refuse what is being read. The connection ends with the response. */
static void refuse_request(struct weir_admin_conn *c, uint16_t status, const char *why)
{
    struct weir_admin_request *r = c->request != NULL ? c->request : new_request(c);
    if (r == NULL) {
        weir_admin_conn_close(c);
        return;
    }
    r->message = NULL;
    weir_admin_response_error(r, status, fault_code(status), "%s", why);
}

/* @return false: the request has its response */
static bool route_request(struct weir_admin_request *r)
{
    struct weir_span path = r->message->path;
    struct weir_span method = r->message->method;
    enum weir_admin_found found =
        weir_admin_route_find(r, r->conn->scope == WEIR_ADMIN_SCOPE_HEALTH);
    if (!weir_admin_authenticate(r))
        return false;
    switch (found) {
    case WEIR_ADMIN_FOUND:
        return !weir_admin_head_refused(r);
    case WEIR_ADMIN_NO_PATH:
        if (!weir_admin_access_refused(r))
            weir_admin_response_error(r, 404, "not_found", "no such path: %.*s", (int)path.len,
                                      (const char *)path.at);
        return false;
    case WEIR_ADMIN_NO_METHOD:
        if (!weir_admin_access_refused(r))
            weir_admin_response_error(r, 405, "method_not_allowed", "%.*s does not take %.*s",
                                      (int)path.len, (const char *)path.at, (int)method.len,
                                      (const char *)method.at);
        return false;
    }
    WEIR_UNREACHABLE();
}

/* A request with a body is judged by its head, so that a refused one need not be sent. */
static void on_head(struct weir_admin_conn *c)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct weir_pieces p;
    if (!c->http.message->has_body)
        return;
    struct weir_admin_request *r = new_request(c);
    if (r == NULL) {
        weir_admin_conn_close(c);
        return;
    }
    r->message = c->http.message;
    weir_admin_conn_expect(c, WEIR_ADMIN_BODY_TIMEOUT_MS);
    if (!route_request(r) || !r->message->head.expect_continue || c->http.in.len > 0)
        return;
    weir_pieces_reset(&p);
    weir_pieces_add(&p, weir_span(go_on, sizeof(go_on) - 1));
    if (weir_conn_send(&c->conn, &p) != WEIR_CONN_SENT)
        weir_admin_conn_close(c);
}

static void on_request(struct weir_admin_conn *c)
{
    struct weir_admin_request *r = c->request;
    bool routed = r != NULL;
    if (r == NULL)
        r = new_request(c);
    if (r == NULL) {
        weir_admin_conn_close(c);
        return;
    }
    r->message = weir_admin_http_take(&c->http);
    r->whole = true;
    move_conn(c, WEIR_ADMIN_CONN_WORKING);
    expect_nothing(c);
    if (routed || route_request(r))
        r->route->run(r);
}

/* @return false: the bodies of all requests together are over their limit, and this one was refused
 */
static bool count_body(struct weir_admin_conn *c)
{
    struct weir_admin_request *r = c->request;
    if (r == NULL || c->http.message == NULL)
        return true;
    c->admin->body_bytes += c->http.message->body.cap - r->body_counted;
    r->body_counted = c->http.message->body.cap;
    if (c->admin->body_bytes <= WEIR_ADMIN_BODIES_MAX)
        return true;
    refuse_request(c, 503, "too many large requests at once; try again");
    return false;
}

static void pump_conn(struct weir_admin_conn *c)
{
    while (c->state == WEIR_ADMIN_CONN_READING) {
        enum weir_admin_event event = weir_admin_http_next(&c->http);
        if (!count_body(c))
            return;
        switch (event) {
        case WEIR_ADMIN_MORE:
            if (c->seen_end)
                weir_admin_conn_close(c);
            else
                c->reading = true;
            return;
        case WEIR_ADMIN_HEAD:
            on_head(c);
            break;
        case WEIR_ADMIN_REQUEST:
            on_request(c);
            break;
        case WEIR_ADMIN_FAULT:
            refuse_request(c, c->http.status, c->http.why);
            return;
        }
    }
}

static void on_bytes(struct weir_admin_conn *c, struct weir_span bytes)
{
    if (c->linger) {
        c->dropped += bytes.len;
        if (c->dropped > WEIR_ADMIN_LINGER_MAX)
            weir_admin_conn_close(c);
        return;
    }
    if (weir_admin_http_idle(&c->http) && c->state == WEIR_ADMIN_CONN_READING)
        weir_admin_conn_expect(c, WEIR_ADMIN_HEAD_TIMEOUT_MS);
    if (weir_admin_http_feed(&c->http, bytes) < 0) {
        weir_admin_conn_close(c);
        return;
    }
    if (c->state != WEIR_ADMIN_CONN_READING && c->http.in.len > WEIR_ADMIN_AHEAD_MAX)
        c->reading = false;
    pump_conn(c);
}

/* A client may close its side and still wait for the response. A stream ends with its client,
 * because nothing else would end it. */
static void on_end(struct weir_admin_conn *c, bool clean)
{
    c->seen_end = true;
    if (clean && (c->state == WEIR_ADMIN_CONN_WORKING || c->state == WEIR_ADMIN_CONN_WRITING))
        return;
    weir_admin_conn_close(c);
}

/* As the socket has it, whether it is encrypted or not. */
static void read_and_drop(struct weir_admin_conn *c)
{
    size_t n = 0;
    enum weir_io io =
        weir_sock_read(c->conn.watch.fd, c->conn.env->scratch, c->conn.env->scratch_len, &n);
    c->dropped += n;
    if (io == WEIR_IO_END || io == WEIR_IO_FAILED || c->dropped > WEIR_ADMIN_LINGER_MAX)
        weir_admin_conn_close(c);
}

static void read_some(struct weir_admin_conn *c)
{
    struct weir_span bytes;
    switch (weir_conn_read(&c->conn, c->conn.env->scratch_len, &bytes)) {
    case WEIR_IO_DONE:
        on_bytes(c, bytes);
        return;
    case WEIR_IO_BLOCKED:
        return;
    case WEIR_IO_END:
        on_end(c, true);
        return;
    case WEIR_IO_FAILED:
        on_end(c, false);
        return;
    }
    WEIR_UNREACHABLE();
}

/* -- the handshake -- */

static void report_failure(const struct weir_admin_conn *c, const char *reason)
{
    static struct weir_log_limit limit;
    char client[WEIR_ADDR_TEXT_MAX];
    uint32_t suppressed = 0;
    weir_metric_add(c->admin->node->metrics, WEIR_M_ADMIN_HANDSHAKES_FAILED, 1);
    if (!weir_log_allowed(&limit, FAILURES_PER_S, &suppressed))
        return;
    weir_addr_ip_text(&c->peer, client);
    log_info("admin.handshake_failed", "client=%s reason=%s suppressed=%u", client, reason,
             suppressed);
}

static void step_handshake(struct weir_admin_conn *c)
{
    enum weir_tls_fault fault = WEIR_TLS_FAULT_NONE;
    switch (weir_admin_tls_handshake(c->admin->tls, &c->conn, &fault)) {
    case WEIR_ADMIN_TLS_DONE:
        move_conn(c, WEIR_ADMIN_CONN_READING);
        weir_admin_conn_expect(c, WEIR_ADMIN_HEAD_TIMEOUT_MS);
        return;
    case WEIR_ADMIN_TLS_WAITS:
        return;
    case WEIR_ADMIN_TLS_SIGNS:
        c->signing = true;
        c->reading = false;
        return;
    case WEIR_ADMIN_TLS_REFUSED:
        report_failure(c, weir_tls_fault_name(fault));
        if (weir_conn_blocked(&c->conn))
            weir_admin_conn_close(c);
        else
            begin_linger(c);
        return;
    case WEIR_ADMIN_TLS_ENDED: /* as what only looks whether somebody listens */
        weir_metric_add(c->admin->node->metrics, WEIR_M_ADMIN_HANDSHAKES_FAILED, 1);
        weir_admin_conn_close(c);
        return;
    }
    WEIR_UNREACHABLE();
}

void weir_admin_conn_signed(struct weir_conn *conn)
{
    struct weir_admin_conn *c = conn_of(weir_container_of(conn, struct weir_admin_conn, conn));
    WEIR_ASSERT(c->signing);
    weir_conn_env_enter(c->conn.env);
    c->signing = false;
    c->reading = true;
    step_handshake(c);
    set_watch(c);
    weir_conn_env_leave(c->conn.env);
}

/* -- events -- */

static void on_readable(struct weir_admin_conn *c)
{
    if (c->state == WEIR_ADMIN_CONN_CLOSING || !c->reading || c->seen_end)
        return;
    if (c->state == WEIR_ADMIN_CONN_HANDSHAKE)
        step_handshake(c);
    else if (c->state == WEIR_ADMIN_CONN_LINGERING)
        read_and_drop(c);
    else
        read_some(c);
}

static void on_event(struct weir_conn *conn, unsigned what)
{
    struct weir_admin_conn *c = conn_of(weir_container_of(conn, struct weir_admin_conn, conn));
    if (c->failed || (what & WEIR_CONN_FAILED) != 0) {
        weir_admin_conn_close(c);
        return;
    }
    if (c->writing && !weir_conn_blocked(&c->conn)) {
        if (c->written < c->head.len + c->body.len)
            write_some(c);
        else
            on_written(c);
    }
    if ((what & WEIR_CONN_READABLE) != 0)
        on_readable(c);
    set_watch(c);
}

static void on_expired(struct weir_conn *conn)
{
    struct weir_admin_conn *c = conn_of(weir_container_of(conn, struct weir_admin_conn, conn));
    if (c->state == WEIR_ADMIN_CONN_HANDSHAKE)
        report_failure(c, "timeout");
    if (c->state == WEIR_ADMIN_CONN_READING && !weir_admin_http_idle(&c->http))
        refuse_request(c, 408, "the request took too long to arrive");
    else
        weir_admin_conn_close(c);
}

static void on_closed(struct weir_conn *conn)
{
    struct weir_admin_conn *c = conn_of(weir_container_of(conn, struct weir_admin_conn, conn));
    weir_strbuf_deinit(&c->head);
    weir_strbuf_deinit(&c->body);
    weir_admin_http_deinit(&c->http);
    c->magic = 0;
    free(c);
}

static const struct weir_conn_owner conn_owner = {
    .task = WEIR_CONN_TASK,
    .event = on_event,
    .expired = on_expired,
    .closed = on_closed,
};

/* -- life -- */

void weir_admin_conn_start(struct weir_admin_conn *c, int fd)
{
    c->magic = CONN_MAGIC;
    weir_conn_init(&c->conn, &c->admin->env, &conn_owner, fd);
    c->state = c->tls ? WEIR_ADMIN_CONN_HANDSHAKE : WEIR_ADMIN_CONN_READING; /* the first */
    weir_admin_http_init(&c->http, WEIR_ADMIN_BODY_MAX);
    c->head = WEIR_STRBUF_ZERO;
    c->body = WEIR_STRBUF_ZERO;
    c->reading = true;
    weir_admin_conn_expect(c, c->tls ? WEIR_ADMIN_HANDSHAKE_MS : WEIR_ADMIN_HEAD_TIMEOUT_MS);
    if (c->tls && weir_admin_tls_accept(c->admin->tls, &c->conn) < 0)
        fail_soon(c);
    set_watch(c);
}

void weir_admin_conn_close(struct weir_admin_conn *c)
{
    struct weir_admin_request *r = c->request;
    struct weir_admin *a = c->admin;
    if (c->state == WEIR_ADMIN_CONN_CLOSING)
        return;
    move_conn(c, WEIR_ADMIN_CONN_CLOSING);
    c->request = NULL;
    weir_list_remove(&c->link);
    a->num_conns--;
    a->num_by_scope[c->scope]--;
    weir_conn_close(&c->conn, false);
    if (r == NULL)
        return;
    r->conn = NULL;
    if (!r->whole)
        free_request(r);
    else if (r->gone != NULL)
        r->gone(r);
}

bool weir_admin_conn_finishing(const struct weir_admin_conn *c)
{
    return c->state == WEIR_ADMIN_CONN_WRITING ||
           (c->state == WEIR_ADMIN_CONN_STREAMING && c->ended);
}

bool weir_admin_conn_may_go(const struct weir_admin_conn *c)
{
    if (c->state == WEIR_ADMIN_CONN_HANDSHAKE)
        return true;
    if (c->state != WEIR_ADMIN_CONN_READING)
        return false;
    return weir_admin_http_idle(&c->http) || (c->scope == WEIR_ADMIN_SCOPE_TOKEN && !c->trusted);
}
