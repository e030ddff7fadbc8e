/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.h - questions about runs of bytes: of one class, a number, trimmed.
 * Ref: RFC 9110 5.6.3 (OWS), 8.6 (Content-Length).
 */
#ifndef WEIR_NODE_WIRE_BYTES_H
#define WEIR_NODE_WIRE_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/span.h"
#include "node/wire/byte_class.h"

/** True when s is not empty and each of its bytes is in class c. */
bool weir_bytes_all(struct weir_span s, enum weir_byte_class c);
/** 0..15, or -1. */
int weir_hex_digit(uint8_t b);
/**
 * The character of UTF-8 at the start of s, which is not empty: beyond ASCII, well-formed (RFC
 * 3629: no overlong form, no surrogate, nothing above U+10FFFF) and no control (U+0080 to U+009F).
 * @return its bytes, 2..4 | 0: none | -1: the bytes are the begin of one
 */
int weir_bytes_utf8(struct weir_span s);
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
