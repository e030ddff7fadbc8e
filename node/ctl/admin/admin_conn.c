/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_conn.c - one connection of the admin server: reads requests, hands them to their handlers,
 * writes responses. Callbacks note what happened and call pump or finish; those two move the
 * connection on. A request has its response before the next one is read.
 */
#include "node/ctl/admin/admin_conn.h"

#include <stdlib.h>

#include "node/base/clock.h"
#include "node/base/log.h"

#define CONN_MAGIC 0x61636f6e

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
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void set_deadline(struct weir_admin_conn *c, uint64_t ms)
{
    c->deadline_ms = uv_now(c->u.handle.loop) + ms;
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

static void on_shutdown(uv_shutdown_t *req, int status)
{
    struct weir_admin_conn *c = conn_of(req->data);
    if (status < 0 && c->state != WEIR_ADMIN_CONN_CLOSING)
        weir_admin_conn_close(c);
}

/* The response is out while bytes of the client are still coming: closing now could destroy it on
 * its way. */
static void begin_linger(struct weir_admin_conn *c)
{
    move_conn(c, WEIR_ADMIN_CONN_LINGERING);
    set_deadline(c, WEIR_ADMIN_LINGER_MS);
    c->shutdown.data = c;
    if (!c->reading && !c->seen_end)
        c->reading = uv_read_start(&c->u.stream, on_alloc, on_read) == 0;
    if (!c->reading || uv_shutdown(&c->shutdown, &c->u.stream, on_shutdown) < 0)
        weir_admin_conn_close(c);
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
    set_deadline(c,
                 weir_admin_http_idle(&c->http) ? WEIR_ADMIN_IDLE_MS : WEIR_ADMIN_HEAD_TIMEOUT_MS);
    pump_conn(c);
}

static void on_written(uv_write_t *req, int status)
{
    struct weir_admin_conn *c = conn_of(req->data);
    c->writing = false;
    weir_strbuf_deinit(&c->head);
    weir_strbuf_deinit(&c->body);
    if (c->state == WEIR_ADMIN_CONN_CLOSING)
        return;
    if (status < 0)
        weir_admin_conn_close(c);
    else if (c->state == WEIR_ADMIN_CONN_WRITING || c->ended)
        finish_response(c);
    else
        c->deadline_ms = UINT64_MAX;
}

/* Send c->head and c->body. */
static void begin_write(struct weir_admin_conn *c)
{
    WEIR_ASSERT(!c->writing);
    uv_buf_t bufs[2] = { uv_buf_init(c->head.at, (unsigned)c->head.len),
                         uv_buf_init(c->body.at, (unsigned)c->body.len) };
    if (c->head.failed || c->body.failed) {
        weir_admin_conn_close(c);
        return;
    }
    c->writing = true;
    c->write.data = c;
    set_deadline(c, WEIR_ADMIN_WRITE_TIMEOUT_MS);
    if (uv_write(&c->write, &c->u.stream, bufs, c->body.len > 0 ? 2 : 1, on_written) < 0) {
        c->writing = false;
        weir_admin_conn_close(c);
    }
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
    static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!c->http.message->has_body)
        return;
    struct weir_admin_request *r = new_request(c);
    if (r == NULL) {
        weir_admin_conn_close(c);
        return;
    }
    r->message = c->http.message;
    set_deadline(c, WEIR_ADMIN_BODY_TIMEOUT_MS);
    if (!route_request(r) || !r->message->head.expect_continue || c->http.in.len > 0)
        return;
    uv_buf_t buf = uv_buf_init(go_on, sizeof(go_on) - 1);
    if (uv_try_write(&c->u.stream, &buf, 1) != (int)buf.len)
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
    c->deadline_ms = UINT64_MAX;
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

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct weir_admin_conn *c = conn_of(handle->data);
    *buf = uv_buf_init((char *)c->admin->read_buffer, sizeof(c->admin->read_buffer));
}

static void set_reading(struct weir_admin_conn *c, bool on)
{
    if (on == c->reading || c->seen_end)
        return;
    c->reading = on;
    if (!on)
        (void)uv_read_stop(&c->u.stream);
    else if (uv_read_start(&c->u.stream, on_alloc, on_read) < 0)
        weir_admin_conn_close(c);
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
                set_reading(c, true);
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
    if (c->state == WEIR_ADMIN_CONN_LINGERING || c->linger) {
        c->dropped += bytes.len;
        if (c->dropped > WEIR_ADMIN_LINGER_MAX)
            weir_admin_conn_close(c);
        return;
    }
    if (weir_admin_http_idle(&c->http) && c->state == WEIR_ADMIN_CONN_READING)
        set_deadline(c, WEIR_ADMIN_HEAD_TIMEOUT_MS);
    if (weir_admin_http_feed(&c->http, bytes) < 0) {
        weir_admin_conn_close(c);
        return;
    }
    if (c->state != WEIR_ADMIN_CONN_READING && c->http.in.len > WEIR_ADMIN_AHEAD_MAX)
        set_reading(c, false);
    pump_conn(c);
}

/* A client may close its side and still wait for the response. A stream ends with its client,
 * because nothing else would end it. */
static void on_end(struct weir_admin_conn *c, bool clean)
{
    set_reading(c, false);
    c->seen_end = true;
    if (clean && (c->state == WEIR_ADMIN_CONN_WORKING || c->state == WEIR_ADMIN_CONN_WRITING))
        return;
    weir_admin_conn_close(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct weir_admin_conn *c = conn_of(stream->data);
    if (c->state == WEIR_ADMIN_CONN_CLOSING || n == 0)
        return;
    if (n < 0)
        on_end(c, n == UV_EOF);
    else
        on_bytes(c, weir_span(buf->base, (size_t)n));
}

/* -- life -- */

void weir_admin_conn_start(struct weir_admin_conn *c)
{
    c->magic = CONN_MAGIC;
    c->u.handle.data = c;
    c->state = WEIR_ADMIN_CONN_READING; /* the first */
    weir_admin_http_init(&c->http, WEIR_ADMIN_BODY_MAX);
    c->head = WEIR_STRBUF_ZERO;
    c->body = WEIR_STRBUF_ZERO;
    set_deadline(c, WEIR_ADMIN_HEAD_TIMEOUT_MS);
    set_reading(c, true);
}

static void on_closed(uv_handle_t *handle)
{
    struct weir_admin_conn *c = conn_of(handle->data);
    weir_strbuf_deinit(&c->head);
    weir_strbuf_deinit(&c->body);
    weir_admin_http_deinit(&c->http);
    c->magic = 0;
    free(c);
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
    uv_close(&c->u.handle, on_closed);
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

bool weir_admin_conn_idle(const struct weir_admin_conn *c)
{
    return c->state == WEIR_ADMIN_CONN_READING && weir_admin_http_idle(&c->http);
}

void weir_admin_conn_tick(struct weir_admin_conn *c)
{
    if (uv_now(c->u.handle.loop) < c->deadline_ms)
        return;
    if (c->state == WEIR_ADMIN_CONN_READING && !weir_admin_http_idle(&c->http))
        refuse_request(c, 408, "the request took too long to arrive");
    else
        weir_admin_conn_close(c);
}
