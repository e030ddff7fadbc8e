/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_logs.c - `weir logs`: the kept tail of the access log, and with follow=1 what comes after
 * it. A reader takes what the ring has when the client has taken the piece before; a slow client
 * loses records, never the node memory, and is told how many bytes it lost.
 */
#include "node/ctl/admin_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"

#define POLL_MS 100

static const char log_type[] = "application/x-ndjson";

struct tail {
    uv_timer_t timer;
    struct weir_admin_request *request;
    uint64_t cursor;
    bool follow;
    char key[WEIR_TENANT_NAME_MAX + 16]; /* `"tenant":"NAME"`, or empty: all */
    struct weir_strbuf read;             /* as read from the ring */
    struct weir_strbuf out;
};

static void on_timer_closed(uv_handle_t *handle)
{
    struct tail *t = handle->data;
    weir_strbuf_deinit(&t->read);
    weir_strbuf_deinit(&t->out);
    free(t);
}

static void tail_end(struct tail *t)
{
    weir_access_tail_end(t->request->node->access_log);
    t->request->gone = NULL;
    weir_admin_stream_end(t->request);
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

static void on_gone(struct weir_admin_request *r)
{
    tail_end(r->work);
}

/* Quotes inside values are escaped in the log, so the key and its value are found in no other place
 * than their own. */
static void lines_filter(struct tail *t)
{
    struct weir_span rest = weir_span(t->read.at, t->read.len);
    size_t key_len = strlen(t->key);
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.at, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.at) + 1 : rest.len;
        if (memmem(rest.at, len, t->key, key_len) != NULL)
            weir_strbuf_add(&t->out, weir_span(rest.at, len));
        rest = weir_span_from(rest, len);
    }
}

/* What the ring has since the last time, into t->out. */
static void tail_read(struct tail *t)
{
    weir_strbuf_reset(&t->read);
    uint64_t lost = weir_access_tail_read(t->request->node->access_log, &t->cursor, &t->read);
    if (lost > 0)
        weir_strbuf_printf(&t->out, "{\"lost_bytes\":%llu}\n", (unsigned long long)lost);
    if (t->key[0] != '\0')
        lines_filter(t);
    else
        weir_strbuf_add(&t->out, weir_span(t->read.at, t->read.len));
}

static void on_timer(uv_timer_t *timer)
{
    struct tail *t = timer->data;
    if (!weir_admin_stream_ready(t->request))
        return;
    tail_read(t);
    if (t->out.len > 0)
        weir_admin_stream_send(t->request, &t->out);
}

/* @return NULL: answered */
static struct tail *tail_new(struct weir_admin_request *r)
{
    bool follow = false;
    const struct weir_span *tenant = weir_query_find(&r->query, "tenant");
    if (weir_query_bool(&r->query, "follow", &follow) < 0) {
        weir_admin_response_error(r, 400, "bad_request", "follow takes 0 or 1");
        return NULL;
    }
    if (tenant != NULL && (tenant->len == 0 || tenant->len > WEIR_TENANT_NAME_MAX)) {
        weir_admin_response_error(r, 400, "bad_request", "tenant takes a name of 1..%d bytes",
                                  WEIR_TENANT_NAME_MAX);
        return NULL;
    }
    struct tail *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        weir_admin_response_err(r, WEIR_ENOMEM, "logs");
        return NULL;
    }
    t->request = r;
    /* HEAD asks for the head of a stream, which is no stream. */
    t->follow = follow && weir_span_eq(r->message->method, WEIR_SPAN_LIT("GET"));
    t->read = WEIR_STRBUF_ZERO;
    t->out = WEIR_STRBUF_ZERO;
    if (tenant != NULL)
        snprintf(t->key, sizeof(t->key), "\"tenant\":\"%.*s\"", (int)tenant->len,
                 (const char *)tenant->at);
    return t;
}

void weir_admin_logs(struct weir_admin_request *r)
{
    struct tail *t = tail_new(r);
    if (t == NULL)
        return;
    if (!t->follow) {
        tail_read(t);
        weir_strbuf_deinit(&r->body);
        r->body = t->out;
        weir_strbuf_deinit(&t->read);
        free(t);
        weir_admin_response(r, 200, log_type);
        return;
    }
    int rc = uv_timer_init(r->node->loop, &t->timer);
    WEIR_ASSERT(rc == 0);
    t->timer.data = t;
    r->work = t;
    weir_access_tail_begin(r->node->access_log);
    weir_admin_stream_begin(r, log_type);
    if (r->conn == NULL) { /* the head could not be written */
        tail_end(t);
        return;
    }
    r->gone = on_gone;
    rc = uv_timer_start(&t->timer, on_timer, 0, POLL_MS);
    WEIR_ASSERT(rc == 0);
}
