/* SPDX-License-Identifier: Apache-2.0
 *
 * strbuf.h - growing byte buffer for responses, files and messages off the hot path. Owner: one
 * thread. An append that fails for memory or passes `max` marks the buffer failed; later appends do
 * nothing. Check once at the end.
 */
#ifndef WEIR_NODE_BASE_STRBUF_H
#define WEIR_NODE_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/span.h"

struct weir_strbuf {
    char *at; /* owns; always NUL-terminated when not NULL */
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
    bool secret; /* its bytes are wiped wherever they were, by growth and deinit */
};

#define WEIR_STRBUF_ZERO ((struct weir_strbuf){ NULL, 0, 0, SIZE_MAX / 2, false, false })

/** Free the bytes; the buffer is zero again. */
void weir_strbuf_deinit(struct weir_strbuf *b);
/** Forget the bytes and the failure, keep the memory. */
void weir_strbuf_reset(struct weir_strbuf *b);
/** Append bytes. They must not be the buffer's own. */
void weir_strbuf_add(struct weir_strbuf *b, struct weir_span s);
/** Append a NUL-terminated string; NULL appends nothing. */
void weir_strbuf_puts(struct weir_strbuf *b, const char *s);
/** Append one byte. */
void weir_strbuf_putc(struct weir_strbuf *b, char c);
/** Append as printf does. What does not fit is left out whole. */
void weir_strbuf_printf(struct weir_strbuf *b, const char *fmt, ...) WEIR_PRINTF(2, 3);
/**
 * A JSON string with its quotes; every byte outside 0x20..0x7e, quotes and backslashes are
 * escaped; invalid UTF-8 as \u00XX.
 */
void weir_strbuf_json(struct weir_strbuf *b, struct weir_span s);
/** The same as a double-quoted scalar of YAML, which has no surrogate pairs: a code point above
 * U+FFFF is \UXXXXXXXX. */
void weir_strbuf_yaml(struct weir_strbuf *b, struct weir_span s);
/**
 * Give the bytes and a NUL away (caller frees); NULL when failed or out of memory. The buffer is
 * zero again.
 */
WEIR_MUST_USE char *weir_strbuf_take(struct weir_strbuf *b, size_t *ret_len);

#endif
