/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_tree.h - private to the schema: a document as scalars, lists and maps, each with its place
 * in the text. YAML and JSON become this; the code behind it does not know which of them the text
 * was. The writers print it. Owner: the arena it is built in.   Limits: WEIR_TREE_DEPTH_MAX levels,
 * WEIR_TREE_VALUES_MAX values a document.
 */
#ifndef WEIR_TENANTS_SCHEMA_SCHEMA_TREE_H
#define WEIR_TENANTS_SCHEMA_SCHEMA_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

#define WEIR_TREE_DEPTH_MAX  32
#define WEIR_TREE_VALUES_MAX 524288 /* above twice of what a tenant within all limits has */

struct weir_report;

enum weir_tree_kind { WEIR_TREE_SCALAR, WEIR_TREE_LIST, WEIR_TREE_MAP };

struct weir_tree {
    enum weir_tree_kind kind;
    bool quoted;   /* scalar: a string for sure; else its text may be a number, a boolean, null */
    bool json;     /* scalar: where the difference between a string and a number is strict */
    bool bare;     /* scalar of ours: YAML writes it without quotes whatever its characters are */
    bool reported; /* an error of it was reported: nothing more about it or what is inside */
    bool broken;   /* an error of it or of something inside was reported */
    bool cut;      /* list or map: some of it was reported and is not in the message */
    uint32_t line, column;   /* 1.. */
    uint32_t num;            /* list: items; map: keys */
    struct weir_span text;   /* of a scalar */
    struct weir_tree *first; /* list: items; map: key, value, key, value... */
    struct weir_tree *last;
    struct weir_tree *next;
};

/** Where the next value goes. Owner: one reader. */
struct weir_tree_builder {
    struct weir_arena *arena;
    struct weir_report *report; /* where a reader reports; NULL: the tree is our own, unbounded */
    bool json;
    const char *why; /* which bound was passed, after WEIR_ELIMIT */
    size_t num_values;
    size_t depth;
    struct weir_tree *root;
    struct weir_tree *open[WEIR_TREE_DEPTH_MAX];
};

/** Begin a document. */
void weir_tree_begin(struct weir_tree_builder *b);
/**
 * Add a scalar, or open a list or a map until weir_tree_close.
 *
 * @param node  kind, quoted, line, column and text; copied, its text is borrowed
 * @param ret   the value in the tree; may be NULL
 * @return WEIR_OK | WEIR_ELIMIT (a bound is passed, b->why: give up on the text) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tree_add(struct weir_tree_builder *b, const struct weir_tree *node,
                                          struct weir_tree **ret);
/** Close the list or map opened last. */
void weir_tree_close(struct weir_tree_builder *b);

/** The value of a key of a map, NULL when there is none; *ret_key (may be NULL) is the key itself.
 */
const struct weir_tree *weir_tree_member(const struct weir_tree *map, struct weir_span name,
                                         const struct weir_tree **ret_key);
/** Item `index` of a list, or NULL. */
const struct weir_tree *weir_tree_item(const struct weir_tree *list, size_t index);
/** "text", "a list" or "a map": for messages. */
const char *weir_tree_kind_name(enum weir_tree_kind kind);

#endif
