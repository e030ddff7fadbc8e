/* SPDX-License-Identifier: Apache-2.0
 *
 * uri.c - authority, host name and path: one strict reading of each.
 * No form is accepted because it resembles a valid one: a name must be labels, an address an
 * address, a port a number. Ref: RFC 3986 3.2.2, 3.2.3, 5.2.4, 6.2.2; RFC 1035 2.3.4.
 */
#include "node/wire/uri.h"

#include <string.h>

#include "node/wire/bytes.h"
#include "node/wire/scan.h"

#define LABEL_MAX 63

_Static_assert(WEIR_HOST_MAX + 3 <= UINT8_MAX + 1, "host_len holds the longest host");

/* Digits only, no leading zero, 1..65535. */
static bool parse_port(struct weir_span text, uint16_t *ret)
{
    uint32_t port = 0;
    if (text.len == 0 || text.len > 5 || text.at[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!weir_byte_is(text.at[i], WEIR_BYTE_DIGIT))
            return false;
        port = port * 10 + (uint32_t)(text.at[i] - '0');
    }
    if (port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

/*
 * Labels of 1..63 bytes of WEIR_BYTE_HOST, lower-cased into out. *ret_digits: the last label is all
 * digits, so that the name must be an IPv4 address or is none at all. @return bytes written,
 * without a trailing dot; 0: not a name
 */
static size_t lower_name(struct weir_span text, uint8_t *out, bool *ret_digits)
{
    if (text.len > 0 && text.at[text.len - 1] == '.')
        text.len--;
    if (text.len == 0 || text.len > WEIR_HOST_MAX)
        return 0;
    size_t label_at = 0;
    bool digits = true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t b = text.at[i];
        out[i] = weir_ascii_lower(b);
        if (b == '.') {
            if (i == label_at || i - label_at > LABEL_MAX)
                return 0;
            label_at = i + 1;
            digits = true;
        } else if (!weir_byte_is(b, WEIR_BYTE_HOST)) {
            return 0;
        } else if (!weir_byte_is(b, WEIR_BYTE_DIGIT)) {
            digits = false;
        }
    }
    if (text.len == label_at || text.len - label_at > LABEL_MAX)
        return 0;
    *ret_digits = digits;
    return text.len;
}

/* A name or an IPv4 address. */
static bool parse_name(struct weir_span text, struct weir_authority *a)
{
    bool digits = false;
    size_t len = lower_name(text, a->host, &digits);
    if (len == 0)
        return false;
    a->host_len = (uint8_t)len;
    a->is_ip = digits;
    return !digits || weir_addr_parse_ip(weir_span(a->host, len), &a->addr) == WEIR_OK;
}

/* The one form of an IPv6 address in brackets. One that holds an IPv4 address shows it (RFC 5952
 * section 5), and is still another host than that address. */
static size_t write_literal(const struct weir_addr *addr, uint8_t *out)
{
    static const char mapped[] = "::ffff:";
    char text[WEIR_ADDR_TEXT_MAX];
    size_t text_len = weir_addr_ip_text(addr, text);
    size_t len = 0;
    out[len++] = '[';
    if (weir_addr_is_v4(addr)) {
        memcpy(out + len, mapped, sizeof(mapped) - 1);
        len += sizeof(mapped) - 1;
    }
    memcpy(out + len, text, text_len);
    len += text_len;
    out[len++] = ']';
    return len;
}

/* "[...]": an IPv6 address. Without a colon it is no IPv6 address, even if the address parser
 * accepts it. */
static bool parse_literal(struct weir_span text, struct weir_authority *a)
{
    struct weir_span inner = weir_span(text.at + 1, text.len - 2);
    if (text.len > WEIR_ADDR_TEXT_MAX || memchr(inner.at, ':', inner.len) == NULL)
        return false;
    if (weir_addr_parse_ip(inner, &a->addr) < 0)
        return false;
    a->host_len = (uint8_t)write_literal(&a->addr, a->host);
    a->is_ip = true;
    return true;
}

/* Where the host of host[":" port] ends: behind the bracket, or before the colon. 0: an open
 * bracket. */
static size_t find_host_end(struct weir_span text)
{
    bool literal = text.len > 0 && text.at[0] == '[';
    const uint8_t *end = text.len > 0 ? memchr(text.at, literal ? ']' : ':', text.len) : NULL;
    if (end == NULL)
        return literal ? 0 : text.len;
    return (size_t)(end - text.at) + literal;
}

enum weir_err weir_authority_parse(struct weir_span text, struct weir_authority *ret)
{
    struct weir_authority a;
    struct weir_span host = weir_span(text.at, find_host_end(text));
    if (host.len == 0)
        return WEIR_EPROTO;
    a.addr = (struct weir_addr){ .port = 0 };
    a.port = 0;
    a.port_empty = host.len + 1 == text.len && text.at[host.len] == ':';
    if (host.len < text.len && !a.port_empty) {
        if (text.at[host.len] != ':' || !parse_port(weir_span_from(text, host.len + 1), &a.port))
            return WEIR_EPROTO;
    }
    if (!(host.at[0] == '[' ? parse_literal(host, &a) : parse_name(host, &a)))
        return WEIR_EPROTO;
    a.addr.port = a.is_ip ? a.port : 0;

    /* Not the whole struct: most of it is room for longer names. */
    memcpy(ret->host, a.host, a.host_len);
    ret->host_len = a.host_len;
    ret->is_ip = a.is_ip;
    ret->port_empty = a.port_empty;
    ret->port = a.port;
    ret->addr = a.addr;
    return WEIR_OK;
}

enum weir_err weir_host_normalise(struct weir_span text, uint8_t out[WEIR_HOST_MAX],
                                  size_t *ret_len)
{
    uint8_t name[WEIR_HOST_MAX];
    struct weir_authority literal;
    bool digits = false;
    size_t len = lower_name(text, name, &digits);
    if (len > 0 && !digits) {
        memcpy(out, name, len);
        *ret_len = len;
        return WEIR_OK;
    }
    /* Not a name: an address as a Host shows it, without a port. */
    if (weir_authority_parse(text, &literal) < 0 || !literal.is_ip ||
        !weir_authority_is_host(&literal))
        return WEIR_EINVAL;
    WEIR_ASSERT_CMP(literal.host_len, <=, WEIR_HOST_MAX);
    memcpy(out, literal.host, literal.host_len);
    *ret_len = literal.host_len;
    return WEIR_OK;
}

/* RFC 3986 2.3: bytes whose escapes mean the same as they do. */
static bool is_unreserved(uint8_t b)
{
    return weir_byte_is(b, WEIR_BYTE_ALPHA | WEIR_BYTE_DIGIT) || b == '-' || b == '.' || b == '_' ||
           b == '~';
}

/* The byte that the escape at the start of s stands for; -1 when it is none, or stands for NUL. */
static int read_escape(struct weir_span s)
{
    if (s.len < 3)
        return -1;
    int high = weir_hex_digit(s.at[1]);
    int low = weir_hex_digit(s.at[2]);
    if (high < 0 || low < 0 || (high | low) == 0)
        return -1;
    return high << 4 | low;
}

/* Bytes that come raw or escaped and mean the same: the normal form has them escaped, so that it is
 * a path of RFC 3986. */
static bool is_escaped_in_normal_form(uint8_t b)
{
    return b >= 0x80 || weir_byte_is_loose_in_path(b);
}

static bool escape_is_normal(struct weir_span s)
{
    int value = read_escape(s);
    return value >= 0 && !is_unreserved((uint8_t)value) && s.at[1] < 'a' && s.at[2] < 'a';
}

/* Whether a segment that starts with the dot at `at` is "." or "..". */
static bool is_dot_segment(struct weir_span path, size_t at)
{
    size_t end = at + 1;
    if (end < path.len && path.at[end] == '.')
        end++;
    return end == path.len || path.at[end] == '/' || path.at[end] == '?';
}

/* True when the path is normal as it stands; *ret_len is then its length without the query. */
static bool path_is_normal(struct weir_span path, size_t *ret_len)
{
    size_t at = 0;
    for (;;) {
        at = weir_scan_change(path.at, at, path.len);
        if (at == path.len || path.at[at] == '?') {
            *ret_len = at;
            return true;
        }
        if (path.at[at] == '%') {
            if (!escape_is_normal(weir_span_from(path, at)))
                return false;
            at += 3;
        } else if (is_escaped_in_normal_form(path.at[at])) {
            return false;
        } else {
            if (path.at[at] == '.' && path.at[at - 1] == '/' && is_dot_segment(path, at))
                return false;
            at++;
        }
    }
}

static size_t write_escape(uint8_t b, uint8_t *out)
{
    static const char digits[] = "0123456789ABCDEF";
    out[0] = '%';
    out[1] = (uint8_t)digits[b >> 4];
    out[2] = (uint8_t)digits[b & 15];
    return 3;
}

/* Copy up to the query with every byte and every escape in its one form. @return bytes written; 0:
 * a bad escape */
static size_t decode_path(struct weir_span path, uint8_t *out)
{
    size_t len = 0;
    for (size_t at = 0; at < path.len && path.at[at] != '?'; at++) {
        uint8_t b = path.at[at];
        if (b != '%') {
            if (is_escaped_in_normal_form(b))
                len += write_escape(b, out + len);
            else
                out[len++] = b;
            continue;
        }
        int value = read_escape(weir_span_from(path, at));
        if (value < 0)
            return 0;
        if (is_unreserved((uint8_t)value))
            out[len++] = (uint8_t)value;
        else
            len += write_escape((uint8_t)value, out + len);
        at += 2;
    }
    return len;
}

size_t weir_path_remove_dots(uint8_t *path, size_t len)
{
    WEIR_ASSERT(len == 0 || path[0] == '/');
    size_t to = 0;
    size_t end = 0;
    for (size_t from = 0; from < len; from = end) {
        for (end = from + 1; end < len && path[end] != '/';)
            end++;
        struct weir_span segment = weir_span(path + from + 1, end - from - 1);
        bool up = weir_span_eq(segment, WEIR_SPAN_LIT(".."));
        if (!up && !weir_span_eq(segment, WEIR_SPAN_LIT("."))) {
            memmove(path + to, path + from, end - from);
            to += end - from;
            continue;
        }
        if (up) {
            if (to == 0)
                return 0;
            do
                to--;
            while (path[to] != '/');
        }
        if (end == len) /* what a dot segment leaves at the end is a folder */
            path[to++] = '/';
    }
    return to;
}

enum weir_err weir_path_normalise(struct weir_span path, uint8_t *out, struct weir_span *ret)
{
    if (path.len == 0 || path.at[0] != '/')
        return WEIR_EPROTO;
    size_t len = 0;
    if (path_is_normal(path, &len)) {
        *ret = weir_span(path.at, len);
        return WEIR_OK;
    }
    len = decode_path(path, out);
    if (len > 0)
        len = weir_path_remove_dots(out, len);
    if (len == 0)
        return WEIR_EPROTO;
    WEIR_ASSERT_CMP(len, <=, WEIR_PATH_NORMAL_MAX(path.len));
    *ret = weir_span(out, len);
    return WEIR_OK;
}
