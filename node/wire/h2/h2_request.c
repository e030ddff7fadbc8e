/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_request.c - see h2_request.h. The values of pseudo fields are stored as they come. The request
 * line and Host are written behind them when the first other field, or the end, shows that all of
 * them are there; each field is written behind those before it.
 */
#include "node/wire/h2/h2_request.h"

#include "node/wire/bytes.h"
#include "node/wire/h1.h"

_Static_assert(2 * WEIR_H2_LIST_MAX + 256 <= WEIR_LARGE_LEN, "all of a list fits one stash");

enum seen { SEEN_METHOD = 1, SEEN_SCHEME = 2, SEEN_AUTHORITY = 4, SEEN_PATH = 8 };

void weir_h2_request_init(struct weir_h2_request *r, struct weir_buffers *buffers,
                          uint32_t list_max)
{
    WEIR_ASSERT(list_max > 0 && list_max <= WEIR_H2_LIST_MAX);
    *r = (struct weir_h2_request){ .buffers = buffers, .list_max = list_max };
}

void weir_h2_request_deinit(struct weir_h2_request *r)
{
    if (r->buffers == NULL)
        return;
    weir_stash_release(r->buffers, r->text);
    weir_stash_release(r->buffers, r->cookies);
    *r = (struct weir_h2_request){ 0 };
}

static void fail(struct weir_h2_request *r, enum weir_h2_request_fault fault)
{
    if (r->fault == WEIR_H2_REQUEST_OK)
        r->fault = (uint8_t)fault;
}

void weir_h2_request_skip(struct weir_h2_request *r)
{
    WEIR_ASSERT(r->num_fields == 0);
    fail(r, WEIR_H2_REQUEST_MALFORMED);
}

static void append(struct weir_h2_request *r, struct weir_stash **to, struct weir_span s)
{
    if (r->fault == WEIR_H2_REQUEST_OK && weir_stash_append(r->buffers, to, s) < 0)
        fail(r, WEIR_H2_REQUEST_NO_MEMORY);
}

static void append_field(struct weir_h2_request *r, struct weir_span name, struct weir_span value)
{
    append(r, &r->text, WEIR_SPAN_LIT("\r\n"));
    append(r, &r->text, name);
    append(r, &r->text, WEIR_SPAN_LIT(": "));
    append(r, &r->text, value);
}

/* -- pseudo fields -- */

static bool is_visible(struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= 0x20 || s.at[i] == 0x7f)
            return false;
    return s.len > 0;
}

static bool is_method(struct weir_span s)
{
    return weir_bytes_all(s, WEIR_BYTE_TOKEN);
}

/* "http" or "https": no other names something that is here. */
static bool is_scheme(struct weir_span s)
{
    return weir_span_eq_nocase(WEIR_SPAN_LIT("https"), s) ||
           weir_span_eq_nocase(WEIR_SPAN_LIT("http"), s);
}

/* Of origin form, or "*". What else it may not be is the parser's to find. */
static bool is_path(struct weir_span s)
{
    return is_visible(s) && (s.at[0] == '/' || (s.len == 1 && s.at[0] == '*'));
}

static void add_pseudo(struct weir_h2_request *r, struct weir_span name, struct weir_span value)
{
    static const struct {
        struct weir_span name;
        enum seen bit;
        bool (*holds)(struct weir_span);
    } all[] = {
        { WEIR_SPAN_LIT(":method"), SEEN_METHOD, is_method },
        { WEIR_SPAN_LIT(":path"), SEEN_PATH, is_path },
        { WEIR_SPAN_LIT(":authority"), SEEN_AUTHORITY, is_visible },
        { WEIR_SPAN_LIT(":scheme"), SEEN_SCHEME, is_scheme },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(all); i++) {
        if (!weir_span_eq(name, all[i].name))
            continue;
        if (r->in_fields || (r->seen & all[i].bit) || !all[i].holds(value))
            break;
        r->seen |= all[i].bit;
        uint32_t at = r->text != NULL ? r->text->len : 0;
        if (all[i].bit == SEEN_METHOD)
            r->method.at = at, r->method.len = (uint32_t)value.len;
        else if (all[i].bit == SEEN_PATH)
            r->path.at = at, r->path.len = (uint32_t)value.len;
        else if (all[i].bit == SEEN_AUTHORITY)
            r->authority.at = at, r->authority.len = (uint32_t)value.len;
        if (all[i].bit != SEEN_SCHEME)
            append(r, &r->text, value);
        return;
    }
    fail(r, WEIR_H2_REQUEST_MALFORMED);
}

/* Append what was stored of the text itself. The stash may move while it grows: room comes first.
 */
static void append_own(struct weir_h2_request *r, uint32_t at, uint32_t len)
{
    struct weir_stash *s = r->text;
    if (r->fault != WEIR_H2_REQUEST_OK)
        return;
    WEIR_DCHECK(s->at == 0);
    if (s->cap - s->len < len) {
        struct weir_stash *bigger = weir_stash_get(r->buffers, s->len + (size_t)len);
        if (bigger == NULL) {
            fail(r, WEIR_H2_REQUEST_NO_MEMORY);
            return;
        }
        memcpy(bigger->bytes, s->bytes, s->len);
        bigger->len = s->len;
        weir_stash_release(r->buffers, s);
        r->text = s = bigger;
    }
    memcpy(s->bytes + s->len, s->bytes + at, len);
    s->len += len;
}

/* All pseudo fields are there: the request line and Host. */
static void begin_fields(struct weir_h2_request *r)
{
    if (r->in_fields || r->fault != WEIR_H2_REQUEST_OK)
        return;
    r->in_fields = true;
    bool connect = r->text != NULL && (r->seen & SEEN_METHOD) &&
                   weir_span_eq(weir_span(r->text->bytes + r->method.at, r->method.len),
                                WEIR_SPAN_LIT("CONNECT"));
    if (connect && r->seen == (SEEN_METHOD | SEEN_AUTHORITY)) {
        r->path.at = r->authority.at; /* as in HTTP/1: the parser refuses it */
        r->path.len = r->authority.len;
    } else if (connect || (r->seen & (SEEN_METHOD | SEEN_SCHEME | SEEN_PATH)) !=
                              (SEEN_METHOD | SEEN_SCHEME | SEEN_PATH)) {
        fail(r, WEIR_H2_REQUEST_MALFORMED);
        return;
    }
    r->head_at = r->text->len;
    append_own(r, r->method.at, r->method.len);
    append(r, &r->text, WEIR_SPAN_LIT(" "));
    append_own(r, r->path.at, r->path.len);
    append(r, &r->text, WEIR_SPAN_LIT(" HTTP/1.1"));
    if (r->seen & SEEN_AUTHORITY) {
        append(r, &r->text, WEIR_SPAN_LIT("\r\nhost: "));
        append_own(r, r->authority.at, r->authority.len);
    }
}

/* -- the other fields -- */

static bool is_name(struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] >= 'A' && s.at[i] <= 'Z')
            return false;
    return weir_bytes_all(s, WEIR_BYTE_TOKEN);
}

/* RFC 9113 8.2.1: no NUL, CR, LF, and no space at either end. Other controls are refused too. */
static bool is_value(struct weir_span s)
{
    return weir_bytes_value_end(s) == s.len && weir_bytes_trim(s).len == s.len;
}

/* Against :authority, which is what is written. A list of two is never equal to it. */
static void add_host(struct weir_h2_request *r, struct weir_span value)
{
    if (r->has_host) {
        fail(r, WEIR_H2_REQUEST_MALFORMED);
        return;
    }
    r->has_host = true;
    if (!(r->seen & SEEN_AUTHORITY))
        append_field(r, WEIR_SPAN_LIT("host"), value);
    else if (r->fault == WEIR_H2_REQUEST_OK &&
             !weir_span_eq(value, weir_span(r->text->bytes + r->authority.at, r->authority.len)))
        fail(r, WEIR_H2_REQUEST_MALFORMED);
}

static void add_crumb(struct weir_h2_request *r, struct weir_span value)
{
    if (r->cookies != NULL)
        append(r, &r->cookies, WEIR_SPAN_LIT("; "));
    append(r, &r->cookies, value);
}

static void add_named(struct weir_h2_request *r, struct weir_span name, struct weir_span value)
{
    enum weir_field_id id = weir_field_id_of(name);
    if (weir_span_eq(name, WEIR_SPAN_LIT("cookie"))) {
        add_crumb(r, value);
        return;
    }
    if (id == WEIR_FIELD_HOST) {
        add_host(r, value);
        return;
    }
    if (id == WEIR_FIELD_TE) { /* it ends here: trailers are not passed on */
        if (!weir_span_eq_nocase(WEIR_SPAN_LIT("trailers"), value))
            fail(r, WEIR_H2_REQUEST_MALFORMED);
        return;
    }
    if (id == WEIR_FIELD_CONNECTION || id == WEIR_FIELD_KEEP_ALIVE ||
        id == WEIR_FIELD_PROXY_CONNECTION || id == WEIR_FIELD_TRANSFER_ENCODING ||
        id == WEIR_FIELD_UPGRADE || id == WEIR_FIELD_HTTP2_SETTINGS) {
        fail(r, WEIR_H2_REQUEST_MALFORMED);
        return;
    }
    r->has_length = r->has_length || id == WEIR_FIELD_CONTENT_LENGTH;
    append_field(r, name, value);
}

void weir_h2_request_add(struct weir_h2_request *r, struct weir_span name, struct weir_span value)
{
    WEIR_ASSERT(r->buffers != NULL);
    r->num_fields++;
    uint64_t decoded = (uint64_t)r->decoded + name.len + value.len + WEIR_H2_FIELD_COST;
    if (r->num_fields > WEIR_H2_FIELDS_HARD_MAX || decoded > WEIR_H2_LIST_HARD_MAX) {
        r->fault = WEIR_H2_REQUEST_FLOOD;
        return;
    }
    r->decoded = (uint32_t)decoded;
    if (decoded > r->list_max)
        fail(r, WEIR_H2_REQUEST_TOO_BIG);
    if (r->num_fields > WEIR_FIELDS_MAX)
        fail(r, WEIR_H2_REQUEST_TOO_MANY);
    if (r->fault != WEIR_H2_REQUEST_OK)
        return;
    if (name.len > 0 && name.at[0] == ':') {
        add_pseudo(r, name, value);
        return;
    }
    begin_fields(r);
    if (!is_name(name) || !is_value(value))
        fail(r, WEIR_H2_REQUEST_MALFORMED);
    else
        add_named(r, name, value);
}

/* Methods whose requests as a rule have a body: without one, a server may want to see a length of
 * 0 (RFC 9110 8.6). */
static bool expects_body(const struct weir_h2_request *r)
{
    enum weir_method m = weir_method_of(weir_span(r->text->bytes + r->method.at, r->method.len));
    return m == WEIR_METHOD_POST || m == WEIR_METHOD_PUT || m == WEIR_METHOD_PATCH;
}

enum weir_h2_request_fault weir_h2_request_end(struct weir_h2_request *r, bool ends,
                                               struct weir_span *ret_head)
{
    WEIR_ASSERT(r->buffers != NULL);
    begin_fields(r);
    if (r->fault != WEIR_H2_REQUEST_OK)
        return (enum weir_h2_request_fault)r->fault;
    if (!ends && !r->has_length)
        append_field(r, WEIR_SPAN_LIT("transfer-encoding"), WEIR_SPAN_LIT("chunked"));
    else if (ends && !r->has_length && expects_body(r))
        append_field(r, WEIR_SPAN_LIT("content-length"), WEIR_SPAN_LIT("0"));
    if (r->cookies != NULL)
        append_field(r, WEIR_SPAN_LIT("cookie"), weir_stash_span(r->cookies));
    append(r, &r->text, WEIR_SPAN_LIT("\r\n\r\n"));
    if (r->fault == WEIR_H2_REQUEST_OK)
        *ret_head = weir_span_from(weir_stash_span(r->text), r->head_at);
    return (enum weir_h2_request_fault)r->fault;
}
