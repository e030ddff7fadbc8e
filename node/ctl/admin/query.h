/* SPDX-License-Identifier: Apache-2.0
 *
 * query.h - the query of an admin request: name=value pairs, percent escapes decoded, read
 * strictly. Owner: one request. Allocation-free.   Limits: WEIR_QUERY_PARAMS_MAX pairs,
 * WEIR_QUERY_BYTES_MAX decoded bytes. Ref: RFC 3986 section 3.4. "+" stands for itself: this is a
 * query, not a form.
 */
#ifndef WEIR_NODE_CTL_ADMIN_QUERY_H
#define WEIR_NODE_CTL_ADMIN_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

#define WEIR_QUERY_PARAMS_MAX 16
#define WEIR_QUERY_BYTES_MAX  8192

struct weir_query_param {
    struct weir_span name;  /* inside bytes */
    struct weir_span value; /* inside bytes */
};

struct weir_query {
    struct weir_query_param params[WEIR_QUERY_PARAMS_MAX];
    size_t num;
    size_t len;
    uint8_t bytes[WEIR_QUERY_BYTES_MAX];
};

/**
 * Read what stands behind "?". The empty text is a query without pairs; anything else is 1.. pairs
 * joined by "&", each a name that is not empty, "=" and a value. A name comes once.
 *
 * @param q must not move afterwards: its spans point into it
 * @return WEIR_OK | WEIR_EINVAL (no "=", empty or repeated name, bad escape, %00) | WEIR_ELIMIT
 * (too many or too long)
 */
WEIR_MUST_USE enum weir_err weir_query_parse(struct weir_query *q, struct weir_span text);

/** The value of a name, or NULL when it was not given. */
const struct weir_span *weir_query_find(const struct weir_query *q, const char *name);

/**
 * A decimal number of 1..19 digits without sign or leading zeros.
 *
 * @param ret unchanged when the name was not given
 * @return WEIR_OK | WEIR_EINVAL: not such a number
 */
WEIR_MUST_USE enum weir_err weir_query_u64(const struct weir_query *q, const char *name,
                                           uint64_t *ret);

/** "1" or "true", "0" or "false"; false when the name was not given. @return WEIR_OK | WEIR_EINVAL
 */
WEIR_MUST_USE enum weir_err weir_query_bool(const struct weir_query *q, const char *name,
                                            bool *ret);

/** The number as weir_query_u64 reads it. @return false: not such a number */
bool weir_decimal_parse(struct weir_span text, uint64_t *ret);

#endif
