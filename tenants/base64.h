/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - bytes as text: in JSON, as the proto3 JSON mapping has them, and in pins of keys.
 * Pure. Ref: RFC 4648 section 4, with padding.
 */
#ifndef WEIR_TENANTS_BASE64_H
#define WEIR_TENANTS_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"

/** Bytes of the text of `len` bytes. */
static inline size_t weir_base64_len(size_t len)
{
    return (len + 2) / 3 * 4;
}

/** @param out weir_base64_len(bytes.len) bytes, no NUL */
void weir_base64_encode(struct weir_span bytes, char *out);
/** @param out at least text.len bytes  @return false: it is none; nothing is promised of `out` */
bool weir_base64_decode(struct weir_span text, uint8_t *out, size_t *ret_len);

#endif
