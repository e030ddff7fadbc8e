/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_http.c - see admin_http.h. A request ends as: refused while its head is read, refused by
 * the caller at HEAD, cut in its body, or whole. Bytes of the next request wait in `in` until the
 * caller asks for it.
 */
#include "node/ctl/admin/admin_http.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/clock.h"

enum http_state {
    AT_HEAD,    /* between requests, or inside a head */
    AT_BODY,    /* the head is known, its body is being read */
    AT_REQUEST, /* the message is whole and not yet taken */
    AT_FAULT,
};

void weir_admin_message_free(struct weir_admin_message **m)
{
    if (*m == NULL)
        return;
    weir_strbuf_deinit(&(*m)->body);
    free(*m);
    *m = NULL;
}

bool weir_admin_message_field(const struct weir_admin_message *m, const char *name,
                              struct weir_span *ret)
{
    struct weir_span wanted = weir_span_cstr(name);
    const struct weir_h1_field *found = NULL;
    for (size_t i = 0; i < m->head.num_fields; i++) {
        const struct weir_h1_field *f = &m->head.fields[i];
        if (!weir_span_eq_nocase(weir_h1_name(m->bytes, f), wanted))
            continue;
        *ret = found == NULL ? weir_h1_value(m->bytes, f) : weir_span(NULL, 0);
        found = f;
    }
    return found != NULL;
}

void weir_admin_http_init(struct weir_admin_http *h, size_t body_max)
{
    WEIR_ASSERT(body_max <= WEIR_ADMIN_BODY_MAX);
    *h = (struct weir_admin_http){ .body_max = body_max, .in = WEIR_STRBUF_ZERO };
    h->in.max = WEIR_ADMIN_AHEAD_MAX + WEIR_IO_CHUNK;
    h->in.secret = true;
    weir_h1_head_init(&h->head, WEIR_H1_REQUEST, WEIR_ADMIN_HEAD_MAX);
}

void weir_admin_http_deinit(struct weir_admin_http *h)
{
    weir_strbuf_deinit(&h->in);
    weir_admin_message_free(&h->message);
}

enum weir_err weir_admin_http_feed(struct weir_admin_http *h, struct weir_span bytes)
{
    if (h->in.len + bytes.len > h->in.max)
        return WEIR_ELIMIT;
    weir_strbuf_add(&h->in, bytes);
    return h->in.failed ? WEIR_ENOMEM : WEIR_OK;
}

static void in_drop(struct weir_admin_http *h, size_t len)
{
    WEIR_ASSERT(len <= h->in.len);
    if (len == h->in.len) {
        /* An idle connection keeps no buffer. */
        size_t max = h->in.max;
        weir_strbuf_deinit(&h->in);
        h->in = WEIR_STRBUF_ZERO;
        h->in.max = max;
        h->in.secret = true;
        return;
    }
    memmove(h->in.at, h->in.at + len, h->in.len - len);
    h->in.len -= len;
    h->in.at[h->in.len] = '\0';
}

static struct weir_span in_span(const struct weir_admin_http *h)
{
    return weir_span(h->in.at, h->in.len);
}

static enum weir_admin_event fault(struct weir_admin_http *h, uint16_t status, const char *why)
{
    weir_admin_message_free(&h->message);
    h->state = AT_FAULT;
    h->status = status;
    h->why = why;
    return WEIR_ADMIN_FAULT;
}

static void message_split(struct weir_admin_message *m)
{
    const struct weir_h1_head *head = &m->head;
    struct weir_span target = weir_span(m->bytes + head->path_at, head->path_len);
    m->method = weir_span(m->bytes + head->method_at, head->method_len);
    m->path = target;
    m->query = WEIR_SPAN_EMPTY;
    const uint8_t *mark = target.len > 0 ? memchr(target.at, '?', target.len) : NULL;
    if (mark != NULL) {
        m->path.len = (size_t)(mark - target.at);
        m->query = weir_span_from(target, m->path.len + 1);
    }
}

static struct weir_admin_message *message_new(const struct weir_admin_http *h)
{
    struct weir_admin_message *m = malloc(sizeof(*m) + h->head.head_len);
    if (m == NULL)
        return NULL;
    m->head = h->head;
    m->bytes = (uint8_t *)(m + 1);
    memcpy(m->bytes, h->in.at, h->head.head_len);
    message_split(m);
    m->body = WEIR_STRBUF_ZERO;
    m->body.secret = true; /* it may have a key in it */
    m->body.max = h->body_max;
    m->has_body = h->head.has_content_length || h->head.chunked;
    m->keep_alive = weir_h1_keeps_alive(&h->head);
    return m;
}

static enum weir_admin_event head_next(struct weir_admin_http *h)
{
    if (h->in.len == 0)
        return WEIR_ADMIN_MORE;
    switch (weir_h1_head_feed(&h->head, in_span(h))) {
    case WEIR_STEP_MORE:
        return WEIR_ADMIN_MORE;
    case WEIR_STEP_DONE:
        break;
    case WEIR_STEP_FAIL:
        return fault(h, weir_h1_fault_status(h->head.fault), weir_h1_fault_name(h->head.fault));
    case WEIR_STEP_SOME:
        WEIR_UNREACHABLE();
    }
    h->message = message_new(h);
    if (h->message == NULL)
        return fault(h, 503, "out of memory");
    h->body_left = h->head.content_length;
    if (h->head.chunked)
        weir_chunked_init(&h->chunked);
    in_drop(h, h->head.head_len);
    h->state = AT_BODY;
    if (!h->head.chunked && h->body_left > h->body_max)
        return fault(h, 413, "the body is too large");
    return WEIR_ADMIN_HEAD;
}

static bool body_add(struct weir_admin_http *h, struct weir_span bytes)
{
    weir_strbuf_add(&h->message->body, bytes);
    return !h->message->body.failed;
}

/* A run that would pass the limit is seen before it is copied, so that "too large" and "no memory"
 * are distinguished. */
static enum weir_admin_event chunked_next(struct weir_admin_http *h)
{
    struct weir_span rest = in_span(h);
    enum weir_step step = WEIR_STEP_MORE;
    do {
        size_t used = 0;
        struct weir_span run = WEIR_SPAN_EMPTY;
        step = weir_chunked_next(&h->chunked, rest, &used, &run);
        if (step == WEIR_STEP_FAIL)
            return fault(h, 400, "the chunked coding is malformed");
        /* With what is left of a chunk whose size is known, so that the result does not depend on
         * how much came at once. */
        uint64_t left = h->chunked.line_len == 0 ? h->chunked.left : 0;
        if (h->chunked.total > h->body_max || left > h->body_max - h->chunked.total)
            return fault(h, 413, "the body is too large");
        if (step == WEIR_STEP_SOME && !body_add(h, run))
            return fault(h, 503, "out of memory");
        rest = weir_span_from(rest, used);
    } while (step == WEIR_STEP_SOME);
    in_drop(h, h->in.len - rest.len);
    if (step == WEIR_STEP_MORE)
        return WEIR_ADMIN_MORE;
    h->state = AT_REQUEST;
    return WEIR_ADMIN_REQUEST;
}

static enum weir_admin_event length_next(struct weir_admin_http *h)
{
    size_t len = h->in.len < h->body_left ? h->in.len : (size_t)h->body_left;
    if (len > 0) {
        if (!body_add(h, weir_span(h->in.at, len)))
            return fault(h, 503, "out of memory");
        in_drop(h, len);
        h->body_left -= len;
    }
    if (h->body_left > 0)
        return WEIR_ADMIN_MORE;
    h->state = AT_REQUEST;
    return WEIR_ADMIN_REQUEST;
}

enum weir_admin_event weir_admin_http_next(struct weir_admin_http *h)
{
    switch ((enum http_state)h->state) {
    case AT_HEAD:
        return head_next(h);
    case AT_BODY:
        return h->head.chunked ? chunked_next(h) : length_next(h);
    case AT_REQUEST:
        return WEIR_ADMIN_REQUEST;
    case AT_FAULT:
        return WEIR_ADMIN_FAULT;
    }
    WEIR_UNREACHABLE();
}

struct weir_admin_message *weir_admin_http_take(struct weir_admin_http *h)
{
    WEIR_ASSERT(h->state == AT_REQUEST);
    struct weir_admin_message *m = h->message;
    h->message = NULL;
    h->state = AT_HEAD;
    weir_h1_head_init(&h->head, WEIR_H1_REQUEST, WEIR_ADMIN_HEAD_MAX);
    return m;
}

bool weir_admin_http_idle(const struct weir_admin_http *h)
{
    return h->state == AT_HEAD && h->in.len == 0;
}

bool weir_admin_http_in_body(const struct weir_admin_http *h)
{
    return h->state == AT_BODY;
}

void weir_admin_head_write(const struct weir_admin_head *a, struct weir_strbuf *out)
{
    char date[WEIR_HTTP_DATE_LEN + 1];
    struct weir_span reason = weir_h1_reason(a->status);
    weir_clock_http_date(a->wall_ms, date);
    weir_strbuf_printf(out, "HTTP/1.1 %u %.*s\r\nDate: %.*s\r\n", a->status, (int)reason.len,
                       (const char *)reason.at, WEIR_HTTP_DATE_LEN, date);
    if (a->content_type != NULL)
        weir_strbuf_printf(out, "Content-Type: %s\r\n", a->content_type);
    weir_strbuf_add(out, a->more);
    if (a->chunked)
        weir_strbuf_puts(out, "Transfer-Encoding: chunked\r\n");
    else
        weir_strbuf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)a->content_length);
    weir_strbuf_puts(out, a->close ? "Connection: close\r\n" : "Connection: keep-alive\r\n");
    weir_strbuf_puts(out, "Cache-Control: no-store\r\n\r\n");
}
