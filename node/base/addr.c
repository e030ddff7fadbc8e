/* SPDX-License-Identifier: Apache-2.0
 *
 * addr.c - IP addresses, ports and prefixes. One spelling rule for each part: decimal numbers have
 * no leading zeros, IPv4 has four parts, nothing follows the end. What the C library would take
 * beyond that is refused. Ref: RFC 4291 2.2 (text of IPv6), RFC 5952 (what is printed), RFC
 * 6943 3.1.1 (why lax forms are dangerous).
 */
#include "node/base/addr.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t v4_head[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* A decimal number without sign, space or leading zero that is at most max; all of the text. */
static bool parse_number(struct weir_span text, uint32_t max, uint32_t *ret)
{
    uint32_t n = 0;

    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.at[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        n = n * 10 + (uint32_t)(text.at[i] - '0');
    }
    if (n > max)
        return false;
    *ret = n;
    return true;
}

/* Where c first stands in the text; its length when it does not. */
static size_t find_byte(struct weir_span text, uint8_t c)
{
    const uint8_t *at = text.len ? memchr(text.at, c, text.len) : NULL;
    return at ? (size_t)(at - text.at) : text.len;
}

static bool parse_v4(struct weir_span text, uint8_t ip[4])
{
    for (size_t i = 0; i < 4; i++) {
        uint32_t part;
        size_t len = i < 3 ? find_byte(text, '.') : text.len;
        if (!parse_number(weir_span(text.at, len), 255, &part))
            return false;
        ip[i] = (uint8_t)part;
        if (i < 3 && len == text.len)
            return false;
        text = weir_span_from(text, i < 3 ? len + 1 : len);
    }
    return true;
}

static bool parse_v6(struct weir_span text, uint8_t ip[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len >= sizeof(copy))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = weir_ascii_lower(text.at[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.'))
            return false;
        copy[i] = (char)c;
    }
    copy[text.len] = '\0';

    /* The dotted quad at the end is read by our own rule, whatever the C library thinks of its
     * zeros. */
    uint8_t quad[4];
    const char *last = strrchr(copy, ':');
    if (last == NULL)
        return false;
    if (strchr(copy, '.') != NULL && !parse_v4(weir_span_cstr(last + 1), quad))
        return false;
    return inet_pton(AF_INET6, copy, ip) == 1;
}

enum weir_err weir_addr_parse_ip(struct weir_span text, struct weir_addr *ret)
{
    struct weir_addr a = { .port = 0 };

    if (find_byte(text, ':') < text.len) {
        if (!parse_v6(text, a.ip))
            return WEIR_EINVAL;
    } else {
        memcpy(a.ip, v4_head, sizeof(v4_head));
        if (!parse_v4(text, a.ip + 12))
            return WEIR_EINVAL;
    }
    *ret = a;
    return WEIR_OK;
}

enum weir_err weir_addr_parse(struct weir_span text, struct weir_addr *ret)
{
    struct weir_addr a;
    struct weir_span ip = text;
    size_t colon;

    if (text.len > 0 && text.at[0] == '[') {
        size_t close = find_byte(text, ']');
        if (close + 1 >= text.len || text.at[close + 1] != ':')
            return WEIR_EINVAL;
        ip = weir_span(text.at + 1, close - 1);
        colon = close + 1;
        /* Brackets are for IPv6 alone; without a colon the inside would be read as IPv4. */
        if (find_byte(ip, ':') == ip.len)
            return WEIR_EINVAL;
    } else {
        colon = find_byte(text, ':');
        if (colon == text.len)
            return WEIR_EINVAL;
        ip.len = colon;
    }

    uint32_t port;
    if (!parse_number(weir_span_from(text, colon + 1), 65535, &port) || port == 0)
        return WEIR_EINVAL;
    enum weir_err err = weir_addr_parse_ip(ip, &a);
    if (err != WEIR_OK)
        return err;
    a.port = (uint16_t)port;
    *ret = a;
    return WEIR_OK;
}

/* True when all bits of ip from bit `from` on are 0. */
static bool rest_is_zero(const uint8_t ip[16], unsigned from)
{
    for (unsigned i = from / 8; i < 16; i++) {
        uint8_t mask = i == from / 8 ? (uint8_t)(0xff >> from % 8) : 0xff;
        if ((ip[i] & mask) != 0)
            return false;
    }
    return true;
}

enum weir_err weir_prefix_parse(struct weir_span text, struct weir_prefix *ret)
{
    struct weir_addr a;
    size_t slash = find_byte(text, '/');
    struct weir_span ip = weir_span(text.at, slash);
    bool is_v4 = find_byte(ip, ':') == ip.len;
    uint32_t bits_max = is_v4 ? 32 : 128;
    uint32_t bits = bits_max;

    if (slash < text.len && !parse_number(weir_span_from(text, slash + 1), bits_max, &bits))
        return WEIR_EINVAL;
    enum weir_err err = weir_addr_parse_ip(ip, &a);
    if (err != WEIR_OK)
        return err;
    if (is_v4)
        bits += 96;
    if (!rest_is_zero(a.ip, bits))
        return WEIR_EINVAL;
    memcpy(ret->ip, a.ip, sizeof(ret->ip));
    ret->len = (uint8_t)bits;
    return WEIR_OK;
}

bool weir_prefix_contains(const struct weir_prefix *p, const struct weir_addr *a)
{
    unsigned whole = p->len / 8;
    unsigned bits = p->len % 8;

    /* "::/0" is all of IPv6. That IPv4 is stored inside IPv6 is our form, not what the operator
     * meant. */
    if (p->len < 96 && weir_addr_is_v4(a))
        return false;
    if (memcmp(p->ip, a->ip, whole) != 0)
        return false;
    return bits == 0 || (p->ip[whole] ^ a->ip[whole]) >> (8 - bits) == 0;
}

bool weir_addr_is_v4(const struct weir_addr *a)
{
    return memcmp(a->ip, v4_head, sizeof(v4_head)) == 0;
}

bool weir_addr_is_loopback(const struct weir_addr *a)
{
    static const uint8_t v6_loopback[16] = { [15] = 1 };

    if (weir_addr_is_v4(a))
        return a->ip[12] == 127;
    return memcmp(a->ip, v6_loopback, sizeof(v6_loopback)) == 0;
}

bool weir_addr_eq(const struct weir_addr *a, const struct weir_addr *b)
{
    return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && a->port == b->port;
}

bool weir_addr_overlaps(const struct weir_addr *a, const struct weir_addr *b)
{
    static const uint8_t any4[16] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t any6[16] = { 0 };
    const uint8_t *any = weir_addr_is_v4(a) ? any4 : any6;
    if (a->port != b->port || weir_addr_is_v4(a) != weir_addr_is_v4(b))
        return false;
    return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 || memcmp(a->ip, any, sizeof(any4)) == 0 ||
           memcmp(b->ip, any, sizeof(any4)) == 0;
}

/* 0..255: there are eight of them in the fields and the record of each exchange. */
static size_t append_octet(char *out, unsigned n)
{
    size_t len = 0;

    if (n >= 100)
        out[len++] = (char)('0' + n / 100);
    if (n >= 10)
        out[len++] = (char)('0' + n / 10 % 10);
    out[len++] = (char)('0' + n % 10);
    return len;
}

static size_t append_number(char *out, unsigned n)
{
    char digits[5];
    size_t num = 0;

    do {
        digits[num++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    for (size_t i = 0; i < num; i++)
        out[i] = digits[num - 1 - i];
    return num;
}

size_t weir_addr_ip_text(const struct weir_addr *a, char out[WEIR_ADDR_TEXT_MAX])
{
    if (!weir_addr_is_v4(a)) {
        WEIR_ASSERT(inet_ntop(AF_INET6, a->ip, out, WEIR_ADDR_TEXT_MAX) != NULL);
        return strlen(out);
    }
    size_t len = 0;
    for (size_t i = 12; i < 16; i++) {
        if (i > 12)
            out[len++] = '.';
        len += append_octet(out + len, a->ip[i]);
    }
    out[len] = '\0';
    return len;
}

size_t weir_addr_text(const struct weir_addr *a, char out[WEIR_ADDR_TEXT_MAX])
{
    size_t len;

    if (weir_addr_is_v4(a)) {
        len = weir_addr_ip_text(a, out);
    } else {
        WEIR_ASSERT(inet_ntop(AF_INET6, a->ip, out + 1, INET6_ADDRSTRLEN) != NULL);
        out[0] = '[';
        len = strlen(out);
        out[len++] = ']';
    }
    out[len++] = ':';
    len += append_number(out + len, a->port);
    out[len] = '\0';
    return len;
}

void weir_addr_from_sockaddr(const struct sockaddr *sa, struct weir_addr *ret)
{
    *ret = (struct weir_addr){ .port = 0 };
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        memcpy(ret->ip, v4_head, sizeof(v4_head));
        memcpy(ret->ip + 12, &in.sin_addr, 4);
        ret->port = ntohs(in.sin_port);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        memcpy(ret->ip, &in6.sin6_addr, 16);
        ret->port = ntohs(in6.sin6_port);
    }
}

socklen_t weir_addr_to_sockaddr(const struct weir_addr *a, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (weir_addr_is_v4(a)) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };
        memcpy(&in.sin_addr, a->ip + 12, 4);
        memcpy(ret, &in, sizeof(in));
        return sizeof(in);
    }
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };
    memcpy(&in6.sin6_addr, a->ip, 16);
    memcpy(ret, &in6, sizeof(in6));
    return sizeof(in6);
}
