/* SPDX-License-Identifier: Apache-2.0
 *
 * local_response.c - builds weir's own responses. One pass counts, the same pass writes: what does
 * not fit is counted on, so that the length is known either way. Nothing from outside stands in a
 * page but the request id, and that escaped.
 */
#include "node/flow/local_response.h"

#include "node/wire/bytes.h"
#include "node/wire/h1.h"

/** Where the response goes; `len` counts on behind the end. */
struct out {
    uint8_t *at;
    size_t max;
    size_t len;
};

static void put(struct out *o, struct weir_span s)
{
    if (s.len > 0 && o->len <= o->max && s.len <= o->max - o->len)
        memcpy(o->at + o->len, s.at, s.len);
    o->len += s.len;
}

#define PUT(o, literal) put(o, WEIR_SPAN_LIT(literal))

static void put_number(struct out *o, uint64_t n)
{
    uint8_t text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    put(o, weir_span(text + at, sizeof(text) - at));
}

static void put_field(struct out *o, struct weir_span name, struct weir_span value)
{
    put(o, name);
    PUT(o, ": ");
    put(o, value);
    PUT(o, "\r\n");
}

/** As text of an HTML page: no byte of it can end the text or begin a tag. */
static void put_html(struct out *o, struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '&')
            PUT(o, "&amp;");
        else if (s.at[i] == '<')
            PUT(o, "&lt;");
        else if (s.at[i] == '>')
            PUT(o, "&gt;");
        else if (s.at[i] == '"')
            PUT(o, "&quot;");
        else if (s.at[i] == '\'')
            PUT(o, "&#39;");
        else if (s.at[i] < 0x20 || s.at[i] > 0x7e)
            PUT(o, "?");
        else
            put(o, weir_span(&s.at[i], 1));
    }
}

/** "404 Not Found". */
static void put_title(struct out *o, uint16_t status)
{
    put_number(o, status);
    PUT(o, " ");
    put(o, weir_h1_reason(status));
}

static void put_page(struct out *o, const struct weir_local_response *a)
{
    PUT(o, "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>");
    put_title(o, a->status);
    PUT(o, "</title></head>\n<body>\n<h1>");
    put_title(o, a->status);
    PUT(o, "</h1>\n");
    if (a->reason_text.len > 0) {
        PUT(o, "<p>");
        put_html(o, a->reason_text);
        PUT(o, "</p>\n");
    }
    if (a->request_id.len > 0) {
        PUT(o, "<p>Request ID: <code>");
        put_html(o, a->request_id);
        PUT(o, "</code></p>\n");
    }
    PUT(o, "</body>\n</html>\n");
}

static const struct weir_error_page *page_of(const struct weir_local_response *a)
{
    for (size_t i = 0; a->tenant && i < a->tenant->num_error_pages; i++)
        if (a->tenant->error_pages[i].status == a->status)
            return &a->tenant->error_pages[i];
    return NULL;
}

static void put_connection(struct out *o, const struct weir_local_response *a)
{
    if (!a->keep_alive)
        PUT(o, "Connection: close\r\n");
    else if (a->minor10)
        PUT(o, "Connection: keep-alive\r\n");
}

static void put_head(struct out *o, const struct weir_local_response *a, struct weir_span type,
                     size_t body_len)
{
    PUT(o, "HTTP/1.1 ");
    put_title(o, a->status);
    PUT(o, "\r\n");
    if (a->date.len > 0)
        put_field(o, WEIR_SPAN_LIT("Date"), a->date);
    put_field(o, WEIR_SPAN_LIT("Content-Type"), type);
    PUT(o, "Content-Length: ");
    put_number(o, body_len);
    PUT(o, "\r\n");
    if (a->location.len > 0)
        put_field(o, WEIR_SPAN_LIT("Location"), a->location);
    if (a->status >= 400)
        PUT(o, "Cache-Control: no-store\r\n");
    if (a->retry_after_s > 0) {
        PUT(o, "Retry-After: ");
        put_number(o, a->retry_after_s);
        PUT(o, "\r\n");
    }
    if (a->request_id.len > 0)
        put_field(o, WEIR_SPAN_LIT("X-Request-ID"), a->request_id);
    put_connection(o, a);
    PUT(o, "\r\n");
}

static void put_response(struct out *o, const struct weir_local_response *a,
                         const struct weir_error_page *page)
{
    struct out body = { .at = NULL, .max = 0 };

    if (page)
        body.len = page->body.len;
    else
        put_page(&body, a);
    put_head(o, a, page ? page->content_type : WEIR_SPAN_LIT("text/html; charset=utf-8"), body.len);
    if (a->head_only)
        return;
    if (page)
        put(o, page->body);
    else
        put_page(o, a);
}

size_t weir_local_response_len(const struct weir_local_response *a)
{
    struct out o = { .at = NULL, .max = 0 };

    put_response(&o, a, page_of(a));
    return o.len;
}

static bool is_value(struct weir_span s)
{
    return weir_bytes_value_end(s) == s.len;
}

enum weir_err weir_local_response_write(const struct weir_local_response *a, uint8_t *out,
                                        size_t max, size_t *ret_len)
{
    const struct weir_error_page *page = page_of(a);
    struct out o = { .at = out, .max = max };

    WEIR_ASSERT(a->status >= 300 && a->status <= 599);
    if (!is_value(a->request_id) || !is_value(a->location) || !is_value(a->date) ||
        (page && !is_value(page->content_type)))
        return WEIR_EPROTO;
    put_response(&o, a, page);
    if (o.len > max)
        return WEIR_ELIMIT;
    *ret_len = o.len;
    return WEIR_OK;
}
