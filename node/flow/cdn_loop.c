/* SPDX-License-Identifier: Apache-2.0
 *
 * cdn_loop.c - see cdn_loop.h.
 * CDN-Loop = #cdn-info; cdn-info = cdn-id *( OWS ";" OWS parameter )
 * cdn-id = ( uri-host [ ":" port ] ) / token; parameter = token "=" ( token / quoted-string ).
 */
#include "node/flow/cdn_loop.h"

#include <stdbool.h>

#include "node/base/contract.h"
#include "node/wire/bytes.h"
#include "node/wire/uri.h"

static struct weir_span skip_space(struct weir_span s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = weir_span_from(s, 1);
    return s;
}

static size_t token_len(struct weir_span s)
{
    size_t len = 0;
    while (len < s.len && weir_byte_is(s.at[len], WEIR_BYTE_TOKEN))
        len++;
    return len;
}

/* Behind the first quote (RFC 9110 5.6.4). @return bytes up to and with the last one; 0: there is
 * none */
static size_t quoted_len(struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '"')
            return i + 1;
        if (s.at[i] == '\\')
            i++;
    }
    return 0;
}

/* token "=" ( token / quoted-string ). @return its bytes; 0: it is none */
static size_t parameter_len(struct weir_span s)
{
    size_t len = token_len(s);
    if (len == 0 || len == s.len || s.at[len] != '=')
        return 0;
    struct weir_span value = weir_span_from(s, len + 1);
    bool quoted = value.len > 0 && value.at[0] == '"';
    size_t value_len = quoted ? quoted_len(weir_span_from(value, 1)) : token_len(value);
    return value_len > 0 ? len + 1 + quoted + value_len : 0;
}

static struct weir_span id_of(struct weir_span s)
{
    size_t len = 0;
    while (len < s.len && s.at[len] != ' ' && s.at[len] != '\t' && s.at[len] != ';' &&
           s.at[len] != ',')
        len++;
    return weir_span(s.at, len);
}

static bool is_id(struct weir_span s)
{
    struct weir_authority unused;
    return weir_bytes_all(s, WEIR_BYTE_TOKEN) || weir_authority_parse(s, &unused) == WEIR_OK;
}

/* One cdn-info at the start of `in`, which is moved behind it. @return false: it is none */
static bool read_one(struct weir_span *in, struct weir_span *ret_id)
{
    struct weir_span id = id_of(*in);
    struct weir_span rest = skip_space(weir_span_from(*in, id.len));
    if (!is_id(id))
        return false;
    while (rest.len > 0 && rest.at[0] == ';') {
        rest = skip_space(weir_span_from(rest, 1));
        size_t len = parameter_len(rest);
        if (len == 0)
            return false;
        rest = skip_space(weir_span_from(rest, len));
    }
    *in = rest;
    *ret_id = id;
    return rest.len == 0 || rest.at[0] == ',';
}

/* Empty elements of a list are ignored (RFC 9110 5.6.1.2). */
static bool read_list(struct weir_span in, struct weir_span own, bool *met)
{
    for (in = skip_space(in); in.len > 0; in = skip_space(weir_span_from(in, 1))) {
        struct weir_span id;
        if (in.at[0] == ',')
            continue;
        if (!read_one(&in, &id))
            return false;
        *met = *met || weir_span_eq_nocase(id, own);
    }
    return true;
}

enum weir_cdn_loop weir_cdn_loop_read(const struct weir_h1_head *h, const uint8_t *bytes,
                                      struct weir_span id)
{
    bool met = false;
    WEIR_ASSERT(h->kind == WEIR_H1_REQUEST);
    for (size_t i = 0; i < h->num_fields; i++) {
        const struct weir_h1_field *f = &h->fields[i];
        if (f->id == WEIR_FIELD_CDN_LOOP && !read_list(weir_h1_value(bytes, f), id, &met))
            return WEIR_CDN_LOOP_MALFORMED;
    }
    return met ? WEIR_CDN_LOOP_MET : WEIR_CDN_LOOP_CLEAR;
}
