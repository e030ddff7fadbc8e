/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.c - the byte classes as one table, and the scans over it.
 * The table is written out by ranges, so that a reader can hold it against the grammar line by
 * line. Ref: RFC 9110 5.6.2, 5.5; RFC 3986 appendix A.
 */
#include "node/wire/bytes.h"

#include "node/wire/scan.h"

#define T WEIR_BYTE_TOKEN
#define V WEIR_BYTE_VALUE
#define P WEIR_BYTE_PATH
#define Q WEIR_BYTE_QUERY
#define H WEIR_BYTE_HOST

/* The classes of the recurring groups: unreserved and sub-delims of RFC 3986, seen also as tchar or
 * not. */
#define LETTER    (T | V | P | Q | H | WEIR_BYTE_ALPHA)
#define HEXLETTER (LETTER | WEIR_BYTE_HEX)
#define DIGIT     (T | V | P | Q | H | WEIR_BYTE_DIGIT | WEIR_BYTE_HEX)
#define MARK      (T | V | P | Q | H) /* "-", "." and "_": also in host names */
#define BOTH      (T | V | P | Q)     /* tchar and pchar */
#define PCHAR     (V | P | Q)         /* pchar or "/", not tchar */
#define LOOSE     (V | Q)             /* only in a query */

const uint8_t weir_byte_classes[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = BOTH,
    ['"'] = V,
    ['#'] = T | V,
    ['$' ... '\''] = BOTH, /* $ % & ' */
    ['('] = PCHAR,
    [')'] = PCHAR,
    ['*'] = BOTH,
    ['+'] = BOTH,
    [','] = PCHAR,
    ['-'] = MARK,
    ['.'] = MARK,
    ['/'] = PCHAR,
    ['0' ... '9'] = DIGIT,
    [':'] = PCHAR,
    [';'] = PCHAR,
    ['<'] = V,
    ['='] = PCHAR,
    ['>'] = V,
    ['?'] = LOOSE,
    ['@'] = PCHAR,
    ['A' ... 'F'] = HEXLETTER,
    ['G' ... 'Z'] = LETTER,
    ['['] = LOOSE,
    ['\\'] = V,
    [']'] = LOOSE,
    ['^'] = T | LOOSE,
    ['_'] = MARK,
    ['`'] = T | LOOSE,
    ['a' ... 'f'] = HEXLETTER,
    ['g' ... 'z'] = LETTER,
    ['{'] = LOOSE,
    ['|'] = T | LOOSE,
    ['}'] = LOOSE,
    ['~'] = BOTH,
    [0x80 ... 0xff] = V,
};

bool weir_bytes_all(struct weir_span s, enum weir_byte_class c)
{
    for (size_t i = 0; i < s.len; i++)
        if (!weir_byte_is(s.at[i], c))
            return false;
    return s.len > 0;
}

int weir_hex_digit(uint8_t b)
{
    if (b >= '0' && b <= '9')
        return b - '0';
    if (!weir_byte_is(b, WEIR_BYTE_HEX))
        return -1;
    return (b | 0x20) - 'a' + 10;
}

size_t weir_bytes_value_end(struct weir_span s)
{
    return weir_scan_value(s.at, 0, s.len);
}

bool weir_bytes_content_length(struct weir_span s, uint64_t *ret)
{
    if (s.len == 0 || s.len > 18)
        return false;
    uint64_t n = 0; /* 18 digits stay below 2^60: no overflow to check */
    for (size_t i = 0; i < s.len; i++) {
        if (!weir_byte_is(s.at[i], WEIR_BYTE_DIGIT))
            return false;
        n = n * 10 + (uint64_t)(s.at[i] - '0');
    }
    *ret = n;
    return true;
}
