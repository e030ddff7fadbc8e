/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_diags.h - what is wrong with documents: the list that every check appends to.
 * Owner: the caller of the checks.   Limits: WEIR_DIAGS_MAX are stored, all are counted.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_DIAGS_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_DIAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/strbuf.h"

#define WEIR_DIAGS_MAX     200 /* stored in one weir_diags */
#define WEIR_WARNINGS_MAX  100 /* of these, so that warnings leave room for errors */
#define WEIR_DIAG_TEXT_MAX 512 /* bytes of a field path and of a message, each with its NUL */

enum weir_severity {
    WEIR_SEVERITY_ERROR,   /* the document is not valid */
    WEIR_SEVERITY_WARNING, /* the document is valid, and probably not what its author meant */
};

struct weir_diag {
    enum weir_severity severity;
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
    size_t len;          /* stored: at most WEIR_DIAGS_MAX */
    bool fold;           /* set after init: of those with one field and message the first is stored,
                            and the others are counted in it */
    size_t total;        /* found: stored, folded and counted only, warnings included */
    size_t num_folded;   /* of total */
    size_t num_warnings; /* of total */
};
/** Allocates nothing. */
void weir_diags_init(struct weir_diags *d);
/** Forget all of them, with their texts. */
void weir_diags_deinit(struct weir_diags *d);
/** Errors found, warnings not counted. A document is valid when there are none. */
size_t weir_diags_num_errors(const struct weir_diags *d);
/** The first error that is stored, NULL when there is none. */
const struct weir_diag *weir_diags_first_error(const struct weir_diags *d);
/**
 * One line each: "shop.yaml:14:9: upstreams.web.endpoints[0].weight: 70000 is out of range
 * 0..65535"; a warning has "warning: " behind the place.
 */
void weir_diags_write(const struct weir_diags *d, struct weir_strbuf *out);

#endif
