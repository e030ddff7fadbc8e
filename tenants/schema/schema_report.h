/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_report.h - private to the schema: where in a document a check is, and what is wrong there.
 * The check of a message knows only field names; the report finds their places in the text. Without
 * a text (a record of a peer) there are no places, and all else is the same.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_REPORT_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/span.h"
#include "tenants/schema/schema_diags.h"
#include "tenants/schema/schema_text.h"
#include "tenants/schema/schema_tree.h"

/** One step of a field path. The steps lie on the stack of the function that walks the document;
 * NULL is the document. */
struct weir_trail {
    const struct weir_trail *up;
    struct weir_span name; /* of a field or a key; empty: the step is an index */
    bool is_index;
    size_t index;
};

static inline struct weir_trail weir_trail_name(const struct weir_trail *up, struct weir_span name)
{
    return (struct weir_trail){ .up = up, .name = name };
}

static inline struct weir_trail weir_trail_index(const struct weir_trail *up, size_t index)
{
    return (struct weir_trail){ .up = up, .is_index = true, .index = index };
}

/** One reading or check. Owner: one call. */
struct weir_report {
    struct weir_diags *diags; /* borrowed; appended to */
    const char *file;         /* borrowed; "" for none */
    const char *file_copy;    /* its copy in the arena of diags, made at the first diagnostic */
    struct weir_tree *root;   /* of the document, NULL: there is no text */
    size_t num;               /* errors found by this call */
    bool failed;              /* no memory to store one of them: the call returns WEIR_ENOMEM */
};

/** Begin. Nothing is allocated before something is wrong. @param file NULL: none */
void weir_report_init(struct weir_report *r, struct weir_diags *diags, const char *file);
/**
 * Report an error of a field: at its key or item, or, when the text does not have it, at the map
 * that should. Nothing is reported when an error of the text's value there was reported before.
 */
void weir_report_add(struct weir_report *r, const struct weir_trail *at, const char *fmt, ...)
    WEIR_PRINTF(3, 4);
/** As weir_report_add, for what is valid and probably not meant: a warning. */
void weir_report_warn(struct weir_report *r, const struct weir_trail *at, const char *fmt, ...)
    WEIR_PRINTF(3, 4);
/** As weir_report_add, at the place of a value of the text. */
void weir_report_at(struct weir_report *r, const struct weir_trail *at,
                    const struct weir_tree *place, const char *fmt, ...) WEIR_PRINTF(4, 5);
/** The value of a field in the text; NULL: the text does not have it, or there is no text. */
const struct weir_tree *weir_report_value(const struct weir_report *r, const struct weir_trail *at);
/**
 * Whether the message may lack what the text has in this field, because an error of it was
 * reported: what the message then seems to miss is a consequence, and no error of its own.
 */
bool weir_report_is_partial(const struct weir_report *r, const struct weir_trail *at);
/** Whether an error in this field, or in something inside, was reported. */
bool weir_report_is_broken(const struct weir_report *r, const struct weir_trail *at);
/** As weir_report_warn, at the place of a value of the text. */
void weir_report_warn_at(struct weir_report *r, const struct weir_trail *at,
                         const struct weir_tree *place, const char *fmt, ...) WEIR_PRINTF(4, 5);
/** What is reported from here on stands in this file. @param file borrowed; "" for none */
void weir_report_file(struct weir_report *r, const char *file);
/** Whether what comes next is only counted, so that no words need be found for it. */
bool weir_report_is_full(const struct weir_report *r);
/** Report an error of the text itself. */
void weir_report_text(struct weir_report *r, uint32_t line, uint32_t column, const char *fmt, ...)
    WEIR_PRINTF(4, 5);
/** Sort what was reported since `from` (a former diags->len) in the order of the text. */
void weir_report_sort(struct weir_report *r, size_t from);
/** "upstreams.web.endpoints[0].weight", cut with "..." when it does not fit; a NUL behind it. */
void weir_trail_text(const struct weir_trail *at, char *out, size_t out_len);

#endif
