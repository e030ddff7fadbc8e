/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.h - the one table of byte classes behind every check of names, values, targets and hosts.
 * Ref: RFC 9110 5.6.2 (token), 5.5 (field values); RFC 3986 (pchar, query, reg-name).
 */
#ifndef WEIR_NODE_WIRE_BYTES_H
#define WEIR_NODE_WIRE_BYTES_H

#include "node/base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum weir_byte_class {
    WEIR_BYTE_TOKEN = 1, /* tchar */
    WEIR_BYTE_VALUE = 2, /* field-vchar, SP, HTAB, obs-text (0x80..0xff) */
    WEIR_BYTE_PATH = 4,  /* pchar and "/"; that two hex digits follow a "%" is the caller's check */
    WEIR_BYTE_QUERY = 8, /* PATH, "?", and what browsers leave as it is: [ ] | ^ ` { } */
    WEIR_BYTE_HOST = 16, /* letters, digits, "-", ".", "_" */
    WEIR_BYTE_DIGIT = 32,
    WEIR_BYTE_HEX = 64,
    WEIR_BYTE_ALPHA = 128,
};

extern const uint8_t weir_byte_classes[256];

static inline bool weir_byte_is(uint8_t b, enum weir_byte_class c)
{
    return (weir_byte_classes[b] & c) != 0;
}

/** True when s is not empty and each of its bytes is in class c. */
bool weir_bytes_all(struct weir_span s, enum weir_byte_class c);
/** 0..15, or -1. */
int weir_hex_digit(uint8_t b);
/**
 * Index of the first byte of s that may not stand in a field value (control bytes but HTAB, DEL),
 * or s.len. CR and LF are such bytes, so this is also the scan for the end of a line. Vector
 * instructions where built in.
 */
size_t weir_bytes_value_end(struct weir_span s);
/** Without the spaces and tabs at its ends (OWS, RFC 9110 5.6.3). */
static inline struct weir_span weir_bytes_trim(struct weir_span s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = weir_span(s.at + 1, s.len - 1);
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/** 1*18 digits and nothing else (RFC 9110 8.6). @return false: not such a number */
bool weir_bytes_content_length(struct weir_span s, uint64_t *ret);

#endif
