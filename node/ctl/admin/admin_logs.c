/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_logs.c - `weir logs`: what the node still has of the access log, and with follow=1 what
 * comes after it, in the order of time. Each worker hands over its records some times a second, so
 * a follower gets a record when those of all workers must be there, HOLD_MS later. A slow client
 * loses records, never the node memory, and learns how many bytes it lost. When the node ends, a
 * follower gets what is left and a last line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/clock.h"
#include "node/base/limits.h"
#include "node/ctl/admin/admin_api.h"
#include "tenants/schema/schema_text.h"

#define POLL_MS      100
#define HOLD_MS      700   /* two flushes of a worker, with room for the log thread */
#define SUGGEST_MAX  10000 /* names that a wrong one is compared with */
#define TIME_AT      9     /* of a line: behind {"time":" */
#define LINE_LEN_MIN (TIME_AT + WEIR_RFC3339_LEN)

static const char log_type[] = "application/x-ndjson";
static const char last_line[] = "{\"end\":\"the node ends\"}\n";

/** A record's line in `pending`. */
struct line {
    struct weir_span text;
};

/** One reader of the log. */
struct tail {
    uv_timer_t timer;
    struct weir_admin_request *request;
    uint64_t cursor;
    bool follow;
    bool begun; /* the first lines were taken: num_last has done its work */
    bool has_last;
    uint64_t num_last;                   /* of what is there, only so many */
    unsigned num_over;                   /* turns since the node's drain was over */
    bool last_sent;                      /* the last line is on its way */
    char since[WEIR_RFC3339_LEN + 1];    /* older records are left out; empty: none */
    char key[WEIR_TENANT_NAME_MAX + 16]; /* `"tenant":"NAME"`, or empty: all */
    struct weir_strbuf read;             /* as read from the ring */
    struct weir_strbuf pending;          /* lines that wait for older ones */
    struct weir_strbuf out;
};

static void free_tail(struct tail *t)
{
    weir_strbuf_deinit(&t->read);
    weir_strbuf_deinit(&t->pending);
    weir_strbuf_deinit(&t->out);
    free(t);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free_tail(handle->data);
}

static void end_tail(struct tail *t)
{
    WEIR_ASSERT(t->request->node->num_drain_followers > 0);
    t->request->node->num_drain_followers--;
    weir_access_tail_end(t->request->node->access_log);
    t->request->gone = NULL;
    weir_admin_stream_end(t->request);
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

static void on_gone(struct weir_admin_request *r)
{
    end_tail(r->work);
}

/* -- lines -- */

/* The first line of `rest`, with its line end. */
static struct weir_span cut_line(struct weir_span *rest)
{
    const uint8_t *end = memchr(rest->at, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->at) + 1 : rest->len;
    struct weir_span line = weir_span(rest->at, len);
    *rest = weir_span_from(*rest, len);
    return line;
}

/* Quotes inside values are escaped in the log, so the key and its value are found in no other place
 * than their own. */
static bool is_wanted(const struct tail *t, struct weir_span line)
{
    if (t->since[0] != '\0' &&
        (line.len < LINE_LEN_MIN || memcmp(line.at + TIME_AT, t->since, WEIR_RFC3339_LEN) < 0))
        return false;
    return t->key[0] == '\0' || memmem(line.at, line.len, t->key, strlen(t->key)) != NULL;
}

/* What the ring has since the last time, into t->pending. */
static void read_tail(struct tail *t)
{
    weir_strbuf_reset(&t->read);
    uint64_t lost = weir_access_tail_read(t->request->node->access_log, &t->cursor, &t->read);
    if (lost > 0)
        weir_strbuf_printf(&t->out, "{\"lost_bytes\":%llu}\n", (unsigned long long)lost);
    struct weir_span rest = weir_span(t->read.at, t->read.len);
    while (rest.len > 0) {
        struct weir_span line = cut_line(&rest);
        if (is_wanted(t, line))
            weir_strbuf_add(&t->pending, line);
    }
}

/* By time; of equal times the one that came first. */
static int cmp_lines(const void *a, const void *b)
{
    const struct line *x = a;
    const struct line *y = b;
    bool timed = x->text.len >= LINE_LEN_MIN && y->text.len >= LINE_LEN_MIN;
    int order = timed ? memcmp(x->text.at + TIME_AT, y->text.at + TIME_AT, WEIR_RFC3339_LEN) : 0;
    return order != 0 ? order : (x->text.at > y->text.at) - (x->text.at < y->text.at);
}

/* @return NULL: out of memory */
static struct line *sort_lines(struct weir_span text, size_t *ret_num)
{
    struct weir_span rest = text;
    size_t num = 0;
    for (; rest.len > 0; num++)
        (void)cut_line(&rest);
    struct line *lines = calloc(num + 1, sizeof(*lines));
    if (lines == NULL)
        return NULL;
    rest = text;
    for (size_t i = 0; i < num; i++)
        lines[i].text = cut_line(&rest);
    qsort(lines, num, sizeof(*lines), cmp_lines);
    *ret_num = num;
    return lines;
}

/**
 * Move lines from t->pending to t->out in the order of time, those younger than `until` stay.
 * @param until  RFC 3339; NULL: all
 */
static void emit_lines(struct tail *t, const char *until)
{
    struct weir_strbuf rest = WEIR_STRBUF_ZERO;
    size_t num = 0;
    if (t->pending.len == 0)
        return;
    struct line *lines = sort_lines(weir_span(t->pending.at, t->pending.len), &num);
    if (lines == NULL) {
        t->out.failed = true;
        return;
    }
    size_t first = t->has_last && !t->begun && num > t->num_last ? num - t->num_last : 0;
    t->begun = true;
    for (size_t i = first; i < num; i++) {
        struct weir_span line = lines[i].text;
        bool young = until != NULL && line.len >= LINE_LEN_MIN &&
                     memcmp(line.at + TIME_AT, until, WEIR_RFC3339_LEN) > 0;
        weir_strbuf_add(young ? &rest : &t->out, line);
    }
    free(lines);
    weir_strbuf_deinit(&t->pending);
    t->pending = rest;
}

/* -- following -- */

static void on_timer(uv_timer_t *timer)
{
    struct tail *t = timer->data;
    char until[WEIR_RFC3339_LEN + 1];
    if (!weir_admin_stream_ready(t->request))
        return;
    if (t->last_sent) {
        end_tail(t);
        return;
    }
    read_tail(t);
    /* The workers have handed over their last records; the log thread has them in a turn. */
    bool over = t->request->node->drain_over && t->num_over++ > 0;
    weir_clock_rfc3339(weir_clock_wall_ms() - HOLD_MS, until);
    emit_lines(t, over ? NULL : until);
    t->begun = true;
    if (over) {
        weir_strbuf_puts(&t->out, last_line);
        t->last_sent = true;
    }
    if (t->out.failed || t->pending.failed || t->read.failed)
        end_tail(t);
    else if (t->out.len > 0)
        weir_admin_stream_send(t->request, &t->out);
}

static void begin_follow(struct tail *t)
{
    struct weir_admin_request *r = t->request;
    int rc = uv_timer_init(r->node->loop, &t->timer);
    WEIR_ASSERT(rc == 0);
    t->timer.data = t;
    r->work = t;
    r->node->num_drain_followers++;
    weir_access_tail_begin(r->node->access_log);
    weir_admin_stream_begin(r, log_type);
    if (r->conn == NULL) { /* the head could not be written */
        end_tail(t);
        return;
    }
    r->gone = on_gone;
    rc = uv_timer_start(&t->timer, on_timer, 0, POLL_MS);
    WEIR_ASSERT(rc == 0);
}

/* -- the request -- */

static bool offer_name(void *arg, const struct weir_record *rec)
{
    weir_suggest_offer(arg, rec->key);
    return true;
}

static bool on_revision(void *arg, uint64_t revision, struct weir_span value)
{
    (void)revision;
    (void)value;
    *(bool *)arg = true;
    return false;
}

/* A tenant that exists, or did: its records may still be there. @return false: responded */
static bool check_tenant(struct weir_admin_request *r, struct weir_span name)
{
    struct weir_store_reader *reader = r->node->reader;
    struct weir_suggest suggest = weir_suggest_begin(name);
    struct weir_record rec;
    bool known = false;
    enum weir_err err = weir_store_read_begin(reader);
    if (err < 0) {
        weir_admin_response_err(r, err, "the tenant");
        return false;
    }
    known = weir_store_get(reader, WEIR_CLASS_TENANT, name, &rec) != WEIR_ENOTFOUND;
    if (!known)
        err = weir_store_revision_list(reader, WEIR_CLASS_TENANT, name, on_revision, &known);
    if (!known)
        err = weir_store_list(reader, WEIR_CLASS_TENANT, WEIR_SPAN_EMPTY, SUGGEST_MAX, offer_name,
                              &suggest);
    if (!known)
        weir_admin_response_error(r, 404, "not_found", "there is no tenant %s%s",
                                  weir_schema_text_show(name).text,
                                  suggest.best.len > 0 ? weir_suggest_text(&suggest).text : "");
    weir_store_read_end(reader);
    (void)err; /* a list that ends early only suggests less */
    return known;
}

/* @return false: responded */
static bool read_params(struct tail *t)
{
    struct weir_admin_request *r = t->request;
    const struct weir_query *q = &r->query;
    const struct weir_span *tenant = weir_query_find(q, "tenant");
    uint64_t since_ms = 0;
    bool follow = false;
    if (weir_query_bool(q, "follow", &follow) < 0) {
        weir_admin_response_error(r, 400, "bad_request", "follow takes 0 or 1");
        return false;
    }
    if (weir_query_u64(q, "tail", &t->num_last) < 0 ||
        weir_query_u64(q, "since_ms", &since_ms) < 0 || since_ms > weir_clock_wall_ms()) {
        weir_admin_response_error(
            r, 400, "bad_request",
            "tail takes a number of records, since_ms milliseconds until now");
        return false;
    }
    t->has_last = weir_query_find(q, "tail") != NULL;
    if (weir_query_find(q, "since_ms") != NULL)
        weir_clock_rfc3339(weir_clock_wall_ms() - since_ms, t->since);
    /* HEAD asks for the head of a stream, which is no stream. */
    t->follow = follow && weir_span_eq(r->message->method, WEIR_SPAN_LIT("GET"));
    if (tenant == NULL)
        return true;
    if (tenant->len == 0 || tenant->len > WEIR_TENANT_NAME_MAX) {
        weir_admin_response_error(r, 400, "bad_request", "tenant takes a name of 1..%d bytes",
                                  WEIR_TENANT_NAME_MAX);
        return false;
    }
    snprintf(t->key, sizeof(t->key), "\"tenant\":\"%.*s\"", (int)tenant->len,
             (const char *)tenant->at);
    return check_tenant(r, *tenant);
}

void weir_admin_logs(struct weir_admin_request *r)
{
    struct tail *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        weir_admin_response_err(r, WEIR_ENOMEM, "logs");
        return;
    }
    t->request = r;
    t->read = WEIR_STRBUF_ZERO;
    t->pending = WEIR_STRBUF_ZERO;
    t->out = WEIR_STRBUF_ZERO;
    if (!read_params(t)) {
        free_tail(t);
        return;
    }
    if (t->follow) {
        begin_follow(t);
        return;
    }
    read_tail(t);
    emit_lines(t, NULL);
    weir_strbuf_deinit(&r->body);
    r->body = t->out;
    r->body.failed = r->body.failed || t->pending.failed || t->read.failed;
    t->out = WEIR_STRBUF_ZERO;
    free_tail(t);
    weir_admin_response(r, 200, log_type);
}
