/* SPDX-License-Identifier: Apache-2.0
 *
 * strbuf.c - growing byte buffer: grows by half again at least, keeps a NUL after its bytes,
 * remembers its failure.
 */
#include "node/base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN 64

void weir_strbuf_deinit(struct weir_strbuf *b)
{
    if (b->secret && b->at != NULL)
        explicit_bzero(b->at, b->cap);
    free(b->at);
    *b = WEIR_STRBUF_ZERO;
}

void weir_strbuf_reset(struct weir_strbuf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->at != NULL)
        b->at[0] = '\0';
}

/* What realloc would leave behind is wiped. NULL: out of memory, and nothing has changed. */
static char *move_secret(struct weir_strbuf *b, size_t cap)
{
    char *at = malloc(cap);

    if (at == NULL || b->at == NULL)
        return at;
    memcpy(at, b->at, b->len + 1);
    explicit_bzero(b->at, b->cap);
    free(b->at);
    return at;
}

/* Make room for `more` bytes and a NUL behind the bytes there are. False: the buffer is marked
 * failed. */
static bool reserve_bytes(struct weir_strbuf *b, size_t more)
{
    if (b->failed)
        return false;
    if (b->max >= SIZE_MAX / 2)
        b->max = SIZE_MAX / 2;
    if (b->len > b->max || more > b->max - b->len) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return true;

    size_t cap = b->cap + b->cap / 2;
    if (cap < CAP_MIN)
        cap = CAP_MIN;
    if (cap > b->max + 1)
        cap = b->max + 1;
    if (cap < need)
        cap = need;
    char *at = b->secret ? move_secret(b, cap) : realloc(b->at, cap);
    if (at == NULL) {
        b->failed = true;
        return false;
    }
    b->at = at;
    b->cap = cap;
    return true;
}

void weir_strbuf_add(struct weir_strbuf *b, struct weir_span s)
{
    if (!reserve_bytes(b, s.len))
        return;
    if (s.len > 0)
        memcpy(b->at + b->len, s.at, s.len);
    b->len += s.len;
    b->at[b->len] = '\0';
}

void weir_strbuf_puts(struct weir_strbuf *b, const char *s)
{
    weir_strbuf_add(b, weir_span_cstr(s));
}

void weir_strbuf_putc(struct weir_strbuf *b, char c)
{
    weir_strbuf_add(b, weir_span(&c, 1));
}

void weir_strbuf_printf(struct weir_strbuf *b, const char *fmt, ...)
{
    va_list args;

    if (b->failed)
        return;
    size_t room = b->at == NULL ? 0 : b->cap - b->len;
    va_start(args, fmt);
    int num = vsnprintf(room ? b->at + b->len : NULL, room, fmt, args);
    va_end(args);
    if (num < 0 || !reserve_bytes(b, (size_t)num)) {
        b->failed = true;
        if (b->at != NULL)
            b->at[b->len] = '\0';
        return;
    }
    if ((size_t)num >= room) {
        va_start(args, fmt);
        (void)vsnprintf(b->at + b->len, (size_t)num + 1, fmt, args);
        va_end(args);
    }
    b->len += (size_t)num;
}

/*
 * Decode one UTF-8 sequence of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 * Returns its length and sets *ret_point, or returns 0 when the first byte begins no valid
 * sequence.
 */
static size_t utf8_next(struct weir_span s, uint32_t *ret_point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint8_t c = s.at[0];
    size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

    if (len == 0 || len > s.len)
        return 0;
    uint32_t point = len == 1 ? c : c & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s.at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (s.at[i] & 0x3f);
    }
    if (point < least[len] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_point = point;
    return len;
}

/* How a code point above U+FFFF is escaped: JSON has surrogate pairs, YAML refuses them. */
enum escape { ESCAPE_JSON, ESCAPE_YAML };

static void append_escape(struct weir_strbuf *b, uint32_t point, enum escape form)
{
    switch (point) {
    case '"':
        weir_strbuf_puts(b, "\\\"");
        return;
    case '\\':
        weir_strbuf_puts(b, "\\\\");
        return;
    case '\n':
        weir_strbuf_puts(b, "\\n");
        return;
    case '\r':
        weir_strbuf_puts(b, "\\r");
        return;
    case '\t':
        weir_strbuf_puts(b, "\\t");
        return;
    default:
        break;
    }
    if (point >= 0x10000 && form == ESCAPE_YAML) {
        weir_strbuf_printf(b, "\\U%08x", point);
    } else if (point >= 0x10000) {
        point -= 0x10000;
        weir_strbuf_printf(b, "\\u%04x\\u%04x", 0xd800 + (point >> 10), 0xdc00 + (point & 0x3ff));
    } else {
        weir_strbuf_printf(b, "\\u%04x", point);
    }
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

static void append_quoted(struct weir_strbuf *b, struct weir_span s, enum escape form)
{
    weir_strbuf_putc(b, '"');
    while (s.len > 0) {
        size_t plain = 0;
        while (plain < s.len && is_plain(s.at[plain]))
            plain++;
        weir_strbuf_add(b, weir_span(s.at, plain));
        s = weir_span_from(s, plain);
        if (s.len == 0)
            break;
        uint32_t point = s.at[0];
        size_t used = utf8_next(s, &point);
        append_escape(b, point, form);
        s = weir_span_from(s, used ? used : 1);
    }
    weir_strbuf_putc(b, '"');
}

void weir_strbuf_json(struct weir_strbuf *b, struct weir_span s)
{
    append_quoted(b, s, ESCAPE_JSON);
}

void weir_strbuf_yaml(struct weir_strbuf *b, struct weir_span s)
{
    append_quoted(b, s, ESCAPE_YAML);
}

char *weir_strbuf_take(struct weir_strbuf *b, size_t *ret_len)
{
    if (!reserve_bytes(b, 0)) {
        weir_strbuf_deinit(b);
        return NULL;
    }
    char *at = b->at;
    at[b->len] = '\0';
    *ret_len = b->len;
    *b = WEIR_STRBUF_ZERO;
    return at;
}
