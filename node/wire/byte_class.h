/* SPDX-License-Identifier: Apache-2.0
 *
 * byte_class.h - the one table of byte classes behind every check of names, values, targets and
 * hosts.   Ref: RFC 9110 5.6.2 (token), 5.5 (field values); RFC 3986 (pchar, query, reg-name).
 */
#ifndef WEIR_NODE_WIRE_BYTE_CLASS_H
#define WEIR_NODE_WIRE_BYTE_CLASS_H

#include <stdbool.h>
#include <stdint.h>

enum weir_byte_class {
    WEIR_BYTE_TOKEN = 1, /* tchar */
    WEIR_BYTE_VALUE = 2, /* field-vchar, SP, HTAB, obs-text (0x80..0xff) */
    WEIR_BYTE_PATH = 4,  /* pchar and "/"; that two hex digits follow a "%" is the caller's check */
    WEIR_BYTE_QUERY = 8, /* PATH, "?", and what browsers leave as it is: [ ] | ^ ` { } \ */
    WEIR_BYTE_HOST = 16, /* letters, digits, "-", ".", "_" */
    WEIR_BYTE_DIGIT = 32,
    WEIR_BYTE_HEX = 64,
    WEIR_BYTE_ALPHA = 128,
};

extern const uint8_t weir_byte_classes[256];

/** Whether the byte is in class c, or in one of several that are joined by "|". */
static inline bool weir_byte_is(uint8_t b, enum weir_byte_class c)
{
    return (weir_byte_classes[b] & c) != 0;
}

/** The ASCII bytes that clients leave as they are in a path although no RFC allows them there. What
 * each of them means is not in doubt: the same as its escape. */
static inline bool weir_byte_is_loose_in_path(uint8_t b)
{
    return b == '[' || b == ']' || b == '^' || b == '|';
}

#endif
