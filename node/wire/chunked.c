/* SPDX-License-Identifier: Apache-2.0
 *
 * chunked.c - a state machine for the chunked coding: lines byte by byte, data in whole runs. A
 * size line has a few bytes, so the cost of a body is that of its data. No byte is checked twice.
 * Limits: WEIR_CHUNK_LINE_MAX, WEIR_TRAILERS_MAX.   Ref: RFC 9112 section 7.1; RFC 9110 6.5.1.
 */
#include "node/wire/chunked.h"

#include "node/base/limits.h"
#include "node/wire/bytes.h"
#include "node/wire/h1.h"
#include "node/wire/scan.h"

#define SIZE_DIGITS_MAX 16

enum chunked_state {
    AT_SIZE,           /* hex digits */
    AT_SIZE_SPACE,     /* white space behind them: an extension must follow */
    AT_EXT_NAME_FIRST, /* after ";" */
    AT_EXT_NAME,
    AT_EXT_NAME_SPACE,  /* white space behind it: "=" or ";" must follow */
    AT_EXT_VALUE_FIRST, /* after "=" */
    AT_EXT_TOKEN,
    AT_EXT_QUOTED,    /* between quotes */
    AT_EXT_ESCAPED,   /* after a backslash between quotes */
    AT_EXT_QUOTE_END, /* after the second quote */
    AT_EXT_SPACE,     /* white space behind a value: ";" must follow */
    AT_SIZE_LF,
    AT_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    AT_TRAILER_FIRST, /* first byte of a trailer line, or of the last, empty one */
    AT_TRAILER_NAME,
    AT_TRAILER_VALUE,
    AT_TRAILER_LF,
    AT_LAST_LF,
    AT_END,
    AT_FAULT,
};

void weir_chunked_init(struct weir_chunked *c)
{
    *c = (struct weir_chunked){ .state = AT_SIZE };
}

static enum weir_step set_fault(struct weir_chunked *c, enum weir_chunked_fault fault)
{
    c->state = AT_FAULT;
    c->fault = (uint8_t)fault;
    return WEIR_STEP_FAIL;
}

/* What may follow an extension, or the size itself: the next extension, or the end of the line. */
static bool continue_line(struct weir_chunked *c, uint8_t b)
{
    if (b == ';')
        c->state = AT_EXT_NAME_FIRST;
    else if (b == '\r')
        c->state = AT_SIZE_LF;
    else
        return false;
    return true;
}

/* BWS of RFC 9110 5.6.3. */
static bool is_white_space(uint8_t b)
{
    return b == ' ' || b == '\t';
}

static enum weir_step feed_size_byte(struct weir_chunked *c, uint8_t b)
{
    int digit = c->state == AT_SIZE ? weir_hex_digit(b) : -1;
    if (digit >= 0) {
        /* The digits are counted before the shift, so that it cannot lose any. */
        if (c->digits == SIZE_DIGITS_MAX)
            return set_fault(c, WEIR_CHUNKED_SIZE);
        c->digits++;
        c->left = c->left << 4 | (uint64_t)digit;
        return WEIR_STEP_MORE;
    }
    if (b == '\n')
        return set_fault(c, WEIR_CHUNKED_LINE_END);
    if (c->digits > 0 && is_white_space(b)) {
        c->state = AT_SIZE_SPACE;
        return WEIR_STEP_MORE;
    }
    if (c->digits == 0 || (c->state == AT_SIZE_SPACE && b != ';') || !continue_line(c, b))
        return set_fault(c, WEIR_CHUNKED_SIZE);
    return WEIR_STEP_MORE;
}

static bool feed_quoted_byte(struct weir_chunked *c, uint8_t b)
{
    if (c->state == AT_EXT_ESCAPED || (b != '"' && b != '\\'))
        c->state = AT_EXT_QUOTED;
    else
        c->state = b == '"' ? AT_EXT_QUOTE_END : AT_EXT_ESCAPED;
    return weir_byte_is(b, WEIR_BYTE_VALUE);
}

/* White space in front of a name or a value. */
static bool is_leading_space(const struct weir_chunked *c, uint8_t b)
{
    return is_white_space(b) && (c->state == AT_EXT_NAME_FIRST || c->state == AT_EXT_VALUE_FIRST);
}

/* A byte behind a name, a value or the white space behind them. */
static bool continue_behind(struct weir_chunked *c, uint8_t b)
{
    bool name = c->state == AT_EXT_NAME || c->state == AT_EXT_NAME_SPACE;
    bool spaced = c->state == AT_EXT_NAME_SPACE || c->state == AT_EXT_SPACE;
    if (is_white_space(b)) {
        c->state = name ? AT_EXT_NAME_SPACE : AT_EXT_SPACE;
        return true;
    }
    if (name && b == '=') {
        c->state = AT_EXT_VALUE_FIRST;
        return true;
    }
    return (!spaced || b == ';') && continue_line(c, b);
}

/* One byte of *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ). Behind the last
 * part of a line there is no white space. */
static bool continue_extension(struct weir_chunked *c, uint8_t b)
{
    bool token = weir_byte_is(b, WEIR_BYTE_TOKEN);
    if (c->state == AT_EXT_QUOTED || c->state == AT_EXT_ESCAPED)
        return feed_quoted_byte(c, b);
    if (is_leading_space(c, b))
        return true;
    if (c->state == AT_EXT_NAME_FIRST) {
        c->state = AT_EXT_NAME;
        return token;
    }
    if (c->state == AT_EXT_VALUE_FIRST) {
        c->state = b == '"' ? AT_EXT_QUOTED : AT_EXT_TOKEN;
        return token || b == '"';
    }
    if (token && (c->state == AT_EXT_NAME || c->state == AT_EXT_TOKEN))
        return true;
    return continue_behind(c, b);
}

static enum weir_step feed_extension_byte(struct weir_chunked *c, uint8_t b)
{
    if (continue_extension(c, b))
        return WEIR_STEP_MORE;
    return set_fault(c, b == '\n' ? WEIR_CHUNKED_LINE_END : WEIR_CHUNKED_EXTENSION);
}

static enum weir_step feed_size_lf_byte(struct weir_chunked *c, uint8_t b)
{
    if (b != '\n')
        return set_fault(c, WEIR_CHUNKED_LINE_END);
    if (c->left > UINT64_MAX - c->total)
        return set_fault(c, WEIR_CHUNKED_SIZE);
    c->line_len = 0;
    c->digits = 0;
    c->state = c->left > 0 ? AT_DATA : AT_TRAILER_FIRST;
    return WEIR_STEP_MORE;
}

/* A byte of a size line, its CRLF included, or of the CRLF that ends the data before it. */
static enum weir_step feed_line_byte(struct weir_chunked *c, uint8_t b)
{
    if (c->state == AT_DATA_CR || c->state == AT_DATA_LF) {
        bool cr = c->state == AT_DATA_CR;
        if (b != (cr ? '\r' : '\n'))
            return set_fault(c, WEIR_CHUNKED_LINE_END);
        c->state = cr ? AT_DATA_LF : AT_SIZE;
        return WEIR_STEP_MORE;
    }
    if (++c->line_len > WEIR_CHUNK_LINE_MAX)
        return set_fault(c, WEIR_CHUNKED_EXTENSION);
    if (c->state <= AT_SIZE_SPACE)
        return feed_size_byte(c, b);
    if (c->state == AT_SIZE_LF)
        return feed_size_lf_byte(c, b);
    return feed_extension_byte(c, b);
}

static enum weir_step count_trailer_byte(struct weir_chunked *c)
{
    if (c->line_len == WEIR_TRAILERS_MAX)
        return set_fault(c, WEIR_CHUNKED_TRAILER);
    c->line_len++;
    return WEIR_STEP_MORE;
}

static enum weir_step feed_trailer_name_byte(struct weir_chunked *c, uint8_t b)
{
    if (c->state == AT_TRAILER_FIRST && b == '\r') {
        c->state = AT_LAST_LF;
        return WEIR_STEP_MORE;
    }
    if (c->state == AT_TRAILER_NAME && b == ':')
        c->state = AT_TRAILER_VALUE;
    else if (weir_byte_is(b, WEIR_BYTE_TOKEN))
        c->state = AT_TRAILER_NAME;
    else
        return set_fault(c, b == '\n' ? WEIR_CHUNKED_LINE_END : WEIR_CHUNKED_TRAILER);
    return count_trailer_byte(c);
}

static enum weir_step feed_trailer_byte(struct weir_chunked *c, uint8_t b)
{
    if (c->state == AT_TRAILER_FIRST || c->state == AT_TRAILER_NAME)
        return feed_trailer_name_byte(c, b);
    if (c->state == AT_TRAILER_VALUE) {
        if (b == '\r')
            c->state = AT_TRAILER_LF;
        else if (!weir_byte_is(b, WEIR_BYTE_VALUE))
            return set_fault(c, b == '\n' ? WEIR_CHUNKED_LINE_END : WEIR_CHUNKED_TRAILER);
        return count_trailer_byte(c);
    }
    if (b != '\n')
        return set_fault(c, WEIR_CHUNKED_LINE_END);
    if (c->state == AT_LAST_LF) {
        c->state = AT_END;
        return WEIR_STEP_DONE;
    }
    c->state = AT_TRAILER_FIRST;
    return count_trailer_byte(c);
}

enum weir_step weir_chunked_next(struct weir_chunked *c, struct weir_span in, size_t *ret_used,
                                 struct weir_span *ret_data)
{
    WEIR_ASSERT_CMP(c->state, <=, AT_FAULT);
    if (c->state == AT_FAULT)
        return WEIR_STEP_FAIL;
    enum weir_step step = c->state == AT_END ? WEIR_STEP_DONE : WEIR_STEP_MORE;
    size_t at = 0;
    while (step == WEIR_STEP_MORE && at < in.len) {
        if (c->state == AT_DATA) {
            size_t len = in.len - at < c->left ? in.len - at : (size_t)c->left;
            WEIR_ASSERT_CMP(len, >, 0); /* a chunk without bytes left is not in this state */
            c->left -= len;
            c->total += len;
            if (c->left == 0)
                c->state = AT_DATA_CR;
            *ret_used = at + len;
            *ret_data = weir_span(in.at + at, len);
            return WEIR_STEP_SOME;
        }
        uint8_t b = in.at[at++];
        step = c->state < AT_TRAILER_FIRST ? feed_line_byte(c, b) : feed_trailer_byte(c, b);
    }
    if (step != WEIR_STEP_FAIL)
        *ret_used = at;
    return step;
}

size_t weir_chunk_head_write(uint64_t len, uint8_t out[WEIR_CHUNK_HEAD_MAX])
{
    static const char digits[] = "0123456789abcdef";
    WEIR_ASSERT(len > 0);
    size_t num_digits = (size_t)(67 - __builtin_clzll(len)) / 4;
    for (size_t i = num_digits; i > 0; i--, len >>= 4)
        out[i - 1] = (uint8_t)digits[len & 15];
    out[num_digits] = '\r';
    out[num_digits + 1] = '\n';
    return num_digits + 2;
}
