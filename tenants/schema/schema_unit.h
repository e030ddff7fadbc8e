/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_unit.h - private to the schema: numbers with a unit, as files write them.
 * Durations are sums in falling units ("1m30s"), sizes have B KiB MiB GiB TiB or no unit, rates end
 * in "/s". Pure. 0 needs no unit. What is written back is the shortest text that means exactly the
 * same.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_UNIT_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

enum weir_unit {
    WEIR_UNIT_NONE,        /* "300" */
    WEIR_UNIT_MS,          /* "5s" */
    WEIR_UNIT_BYTES,       /* "32KiB" */
    WEIR_UNIT_BYTES_PER_S, /* "500B/s" */
    WEIR_UNIT_PER_S,       /* "50/s" */
};

#define WEIR_UNIT_TEXT_MAX 32

/** Room for a number with its unit. */
struct weir_unit_text {
    char text[WEIR_UNIT_TEXT_MAX];
};

/**
 * @return WEIR_OK | WEIR_EINVAL (no such text: weir_unit_hint) | WEIR_ELIMIT (above 64 bits)
 */
WEIR_MUST_USE enum weir_err weir_unit_parse(enum weir_unit unit, struct weir_span text,
                                            uint64_t *ret);
/** The shortest exact text; weir_unit_parse reads it back. */
struct weir_unit_text weir_unit_text(enum weir_unit unit, uint64_t value);
/**
 * What was probably meant by a text that weir_unit_parse does not read: "1GiB" by "1GB", "5s" by
 * "5 sec". @param ret written when there is such a text  @return whether there is
 */
bool weir_unit_suggest(enum weir_unit unit, struct weir_span text, struct weir_unit_text *ret);
/** The form of such a text: `a duration like 500ms, 5s, 1m30s, 24h`. */
const char *weir_unit_hint(enum weir_unit unit);
/** "number", "duration", "size" or "rate". */
const char *weir_unit_name(enum weir_unit unit);

#endif
