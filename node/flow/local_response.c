/* SPDX-License-Identifier: Apache-2.0
 *
 * local_response.c - builds weir's own responses. One pass counts and writes: bytes that do not fit
 * are still counted, so that the length is always known. The only outside bytes in a page are those
 * of the request id, escaped.
 */
#include "node/flow/local_response.h"

#include "node/wire/bytes.h"
#include "node/wire/h1.h"

/** Where the response is written; `len` counts also the bytes that do not fit. */
struct out {
    uint8_t *at;
    size_t max;
    size_t len;
};

static void append(struct out *o, struct weir_span s)
{
    if (s.len > 0 && o->len <= o->max && s.len <= o->max - o->len)
        memcpy(o->at + o->len, s.at, s.len);
    o->len += s.len;
}

#define APPEND(o, literal) append(o, WEIR_SPAN_LIT(literal))

static void append_number(struct out *o, uint64_t n)
{
    uint8_t text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    append(o, weir_span(text + at, sizeof(text) - at));
}

static void append_field(struct out *o, struct weir_span name, struct weir_span value)
{
    append(o, name);
    APPEND(o, ": ");
    append(o, value);
    APPEND(o, "\r\n");
}

/** As text of an HTML page: no byte of it can end the text or start a tag. */
static void append_html(struct out *o, struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '&')
            APPEND(o, "&amp;");
        else if (s.at[i] == '<')
            APPEND(o, "&lt;");
        else if (s.at[i] == '>')
            APPEND(o, "&gt;");
        else if (s.at[i] == '"')
            APPEND(o, "&quot;");
        else if (s.at[i] == '\'')
            APPEND(o, "&#39;");
        else if (s.at[i] < 0x20 || s.at[i] > 0x7e)
            APPEND(o, "?");
        else
            append(o, weir_span(&s.at[i], 1));
    }
}

/** "404 Not Found". */
static void append_title(struct out *o, uint16_t status)
{
    append_number(o, status);
    APPEND(o, " ");
    append(o, weir_h1_reason(status));
}

static void append_page(struct out *o, const struct weir_local_response *a)
{
    APPEND(o, "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>");
    append_title(o, a->status);
    APPEND(o, "</title></head>\n<body>\n<h1>");
    append_title(o, a->status);
    APPEND(o, "</h1>\n");
    if (a->reason_text.len > 0) {
        APPEND(o, "<p>");
        append_html(o, a->reason_text);
        APPEND(o, "</p>\n");
    }
    if (a->request_id.len > 0) {
        APPEND(o, "<p>Request ID: <code>");
        append_html(o, a->request_id);
        APPEND(o, "</code></p>\n");
    }
    APPEND(o, "</body>\n</html>\n");
}

static const struct weir_error_page *find_page(const struct weir_local_response *a)
{
    for (size_t i = 0; a->tenant && i < a->tenant->num_error_pages; i++)
        if (a->tenant->error_pages[i].status == a->status)
            return &a->tenant->error_pages[i];
    return NULL;
}

static void append_connection(struct out *o, const struct weir_local_response *a)
{
    if (!a->keep_alive)
        APPEND(o, "Connection: close\r\n");
    else if (a->minor10)
        APPEND(o, "Connection: keep-alive\r\n");
}

/** @param type empty: no Content-Type */
static void append_head(struct out *o, const struct weir_local_response *a, struct weir_span type,
                        size_t body_len)
{
    APPEND(o, "HTTP/1.1 ");
    append_title(o, a->status);
    APPEND(o, "\r\n");
    if (a->date.len > 0)
        append_field(o, WEIR_SPAN_LIT("Date"), a->date);
    if (type.len > 0)
        append_field(o, WEIR_SPAN_LIT("Content-Type"), type);
    APPEND(o, "Content-Length: ");
    append_number(o, body_len);
    APPEND(o, "\r\n");
    if (a->location.len > 0)
        append_field(o, WEIR_SPAN_LIT("Location"), a->location);
    if (a->allow.len > 0)
        append_field(o, WEIR_SPAN_LIT("Allow"), a->allow);
    if (a->status >= 400)
        APPEND(o, "Cache-Control: no-store\r\n");
    if (a->retry_after_s > 0) {
        APPEND(o, "Retry-After: ");
        append_number(o, a->retry_after_s);
        APPEND(o, "\r\n");
    }
    if (a->request_id.len > 0)
        append_field(o, WEIR_SPAN_LIT("X-Request-ID"), a->request_id);
    append_connection(o, a);
    APPEND(o, "\r\n");
}

/** 2xx: no page, but the message or nothing. */
static void append_success(struct out *o, const struct weir_local_response *a)
{
    struct weir_span type = a->message.len > 0 ? WEIR_SPAN_LIT("message/http") : WEIR_SPAN_EMPTY;
    append_head(o, a, type, a->message.len);
    if (!a->head_only)
        append(o, a->message);
}

static void append_response(struct out *o, const struct weir_local_response *a,
                            const struct weir_error_page *page)
{
    struct out body = { .at = NULL, .max = 0 };

    if (a->status < 300) {
        append_success(o, a);
        return;
    }
    if (page)
        body.len = page->body.len;
    else
        append_page(&body, a);
    append_head(o, a, page ? page->content_type : WEIR_SPAN_LIT("text/html; charset=utf-8"),
                body.len);
    if (a->head_only)
        return;
    if (page)
        append(o, page->body);
    else
        append_page(o, a);
}

size_t weir_local_response_len(const struct weir_local_response *a)
{
    struct out o = { .at = NULL, .max = 0 };

    WEIR_ASSERT_CMP(a->status, >=, 200);
    WEIR_ASSERT_CMP(a->status, <=, 599);
    append_response(&o, a, find_page(a));
    return o.len;
}

static bool is_value(struct weir_span s)
{
    return weir_bytes_value_end(s) == s.len;
}

enum weir_err weir_local_response_write(const struct weir_local_response *a, uint8_t *out,
                                        size_t max, size_t *ret_len)
{
    const struct weir_error_page *page = find_page(a);
    struct out o = { .at = out, .max = max };

    WEIR_ASSERT_CMP(a->status, >=, 200);
    WEIR_ASSERT_CMP(a->status, <=, 599);
    if (!is_value(a->request_id) || !is_value(a->location) || !is_value(a->date) ||
        !is_value(a->allow) || (page && !is_value(page->content_type)))
        return WEIR_EPROTO;
    append_response(&o, a, page);
    if (o.len > max)
        return WEIR_ELIMIT;
    *ret_len = o.len;
    return WEIR_OK;
}
