/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h - bytes as protobuf has them on the wire, written by hand: also those that no writer of
 * ours would write.
 */
#ifndef WEIR_TESTS_SUPPORT_WIRE_H
#define WEIR_TESTS_SUPPORT_WIRE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/contract.h"
#include "node/base/span.h"

/** Bytes under construction. */
struct wire {
    uint8_t *at; /* owns */
    size_t len;
    size_t cap;
};

static inline void wire_add(struct wire *w, const void *bytes, size_t len)
{
    if (w->cap - w->len < len) {
        w->cap = 2 * w->cap + len + 64;
        w->at = realloc(w->at, w->cap);
        WEIR_ASSERT(w->at != NULL);
    }
    if (len > 0)
        memcpy(w->at + w->len, bytes, len);
    w->len += len;
}

static inline void wire_varint(struct wire *w, uint64_t v)
{
    do {
        uint8_t byte = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        wire_add(w, &byte, 1);
        v >>= 7;
    } while (v > 0);
}

static inline void wire_number(struct wire *w, unsigned tag, uint64_t v)
{
    wire_varint(w, tag << 3);
    wire_varint(w, v);
}

static inline void wire_bytes(struct wire *w, unsigned tag, const void *bytes, size_t len)
{
    wire_varint(w, tag << 3 | 2);
    wire_varint(w, len);
    wire_add(w, bytes, len);
}

/** `len` bytes of the same value. */
static inline void wire_fill(struct wire *w, unsigned tag, uint8_t value, size_t len)
{
    wire_varint(w, tag << 3 | 2);
    wire_varint(w, len);
    for (size_t i = 0; i < len; i++)
        wire_add(w, &value, 1);
}

/** Add `inner` as a message, and free it. */
static inline void wire_message(struct wire *w, unsigned tag, struct wire *inner)
{
    wire_bytes(w, tag, inner->at, inner->len);
    free(inner->at);
    *inner = (struct wire){ 0 };
}

static inline struct weir_span wire_span(const struct wire *w)
{
    return weir_span(w->at, w->len);
}

#endif
