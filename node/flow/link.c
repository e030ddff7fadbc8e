/* SPDX-License-Identifier: Apache-2.0
 *
 * link.c - see link.h.
 * Link = #link-value; link-value = "<" URI-Reference ">" *( OWS ";" OWS [ link-param ] )
 * link-param = token BWS [ "=" BWS ( quoted-string / ptoken ) ]. The ptoken of RFC 5988 has bytes
 * that no token has, as in type=text/css.
 */
#include "node/flow/link.h"

#include <string.h>

#include "node/wire/bytes.h"
#include "node/wire/target.h"

static struct weir_span skip_space(struct weir_span s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = weir_span_from(s, 1);
    return s;
}

/* What stands before the first such byte: all of s when there is none. */
static struct weir_span before(struct weir_span s, uint8_t byte)
{
    const uint8_t *at = s.len > 0 ? memchr(s.at, byte, s.len) : NULL;
    return at != NULL ? weir_span(s.at, (size_t)(at - s.at)) : s;
}

static bool is_bare(uint8_t b)
{
    return b > ' ' && b < 0x7f && b != '"' && b != ',' && b != ';' && b != '\\';
}

/* Inside the quotes (RFC 9110 5.6.4). @return bytes up to the closing quote; s.len: there is none
 */
static size_t quoted_len(struct weir_span s)
{
    size_t i = 0;
    while (i < s.len && s.at[i] != '"')
        i += s.at[i] == '\\' ? 2 : 1;
    return i < s.len ? i : s.len;
}

struct parameter {
    struct weir_span name;
    struct weir_span value; /* without its quotes, escapes as they stand */
};

/* The value behind "=", at the start of `in`, which is moved behind it. */
static bool read_value(struct weir_span *in, struct weir_span *ret)
{
    if (in->len > 0 && in->at[0] == '"') {
        struct weir_span inner = weir_span_from(*in, 1);
        size_t len = quoted_len(inner);
        if (len == inner.len)
            return false;
        *ret = weir_span(inner.at, len);
        *in = weir_span_from(inner, len + 1);
        return true;
    }
    size_t len = 0;
    while (len < in->len && is_bare(in->at[len]))
        len++;
    *ret = weir_span(in->at, len);
    *in = weir_span_from(*in, len);
    return len > 0;
}

/* One link-param at the start of `in`, which is moved behind it and the space that follows. */
static bool read_parameter(struct weir_span *in, struct parameter *ret)
{
    size_t len = 0;
    while (len < in->len && weir_byte_is(in->at[len], WEIR_BYTE_TOKEN))
        len++;
    if (len == 0)
        return false;
    ret->name = weir_span(in->at, len);
    ret->value = WEIR_SPAN_EMPTY;
    *in = skip_space(weir_span_from(*in, len));
    if (in->len > 0 && in->at[0] == '=') {
        *in = skip_space(weir_span_from(*in, 1));
        if (!read_value(in, &ret->value))
            return false;
        *in = skip_space(*in);
    }
    return true;
}

/* Whether a list of relation types has this one. A value with an escape in it has none. */
static bool has_relation(struct weir_span list, struct weir_span type)
{
    while (list.len > 0) {
        struct weir_span one = before(list, ' ');
        if (weir_span_eq_nocase(one, type))
            return true;
        list = weir_span_from(list, one.len + 1);
    }
    return false;
}

static bool name_is(const struct parameter *p, struct weir_span lower)
{
    return weir_span_eq_nocase(p->name, lower);
}

/* The parameters behind the target, up to the comma or the end. */
static bool read_parameters(struct weir_span *in, struct weir_link *link)
{
    bool rel_seen = false;
    while (in->len > 0 && in->at[0] == ';') {
        struct parameter p;
        *in = skip_space(weir_span_from(*in, 1));
        if (in->len == 0 || in->at[0] == ';' || in->at[0] == ',')
            continue; /* a ";" too many is common, and says nothing */
        if (!read_parameter(in, &p))
            return false;
        if (name_is(&p, WEIR_SPAN_LIT("rel"))) {
            /* RFC 8288 3.3: only the first rel counts. */
            if (!rel_seen)
                link->preload = has_relation(p.value, WEIR_SPAN_LIT("preload"));
            rel_seen = true;
        } else if (name_is(&p, WEIR_SPAN_LIT("nopush"))) {
            link->nopush = true;
        } else if (name_is(&p, WEIR_SPAN_LIT("anchor"))) {
            link->anchored = true;
        }
    }
    return in->len == 0 || in->at[0] == ',';
}

/* No byte that ends a URI reference in any text: a "<" tells of a ">" that was forgotten. */
static bool is_reference(struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] == '<' || s.at[i] == '"')
            return false;
    return true;
}

static bool read_link(struct weir_span *in, struct weir_link *ret)
{
    struct weir_span whole = *in;
    if (in->at[0] != '<')
        return false;
    struct weir_span inner = weir_span_from(*in, 1);
    ret->target = before(inner, '>');
    if (ret->target.len == inner.len || !is_reference(ret->target))
        return false;
    *in = skip_space(weir_span_from(inner, ret->target.len + 1));
    if (!read_parameters(in, ret))
        return false;
    ret->text = weir_bytes_trim(weir_span(whole.at, whole.len - in->len));
    return true;
}

bool weir_link_next(struct weir_span *in, struct weir_link *ret)
{
    struct weir_link link = { .preload = false };
    struct weir_span rest = *in;
    /* Empty elements of a list are ignored (RFC 9110 5.6.1.2). */
    while (rest.len > 0 && (rest.at[0] == ',' || rest.at[0] == ' ' || rest.at[0] == '\t'))
        rest = weir_span_from(rest, 1);
    if (rest.len == 0 || !read_link(&rest, &link)) {
        *in = WEIR_SPAN_EMPTY;
        return false;
    }
    *in = rest;
    *ret = link;
    return true;
}

static bool next_value(struct weir_link_walk *w, struct weir_span *ret)
{
    while (w->at < w->num) {
        const struct weir_span_pair *f = &w->fields[w->at++];
        if (!weir_span_eq_nocase(f->name, WEIR_SPAN_LIT("link")))
            continue;
        *ret = f->value;
        return true;
    }
    return false;
}

bool weir_link_walk_next(struct weir_link_walk *w, struct weir_link *ret)
{
    do {
        struct weir_link link;
        while (weir_link_next(&w->rest, &link)) {
            if (!link.preload || link.anchored)
                continue;
            *ret = link;
            return true;
        }
    } while (next_value(w, &w->rest));
    return false;
}

/* -- the target -- */

/* A reference in its parts (RFC 3986 3). A scheme or an authority that is not there has no bytes;
 * has_authority tells an empty one from none. */
struct reference {
    struct weir_span scheme;
    struct weir_span authority;
    bool has_authority;
    struct weir_span path; /* and query */
};

/* Bytes of a scheme, without its colon; 0: the reference begins with none. */
static size_t scheme_len(struct weir_span s)
{
    size_t len = 0;
    if (s.len == 0 || !weir_byte_is(s.at[0], WEIR_BYTE_ALPHA))
        return 0;
    while (len < s.len && (weir_byte_is(s.at[len], WEIR_BYTE_ALPHA | WEIR_BYTE_DIGIT) ||
                           s.at[len] == '+' || s.at[len] == '-' || s.at[len] == '.'))
        len++;
    return len < s.len && s.at[len] == ':' ? len : 0;
}

static struct reference split(struct weir_span target)
{
    struct reference r = { .path = before(target, '#') };
    size_t len = scheme_len(r.path);
    if (len > 0) {
        r.scheme = weir_span(r.path.at, len);
        r.path = weir_span_from(r.path, len + 1);
    }
    if (weir_span_starts(r.path, WEIR_SPAN_LIT("//"))) {
        struct weir_span rest = weir_span_from(r.path, 2);
        r.authority = before(before(rest, '/'), '?');
        r.has_authority = true;
        r.path = weir_span_from(rest, r.authority.len);
    }
    return r;
}

static uint16_t port_of(const struct weir_authority *a, bool https)
{
    return a->port != 0 ? a->port : https ? 443 : 80;
}

/* Whether scheme, host and port are those of the base, where the reference has any. */
static bool is_same_origin(const struct weir_link_base *base, const struct reference *r)
{
    struct weir_authority a;
    struct weir_span scheme = base->https ? WEIR_SPAN_LIT("https") : WEIR_SPAN_LIT("http");
    if (r->scheme.len > 0 && (!weir_span_eq_nocase(r->scheme, scheme) || !r->has_authority))
        return false;
    if (!r->has_authority)
        return true;
    return weir_authority_parse(r->authority, &a) == WEIR_OK &&
           weir_span_eq(weir_span(a.host, a.host_len),
                        weir_span(base->authority->host, base->authority->host_len)) &&
           port_of(&a, base->https) == port_of(base->authority, base->https);
}

/* What of the base stands before the path of the reference (RFC 3986 5.2.2 and 5.2.3). */
static struct weir_span prefix_of(const struct weir_link_base *base, const struct reference *r)
{
    struct weir_span root = WEIR_SPAN_LIT("/");
    struct weir_span path = before(base->path, '?');
    bool is_query = r->path.len == 0 || r->path.at[0] == '?';
    if (r->path.len > 0 && r->path.at[0] == '/')
        return WEIR_SPAN_EMPTY;
    if (r->has_authority || path.len == 0)
        return is_query || !r->has_authority ? root : WEIR_SPAN_EMPTY;
    while (!is_query && path.len > 0 && path.at[path.len - 1] != '/')
        path.len--;
    return path;
}

/* Remove the dot segments of the path in front of the query. @return the length; 0: it climbs above
 * the root */
static size_t remove_dots(uint8_t *text, size_t len)
{
    size_t path_len = before(weir_span(text, len), '?').len;
    size_t query_len = len - path_len;
    size_t now = weir_path_remove_dots(text, path_len);
    if (now > 0)
        memmove(text + now, text + path_len, query_len);
    return now > 0 ? now + query_len : 0;
}

/* No byte and no escape that a request would be refused for. */
static bool may_be_requested(struct weir_span path)
{
    uint8_t scratch[WEIR_PATH_NORMAL_MAX(WEIR_LINK_PATH_MAX)];
    struct weir_span unused;
    return weir_target_is_good(path) && weir_path_normalise(path, scratch, &unused) == WEIR_OK;
}

enum weir_err weir_link_resolve(const struct weir_link_base *base, struct weir_span target,
                                uint8_t out[WEIR_LINK_PATH_MAX], size_t *ret_len)
{
    struct reference r = split(target);
    if (!is_same_origin(base, &r) || (r.path.len == 0 && !r.has_authority))
        return WEIR_ENOTFOUND;
    struct weir_span prefix = prefix_of(base, &r);
    if (prefix.len + r.path.len > WEIR_LINK_PATH_MAX)
        return WEIR_ELIMIT;
    if (prefix.len > 0)
        memcpy(out, prefix.at, prefix.len);
    if (r.path.len > 0)
        memcpy(out + prefix.len, r.path.at, r.path.len);
    size_t len = prefix.len + r.path.len;
    len = len > 0 && out[0] == '/' ? remove_dots(out, len) : 0;
    if (len == 0 || !may_be_requested(weir_span(out, len)))
        return WEIR_EPROTO;
    *ret_len = len;
    return WEIR_OK;
}

bool weir_link_is_plain(struct weir_span target)
{
    struct weir_authority unused;
    struct reference r = split(target);
    if (r.scheme.len > 0 &&
        (!r.has_authority || (!weir_span_eq_nocase(r.scheme, WEIR_SPAN_LIT("https")) &&
                              !weir_span_eq_nocase(r.scheme, WEIR_SPAN_LIT("http")))))
        return false;
    return !r.has_authority || weir_authority_parse(r.authority, &unused) == WEIR_OK;
}
