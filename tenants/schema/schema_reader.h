/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_reader.h - private to the schema: texts become trees, one document at a time.
 * The two files behind it are the only ones that know YAML or JSON; yaml.h is included in
 * schema_yaml.c alone. Limits: those of schema_tree.h. No anchors, aliases or tags, so that a text
 * cannot grow when it is read.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_READER_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "tenants/schema/schema_report.h"
#include "tenants/schema/schema_tree.h"

struct weir_yaml;

/** @param text borrowed until weir_yaml_free   @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_yaml_new(struct weir_span text, struct weir_yaml **ret);
/** NULL inside is legal. */
void weir_yaml_free(struct weir_yaml **y);
/**
 * The next document that is not empty.
 *
 * @param b     a tree is begun in it
 * @param ret   its root, NULL at the end of the text
 * @return WEIR_OK | WEIR_EINVAL (reported: nothing more can be read) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_yaml_next(struct weir_yaml *y, struct weir_tree_builder *b,
                                           struct weir_tree **ret);

/**
 * Add a value that a reader found.
 * @return WEIR_OK | WEIR_EINVAL (a bound is passed, reported: give up on the text) | WEIR_ENOMEM
 */
WEIR_MUST_USE static inline enum weir_err weir_reader_add(struct weir_tree_builder *b,
                                                          const struct weir_tree *node)
{
    enum weir_err err = weir_tree_add(b, node, NULL);

    if (err != WEIR_ELIMIT)
        return err;
    weir_report_text(b->report, node->line, node->column, "%s", b->why);
    return WEIR_EINVAL;
}

/** Where a reader of JSON is. Allocates only in the builder's arena; needs no deinit. */
struct weir_json {
    struct weir_span text;
    size_t at;
    size_t counted;        /* line and column are those of this byte */
    uint32_t line, column; /* 1.. */
    bool in_array;         /* the text is an array of documents */
    bool begun;            /* of the array: an element was read */
    bool ended;            /* the array was closed */
};

/** @param text borrowed until the last weir_json_next */
void weir_json_init(struct weir_json *j, struct weir_span text);
/** As weir_yaml_next: the next of objects behind each other, or of one array of objects. */
WEIR_MUST_USE enum weir_err weir_json_next(struct weir_json *j, struct weir_tree_builder *b,
                                           struct weir_tree **ret);
/** The whole text as one value. @return as weir_yaml_next; *ret is never NULL on WEIR_OK */
WEIR_MUST_USE enum weir_err weir_json_whole(struct weir_json *j, struct weir_tree_builder *b,
                                            struct weir_tree **ret);

#endif
