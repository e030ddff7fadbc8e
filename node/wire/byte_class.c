/* SPDX-License-Identifier: Apache-2.0
 *
 * byte_class.c - the byte classes as one table, written out by ranges, so that a reader can compare
 * it with the grammar line by line.   Ref: RFC 9110 5.6.2, 5.5; RFC 3986 appendix A.
 */
#include "node/wire/byte_class.h"

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
    ['\\'] = LOOSE,
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
