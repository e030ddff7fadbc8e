/* SPDX-License-Identifier: Apache-2.0
 *
 * h1_partial.c - see h1_partial.h. What the parser has accepted is taken from its state; the rest
 * is read from the bytes as they are, up to the next space or line feed.
 */
#include "node/wire/h1_partial.h"

#include <string.h>

#include "node/wire/bytes.h"

static struct weir_span cut(struct weir_span s, size_t max)
{
    return s.len > max ? weir_span(s.at, max) : s;
}

/* The bytes before the first `end`, or all. */
static struct weir_span part_before(struct weir_span s, int end)
{
    const uint8_t *found = s.len > 0 ? memchr(s.at, end, s.len) : NULL;
    return found != NULL ? weir_span(s.at, (size_t)(found - s.at)) : s;
}

static struct weir_span without_cr(struct weir_span line)
{
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* One empty line may come before a request. */
static struct weir_span skip_empty_line(struct weir_span s)
{
    if (weir_span_starts(s, WEIR_SPAN_LIT("\r\n")))
        return weir_span_from(s, 2);
    return s;
}

static struct weir_span host_of_target(struct weir_span target)
{
    static const char *const schemes[] = { "http://", "https://" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(schemes); i++) {
        struct weir_span scheme = weir_span_cstr(schemes[i]);
        if (target.len < scheme.len || !weir_span_eq_nocase(cut(target, scheme.len), scheme))
            continue;
        struct weir_span rest = weir_span_from(target, scheme.len);
        return part_before(part_before(rest, '/'), '?');
    }
    return WEIR_SPAN_EMPTY;
}

/* @param rest  behind the request line */
static struct weir_span host_of_fields(struct weir_span rest)
{
    static const struct weir_span name = WEIR_SPAN_LIT("host:");
    while (rest.len > 0) {
        struct weir_span raw = part_before(rest, '\n');
        struct weir_span line = without_cr(raw);
        if (line.len == 0)
            break;
        if (line.len >= name.len && weir_span_eq_nocase(cut(line, name.len), name))
            return weir_bytes_trim(weir_span_from(line, name.len));
        rest = weir_span_from(rest, raw.len + 1);
    }
    return WEIR_SPAN_EMPTY;
}

void weir_h1_partial_read(const struct weir_h1_head *h, struct weir_span bytes,
                          struct weir_h1_partial *ret)
{
    WEIR_ASSERT(h->kind == WEIR_H1_REQUEST);
    struct weir_span head = cut(bytes, h->max_head);
    struct weir_span whole = skip_empty_line(head);
    struct weir_span first = part_before(whole, '\n');
    struct weir_span line = without_cr(first);
    struct weir_span method = part_before(line, ' ');
    struct weir_span target = part_before(weir_span_from(line, method.len + 1), ' ');
    struct weir_span host = host_of_target(target);

    /* The parser's reading counts where it came so far. */
    if (h->authority_len > 0 && (size_t)h->authority_at + h->authority_len <= head.len)
        host = weir_span(head.at + h->authority_at, h->authority_len);
    else if (host.len == 0)
        host = host_of_fields(weir_span_from(whole, first.len + 1));
    ret->method = cut(method, WEIR_PARTIAL_METHOD_MAX);
    ret->target = cut(target, WEIR_PARTIAL_TARGET_MAX);
    ret->host = cut(host, WEIR_PARTIAL_HOST_MAX);
}
