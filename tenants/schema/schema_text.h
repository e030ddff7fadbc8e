/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_text.h - texts for messages of the schema and of the command line: UTF-8, values shown,
 * "did you mean".   Pure. Ref: RFC 3629 (UTF-8); optimal string alignment distance (Damerau 1964).
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_TEXT_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"
#include "node/base/strbuf.h"

/**
 * Decode the code point at the start of `s`, which is not empty (contract).
 * @return its length in bytes, 1..4; 0: no UTF-8 (also overlong forms, surrogates, above U+10FFFF)
 */
size_t weir_schema_text_next(struct weir_span s, uint32_t *ret_point);
/** Encode a code point that is no surrogate, at most U+10FFFF. @return bytes written, 1..4 */
size_t weir_schema_text_encode(uint32_t point, uint8_t out[4]);
/** Whether all of it is UTF-8. */
bool weir_schema_text_is_utf8(struct weir_span s);
/** Whether a code point shows as itself everywhere: no control, no line separator, no mark. */
bool weir_schema_text_is_shown(uint32_t point);

/** Append a text of any length with what does not show escaped: one line that moves no cursor. */
void weir_schema_text_escape(struct weir_strbuf *out, struct weir_span s);

#define WEIR_SHOWN_MAX 96

struct weir_shown {
    char text[WEIR_SHOWN_MAX];
};

/** In quotes, one line, what does not show escaped, cut with "..." when it is long. */
struct weir_shown weir_schema_text_show(struct weir_span s);
/** As weir_schema_text_show without the quotes: for numbers, and for keys in a field path. */
struct weir_shown weir_schema_text_bare(struct weir_span s);

/** The nearest of many names so far. */
struct weir_suggest {
    struct weir_span word; /* what was written */
    struct weir_span best; /* empty: none is near */
    size_t best_distance;
};

/** Begin the search for what was meant by `word`. */
struct weir_suggest weir_suggest_begin(struct weir_span word);
/** Offer a name. It is borrowed as long as s->best is used. */
void weir_suggest_offer(struct weir_suggest *s, struct weir_span name);
/** `, did you mean "x"?`, or an empty text. */
struct weir_shown weir_suggest_text(const struct weir_suggest *s);

#endif
