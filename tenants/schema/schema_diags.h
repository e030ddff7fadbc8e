/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_diags.h - what is wrong with documents: the list that every check appends to.
 * Owner: the caller of the checks.   Limits: WEIR_DIAGS_MAX are stored, all are counted.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_DIAGS_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_DIAGS_H

#include "node/base/arena.h"
#include "node/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_DIAGS_MAX     200 /* stored in one weir_diags */
#define WEIR_DIAG_TEXT_MAX 512 /* bytes of a field path and of a message, each with its NUL */

struct weir_diag {
    const char *file;      /* "" when the text has no file */
    uint32_t line, column; /* 1.., 0 when unknown */
    const char *field;     /* "upstreams.web.endpoints[0].weight", "" for the document */
    const char *message;   /* "70000 is out of range 0..65535" */
    size_t num_more;       /* equal ones elsewhere that were folded into this one */
};

/** Owns its texts. */
struct weir_diags {
    struct weir_arena arena;
    struct weir_diag *items;
    size_t len;        /* kept, at most 200 */
    bool fold;         /* set after init: of those with one field and message the first is stored,
                          and the others are counted in it */
    size_t num_folded; /* of total */
    size_t total;      /* found */
};
/** Allocates nothing. */
void weir_diags_init(struct weir_diags *d);
/** Forget all of them, with their texts. */
void weir_diags_deinit(struct weir_diags *d);
/** "shop.yaml:14:9: upstreams.web.endpoints[0].weight: 70000 is out of range 0..65535", one line
 * each. */
void weir_diags_write(const struct weir_diags *d, struct weir_strbuf *out);

#endif
