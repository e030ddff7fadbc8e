/* SPDX-License-Identifier: Apache-2.0
 *
 * rewrite.c - see rewrite.h. The caller provides room for the upper bound, so the writers below
 * copy without checks.
 */
#include "node/flow/rewrite.h"

#include <string.h>

#include "node/base/clock.h"
#include "node/wire/tls_server.h"
#include "tenants/base64.h"

static uint8_t *append(uint8_t *at, struct weir_span s)
{
    if (s.len > 0) /* an empty span may have no address at all */
        memcpy(at, s.at, s.len);
    return at + s.len;
}

#define append_lit(at, literal)                                                                    \
    (memcpy((at), (literal), sizeof(literal) - 1), (at) + sizeof(literal) - 1)

static uint8_t *append_field(uint8_t *at, struct weir_span name, struct weir_span value)
{
    at = append_lit(at, "\r\n");
    at = append(at, name);
    *at++ = ':';
    *at++ = ' ';
    return append(at, value);
}

/* A field that is passed on. As a rule it came as weir writes it, with one space behind the colon:
 * then name, colon, space and value are one copy, otherwise they are put together. */
static uint8_t *append_passed(uint8_t *at, const uint8_t *bytes, const struct weir_h1_field *f)
{
    size_t between = (size_t)f->name_at + f->name_len;
    WEIR_DCHECK(bytes[between] == ':');
    if (WEIR_UNLIKELY(f->value_at != between + 2 || bytes[between + 1] != ' '))
        return append_field(at, weir_h1_name(bytes, f), weir_h1_value(bytes, f));
    at = append_lit(at, "\r\n");
    return append(at, weir_span(bytes + f->name_at, f->name_len + 2u + f->value_len));
}

static uint8_t *append_number(uint8_t *at, uint64_t v)
{
    uint8_t digits[20];
    size_t n = 0;
    do {
        digits[n++] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    while (n > 0)
        *at++ = digits[--n];
    return at;
}

static size_t headers_len(const struct weir_header *headers, size_t num)
{
    size_t len = 0;
    for (size_t i = 0; i < num; i++)
        len += headers[i].name.len + headers[i].value.len + 4;
    return len;
}

static uint8_t *append_headers(uint8_t *at, const struct weir_header *headers, size_t num)
{
    for (size_t i = 0; i < num; i++)
        at = append_field(at, headers[i].name, headers[i].value);
    return at;
}

/* RFC 9110 7.6.3: the version is that of the message as it was received. */
static uint8_t *append_via(uint8_t *at, const struct weir_h1_head *h, struct weir_span by)
{
    if (by.len == 0)
        return at;
    at = h->minor == 0 ? append_lit(at, "\r\nVia: 1.0 ") : append_lit(at, "\r\nVia: 1.1 ");
    return append(at, by);
}

static uint8_t *append_request_via(const struct weir_rewrite_request *r, uint8_t *at)
{
    if (!r->http2 || r->tenant->via.len == 0)
        return append_via(at, r->head, r->tenant->via);
    return append(append_lit(at, "\r\nVia: 2.0 "), r->tenant->via);
}

/* Whether the tenant wants a field that weir knows not to reach its upstream. */
static bool is_removed(const struct weir_tenant *t, enum weir_field_id id)
{
    return (t->remove_request_ids >> id & 1) != 0;
}

/* `names` are lower case. */
static bool is_named_in(const struct weir_span *names, size_t num, struct weir_span name)
{
    for (size_t i = 0; i < num; i++)
        if (weir_span_eq_nocase(names[i], name))
            return true;
    return false;
}

bool weir_request_id_valid(struct weir_span s)
{
    if (s.len < 16 || s.len > 128)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.at[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
        if (!ok)
            return false;
    }
    return true;
}

size_t weir_rewrite_request_max(const struct weir_rewrite_request *r)
{
    return r->head->head_len + 2u * r->head->num_fields + 2u * r->host.len + r->request_id.len +
           r->cdn_id.len + r->tenant->via.len +
           headers_len(r->tenant->add_request, r->tenant->num_add_request) +
           weir_base64_len(r->client_cert.len) + WEIR_REWRITE_OWN_MAX;
}

/* What a client's field becomes on the way to the upstream. */
enum fate { FATE_PASS, FATE_DROP };

static enum fate decide_request_field(const struct weir_rewrite_request *r,
                                      const struct weir_h1_field *f)
{
    const struct weir_tenant *t = r->tenant;
    if (is_removed(t, (enum weir_field_id)f->id))
        return FATE_DROP;
    switch ((enum weir_field_id)f->id) {
    case WEIR_FIELD_HOST:
    case WEIR_FIELD_CONTENT_LENGTH:
    case WEIR_FIELD_X_FORWARDED_FOR:
    case WEIR_FIELD_X_REAL_IP:
    case WEIR_FIELD_X_REQUEST_ID:
        return FATE_DROP;
    case WEIR_FIELD_CDN_LOOP:
        return r->cdn_id.len > 0 ? FATE_DROP : FATE_PASS;
    case WEIR_FIELD_X_FORWARDED_PROTO:
    case WEIR_FIELD_X_FORWARDED_HOST:
    case WEIR_FIELD_FORWARDED:
        return r->trusted ? FATE_PASS : FATE_DROP;
    case WEIR_FIELD_CLIENT_CERT: /* RFC 9440 2.4: never what a client says of itself */
    case WEIR_FIELD_CLIENT_CERT_CHAIN:
        return r->trusted && t->tls_ask == WEIR_TLS_ASK_NONE ? FATE_PASS : FATE_DROP;
    case WEIR_FIELD_TRAILER: /* the trailers themselves are dropped */
    case WEIR_FIELD_TRANSFER_ENCODING:
    case WEIR_FIELD_CONNECTION:
    case WEIR_FIELD_KEEP_ALIVE:
    case WEIR_FIELD_PROXY_CONNECTION:
    case WEIR_FIELD_UPGRADE:
    case WEIR_FIELD_TE:
    case WEIR_FIELD_HTTP2_SETTINGS:
    case WEIR_FIELD_PROXY: /* no field of HTTP: CGI makes HTTP_PROXY of it (httpoxy) */
    case WEIR_FIELD_PROXY_AUTHENTICATE:
    case WEIR_FIELD_PROXY_AUTHORIZATION:
        return FATE_DROP;
    case WEIR_FIELD_OTHER:
    case WEIR_FIELD_EXPECT:
    case WEIR_FIELD_VIA:
    case WEIR_FIELD_DATE:
    case WEIR_FIELD_MAX_FORWARDS:
    case WEIR_FIELD_COUNT:
        break;
    }
    if (f->hop || (f->underscore && t->underscores != WEIR_UNDERSCORES_KEEP))
        return FATE_DROP;
    if (f->id == WEIR_FIELD_EXPECT)
        return r->head->expect_continue ? FATE_PASS : FATE_DROP;
    if (t->num_remove_request > 0 &&
        is_named_in(t->remove_request, t->num_remove_request, weir_h1_name(r->bytes, f)))
        return FATE_DROP;
    return FATE_PASS;
}

/* RFC 9110 7.6.2. The request with a 0 ends here (flow/methods.h). */
static uint8_t *append_max_forwards(uint8_t *at, const struct weir_h1_head *h)
{
    at = append_lit(at, "\r\nMax-Forwards: ");
    return append_number(at, h->max_forwards > 0 ? h->max_forwards - 1 : 0);
}

static bool is_named(const uint8_t *bytes, const struct weir_h1_field *f, const char *lower,
                     size_t len)
{
    return f->name_len == len && weir_span_eq_nocase(weir_h1_name(bytes, f), weir_span(lower, len));
}

static void mark_field(const struct weir_rewrite_request *r, const struct weir_h1_field *f,
                       uint32_t value_at, struct weir_rewrite_marks *marks)
{
    if (f->id != WEIR_FIELD_OTHER)
        return;
    if (is_named(r->bytes, f, "user-agent", 10)) {
        marks->agent_at = value_at;
        marks->agent_len = f->value_len;
    } else if (is_named(r->bytes, f, "referer", 7)) {
        marks->referer_at = value_at;
        marks->referer_len = f->value_len;
    }
}

/* The elements that came in all fields of this name, in order, and the last one behind them. */
static uint8_t *append_list(const struct weir_rewrite_request *r, enum weir_field_id id,
                            struct weir_span last, uint8_t *at)
{
    const struct weir_h1_head *h = r->head;
    for (size_t i = 0; i < h->num_fields; i++) {
        const struct weir_h1_field *f = &h->fields[i];
        if (f->id != id || f->value_len == 0)
            continue;
        at = append(at, weir_h1_value(r->bytes, f));
        at = append_lit(at, ", ");
    }
    return append(at, last);
}

/* Whether weir writes this field about the client: unless a trusted proxy did, or the tenant does
 * not want it. */
static bool is_ours(const struct weir_rewrite_request *r, enum weir_field_id id)
{
    return !is_removed(r->tenant, id) && (!r->trusted || weir_h1_find(r->head, id) == NULL);
}

static uint8_t *append_client_fields(const struct weir_rewrite_request *r, uint8_t *at)
{
    char text[WEIR_ADDR_TEXT_MAX];
    struct weir_span ip = weir_span(text, weir_addr_ip_text(r->peer, text));
    if (!is_removed(r->tenant, WEIR_FIELD_X_FORWARDED_FOR)) {
        at = append_lit(at, "\r\nX-Forwarded-For: ");
        at = append_list(r, WEIR_FIELD_X_FORWARDED_FOR, ip, at);
    }
    if (is_ours(r, WEIR_FIELD_X_FORWARDED_PROTO))
        at = r->https ? append_lit(at, "\r\nX-Forwarded-Proto: https")
                      : append_lit(at, "\r\nX-Forwarded-Proto: http");
    if (is_ours(r, WEIR_FIELD_X_FORWARDED_HOST))
        at = append_field(at, WEIR_SPAN_LIT("X-Forwarded-Host"), r->host);
    if (is_removed(r->tenant, WEIR_FIELD_X_REAL_IP))
        return at;
    if (memcmp(r->client->ip, r->peer->ip, sizeof(r->peer->ip)) != 0)
        ip.len = weir_addr_ip_text(r->client, text);
    return append_field(at, WEIR_SPAN_LIT("X-Real-IP"), ip);
}

/* RFC 9440 2.2: a byte sequence of structured fields. */
static uint8_t *append_client_cert(const struct weir_rewrite_request *r, uint8_t *at)
{
    if (r->client_cert.len == 0 || is_removed(r->tenant, WEIR_FIELD_CLIENT_CERT))
        return at;
    at = append_lit(at, "\r\nClient-Cert: :");
    weir_base64_encode(r->client_cert, (char *)at);
    return append_lit(at + weir_base64_len(r->client_cert.len), ":");
}

static uint8_t *append_own_request_fields(const struct weir_rewrite_request *r, uint8_t *at)
{
    const struct weir_h1_head *h = r->head;
    at = append_client_fields(r, at);
    at = append_client_cert(r, at);
    if (!is_removed(r->tenant, WEIR_FIELD_X_REQUEST_ID))
        at = append_field(at, WEIR_SPAN_LIT("X-Request-ID"), r->request_id);
    if (!is_removed(r->tenant, WEIR_FIELD_VIA))
        at = append_request_via(r, at);
    if (r->cdn_id.len > 0) {
        at = append_lit(at, "\r\nCDN-Loop: ");
        at = append_list(r, WEIR_FIELD_CDN_LOOP, r->cdn_id, at);
    }
    at = append_headers(at, r->tenant->add_request, r->tenant->num_add_request);
    if (h->chunked) {
        at = append_lit(at, "\r\nTransfer-Encoding: chunked");
    } else if (h->has_content_length) {
        at = append_lit(at, "\r\nContent-Length: ");
        at = append_number(at, h->content_length);
    }
    return append_lit(at, "\r\n\r\n");
}

bool weir_request_is_for_server(const struct weir_h1_head *h)
{
    return h->form == WEIR_TARGET_ASTERISK ||
           (h->method == WEIR_METHOD_OPTIONS && h->path_len == 0);
}

static uint8_t *append_request_line(const struct weir_rewrite_request *r, uint8_t *out,
                                    struct weir_rewrite_marks *marks)
{
    const struct weir_h1_head *h = r->head;
    uint8_t *at = append(out, weir_span(r->bytes + h->method_at, h->method_len));
    *at++ = ' ';
    marks->target_at = (uint32_t)(at - out);
    if (weir_request_is_for_server(h)) {
        *at++ = '*';
    } else {
        if (h->path_len == 0 || r->bytes[h->path_at] != '/')
            *at++ = '/';
        at = append(at, weir_span(r->bytes + h->path_at, h->path_len));
    }
    marks->target_len = (uint16_t)((uint32_t)(at - out) - marks->target_at);
    at = append_lit(at, " HTTP/1.1\r\nHost: ");
    marks->host_at = (uint32_t)(at - out);
    marks->host_len = (uint16_t)r->host.len;
    return append(at, r->host);
}

size_t weir_rewrite_request(const struct weir_rewrite_request *r, uint8_t *out,
                            struct weir_rewrite_marks *marks)
{
    const struct weir_h1_head *h = r->head;
    WEIR_ASSERT(h->kind == WEIR_H1_REQUEST);
    WEIR_ASSERT_CMP(h->head_len, >, 0); /* complete */
    *marks = (struct weir_rewrite_marks){ 0 };
    uint8_t *at = append_request_line(r, out, marks);
    for (size_t i = 0; i < h->num_fields; i++) {
        const struct weir_h1_field *f = &h->fields[i];
        if (decide_request_field(r, f) == FATE_DROP)
            continue;
        if (f->id == WEIR_FIELD_MAX_FORWARDS && h->has_max_forwards) {
            at = append_max_forwards(at, h);
            continue;
        }
        at = append_passed(at, r->bytes, f);
        mark_field(r, f, (uint32_t)(at - out) - f->value_len, marks);
    }
    at = append_own_request_fields(r, at);
    WEIR_DCHECK((size_t)(at - out) <= weir_rewrite_request_max(r));
    return (size_t)(at - out);
}

size_t weir_rewrite_set_length(uint8_t *out, size_t len, uint64_t length)
{
    static const char chunked[] = "\r\nTransfer-Encoding: chunked\r\n\r\n";
    WEIR_ASSERT(weir_span_ends(weir_span(out, len), weir_span(chunked, sizeof(chunked) - 1)));
    WEIR_ASSERT_CMP(length, <, 10000000000u); /* ten digits fit where "chunked" was */
    uint8_t *at = append_lit(out + len - (sizeof(chunked) - 1), "\r\nContent-Length: ");
    at = append_number(at, length);
    at = append_lit(at, "\r\n\r\n");
    WEIR_ASSERT_CMP((size_t)(at - out), <=, len);
    return (size_t)(at - out);
}

size_t weir_rewrite_response_max(const struct weir_rewrite_response *r)
{
    return r->head->head_len + 2u * r->head->num_fields + WEIR_REWRITE_OWN_MAX +
           (r->tenant ? r->tenant->via.len +
                            headers_len(r->tenant->add_response, r->tenant->num_add_response)
                      : 0);
}

/* Inline: called from two places, and for each field. */
static inline enum fate decide_response_field(const struct weir_rewrite_response *r,
                                              const struct weir_h1_field *f)
{
    const struct weir_tenant *t = r->tenant;
    if (f->id == WEIR_FIELD_CONTENT_LENGTH || f->hop)
        return FATE_DROP;
    if (t != NULL && t->num_remove_response > 0 &&
        is_named_in(t->remove_response, t->num_remove_response, weir_h1_name(r->bytes, f)))
        return FATE_DROP;
    return FATE_PASS;
}

static uint8_t *append_status_line(const struct weir_rewrite_response *r, uint8_t *at)
{
    const struct weir_h1_head *h = r->head;
    at = append_lit(at, "HTTP/1.1 ");
    *at++ = (uint8_t)('0' + h->status / 100);
    *at++ = (uint8_t)('0' + h->status / 10 % 10);
    *at++ = (uint8_t)('0' + h->status % 10);
    *at++ = ' ';
    return append(at, weir_span(r->bytes + h->reason_at, h->reason_len));
}

/* Framing of the response: the body's length as it leaves, or what a HEAD or 304 declares of a body
 * it does not have. */
static uint8_t *append_response_framing(const struct weir_rewrite_response *r, uint8_t *at)
{
    const struct weir_h1_head *h = r->head;
    if (h->status < 200 || h->status == 204)
        return at;
    if (r->chunked || (r->head_request && h->chunked && r->downstream_minor > 0))
        return append_lit(at, "\r\nTransfer-Encoding: chunked");
    if (h->has_content_length) {
        at = append_lit(at, "\r\nContent-Length: ");
        at = append_number(at, h->content_length);
    }
    return at;
}

size_t weir_rewrite_response(const struct weir_rewrite_response *r, uint8_t *out)
{
    const struct weir_h1_head *h = r->head;
    bool final = h->status >= 200;
    bool has_date = false;

    WEIR_ASSERT(h->kind == WEIR_H1_RESPONSE);
    WEIR_ASSERT_CMP(h->head_len, >, 0); /* complete */
    uint8_t *at = append_status_line(r, out);
    for (size_t i = 0; i < h->num_fields; i++) {
        const struct weir_h1_field *f = &h->fields[i];
        /* A field that Connection names is not passed on: weir's own replaces it. */
        has_date = has_date || (f->id == WEIR_FIELD_DATE && !f->hop);
        if (decide_response_field(r, f) == FATE_DROP)
            continue;
        at = append_passed(at, r->bytes, f);
    }
    if (final && !has_date)
        at = append_field(at, WEIR_SPAN_LIT("Date"), weir_span(r->date, WEIR_HTTP_DATE_LEN));
    at = append_via(at, h, r->tenant ? r->tenant->via : WEIR_SPAN_LIT("weir"));
    if (final && r->tenant != NULL)
        at = append_headers(at, r->tenant->add_response, r->tenant->num_add_response);
    at = append_response_framing(r, at);
    if (final && r->close)
        at = append_lit(at, "\r\nConnection: close");
    else if (final && r->downstream_minor == 0)
        at = append_lit(at, "\r\nConnection: keep-alive");
    at = append_lit(at, "\r\n\r\n");
    WEIR_DCHECK((size_t)(at - out) <= weir_rewrite_response_max(r));
    return (size_t)(at - out);
}

/* -- for a client that is sent fields, not bytes -- */

static void add_field(struct weir_response_fields *to, struct weir_span name,
                      struct weir_span value)
{
    WEIR_ASSERT_CMP(to->num, <, WEIR_RESPONSE_FIELDS_MAX);
    to->fields[to->num].name = name;
    to->fields[to->num].value = value;
    to->num++;
}

static void add_via(const struct weir_h1_head *h, struct weir_span by,
                    struct weir_response_fields *to)
{
    if (by.len == 0 || by.len > sizeof(to->via) - 4)
        return;
    memcpy(to->via, h->minor == 0 ? "1.0 " : "1.1 ", 4);
    memcpy(to->via + 4, by.at, by.len);
    add_field(to, WEIR_SPAN_LIT("via"), weir_span(to->via, by.len + 4));
}

static void add_content_length(const struct weir_h1_head *h, struct weir_response_fields *to)
{
    if (h->status < 200 || h->status == 204 || !h->has_content_length)
        return;
    uint8_t *end = append_number(to->length, h->content_length);
    add_field(to, WEIR_SPAN_LIT("content-length"),
              weir_span(to->length, (size_t)(end - to->length)));
}

void weir_rewrite_response_fields(const struct weir_rewrite_response *r,
                                  struct weir_response_fields *to)
{
    const struct weir_h1_head *h = r->head;
    const struct weir_tenant *t = r->tenant;
    bool has_date = false;

    WEIR_ASSERT(h->kind == WEIR_H1_RESPONSE);
    WEIR_ASSERT_CMP(h->head_len, >, 0); /* complete */
    to->status = h->status;
    to->num = 0;
    for (size_t i = 0; i < h->num_fields; i++) {
        const struct weir_h1_field *f = &h->fields[i];
        has_date = has_date || (f->id == WEIR_FIELD_DATE && !f->hop);
        if (decide_response_field(r, f) == FATE_PASS)
            add_field(to, weir_h1_name(r->bytes, f), weir_h1_value(r->bytes, f));
    }
    add_content_length(h, to);
    if (r->local)
        return;
    if (h->status >= 200 && !has_date)
        add_field(to, WEIR_SPAN_LIT("date"), weir_span(r->date, WEIR_HTTP_DATE_LEN));
    add_via(h, t != NULL ? t->via : WEIR_SPAN_LIT("weir"), to);
    for (size_t i = 0; h->status >= 200 && t != NULL && i < t->num_add_response; i++)
        add_field(to, t->add_response[i].name, t->add_response[i].value);
}
