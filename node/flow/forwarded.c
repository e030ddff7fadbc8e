/* SPDX-License-Identifier: Apache-2.0
 *
 * forwarded.c - see forwarded.h. Forwarded has quoted strings, so it is read from the left into a
 * ring of its last elements; all of it must follow the grammar, since an unclosed quote that a
 * client sends would swallow what a proxy appends behind it.
 */
#include "node/flow/forwarded.h"

#include <string.h>

#include "node/base/span.h"
#include "node/wire/bytes.h"

bool weir_prefixes_contain(struct weir_prefixes p, const struct weir_addr *a)
{
    for (size_t i = 0; i < p.num; i++)
        if (weir_prefix_contains(&p.at[i], a))
            return true;
    return false;
}

static enum weir_forwarded_scheme scheme_of(struct weir_span s)
{
    if (weir_span_eq_nocase(s, WEIR_SPAN_LIT("https")))
        return WEIR_SCHEME_HTTPS;
    if (weir_span_eq_nocase(s, WEIR_SPAN_LIT("http")))
        return WEIR_SCHEME_HTTP;
    return WEIR_SCHEME_UNSAID;
}

/* -- one node -- */

/* RFC 7239 6: "_" and then letters, digits, ".", "_", "-". */
static bool is_obfuscated(struct weir_span s)
{
    if (s.len < 2 || s.at[0] != '_')
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!weir_byte_is(s.at[i], WEIR_BYTE_ALPHA | WEIR_BYTE_DIGIT) && s.at[i] != '.' &&
            s.at[i] != '_' && s.at[i] != '-')
            return false;
    return true;
}

static struct weir_span without_obfuscated_port(struct weir_span s)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.at[i - 1] == ':')
            return is_obfuscated(weir_span_from(s, i)) ? weir_span(s.at, i - 1) : s;
    return s;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80". */
static bool parse_node(struct weir_span s, struct weir_addr *ret)
{
    struct weir_addr a = { { 0 }, 0 };
    s = without_obfuscated_port(s);
    bool bracketed = s.len > 2 && s.at[0] == '[' && s.at[s.len - 1] == ']';
    struct weir_span ip = bracketed ? weir_span(s.at + 1, s.len - 2) : s;

    if (weir_addr_parse_ip(ip, &a) == WEIR_OK) {
        if (bracketed && memchr(ip.at, ':', ip.len) == NULL)
            return false;
    } else if (weir_addr_parse(s, &a) < 0) {
        return false;
    }
    *ret = a;
    return true;
}

/* -- X-Forwarded-For, X-Forwarded-Proto -- */

/** The elements of all fields of one name, from the right. */
struct list_walk {
    const struct weir_h1_head *head;
    const uint8_t *bytes;
    enum weir_field_id id;
    size_t field; /* fields before this one are still to come */
    bool inside;
    struct weir_span rest; /* of the current field */
};

/* @return false: there are no more */
static bool walk_next(struct list_walk *w, struct weir_span *ret)
{
    while (!w->inside) {
        if (w->field == 0)
            return false;
        const struct weir_h1_field *f = &w->head->fields[--w->field];
        w->inside = f->id == w->id;
        if (w->inside)
            w->rest = weir_h1_value(w->bytes, f);
    }
    size_t begin = w->rest.len;
    while (begin > 0 && w->rest.at[begin - 1] != ',')
        begin--;
    *ret = weir_bytes_trim(weir_span_from(w->rest, begin));
    w->inside = begin > 0;
    w->rest.len = begin > 0 ? begin - 1 : 0;
    return true;
}

static struct list_walk walk_begin(const struct weir_h1_head *h, const uint8_t *bytes,
                                   enum weir_field_id id)
{
    return (struct list_walk){ .head = h, .bytes = bytes, .id = id, .field = h->num_fields };
}

/* @return proxies that the walk went over, the peer being the first */
static size_t walk_for(const struct weir_h1_head *h, const uint8_t *bytes,
                       struct weir_prefixes trusted, struct weir_addr *client)
{
    struct list_walk w = walk_begin(h, bytes, WEIR_FIELD_X_FORWARDED_FOR);
    struct weir_span element;
    size_t hops = 0;

    while (walk_next(&w, &element)) {
        hops++;
        if (!parse_node(element, client) || !weir_prefixes_contain(trusted, client))
            break;
    }
    return hops > 0 ? hops : 1;
}

/* What the proxy that the walk ended at says, or the one nearest to it. */
static enum weir_forwarded_scheme walk_proto(const struct weir_h1_head *h, const uint8_t *bytes,
                                             size_t hops)
{
    struct list_walk w = walk_begin(h, bytes, WEIR_FIELD_X_FORWARDED_PROTO);
    struct weir_span element = WEIR_SPAN_EMPTY;

    while (hops > 0 && walk_next(&w, &element))
        hops--;
    return scheme_of(element);
}

/* -- Forwarded -- */

struct element {
    bool has_addr;
    enum weir_forwarded_scheme scheme;
    struct weir_addr addr;
};

/** The last elements that were read. */
struct ring {
    size_t num; /* read in all */
    struct element at[WEIR_FORWARDED_MAX];
};

#define VALUE_MAX 64 /* bytes of a quoted value that are looked at: no address is longer */

/** Bytes of a field while they are read. */
struct input {
    struct weir_span rest;
    uint8_t value[VALUE_MAX]; /* of the last quoted string */
};

static void skip_space(struct input *in)
{
    while (in->rest.len > 0 && (in->rest.at[0] == ' ' || in->rest.at[0] == '\t'))
        in->rest = weir_span_from(in->rest, 1);
}

static bool skip_byte(struct input *in, uint8_t b)
{
    if (in->rest.len == 0 || in->rest.at[0] != b)
        return false;
    in->rest = weir_span_from(in->rest, 1);
    return true;
}

static struct weir_span read_token(struct input *in)
{
    size_t len = 0;
    while (len < in->rest.len && weir_byte_is(in->rest.at[len], WEIR_BYTE_TOKEN))
        len++;
    struct weir_span token = weir_span(in->rest.at, len);
    in->rest = weir_span_from(in->rest, len);
    return token;
}

/* Behind the first quote. A value that is too long for an address comes out empty. */
static bool read_quoted(struct input *in, struct weir_span *ret)
{
    size_t len = 0;
    for (size_t i = 0; i < in->rest.len; i++) {
        uint8_t b = in->rest.at[i];
        if (b == '"') {
            in->rest = weir_span_from(in->rest, i + 1);
            *ret = weir_span(in->value, len <= VALUE_MAX ? len : 0);
            return true;
        }
        if (b == '\\' && ++i < in->rest.len)
            b = in->rest.at[i];
        if (len < VALUE_MAX)
            in->value[len] = b;
        len++;
    }
    return false;
}

/** Parameters that may stand once in an element. */
enum { SEEN_FOR = 1, SEEN_PROTO = 2, SEEN_BY = 4, SEEN_HOST = 8 };

static unsigned parameter_of(struct weir_span name)
{
    if (weir_span_eq_nocase(name, WEIR_SPAN_LIT("for")))
        return SEEN_FOR;
    if (weir_span_eq_nocase(name, WEIR_SPAN_LIT("proto")))
        return SEEN_PROTO;
    if (weir_span_eq_nocase(name, WEIR_SPAN_LIT("by")))
        return SEEN_BY;
    return weir_span_eq_nocase(name, WEIR_SPAN_LIT("host")) ? SEEN_HOST : 0;
}

/* forwarded-pair = token "=" value. */
static bool read_pair(struct input *in, unsigned *seen, struct element *e)
{
    struct weir_span name = read_token(in);
    struct weir_span value;
    unsigned parameter = parameter_of(name);

    if (name.len == 0 || !skip_byte(in, '=') || (*seen & parameter) != 0)
        return false;
    if (skip_byte(in, '"')) {
        if (!read_quoted(in, &value))
            return false;
    } else {
        value = read_token(in);
        if (value.len == 0)
            return false;
    }
    *seen |= parameter;
    if (parameter == SEEN_FOR)
        e->has_addr = parse_node(value, &e->addr);
    if (parameter == SEEN_PROTO)
        e->scheme = scheme_of(value);
    return true;
}

/* [ pair ] *( ";" [ pair ] ), up to a comma or the end. White space around ";" is let pass. */
static bool read_element(struct input *in, struct ring *ring)
{
    struct element e = { false, WEIR_SCHEME_UNSAID, { { 0 }, 0 } };
    unsigned seen = 0;
    bool empty = true;

    for (;;) {
        skip_space(in);
        if (in->rest.len == 0 || in->rest.at[0] == ',')
            break;
        empty = false;
        if (skip_byte(in, ';'))
            continue;
        if (!read_pair(in, &seen, &e))
            return false;
        skip_space(in);
        if (in->rest.len > 0 && in->rest.at[0] != ';' && in->rest.at[0] != ',')
            return false;
    }
    if (!empty) /* RFC 9110 5.6.1.2: empty elements of a list are ignored */
        ring->at[ring->num++ % WEIR_FORWARDED_MAX] = e;
    return true;
}

static bool read_elements(struct weir_span value, struct ring *ring)
{
    struct input in = { .rest = value };
    do {
        if (!read_element(&in, ring))
            return false;
    } while (skip_byte(&in, ','));
    return true;
}

static void walk_forwarded(const struct ring *ring, struct weir_prefixes trusted,
                           struct weir_forwarded *ret)
{
    size_t num = ring->num < WEIR_FORWARDED_MAX ? ring->num : WEIR_FORWARDED_MAX;

    for (size_t i = 0; i < num; i++) {
        const struct element *e = &ring->at[(ring->num - 1 - i) % WEIR_FORWARDED_MAX];
        if (e->scheme != WEIR_SCHEME_UNSAID)
            ret->scheme = e->scheme;
        if (!e->has_addr)
            return;
        ret->client = e->addr;
        if (!weir_prefixes_contain(trusted, &e->addr))
            return;
    }
}

static void read_forwarded(const struct weir_h1_head *h, const uint8_t *bytes,
                           struct weir_prefixes trusted, struct weir_forwarded *ret)
{
    struct ring ring;

    ring.num = 0;
    for (size_t i = 0; i < h->num_fields; i++) {
        const struct weir_h1_field *f = &h->fields[i];
        if (f->id != WEIR_FIELD_FORWARDED)
            continue;
        if (!read_elements(weir_h1_value(bytes, f), &ring)) {
            ret->malformed = true;
            return;
        }
    }
    walk_forwarded(&ring, trusted, ret);
}

void weir_forwarded_read(const struct weir_h1_head *h, const uint8_t *bytes,
                         struct weir_prefixes trusted, const struct weir_addr *peer,
                         struct weir_forwarded *ret)
{
    WEIR_ASSERT(h->kind == WEIR_H1_REQUEST);
    *ret = (struct weir_forwarded){ .client = *peer };
    ret->trusted = weir_prefixes_contain(trusted, peer);
    if (!ret->trusted)
        return;
    if (weir_h1_find(h, WEIR_FIELD_X_FORWARDED_FOR) != NULL ||
        weir_h1_find(h, WEIR_FIELD_X_FORWARDED_PROTO) != NULL) {
        size_t hops = walk_for(h, bytes, trusted, &ret->client);
        ret->scheme = walk_proto(h, bytes, hops);
    } else if (weir_h1_find(h, WEIR_FIELD_FORWARDED) != NULL) {
        read_forwarded(h, bytes, trusted, ret);
    }
}
