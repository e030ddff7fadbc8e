/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_fields.c - the fields that decide how a message is framed, routed and forwarded, each judged
 * when its line is complete. Anything that two readers could understand differently is a fault;
 * nothing is repaired, merged or ignored. Ref: RFC 9110 7.2 (Host), 7.6 (Connection,
 * Max-Forwards), 8.6 (Content-Length), 10.1.1 (Expect); RFC 9112 6.1 (Transfer-Encoding).
 */
#include "node/wire/bytes.h"
#include "node/wire/h1_private.h"
#include "node/wire/uri.h"

/* Fields of one hop by their nature, whether or not Connection names them. */
static const bool hop_by_nature[WEIR_FIELD_COUNT] = {
    [WEIR_FIELD_TRANSFER_ENCODING] = true,
    [WEIR_FIELD_CONNECTION] = true,
    [WEIR_FIELD_KEEP_ALIVE] = true,
    [WEIR_FIELD_PROXY_CONNECTION] = true,
    [WEIR_FIELD_UPGRADE] = true,
    [WEIR_FIELD_TE] = true,
    [WEIR_FIELD_TRAILER] = true,
    [WEIR_FIELD_HTTP2_SETTINGS] = true,
    [WEIR_FIELD_PROXY_AUTHENTICATE] = true,
    [WEIR_FIELD_PROXY_AUTHORIZATION] = true,
};

/* Fields that a sender must not be able to have dropped by naming them in Connection. */
static const bool may_not_be_dropped[WEIR_FIELD_COUNT] = {
    [WEIR_FIELD_HOST] = true,
    [WEIR_FIELD_CONTENT_LENGTH] = true,
    [WEIR_FIELD_TRANSFER_ENCODING] = true,
    [WEIR_FIELD_X_FORWARDED_FOR] = true,
    [WEIR_FIELD_X_FORWARDED_PROTO] = true,
    [WEIR_FIELD_X_FORWARDED_HOST] = true,
    [WEIR_FIELD_X_REAL_IP] = true,
    [WEIR_FIELD_X_REQUEST_ID] = true,
    [WEIR_FIELD_FORWARDED] = true,
    [WEIR_FIELD_VIA] = true,
    [WEIR_FIELD_CDN_LOOP] = true,
    [WEIR_FIELD_MAX_FORWARDS] = true,
};

static enum weir_h1_fault judge_host(struct weir_h1_head *h, const uint8_t *head,
                                     const struct weir_h1_field *f)
{
    if (h->kind == WEIR_H1_RESPONSE)
        return WEIR_FAULT_NONE;
    if (h->seen & WEIR_H1_SEEN_HOST)
        return WEIR_FAULT_HOST_REPEATED;
    struct weir_authority other;
    struct weir_authority *to = h->form == WEIR_TARGET_ABSOLUTE ? &other : &h->authority;
    if (weir_authority_parse(weir_h1_value(head, f), to) < 0)
        return WEIR_FAULT_HOST_INVALID;
    h->seen |= WEIR_H1_SEEN_HOST;
    if (h->form != WEIR_TARGET_ABSOLUTE) {
        h->authority_at = f->value_at;
        h->authority_len = (uint16_t)(f->value_len - h->authority.port_empty);
    }
    return WEIR_FAULT_NONE;
}

/* RFC 9110 15.2 and 15.3.5: these responses end with their head. */
static bool has_no_body(const struct weir_h1_head *h)
{
    return h->kind == WEIR_H1_RESPONSE && (h->status < 200 || h->status == 204);
}

static enum weir_h1_fault judge_content_length(struct weir_h1_head *h, const uint8_t *head,
                                               const struct weir_h1_field *f)
{
    if (h->has_content_length)
        return WEIR_FAULT_CONTENT_LENGTH;
    if (!weir_bytes_content_length(weir_h1_value(head, f), &h->content_length))
        return WEIR_FAULT_CONTENT_LENGTH;
    if (h->chunked)
        return WEIR_FAULT_LENGTH_AND_CODING;
    /* "Content-Length: 0" on a 204 is forbidden, but many servers send it and no reader can
     * misunderstand it. */
    if (has_no_body(h) && h->content_length > 0)
        return WEIR_FAULT_CONTENT_LENGTH;
    h->has_content_length = true;
    return WEIR_FAULT_NONE;
}

static enum weir_h1_fault judge_transfer_encoding(struct weir_h1_head *h, const uint8_t *head,
                                                  const struct weir_h1_field *f)
{
    /* A 204 may not have it, but ends with its head whatever it has (RFC 9112 6.3). Behind a 1xx
     * there is another head to be read: what is there is in doubt. */
    bool misplaced = has_no_body(h) && h->status != 204;
    if (h->chunked || h->minor == 0 || misplaced)
        return WEIR_FAULT_TRANSFER_ENCODING;
    if (!weir_span_eq_nocase(weir_h1_value(head, f), WEIR_SPAN_LIT("chunked")))
        return WEIR_FAULT_TRANSFER_ENCODING;
    if (h->has_content_length)
        return WEIR_FAULT_LENGTH_AND_CODING;
    h->chunked = true;
    return WEIR_FAULT_NONE;
}

static enum weir_h1_fault judge_expect(struct weir_h1_head *h, const uint8_t *head,
                                       const struct weir_h1_field *f)
{
    /* RFC 9110 10.1.1: a server that receives 100-continue in an HTTP/1.0 request ignores it. */
    if (h->kind == WEIR_H1_RESPONSE || h->minor == 0)
        return WEIR_FAULT_NONE;
    if (h->seen & WEIR_H1_SEEN_EXPECT)
        return WEIR_FAULT_EXPECT;
    if (!weir_span_eq_nocase(weir_h1_value(head, f), WEIR_SPAN_LIT("100-continue")))
        return WEIR_FAULT_EXPECT;
    h->seen |= WEIR_H1_SEEN_EXPECT;
    h->expect_continue = true;
    return WEIR_FAULT_NONE;
}

static enum weir_h1_fault judge_max_forwards(struct weir_h1_head *h, const uint8_t *head,
                                             const struct weir_h1_field *f)
{
    /* RFC 9110 7.6.2: "MAY ignore a Max-Forwards header field received with any other request
     * methods". Method OTHER is that of a response. */
    if (h->method != WEIR_METHOD_OPTIONS && h->method != WEIR_METHOD_TRACE)
        return WEIR_FAULT_NONE;
    if (h->has_max_forwards)
        return WEIR_FAULT_MAX_FORWARDS;
    if (!weir_bytes_content_length(weir_h1_value(head, f), &h->max_forwards))
        return WEIR_FAULT_MAX_FORWARDS;
    h->has_max_forwards = true;
    return WEIR_FAULT_NONE;
}

static bool starts_with_nocase(struct weir_span s, struct weir_span prefix)
{
    return s.len >= prefix.len && weir_span_eq_nocase(weir_span(s.at, prefix.len), prefix);
}

static enum weir_h1_fault judge_option(struct weir_h1_head *h, struct weir_span option)
{
    if (h->num_options == WEIR_H1_OPTIONS_MAX)
        return WEIR_FAULT_CONNECTION;
    h->num_options++;
    if (option.len == 0) /* RFC 9110 5.6.1.2: a recipient ignores a few empty elements of a list */
        return WEIR_FAULT_NONE;
    enum weir_field_id id = weir_field_id_of(option);
    if (id == WEIR_FIELD_KEEP_ALIVE) {
        h->connection_keep_alive = true;
        return WEIR_FAULT_NONE;
    }
    if (id == WEIR_FIELD_UPGRADE) {
        h->connection_upgrade = true;
        return WEIR_FAULT_NONE;
    }
    if (weir_span_eq_nocase(option, WEIR_SPAN_LIT("close"))) {
        h->connection_close = true;
        return WEIR_FAULT_NONE;
    }
    if (!weir_bytes_all(option, WEIR_BYTE_TOKEN) || may_not_be_dropped[id] ||
        starts_with_nocase(option, WEIR_SPAN_LIT("x-forwarded-")) ||
        weir_span_eq_nocase(option, WEIR_SPAN_LIT("authorization")) ||
        weir_span_eq_nocase(option, WEIR_SPAN_LIT("cookie")))
        return WEIR_FAULT_CONNECTION;
    if (!hop_by_nature[id])
        h->seen |= WEIR_H1_SEEN_OPTION;
    return WEIR_FAULT_NONE;
}

/* The next element of a comma-separated list, white space trimmed. @return false at the end of the
 * list */
static bool next_list_element(struct weir_span list, size_t *at, struct weir_span *ret)
{
    if (*at > list.len)
        return false;
    size_t from = *at;
    size_t to = from;
    while (to < list.len && list.at[to] != ',')
        to++;
    *at = to + 1;
    *ret = weir_bytes_trim(weir_span(list.at + from, to - from));
    return true;
}

static enum weir_h1_fault judge_connection(struct weir_h1_head *h, const uint8_t *head,
                                           const struct weir_h1_field *f)
{
    struct weir_span list = weir_h1_value(head, f);
    struct weir_span option;
    enum weir_h1_fault fault = WEIR_FAULT_NONE;
    for (size_t at = 0; fault == WEIR_FAULT_NONE && next_list_element(list, &at, &option);)
        fault = judge_option(h, option);
    return fault;
}

enum weir_h1_fault weir_h1_field_judge(struct weir_h1_head *h, const uint8_t *head,
                                       struct weir_h1_field *f)
{
    WEIR_ASSERT_CMP(f->id, <, WEIR_FIELD_COUNT);
    f->hop = hop_by_nature[f->id];
    if (f->id == WEIR_FIELD_HOST)
        return judge_host(h, head, f);
    if (f->id == WEIR_FIELD_CONTENT_LENGTH)
        return judge_content_length(h, head, f);
    if (f->id == WEIR_FIELD_TRANSFER_ENCODING)
        return judge_transfer_encoding(h, head, f);
    if (f->id == WEIR_FIELD_CONNECTION)
        return judge_connection(h, head, f);
    if (f->id == WEIR_FIELD_EXPECT)
        return judge_expect(h, head, f);
    if (f->id == WEIR_FIELD_MAX_FORWARDS)
        return judge_max_forwards(h, head, f);
    return WEIR_FAULT_NONE;
}

static void mark_hop_fields(struct weir_h1_head *h, const uint8_t *head, struct weir_span option)
{
    for (size_t i = 0; i < h->num_fields; i++) {
        struct weir_h1_field *f = &h->fields[i];
        if (weir_span_eq_nocase(weir_h1_name(head, f), option))
            f->hop = true;
    }
}

enum weir_h1_fault weir_h1_head_judge(struct weir_h1_head *h, const uint8_t *head)
{
    if (h->kind == WEIR_H1_REQUEST && h->minor == 1 && !(h->seen & WEIR_H1_SEEN_HOST))
        return WEIR_FAULT_HOST_MISSING;
    if (!(h->seen & WEIR_H1_SEEN_OPTION))
        return WEIR_FAULT_NONE;
    for (size_t i = 0; i < h->num_fields; i++) {
        const struct weir_h1_field *f = &h->fields[i];
        if (f->id != WEIR_FIELD_CONNECTION)
            continue;
        struct weir_span list = weir_h1_value(head, f);
        struct weir_span option;
        for (size_t at = 0; next_list_element(list, &at, &option);)
            if (option.len > 0)
                mark_hop_fields(h, head, option);
    }
    return WEIR_FAULT_NONE;
}
